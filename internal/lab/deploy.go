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

	"balanced/internal/lab/appserver"
)

const deployPath = "/balanced-lab/deploy"

// Variables by which a command on an instance finds the lab.
const (
	instanceVar = "BALANCED_LAB_INSTANCE"
	urlVar      = "BALANCED_LAB_URL"
	tokenVar    = "BALANCED_LAB_TOKEN"
)

// ErrNoInstance means that a command was not run with the environment of an instance.
var ErrNoInstance = errors.New(instanceVar + ", " + urlVar + " and " + tokenVar + " are not set; run it with balanced-lab rehearse, or after eval \"$(balanced-lab env)\"")

// Deploy is one deploy on one instance: it stops the server, which closes open connections,
// waits for Takes, and starts the new version, which then answers 503 for half of Takes.
type Deploy struct {
	Instance string        `json:"instance"`
	Version  string        `json:"version"`
	Takes    time.Duration `json:"takes"`
	Bad      bool          `json:"bad"`
}

// Send asks the lab for a deploy on the instance whose environment this process has, and
// returns when the new version has started.
func (d Deploy) Send(ctx context.Context) error {
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
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		return errors.Join(fmt.Errorf("deploy %s: %s", d.Version, strings.TrimSpace(string(body))), err)
	}
	return nil
}

// serveDeploy answers Send.
func (l *Lab) serveDeploy(w http.ResponseWriter, req *http.Request) {
	if !l.authorized(req.Header.Get("Authorization")) {
		http.Error(w, "the token is not that of this lab", http.StatusForbidden)
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

func (l *Lab) authorized(authorization string) bool {
	return subtle.ConstantTimeCompare([]byte(authorization), []byte("Bearer "+l.token)) == 1
}

// Deploy stops and starts the server of an instance. If ctx ends in between, the server stays
// stopped, as after a deploy that was killed.
func (l *Lab) Deploy(ctx context.Context, d Deploy) error {
	s := l.Server(d.Instance)
	if s == nil {
		return fmt.Errorf("%s is not in this lab", d.Instance)
	}
	s.Stop()
	select {
	case <-time.After(d.Takes):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return s.Start(appserver.Release{Version: d.Version, Bad: d.Bad || l.deploysAreBad(d.Instance), WarmUp: d.Takes / 2})
}

// MakeDeploysBad makes every later deploy on an instance install a bad version.
func (l *Lab) MakeDeploysBad(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.badDeploys[id] = true
}

func (l *Lab) deploysAreBad(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.badDeploys[id]
}
