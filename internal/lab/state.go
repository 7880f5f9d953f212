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

// ErrNoLab: no lab answers where the state file says, or there is no such file.
var ErrNoLab = errors.New("no lab is running: start one with balanced-lab up")

const aboutPath = "/balanced-lab"

// state is what a running lab leaves for `balanced-lab env` to find it by.
type state struct {
	API   string `json:"api"`
	Token string `json:"token"`
}

// about is what a lab says of itself. Token proves that it is the one of the state
// file, not a stranger that got its port since.
type about struct {
	Token     string     `json:"token"`
	Instances []Instance `json:"instances"`
}

// StateFile is where the labs of this user leave word: in the runtime directory, or
// else in the cache directory. Neither is open to other users, whose words would be
// run by eval.
func StateFile() (string, error) {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "balanced-lab.json"), nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no place for the lab's state file: %w", err)
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

// Publish writes the state file, in one step and for this user alone. The newest lab
// wins. The returned function removes the file unless a newer lab has written it.
func (l *Lab) Publish(path string) (remove func(), err error) {
	mine := state{API: l.API, Token: l.token}
	text, err := json.Marshal(mine)
	if err != nil {
		return nil, fmt.Errorf("write state: %w", err)
	}
	if err := writeAtomically(path, text); err != nil {
		return nil, fmt.Errorf("write state: %w", err)
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

// Find asks the running lab for its instances. ErrNoLab where there is none.
func Find(ctx context.Context, path string) ([]Instance, error) {
	s, err := readState(path)
	if err != nil {
		return nil, ErrNoLab
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	a, err := ask(ctx, s.API+aboutPath)
	if err != nil || a.Token != s.Token {
		return nil, ErrNoLab
	}
	for n := range a.Instances {
		a.Instances[n].token = s.Token
	}
	return a.Instances, nil
}

// ask goes straight to loopback, whatever proxy the environment names.
func ask(ctx context.Context, url string) (about, error) {
	var a about
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

// about answers Find.
func (l *Lab) about(w http.ResponseWriter, _ *http.Request) {
	all, err := l.Instances()
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(about{Token: l.token, Instances: all})
}
