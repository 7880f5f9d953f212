package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"balanced/internal/lab/appserver"
	"balanced/internal/lab/proxy"
)

// Lab serves a fleet on the loopback interface: the AWS APIs, the load balancers, and for
// each instance a metadata service and a web server, which is a process of its own.
type Lab struct {
	Fleet   *Fleet
	API     string // URL
	Proxies *proxy.Set

	token   string // distinguishes this lab from an earlier one at the same address
	program []string

	cancel  context.CancelFunc
	working sync.WaitGroup

	mu         sync.Mutex // guards all below
	closed     bool
	closers    []io.Closer
	known      map[string]Instance // instances that have their listeners, by ID
	servers    map[string]*appserver.Server
	removed    map[string]bool              // instances whose servers are removed
	images     map[string]appserver.Release // what instances of an image are launched with
	badDeploys map[string]bool              // instances on which every deploy installs a bad version

	instancesMu sync.Mutex // held by Instances; taken before mu
}

// Serve starts a fleet. The AWS APIs get the port; 0 is any free one. Close ends it.
func Serve(cfg Config, port int) (*Lab, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	l := &Lab{known: map[string]Instance{}, servers: map[string]*appserver.Server{}, removed: map[string]bool{}, badDeploys: map[string]bool{}, images: map[string]appserver.Release{}}
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
	if l.program, err = cfg.program(); err != nil {
		return err
	}
	serverPort, err := reservePort(cfg.Size)
	if err != nil {
		return err
	}
	if l.Fleet, err = newFleet(cfg, serverPort); err != nil {
		return err
	}
	if err := l.serveAPIs(port); err != nil {
		return err
	}
	if _, err = l.Instances(); err != nil {
		return err
	}
	if l.Proxies, err = proxy.Open(l.Fleet.Region, l.Fleet.proxySources(cfg)); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	l.working.Go(func() { l.followGroup(ctx) })
	return nil
}

// serveAPIs serves the AWS APIs, and what balanced-lab env and deploy ask for.
func (l *Lab) serveAPIs(port int) (err error) {
	mux := http.NewServeMux()
	mux.Handle("/", l.Fleet.Region.Handler())
	mux.HandleFunc("GET "+descriptionPath, l.serveDescription)
	mux.HandleFunc("POST "+deployPath, l.serveDeploy)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.API, err = l.listen(port, mux)
	return err
}

// listen starts one server. It is called with l.mu held.
func (l *Lab) listen(port int, h http.Handler) (url string, err error) {
	ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	l.closers = append(l.closers, ln, server) // Server.Close does not close a listener before Serve has begun
	l.working.Go(func() { server.Serve(ln) })
	return "http://" + ln.Addr().String(), nil
}

// Instances returns the members of the group. It starts the metadata services and servers of
// those that were launched since the last call.
func (l *Lab) Instances() ([]Instance, error) {
	l.instancesMu.Lock()
	defer l.instancesMu.Unlock()
	all, launched, err := l.members()
	if err != nil {
		return nil, err
	}
	return all, l.startServers(launched)
}

// members returns the members of the group, and those of them whose servers do not run yet.
func (l *Lab) members() (all, launched []Instance, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, nil, errors.New("the lab is closed")
	}
	for _, m := range l.Fleet.members() {
		i, isNew, err := l.instance(m.ID)
		if err != nil {
			return nil, nil, err
		}
		i.Zone, i.State = m.Zone, m.State
		all = append(all, i)
		if isNew {
			launched = append(launched, i)
		}
	}
	return all, launched, nil
}

// instance returns what does not change about an instance. It is called with l.mu held.
func (l *Lab) instance(id string) (i Instance, isNew bool, err error) {
	if i, ok := l.known[id]; ok {
		return i, false, nil
	}
	metadata, err := l.listen(0, l.Fleet.Region.Metadata(id))
	if err != nil {
		return Instance{}, false, fmt.Errorf("metadata service of %s: %w", id, err)
	}
	at := fmt.Sprintf("%s:%d", l.Fleet.Region.Address(id), l.Fleet.Port)
	l.servers[id] = appserver.New(l.program, at)
	l.known[id] = Instance{ID: id, Region: l.Fleet.RegionName, API: l.API, Metadata: metadata, App: "http://" + at, token: l.token}.outside(l.Fleet)
	return l.known[id], true, nil
}

// Close closes every listener and connection and stops every server, and returns when this is
// done.
func (l *Lab) Close() {
	if l.cancel != nil {
		l.cancel()
	}
	if l.Proxies != nil {
		l.Proxies.Close()
	}
	l.mu.Lock()
	l.closed = true
	for _, c := range l.closers {
		c.Close()
	}
	servers := l.servers
	l.mu.Unlock()
	l.working.Wait()
	for _, s := range servers {
		s.Remove()
	}
}
