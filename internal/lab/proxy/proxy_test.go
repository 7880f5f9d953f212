package proxy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"balanced/internal/sim"
)

// fixture is a group behind one load balancer, with a server for each instance in this
// process.
type fixture struct {
	t       *testing.T
	region  *sim.Region
	proxies *Set
	ids     []string

	mu      sync.Mutex
	healthy map[string]bool // by address
	broken  int             // requests for /broken that have arrived
	release chan struct{}   // /held answers when it is closed
	arrived chan struct{}   // each /held that has arrived
}

const source = "web"

// newFixture has size instances, at addresses in a subnet that no other test uses.
func newFixture(t *testing.T, subnet, size int, attach func(*sim.Region, int) sim.Group) *fixture {
	w := &fixture{t: t, healthy: map[string]bool{}, release: make(chan struct{}), arrived: make(chan struct{}, 10)}
	port := w.servers(subnet, size)
	w.region = sim.New(sim.Config{
		DataPlane: true, Seed: uint64(subnet), Address: func(n int) string { return address(subnet, n) },
		Timing: sim.Timing{MoveTime: -1, RegisterTime: -1},
	})
	g := attach(w.region, port)
	g.Name, g.Desired, g.Zones = "group", size, []string{"eu-west-1a"}
	w.ids = w.region.AddGroup(g)
	var err error
	w.proxies, err = Open(w.region, []Source{{Name: source, Port: port, Path: "/health", Interval: 20 * time.Millisecond, Timeout: 5 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.proxies.Close)
	return w
}

func address(subnet, n int) string { return fmt.Sprintf("127.90.%d.%d", subnet, n+1) }

// servers starts the servers, all on one port.
func (w *fixture) servers(subnet, size int) (port int) {
	for n := range size {
		at := address(subnet, n)
		ln, err := net.Listen("tcp4", net.JoinHostPort(at, strconv.Itoa(port)))
		if err != nil {
			w.t.Fatal(err)
		}
		port = ln.Addr().(*net.TCPAddr).Port
		w.healthy[at] = true
		server := &http.Server{Handler: w.handler(at)}
		go server.Serve(ln)
		w.t.Cleanup(func() { server.Close() })
	}
	return port
}

func (w *fixture) handler(at string) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/health":
			w.mu.Lock()
			healthy := w.healthy[at]
			w.mu.Unlock()
			if !healthy {
				rw.WriteHeader(http.StatusServiceUnavailable)
			}
			return
		case "/held":
			fmt.Fprintln(rw, "so far")
			http.NewResponseController(rw).Flush()
			w.arrived <- struct{}{}
			select {
			case <-w.release:
			case <-req.Context().Done():
			}
		case "/broken":
			w.mu.Lock()
			w.broken++
			w.mu.Unlock()
			panic(http.ErrAbortHandler)
		}
	})
}

func targetGroup(drain time.Duration) func(*sim.Region, int) sim.Group {
	return func(r *sim.Region, port int) sim.Group {
		r.AddLoadBalancer(sim.LoadBalancer{Name: "front"})
		r.AddTargetGroup(sim.TargetGroup{Name: source, LoadBalancer: "front", Port: port, Drain: drain, Check: sim.HealthCheck{Healthy: 2, Unhealthy: 2}})
		return sim.Group{TargetGroups: []string{source}}
	}
}

func classic(drain time.Duration) func(*sim.Region, int) sim.Group {
	return func(r *sim.Region, port int) sim.Group {
		r.AddClassic(sim.Classic{Name: source, Draining: true, Drain: drain, CrossZone: true, Check: sim.HealthCheck{Healthy: 2, Unhealthy: 2}})
		return sim.Group{Classic: []string{source}}
	}
}

// get sends one request and returns the status, the instance, and the error of reading its body.
func (w *fixture) get(path string) (code int, instance string, err error) {
	w.t.Helper()
	resp, err := http.Get(w.proxies.URL(source) + path)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.Header.Get(InstanceHeader), err
}

// hold begins a request that the server answers when w.release is closed.
func (w *fixture) hold(id string) (ended chan error) {
	ended = make(chan error, 1)
	go func() {
		_, _, err := w.get("/held?n=" + id)
		ended <- err
	}()
	<-w.arrived
	return ended
}

// waitFor polls until a condition holds. The limit only ends a test that would never end.
func (w *fixture) waitFor(what string, so func() bool) {
	w.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for patience := time.After(30 * time.Second); !so(); {
		select {
		case <-tick.C:
		case <-patience:
			w.t.Fatalf("after 30s still not: %s", what)
		}
	}
}

func (w *fixture) state(id string) string {
	for _, reg := range w.region.Registrations(source) {
		if reg.Instance == id {
			return reg.State
		}
	}
	return "unused"
}

func (w *fixture) leave(id string) {
	w.t.Helper()
	if err := w.region.EnterStandby("group", id, true); err != nil {
		w.t.Fatal(err)
	}
}

