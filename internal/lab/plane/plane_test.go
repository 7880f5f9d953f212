package plane

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

// world is a group behind one load balancer, with a server for each instance in this
// process.
type world struct {
	t      *testing.T
	region *sim.Region
	plane  *Plane
	ids    []string

	mu      sync.Mutex
	healthy map[string]bool // by address
	broken  int             // requests for /broken that have arrived
	held    chan struct{}   // /held answers when it is closed
	begun   chan struct{}   // each /held that has arrived
}

const source = "web"

// newWorld has so many instances, whose addresses are its own.
func newWorld(t *testing.T, subnet, size int, attach func(*sim.Region, int) sim.Group) *world {
	w := &world{t: t, healthy: map[string]bool{}, held: make(chan struct{}), begun: make(chan struct{}, 10)}
	port := w.servers(subnet, size)
	w.region = sim.New(sim.Config{
		DataPlane: true, Seed: uint64(subnet), Address: func(n int) string { return host(subnet, n) },
		Timing: sim.Timing{MoveTime: -1, RegisterTime: -1},
	})
	g := attach(w.region, port)
	g.Name, g.Desired, g.Zones = "group", size, []string{"eu-west-1a"}
	w.ids = w.region.AddGroup(g)
	var err error
	w.plane, err = Open(w.region, []Source{{Name: source, Port: port, Path: "/health", Interval: 20 * time.Millisecond, Timeout: 5 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.plane.Close)
	return w
}

func host(subnet, n int) string { return fmt.Sprintf("127.90.%d.%d", subnet, n+1) }

// servers starts them, all on one port.
func (w *world) servers(subnet, size int) (port int) {
	for n := range size {
		at := host(subnet, n)
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

func (w *world) handler(at string) http.Handler {
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
			w.begun <- struct{}{}
			select {
			case <-w.held:
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

// get makes one request and returns the code, the instance, and why its body broke off.
func (w *world) get(path string) (code int, instance string, err error) {
	w.t.Helper()
	resp, err := http.Get(w.plane.URL(source) + path)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.Header.Get(InstanceHeader), err
}

// hold begins a request that goes on, and says where.
func (w *world) hold(id string) (ended chan error) {
	ended = make(chan error, 1)
	go func() {
		_, _, err := w.get("/held?n=" + id)
		ended <- err
	}()
	<-w.begun
	return ended
}

// until waits for what must come.
func (w *world) until(what string, so func() bool) {
	w.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for patience := time.After(30 * time.Second); !so(); {
		select {
		case <-tick.C:
		case <-patience:
			w.t.Fatalf("in vain: %s", what)
		}
	}
}

func (w *world) state(id string) string {
	for _, reg := range w.region.Registrations(source) {
		if reg.Instance == id {
			return reg.State
		}
	}
	return "unused"
}

func (w *world) leave(id string) {
	w.t.Helper()
	if err := w.region.EnterStandby("group", id, true); err != nil {
		w.t.Fatal(err)
	}
}

func TestADrainingInstanceGetsNoNewRequestsAndFinishesItsOwn(t *testing.T) {
	w := newWorld(t, 1, 2, targetGroup(time.Hour))
	ended := w.hold("1")
	busy := w.busy()
	w.leave(busy)
	for range 10 {
		if code, instance, err := w.get("/"); code != http.StatusOK || instance == busy || err != nil {
			t.Fatalf("%d from %s, %v; want 200 from the other one", code, instance, err)
		}
	}
	close(w.held)
	if err := <-ended; err != nil {
		t.Errorf("the request that was open: %v", err)
	}
}

// busy is the instance that has a request open.
func (w *world) busy() string {
	b := w.plane.balancers[0]
	b.mu.Lock()
	defer b.mu.Unlock()
	for p := range b.open {
		return p.instance
	}
	w.t.Fatal("nothing is open")
	return ""
}

func TestARequestIsCutWhenTheDrainEnds(t *testing.T) {
	w := newWorld(t, 2, 2, targetGroup(300*time.Millisecond))
	ended := w.hold("long")
	busy := w.busy()
	w.leave(busy)
	if err := <-ended; err == nil {
		t.Error("the request ended well although it never did")
	}
	if state := w.state(busy); state != "unused" {
		t.Errorf("cut while the load balancer says %s", state)
	}
	if fate, ok := w.plane.Fate("long"); !ok || fate != (Fate{busy, errDrained.Error()}) {
		t.Errorf("its fate: %+v, %v", fate, ok)
	}
}

func TestWhatIsOpenThroughANetworkLoadBalancerOutlivesTheDrain(t *testing.T) {
	w := newWorld(t, 8, 2, targetGroup(50*time.Millisecond))
	b := w.plane.balancers[0]
	b.mu.Lock()
	b.Lasting = true
	b.mu.Unlock()
	ended := w.hold("long")
	busy := w.busy()
	w.leave(busy)
	w.until("the drain has ended", func() bool { return w.state(busy) == "unused" })
	b.drain()
	close(w.held)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestAClassicLoadBalancerLetsGoWhenItsLastRequestEnds(t *testing.T) {
	w := newWorld(t, 3, 2, classic(time.Hour))
	ended := w.hold("1")
	busy := w.busy()
	idle := w.ids[1-slices.Index(w.ids, busy)]
	w.leave(busy)
	w.leave(idle)
	w.until("the idle one is let go", func() bool { return w.state(idle) == "unused" })
	if state := w.state(busy); state != "draining" {
		t.Errorf("the busy one is %s, want draining", state)
	}
	close(w.held)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	w.until("the other one is let go", func() bool { return w.state(busy) == "unused" })
}

func TestHealthIsWhatTheServersAnswer(t *testing.T) {
	for n, c := range []struct {
		attach func(*sim.Region, int) sim.Group
		none   int // the code when nobody is healthy
	}{{targetGroup(time.Second), http.StatusOK}, {classic(time.Second), http.StatusServiceUnavailable}} {
		w := newWorld(t, 4+n, 2, c.attach)
		w.set(0, false, 4+n)
		w.until("one is found unhealthy", func() bool { return w.state(w.ids[0]) == "unhealthy" })
		for range 6 {
			if code, instance, _ := w.get("/"); code != http.StatusOK || instance != w.ids[1] {
				t.Fatalf("%d from %s, want 200 from the healthy one", code, instance)
			}
		}
		w.set(1, false, 4+n)
		w.until("both are", func() bool { return w.state(w.ids[1]) == "unhealthy" })
		if code, _, _ := w.get("/"); code != c.none {
			t.Errorf("nobody healthy: %d, want %d", code, c.none)
		}
		w.set(0, true, 4+n)
		w.until("the first is healthy again", func() bool { return w.state(w.ids[0]) == "healthy" })
	}
}

func (w *world) set(n int, healthy bool, subnet int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.healthy[host(subnet, n)] = healthy
}

func TestALossIsNotHiddenByASecondTry(t *testing.T) {
	w := newWorld(t, 6, 1, targetGroup(time.Second))
	for _, id := range []string{"a", "b", "c"} {
		w.get("/") // leaves a connection behind that could be used again
		if code, _, _ := w.get("/broken?n=" + id); code != http.StatusBadGateway {
			t.Errorf("a connection cut by the instance: %d, want 502", code)
		}
		if fate, ok := w.plane.Fate(id); !ok || fate != (Fate{w.ids[0], "connection cut by the instance"}) {
			t.Errorf("its fate: %+v, %v", fate, ok)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != 3 {
		t.Errorf("the instance was asked %d times, want 3", w.broken)
	}
}

func TestARequestThatComesTwiceIsLost(t *testing.T) {
	w := newWorld(t, 7, 1, targetGroup(time.Second))
	first, _, _ := w.get("/?n=x")
	second, _, _ := w.get("/?n=x")
	if _, told := w.plane.Fate("x"); first != http.StatusOK || second != http.StatusBadGateway || !told {
		t.Errorf("%d, then %d, fate known %v; want 200, 502 and a fate", first, second, told)
	}
}
