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

	"balanced/internal/lab/host"
	"balanced/internal/lab/plane"
)

// Lab serves a fleet on the loopback interface: the AWS APIs, the load balancers, and for
// each instance its metadata service and its server, a process of its own.
type Lab struct {
	Fleet *Fleet
	API   string // URL
	Plane *plane.Plane

	token   string // tells this lab from one that had its address before
	program []string

	cancel  context.CancelFunc
	serving sync.WaitGroup

	mu      sync.Mutex // guards all below
	closed  bool
	closers []io.Closer
	known   map[string]Instance // those that have their listeners, by id
	hosts   map[string]*host.Host
	left    map[string]bool // whose servers are gone for good
	spoilt  map[string]bool // where every deploy fails

	meeting sync.Mutex // one Instances at a time; taken before mu
}

// Serve makes a fleet and opens its listeners. Port 0 of the AWS APIs is any free one.
// Close ends what Serve began.
func Serve(cfg Config, port int) (*Lab, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	l := &Lab{known: map[string]Instance{}, hosts: map[string]*host.Host{}, left: map[string]bool{}, spoilt: map[string]bool{}}
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
	hostPort, err := claimPort(cfg.Size)
	if err != nil {
		return err
	}
	if l.Fleet, err = newFleet(cfg, hostPort); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", l.Fleet.Region.Handler())
	mux.HandleFunc("GET "+aboutPath, l.about)
	mux.HandleFunc("POST "+deployPath, l.deploy)
	l.mu.Lock()
	l.API, err = l.listen(port, mux)
	l.mu.Unlock()
	if err != nil {
		return err
	}
	if _, err = l.Instances(); err != nil {
		return err
	}
	if l.Plane, err = plane.Open(l.Fleet.Region, l.Fleet.routes(cfg)); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	l.serving.Go(func() { l.attend(ctx) })
	return nil
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

// Instances are the group's members now, each with its metadata service and its server:
// one that was launched since the last time gets them here.
func (l *Lab) Instances() ([]Instance, error) {
	l.meeting.Lock()
	defer l.meeting.Unlock()
	all, fresh, err := l.roll()
	if err != nil {
		return nil, err
	}
	return all, l.staff(fresh)
}

// roll calls the roll. fresh are those whose servers do not run yet.
func (l *Lab) roll() (all, fresh []Instance, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, nil, errors.New("the lab is closed")
	}
	for _, m := range l.Fleet.Region.Members(l.Fleet.Group) {
		i, isNew, err := l.instance(m.ID)
		if err != nil {
			return nil, nil, err
		}
		i.Zone, i.State = m.Zone, m.State
		all = append(all, i)
		if isNew {
			fresh = append(fresh, i)
		}
	}
	return all, fresh, nil
}

// instance is what does not change about one, l.mu held.
func (l *Lab) instance(id string) (i Instance, fresh bool, err error) {
	if i, ok := l.known[id]; ok {
		return i, false, nil
	}
	metadata, err := l.listen(0, l.Fleet.Region.Metadata(id))
	if err != nil {
		return Instance{}, false, fmt.Errorf("metadata service of %s: %w", id, err)
	}
	at := fmt.Sprintf("%s:%d", l.Fleet.Region.Address(id), l.Fleet.Port)
	l.hosts[id] = host.New(l.program, at)
	l.known[id] = Instance{ID: id, Region: l.Fleet.RegionName, API: l.API, Metadata: metadata, App: "http://" + at, token: l.token}
	return l.known[id], true, nil
}

// Close ends every listener, every connection and every server, and returns when they
// are gone.
func (l *Lab) Close() {
	if l.cancel != nil {
		l.cancel()
	}
	if l.Plane != nil {
		l.Plane.Close()
	}
	l.mu.Lock()
	l.closed = true
	for _, c := range l.closers {
		c.Close()
	}
	hosts := l.hosts
	l.mu.Unlock()
	l.serving.Wait()
	for _, h := range hosts {
		h.Leave()
	}
}
