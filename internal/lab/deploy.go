package lab

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"balanced/internal/lab/host"
)

const deployPath = "/balanced-lab/deploy"

// The environment by which a command on an instance finds its lab.
const (
	instanceVar = "BALANCED_LAB_INSTANCE"
	urlVar      = "BALANCED_LAB_URL"
	tokenVar    = "BALANCED_LAB_TOKEN"
)

// ErrNoInstance: a command was not run with the environment of an instance.
var ErrNoInstance = errors.New(instanceVar + ", " + urlVar + " and " + tokenVar + " are not set: run it with rehearse, or after eval \"$(balanced-lab env INSTANCE)\"")

// Deploy is one deploy on one instance: its server is stopped, which cuts what is open,
// then a while passes, then the new version starts. It warms up for half as long.
type Deploy struct {
	Instance string        `json:"instance"`
	Version  string        `json:"version"`
	Takes    time.Duration `json:"takes"`
	Bad      bool          `json:"bad"`
}

// Here asks the lab of the instance whose environment this process has for a deploy, and
// returns when the new version has started.
func (d Deploy) Here(ctx context.Context) error {
	url, token := os.Getenv(urlVar), os.Getenv(tokenVar)
	if d.Instance = os.Getenv(instanceVar); d.Instance == "" || url == "" || token == "" {
		return ErrNoInstance
	}
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+deployPath, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("%s: %w", urlVar, err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoLab, err)
	}
	defer resp.Body.Close()
	if said, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		return errors.Join(fmt.Errorf("deploy %s: %s", d.Version, strings.TrimSpace(string(said))), err)
	}
	return nil
}

// deploy answers Here.
func (l *Lab) deploy(w http.ResponseWriter, req *http.Request) {
	if !l.mine(req.Header.Get("Authorization")) {
		http.Error(w, "not the token of this lab", http.StatusForbidden)
		return
	}
	var d Deploy
	if err := json.NewDecoder(io.LimitReader(req.Body, 1<<16)).Decode(&d); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := l.Deploy(req.Context(), d); err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
	}
}

func (l *Lab) mine(authorization string) bool {
	return subtle.ConstantTimeCompare([]byte(authorization), []byte("Bearer "+l.token)) == 1
}

// Deploy stops and starts an instance's server. A ctx that ends in between leaves it
// stopped, as a deploy does that is killed.
func (l *Lab) Deploy(ctx context.Context, d Deploy) error {
	h := l.Host(d.Instance)
	if h == nil {
		return fmt.Errorf("%s is not in this lab", d.Instance)
	}
	h.Stop()
	select {
	case <-time.After(d.Takes):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return h.Start(host.Release{Version: d.Version, Bad: d.Bad || l.spoiled(d.Instance), WarmUp: d.Takes / 2})
}

// Spoil makes every later deploy on an instance put a bad version there.
func (l *Lab) Spoil(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spoilt[id] = true
}

func (l *Lab) spoiled(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.spoilt[id]
}
