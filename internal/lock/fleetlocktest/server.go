// Package fleetlocktest is a FleetLock server for tests, which answers as servers that people run do.
package fleetlocktest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Style is whose answers the server gives, as read in their sources in November 2026.
type Style int

const (
	// Airlock is github.com/coreos/airlock: slots per group, errors as text/plain with status 500, or 400.
	Airlock Style = iota
	// Poseidon is github.com/poseidon/fleetlock: one slot per group, any group, 423 with its holder.
	Poseidon
)

// Server is a FleetLock server. It is safe for concurrent use.
type Server struct {
	style Style
	slots map[string]int // by group; Poseidon has one for every group

	mu        sync.Mutex
	holders   map[string][]string
	broken    bool
	lostRaces int
	requests  []string
}

// New makes a server with the groups of its configuration and their slots.
func New(style Style, slots map[string]int) *Server {
	return &Server{style: style, slots: slots, holders: map[string][]string{}}
}

// Break takes the server's storage away, or gives it back.
func (s *Server) Break(broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = broken
}

// LoseRaces: the next n requests find that somebody else has changed the storage at the same moment.
func (s *Server) LoseRaces(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lostRaces = n
}

// Holders are the clients that hold a slot of a group.
func (s *Server) Holders(group string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.holders[group])
}

// Requests are all requests so far: the path, the group and the client.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

type request struct {
	Client struct{ ID, Group string } `json:"client_params"`
}

// refusal is an error of the protocol.
type refusal struct {
	status      int
	kind, value string
}

// ServeHTTP serves the two endpoints, below any base path.
func (s *Server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lock := strings.HasSuffix(req.URL.Path, "/v1/pre-reboot")
	if !lock && !strings.HasSuffix(req.URL.Path, "/v1/steady-state") {
		http.NotFound(w, req)
		return
	}
	var q request
	err := json.NewDecoder(req.Body).Decode(&q)
	s.requests = append(s.requests, strings.TrimSpace(strings.Join([]string{req.URL.Path, q.Client.Group, q.Client.ID}, " ")))
	said, f := s.serve(req, q, err, lock)
	if f == nil {
		fmt.Fprint(w, said)
		return
	}
	kind := "application/json"
	if s.style == Airlock { // it uses http.Error
		kind = "text/plain; charset=utf-8"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(f.status)
	json.NewEncoder(w).Encode(map[string]string{"kind": f.kind, "value": f.value})
}

func (s *Server) serve(req *http.Request, q request, err error, lock bool) (said string, f *refusal) {
	if f := s.malformed(req, q, err); f != nil {
		return "", f
	}
	slots, known := s.slots[q.Client.Group]
	if s.style == Poseidon {
		slots, known = 1, true
	}
	switch {
	case !known:
		return "", &refusal{http.StatusBadRequest, "unknown_group", fmt.Sprintf("unknown group %q", q.Client.Group)}
	case s.broken && s.style == Poseidon:
		return "", &refusal{http.StatusInternalServerError, "internal_error", "error getting reboot lease"}
	case s.broken:
		return "", &refusal{http.StatusInternalServerError, "failed_sem_init", "failed to initialize semaphore manager: context deadline exceeded"}
	case lock:
		return s.lock(q, slots)
	}
	return s.unlock(q)
}

func (s *Server) malformed(req *http.Request, q request, err error) *refusal {
	header := req.Header.Get("fleet-lock-protocol") == "true"
	switch {
	case s.style == Poseidon && req.Method != http.MethodPost:
		return &refusal{http.StatusMethodNotAllowed, "method_not_allowed", "required method POST"}
	case s.style == Poseidon && !header:
		return &refusal{http.StatusBadRequest, "missing_header", "missing required header fleet-lock-protocol: true"}
	case s.style == Poseidon && (err != nil || q.Client.ID == "" || q.Client.Group == ""):
		return &refusal{http.StatusBadRequest, "decode_error", "error decoding message"}
	case s.style == Airlock && !header:
		return &refusal{http.StatusBadRequest, "invalid_client_identity", "failed to validate client identity: wrong 'fleet-lock-protocol' header"}
	case s.style == Airlock && (err != nil || q.Client.ID == "" || q.Client.Group == ""):
		return &refusal{http.StatusBadRequest, "invalid_client_identity", "failed to validate client identity: empty client ID"}
	}
	return nil
}

func (s *Server) lock(q request, slots int) (said string, f *refusal) {
	holders := s.holders[q.Client.Group]
	if slices.Contains(holders, q.Client.ID) {
		return s.says("retained reboot lease"), nil
	}
	if len(holders) >= slots && s.style == Poseidon {
		return "", &refusal{http.StatusLocked, "lock_held", "reboot lease lock unavailable, held by " + holders[0]}
	}
	if len(holders) >= slots {
		return "", &refusal{http.StatusInternalServerError, "failed_lock", fmt.Sprintf("all %d semaphore slots currently locked", slots)}
	}
	if f := s.race(&refusal{http.StatusLocked, "lock_held", "reboot lease lock unavailable, held by "}); f != nil {
		return "", f
	}
	s.holders[q.Client.Group] = append(holders, q.Client.ID)
	return s.says("obtained reboot lease"), nil
}

func (s *Server) unlock(q request) (said string, f *refusal) {
	holders := s.holders[q.Client.Group]
	at := slices.Index(holders, q.Client.ID)
	switch {
	case at < 0 && len(holders) == 0:
		return s.says("reboot lease already unlocked"), nil
	case at < 0 && s.style == Poseidon:
		return "", &refusal{http.StatusLocked, "lock_held", "reboot lease unlock unavailable, held by " + holders[0]}
	}
	if f := s.race(&refusal{http.StatusInternalServerError, "internal_error", "error unlocking reboot lease"}); f != nil {
		return "", f
	}
	if at >= 0 {
		s.holders[q.Client.Group] = slices.Delete(slices.Clone(holders), at, at+1)
	}
	return s.says("unlocked reboot lease for " + q.Client.ID), nil
}

// race: the storage was changed by somebody else between the server's read and its write. poseidon is what Poseidon says then.
func (s *Server) race(poseidon *refusal) *refusal {
	if s.lostRaces == 0 {
		return nil
	}
	s.lostRaces--
	if s.style == Poseidon {
		return poseidon
	}
	return &refusal{http.StatusInternalServerError, "failed_lock", "conflict on semaphore detected, aborting"}
}

// says: airlock's successes have no body.
func (s *Server) says(text string) string {
	if s.style == Airlock {
		return ""
	}
	return text
}
