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

// Lab serves a fleet on the loopback interface: the AWS APIs, and for each instance its
// metadata service and its application.
type Lab struct {
	Fleet *Fleet
	API   string // URL

	token string // tells this lab from one that had its address before

	serving sync.WaitGroup

	mu      sync.Mutex // guards all below
	closed  bool
	closers []io.Closer
	known   map[string]Instance     // those that have their listeners, by id
	apps    map[string]bool         // addresses at which an application answers
	claimed map[string]net.Listener // by address, for applications that do not answer yet
}

// Serve makes a fleet and opens its listeners. Port 0 of the AWS APIs is any free one.
// Close ends what Serve began.
func Serve(cfg Config, port int) (*Lab, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	l := &Lab{known: map[string]Instance{}, apps: map[string]bool{}}
	if err := l.open(cfg, port); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *Lab) open(cfg Config, port int) (err error) {
	if l.token, err = newToken(); err != nil {
		return err
	}
	var appPort int
	if appPort, l.claimed, err = claimPort(cfg.Size); err != nil {
		return err
	}
	if l.Fleet, err = newFleet(cfg, appPort); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", l.Fleet.Region.Handler())
	mux.HandleFunc("GET "+aboutPath, l.about)
	l.mu.Lock()
	l.API, err = l.listen(port, mux)
	l.mu.Unlock()
	if err != nil {
		return err
	}
	_, err = l.Instances()
	return err
}

// listen starts one server, l.mu held.
func (l *Lab) listen(port int, h http.Handler) (url string, err error) {
	ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return "", err
	}
	return l.serve(ln, h), nil
}

// serve starts a server on a listener, l.mu held.
func (l *Lab) serve(ln net.Listener, h http.Handler) (url string) {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	l.closers = append(l.closers, ln, server) // a server that has not begun yet does not know its listener
	l.serving.Go(func() { server.Serve(ln) })
	return "http://" + ln.Addr().String()
}

// Instances are the group's members now, each with its metadata service and its
// application: one that was launched since the last time gets its listeners here.
func (l *Lab) Instances() ([]Instance, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errors.New("the lab is closed")
	}
	var all []Instance
	for _, m := range l.Fleet.Region.Members(l.Fleet.Group) {
		i, err := l.instance(m.ID)
		if err != nil {
			return nil, err
		}
		i.Zone, i.State = m.Zone, m.State
		all = append(all, i)
	}
	return all, nil
}

// instance is what does not change about one, l.mu held.
func (l *Lab) instance(id string) (Instance, error) {
	if i, ok := l.known[id]; ok {
		return i, nil
	}
	metadata, err := l.listen(0, l.Fleet.Region.Metadata(id))
	if err != nil {
		return Instance{}, fmt.Errorf("metadata service of %s: %w", id, err)
	}
	app, err := l.application(id)
	if err != nil {
		return Instance{}, fmt.Errorf("application of %s: %w", id, err)
	}
	l.known[id] = Instance{ID: id, Region: l.Fleet.RegionName, API: l.API, Metadata: metadata, App: app}
	return l.known[id], nil
}

// Close ends every listener and every connection, and returns when they are gone.
func (l *Lab) Close() {
	l.mu.Lock()
	l.closed = true
	for _, c := range l.closers {
		c.Close()
	}
	for _, ln := range l.claimed {
		ln.Close()
	}
	l.mu.Unlock()
	l.serving.Wait()
}
