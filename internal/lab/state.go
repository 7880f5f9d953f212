package lab

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// ErrNoLab means that there is no state file, or that no lab answers at the address in it.
var ErrNoLab = errors.New("no lab is running; start one with balanced-lab up")

const descriptionPath = "/balanced-lab"

// state is the content of the state file, by which `balanced-lab env` finds a running lab.
type state struct {
	API   string `json:"api"`
	Token string `json:"token"`
}

// description is what a lab answers to Find. The token proves that it is the lab of the state
// file, not another program that has got its port since.
type description struct {
	Token     string     `json:"token"`
	Instances []Instance `json:"instances"`
}

// StateFile is the path of this user's state file, in the runtime directory or else in the
// cache directory. Other users can write to neither; eval runs what is in the file.
func StateFile() (string, error) {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "balanced-lab.json"), nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a directory for the lab's state file: %w", err)
	}
	return filepath.Join(dir, "balanced-lab.json"), nil
}

func newToken() (string, error) {
	raw := make([]byte, 16)
	if _, err := rand.Read(raw); err != nil {
		return "", fmt.Errorf("make a token: %w", err)
	}
	return hex.EncodeToString(raw), nil
}

// Publish writes the state file, atomically and with mode 0600. It replaces that of an older
// lab. The returned function removes the file, unless a newer lab has replaced it.
func (l *Lab) Publish(path string) (remove func(), err error) {
	mine := state{API: l.API, Token: l.token}
	text, err := json.Marshal(mine)
	if err != nil {
		return nil, fmt.Errorf("write the state file: %w", err)
	}
	if err := writeAtomically(path, text); err != nil {
		return nil, fmt.Errorf("write the state file: %w", err)
	}
	return func() {
		if now, err := readState(path); err == nil && now == mine {
			os.Remove(path)
		}
	}, nil
}

func writeAtomically(path string, text []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".balanced-lab-*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

func readState(path string) (state, error) {
	var s state
	text, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(text, &s)
}

// findInterval is the time between two attempts of WaitFor.
const findInterval = 100 * time.Millisecond

// WaitFor is Find for a lab that may still be starting: it tries for limit, then returns
// ErrNoLab. After the first attempt that fails it calls onWait.
func WaitFor(ctx context.Context, path string, limit time.Duration, onWait func()) ([]Instance, error) {
	end := time.Now().Add(limit)
	for first := true; ; first = false {
		found, err := Find(ctx, path)
		if !errors.Is(err, ErrNoLab) || !time.Now().Before(end) {
			return found, err
		}
		if first {
			onWait()
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(findInterval):
		}
	}
}

// Find asks the running lab for its instances. It returns ErrNoLab if there is none.
func Find(ctx context.Context, path string) ([]Instance, error) {
	s, err := readState(path)
	if err != nil {
		return nil, ErrNoLab
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	a, err := fetchDescription(ctx, s.API+descriptionPath)
	if err != nil || a.Token != s.Token {
		return nil, ErrNoLab
	}
	for n := range a.Instances {
		a.Instances[n].token = s.Token
	}
	return a.Instances, nil
}

// fetchDescription connects directly, whatever proxy the environment names.
func fetchDescription(ctx context.Context, url string) (description, error) {
	var a description
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return a, err
	}
	direct := &http.Transport{DisableKeepAlives: true}
	resp, err := direct.RoundTrip(req)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	return a, json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&a)
}

// serveDescription answers Find.
func (l *Lab) serveDescription(w http.ResponseWriter, _ *http.Request) {
	all, err := l.Instances()
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(description{Token: l.token, Instances: all})
}