func TestDrainingInstanceGetsNoNewRequestsAndFinishesOpenOnes(t *testing.T) {
	w := newFixture(t, 1, 2, targetGroup(time.Hour))
	ended := w.hold("1")
	busy := w.busy()
	w.leave(busy)
	for range 10 {
		if code, instance, err := w.get("/"); code != http.StatusOK || instance == busy || err != nil {
			t.Fatalf("%d from %s, %v; want 200 from the other one", code, instance, err)
		}
	}
	close(w.release)
	if err := <-ended; err != nil {
		t.Errorf("the request that was open: %v", err)
	}
}

// busy is the instance with an open request.
func (w *fixture) busy() string {
	b := w.proxies.balancers[0]
	b.mu.Lock()
	defer b.mu.Unlock()
	for r := range b.open {
		return r.instance
	}
	w.t.Fatal("nothing is open")
	return ""
}

func TestOpenRequestIsCutOffWhenTheDrainEnds(t *testing.T) {
	w := newFixture(t, 2, 2, targetGroup(300*time.Millisecond))
	ended := w.hold("long")
	busy := w.busy()
	w.leave(busy)
	if err := <-ended; err == nil {
		t.Error("the request succeeded, although the server never answers it")
	}
	if state := w.state(busy); state != "unused" {
		t.Errorf("cut off while the load balancer says %s, want unused", state)
	}
	if outcome, ok := w.proxies.Outcome("long"); !ok || outcome != (Outcome{busy, errDrained.Error()}) {
		t.Errorf("outcome %+v, %v; want the cause of the loss", outcome, ok)
	}
}

func TestOpenRequestThroughANetworkLoadBalancerOutlivesTheDrain(t *testing.T) {
	w := newFixture(t, 8, 2, targetGroup(50*time.Millisecond))
	b := w.proxies.balancers[0]
	b.mu.Lock()
	b.OutlivesDrain = true
	b.mu.Unlock()
	ended := w.hold("long")
	busy := w.busy()
	w.leave(busy)
	w.waitFor("the drain has ended", func() bool { return w.state(busy) == "unused" })
	b.syncDrains()
	close(w.release)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestClassicLoadBalancerDeregistersWhenTheLastRequestEnds(t *testing.T) {
	w := newFixture(t, 3, 2, classic(time.Hour))
	ended := w.hold("1")
	busy := w.busy()
	idle := w.ids[1-slices.Index(w.ids, busy)]
	w.leave(busy)
	w.leave(idle)
	w.waitFor("the idle instance is deregistered", func() bool { return w.state(idle) == "unused" })
	if state := w.state(busy); state != "draining" {
		t.Errorf("the busy instance is %s, want draining", state)
	}
	close(w.release)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	w.waitFor("the busy instance is deregistered", func() bool { return w.state(busy) == "unused" })
}

func TestHealthFollowsTheAnswersOfTheServers(t *testing.T) {
	for n, c := range []struct {
		attach func(*sim.Region, int) sim.Group
		none   int // the status if no instance is healthy
	}{{targetGroup(time.Second), http.StatusOK}, {classic(time.Second), http.StatusServiceUnavailable}} {
		w := newFixture(t, 4+n, 2, c.attach)
		w.set(0, false, 4+n)
		w.waitFor("the first instance is unhealthy", func() bool { return w.state(w.ids[0]) == "unhealthy" })
		for range 6 {
			if code, instance, _ := w.get("/"); code != http.StatusOK || instance != w.ids[1] {
				t.Fatalf("%d from %s, want 200 from the healthy instance", code, instance)
			}
		}
		w.set(1, false, 4+n)
		w.waitFor("both are unhealthy", func() bool { return w.state(w.ids[1]) == "unhealthy" })
		if code, _, _ := w.get("/"); code != c.none {
			t.Errorf("no instance is healthy: %d, want %d", code, c.none)
		}
		w.set(0, true, 4+n)
		w.waitFor("the first instance is healthy again", func() bool { return w.state(w.ids[0]) == "healthy" })
	}
}

func (w *fixture) set(n int, healthy bool, subnet int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.healthy[address(subnet, n)] = healthy
}

func TestFailedRequestIsNotSentAgain(t *testing.T) {
	w := newFixture(t, 6, 1, targetGroup(time.Second))
	for _, id := range []string{"a", "b", "c"} {
		w.get("/") // leaves a connection that could be reused
		if code, _, _ := w.get("/broken?n=" + id); code != http.StatusBadGateway {
			t.Errorf("the instance closed the connection: %d, want 502", code)
		}
		if outcome, ok := w.proxies.Outcome(id); !ok || outcome != (Outcome{w.ids[0], "the instance closed the connection"}) {
			t.Errorf("outcome %+v, %v; want the cause of the loss", outcome, ok)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != 3 {
		t.Errorf("the instance got %d requests, want 3", w.broken)
	}
}

func TestRequestThatArrivesTwiceIsLost(t *testing.T) {
	w := newFixture(t, 7, 1, targetGroup(time.Second))
	first, _, _ := w.get("/?n=x")
	second, _, _ := w.get("/?n=x")
	if _, known := w.proxies.Outcome("x"); first != http.StatusOK || second != http.StatusBadGateway || !known {
		t.Errorf("%d, then %d, outcome known %v; want 200, 502 and an outcome", first, second, known)
	}
}
