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

	"balanced/internal/lab/appserver"
)

// address is the address of the n-th instance. On Linux all of 127.0.0.0/8 is loopback; on
// other systems these addresses have to be added to the loopback interface first.
func address(n int) string { return fmt.Sprintf("127.80.%d.%d", n/250%256, n%250+1) }

// reservePort finds a port that is free at the addresses of so many instances. A port is not
// free while a server of another lab listens at one of them.
func reservePort(instances int) (port int, err error) {
	for range 10 {
		if port, err = tryReservePort(instances); err == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("find a port for the servers of the instances: %w", err)
}

// tryReservePort takes a free port of the first address, and fails if it is taken at another.
func tryReservePort(instances int) (port int, err error) {
	var reserved []net.Listener
	defer func() {
		for _, ln := range reserved {
			ln.Close()
		}
	}()
	for n := range instances {
		ln, err := net.Listen("tcp4", net.JoinHostPort(address(n), strconv.Itoa(port)))
		if err != nil {
			return 0, err
		}
		reserved, port = append(reserved, ln), ln.Addr().(*net.TCPAddr).Port
	}
	return port, nil
}

// program is the command that runs appserver.Main.
func (c Config) program() ([]string, error) {
	if c.Program != nil {
		return c.Program, nil
	}
	self, err := os.Executable()
	return []string{self, "app"}, err
}

// firstVersion is what the servers of new instances run.
const firstVersion = "v1"

// AddImage says what instances run that an instance refresh with an image launches.
func (l *Lab) AddImage(image string, r appserver.Release) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.images[image] = r
}

// imageOf is what an instance is launched with.
func (l *Lab) imageOf(id string) appserver.Release {
	image := l.Fleet.Region.Image(id)
	l.mu.Lock()
	defer l.mu.Unlock()
	if r, ok := l.images[image]; ok {
		return r
	}
	return appserver.Release{Version: firstVersion}
}

// startServers starts the servers of instances that have just been launched, concurrently.
func (l *Lab) startServers(launched []Instance) error {
	var (
		starting sync.WaitGroup
		mu       sync.Mutex
		failed   []error
	)
	for _, i := range launched {
		starting.Go(func() {
			err := l.Server(i.ID).Start(l.imageOf(i.ID))
			mu.Lock()
			defer mu.Unlock()
			failed = append(failed, err)
		})
	}
	starting.Wait()
	return errors.Join(failed...)
}

// Server returns the web server of an instance; nil if there never was such an instance.
func (l *Lab) Server(id string) *appserver.Server {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.servers[id]
}

// Version is the version that an instance runs, or ran last.
func (l *Lab) Version(id string) string {
	if s := l.Server(id); s != nil {
		return s.Release().Version
	}
	return ""
}

// followInterval is how soon an instance gets its server after its launch, and loses it after
// its termination.
const followInterval = 50 * time.Millisecond

// followGroup starts the servers of launched instances and removes those of terminated ones,
// until ctx ends.
func (l *Lab) followGroup(ctx context.Context) {
	tick := time.NewTicker(followInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := l.Instances(); err != nil && ctx.Err() == nil {
			l.reportError(err)
		}
		l.removeTerminated()
	}
}

func (l *Lab) removeTerminated() {
	l.mu.Lock()
	var terminated []*appserver.Server
	for id, s := range l.servers {
		if !l.Fleet.Region.Alive(id) && !l.removed[id] {
			l.removed[id] = true
			terminated = append(terminated, s)
		}
	}
	l.mu.Unlock()
	for _, s := range terminated {
		s.Remove()
	}
}

func (l *Lab) reportError(err error) {
	if l.Fleet.onError != nil {
		l.Fleet.onError(err)
	}
}
