package lab

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Lab serves a fleet: the AWS APIs on one address of the loopback interface, and the
// metadata service of each instance on one of its own.
type Lab struct {
	Fleet *Fleet
	API   string // URL

	token string // tells this lab from one that had its address before

	serving sync.WaitGroup

	mu       sync.Mutex // guards all below
	closed   bool
	closers  []io.Closer
	metadata map[string]string // URL by instance id
}

// Serve opens the listeners. Port 0 is any free port. Close ends what Serve began.
func Serve(fleet *Fleet, port int) (*Lab, error) {
	token, err := newToken()
	if err != nil {
		return nil, err
	}
	l := &Lab{Fleet: fleet, token: token, metadata: map[string]string{}}
	mux := http.NewServeMux()
	mux.Handle("/", fleet.Region.Handler())
	mux.HandleFunc("GET "+aboutPath, l.about)
	l.mu.Lock()
	l.API, err = l.listen(port, mux)
	l.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if _, err := l.Instances(); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// listen starts one server, l.mu held.
func (l *Lab) listen(port int, h http.Handler) (url string, err error) {
	ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	l.closers = append(l.closers, ln, server) // a server that has not begun yet does not know its listener
	l.serving.Go(func() { server.Serve(ln) })
	return "http://" + ln.Addr().String(), nil
}

// Instances are the group's members now, each with its metadata service: one that was
// launched since the last time gets its listener here.
func (l *Lab) Instances() ([]Instance, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errors.New("the lab is closed")
	}
	var all []Instance
	for _, m := range l.Fleet.Region.Members(l.Fleet.Group) {
		if l.metadata[m.ID] == "" {
			url, err := l.listen(0, l.Fleet.Region.Metadata(m.ID))
			if err != nil {
				return nil, fmt.Errorf("metadata service of %s: %w", m.ID, err)
			}
			l.metadata[m.ID] = url
		}
		all = append(all, Instance{
			ID: m.ID, Zone: m.Zone, State: m.State,
			Region: l.Fleet.RegionName, API: l.API, Metadata: l.metadata[m.ID],
		})
	}
	return all, nil
}

// Close ends every listener and every connection, and returns when they are gone.
func (l *Lab) Close() {
	l.mu.Lock()
	l.closed = true
	for _, c := range l.closers {
		c.Close()
	}
	l.mu.Unlock()
	l.serving.Wait()
}
