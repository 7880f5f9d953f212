package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"balanced/internal/lab/host"
)

// address is that of the n-th instance. On Linux all of 127.0.0.0/8 is this machine;
// elsewhere these addresses have to be given to the loopback interface first.
func address(n int) string { return fmt.Sprintf("127.80.%d.%d", n/250%256, n%250+1) }

// claimPort finds a port that is free at the addresses of so many instances. While a
// server of another lab listens at one of them, it is not.
func claimPort(instances int) (port int, err error) {
	for range 10 {
		if port, err = claimSomePort(instances); err == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("a port for the servers of the instances: %w", err)
}

func claimSomePort(instances int) (port int, err error) {
	var claimed []net.Listener
	defer func() {
		for _, ln := range claimed {
			ln.Close()
		}
	}()
	for n := range instances {
		ln, err := net.Listen("tcp4", net.JoinHostPort(address(n), strconv.Itoa(port)))
		if err != nil {
			return 0, err
		}
		claimed, port = append(claimed, ln), ln.Addr().(*net.TCPAddr).Port
	}
	return port, nil
}

// program is what runs host.Main: this binary.
func (c Config) program() ([]string, error) {
	if c.Program != nil {
		return c.Program, nil
	}
	self, err := os.Executable()
	return []string{self, "app"}, err
}

// staff starts the servers of instances that have none yet, side by side.
func (l *Lab) staff(fresh []Instance) error {
	var (
		starting sync.WaitGroup
		mu       sync.Mutex
		failed   []error
	)
	for _, i := range fresh {
		starting.Go(func() {
			err := l.Host(i.ID).Start(host.Release{Version: firstVersion})
			mu.Lock()
			defer mu.Unlock()
			failed = append(failed, err)
		})
	}
	starting.Wait()
	return errors.Join(failed...)
}

const firstVersion = "v1"

// Host is the place of an instance's server; nil where there never was such an instance.
func (l *Lab) Host(id string) *host.Host {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hosts[id]
}

// Version is what an instance's server answers with, or answered with last.
func (l *Lab) Version(id string) string {
	if h := l.Host(id); h != nil {
		return h.Release().Version
	}
	return ""
}

// attend gives instances that are launched their servers, and takes those of instances
// that EC2 has terminated away.
func (l *Lab) attend(ctx context.Context) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := l.Instances(); err != nil && ctx.Err() == nil {
			l.complain(err)
		}
		l.dismiss()
	}
}

func (l *Lab) dismiss() {
	l.mu.Lock()
	var gone []*host.Host
	for id, h := range l.hosts {
		if !l.Fleet.Region.Alive(id) && !l.left[id] {
			l.left[id] = true
			gone = append(gone, h)
		}
	}
	l.mu.Unlock()
	for _, h := range gone {
		h.Leave()
	}
}

func (l *Lab) complain(err error) {
	if l.Fleet.complain != nil {
		l.Fleet.complain(err)
	}
}
