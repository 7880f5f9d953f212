package soak

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"balanced/internal/failure"
	"balanced/internal/fleettest"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

var hostile = flag.Int("hostile", 0, "how many cases of each property of hostile answers; 0: a few hundred, fewer with -short")

// cases is how many of each property are run.
func cases() uint64 {
	switch {
	case *hostile > 0:
		return uint64(*hostile)
	case testing.Short():
		return 12
	}
	return 400
}

// A scene is a group in some state, and a command on its first instance, which ends in one way while AWS answers as it
// should.
type scene struct {
	name    string
	command string
	before  func(*fleettest.World)
	ends    failure.Class
}

// fine is how a run ends with 0.
const fine failure.Class = -1

func classOf(err error) failure.Class {
	if err == nil {
		return fine
	}
	return failure.Of(err)
}

func scenes() []scene {
	out := func(w *fleettest.World) { w.Must(perform(process(w, w.Client(), 1), "out")) }
	return []scene{
		{"out of a calm group", "out", func(*fleettest.World) {}, fine},
		{"out of a group with three unhealthy peers", "out", func(w *fleettest.World) {
			for _, id := range w.IDs[1:] {
				w.SetAppHealthy(id, false)
			}
			w.Pass(5 * time.Minute)
		}, failure.NotNow},
		{"out where it is out already", "out", out, fine},
		{"in from Standby", "in", out, fine},
		{"in of an instance that does not get healthy", "in", func(w *fleettest.World) {
			out(w)
			w.SetAppHealthy(w.IDs[0], false)
		}, failure.Unhealthy},
		{"in where it is in service", "in", func(*fleettest.World) {}, fine},
	}
}

// tampered runs the command of a scene while tamper has its hand on the answers, and checks that what it says is true.
// allowed are the classes it may end with besides its own.
func tampered(t *testing.T, s scene, seed uint64, tamper func(*rand.Rand) http.RoundTripper, allowed ...failure.Class) {
	t.Helper()
	g := fleettest.WebGroup()
	g.HealthCheckType = "EC2"
	fleettest.InWorld(t, sim.Config{Seed: seed, MaxLag: time.Minute}, g, func(w *fleettest.World) {
		s.before(w)
		draws := rand.New(rand.NewPCG(seed, 0xbad))
		client := w.Client()
		defer client.CloseIdleConnections()
		hand := &hand{next: client.Transport, tamper: tamper(draws)}
		report, err := perform(process(w, &http.Client{Transport: hand}, seed), s.command)
		class := classOf(err)
		if class != s.ends && !slices.Contains(allowed, class) {
			t.Errorf("%s, seed %d: ended with class %d, %v; alone it ends with class %d\n%s", s.name, seed, class, err, s.ends, hand.story())
		}
		if wrong := untrue(w, s.command, class, report); wrong != "" {
			t.Errorf("%s, seed %d: %s\n%s", s.name, seed, wrong, hand.story())
		}
		if hand.calls > 1500 || hand.read > int64(hand.calls)*(1<<18+1<<16) {
			t.Errorf("%s, seed %d: %d calls, %d bytes read", s.name, seed, hand.calls, hand.read)
		}
	})
}

// process is one run of the binary on the first instance, with nothing to say.
func process(w *fleettest.World, client *http.Client, seed uint64) *rotation.Agent {
	w.Helper()
	w.Cleanup(client.CloseIdleConnections)
	host := &fleettest.Host{Region: w.Region, ID: w.IDs[0], HTTP: client, Log: zap.NewNop(), Rand: fleettest.Rand(seed)}
	agent, _, err := host.Process(context.Background())
	if err != nil {
		w.Fatal(err)
	}
	return agent
}

// perform gives a command little patience, so that a hopeless case ends.
func perform(agent *rotation.Agent, command string) (*rotation.Report, error) {
	if command == "out" {
		opt := fleettest.OutOptions()
		opt.Wait = 2 * time.Minute
		return agent.Out(context.Background(), opt)
	}
	opt := fleettest.InOptions()
	opt.Wait = 2 * time.Minute
	return agent.In(context.Background(), opt)
}

// untrue says what is wrong with a run's word, as the Region itself knows it: a 0, or a class that moved nothing.
func untrue(w *fleettest.World, command string, class failure.Class, report *rotation.Report) string {
	id := w.IDs[0]
	healthyAt, all := w.HealthyAt(id)
	state := w.State(id)
	peers := 0
	for _, peer := range w.IDs[1:] {
		if n, all := w.HealthyAt(peer); n == all {
			peers++
		}
	}
	switch {
	case class == fine && command == "out" && (state != "Standby" || healthyAt > 0):
		return fmt.Sprintf("0, and it is %s, healthy at %d", state, healthyAt)
	case class == fine && command == "out" && report.Moved && peers < 3:
		return fmt.Sprintf("0, and %d peers are healthy", peers)
	case class == fine && command == "in" && (state != "InService" || healthyAt < all):
		return fmt.Sprintf("0, and it is %s, healthy at %d of %d", state, healthyAt, all)
	case class != fine && class.MovedNothing() && report.Moved:
		return fmt.Sprintf("class %d says that nothing was moved, the report that something was", class)
	}
	return ""
}

// A hand is between the agent and its Region: some answers pass through tamper. The metadata service is spared.
type hand struct {
	next   http.RoundTripper
	tamper http.RoundTripper

	mu    sync.Mutex
	calls int
	read  int64
	log   []string
}

type throughKey struct{}

func (h *hand) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host != "api.sim" {
		return h.next.RoundTrip(req)
	}
	action, req := actionOf(req)
	h.mu.Lock()
	h.calls++
	h.mu.Unlock()
	resp, err := h.tamper.RoundTrip(req.WithContext(context.WithValue(req.Context(), throughKey{}, through{h, action})))
	if resp != nil {
		resp.Body = &counted{resp.Body, h}
	}
	return resp, err
}

func (h *hand) story() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.log, "\n")
}

// through is what a tampering transport works with.
type through struct {
	*hand
	action string
}

func (t through) note(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.log = append(t.log, fmt.Sprintf("call %d, %s: ", t.calls, t.action)+fmt.Sprintf(format, args...))
}

// pass sends the request on and reads the answer.
func (t through) pass(req *http.Request) (*http.Response, []byte, error) {
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

func answerWith(resp *http.Response, body []byte) *http.Response {
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return resp
}

// counted counts what the agent reads of an answer.
type counted struct {
	io.ReadCloser
	hand *hand
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.hand.mu.Lock()
	defer c.hand.mu.Unlock()
	c.hand.read += int64(n)
	return n, err
}

var actionParam = regexp.MustCompile(`(?:^|&)Action=(\w+)`)

// actionOf reads the action of a request, whose body can then be read again.
func actionOf(req *http.Request) (string, *http.Request) {
	body := []byte{}
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body) // of a request that was made in memory
		req.Body.Close()
	}
	again := req.Clone(req.Context())
	again.Body = io.NopCloser(bytes.NewReader(body))
	if found := actionParam.FindSubmatch(body); found != nil {
		return string(found[1]), again
	}
	return "", again
}

type roundTrip func(*http.Request, through) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) {
	return f(req, req.Context().Value(throughKey{}).(through))
}

// TestDropOut: whatever a Describe answer lacks of what was asked for by name, or is required, a run ends as with the
// whole answer, or says that AWS is out of reach; never with a 0 that is not true.
func TestDropOut(t *testing.T) {
	for seed := range cases() {
		s := scenes()[seed%uint64(len(scenes()))]
		tampered(t, s, seed+1, dropOut, failure.Unreachable, failure.NotNow, failure.Unfinished)
	}
}

// dropOut drops something of the answers to one kind of call, either once or from some call on.
func dropOut(draws *rand.Rand) http.RoundTripper {
	var mu sync.Mutex
	kinds := []string{
		"DescribeAutoScalingInstances", "DescribeAutoScalingGroups", "DescribeLoadBalancers", "DescribeTargetGroups",
		"DescribeLoadBalancerAttributes", "DescribeTargetGroupAttributes", "DescribeTargetHealth", "DescribeInstanceHealth",
		"DescribeScalingActivities", "DescribeInstanceRefreshes",
	}
	action, way, from, once := kinds[draws.IntN(len(kinds))], draws.IntN(5), draws.IntN(4), draws.IntN(3) == 0
	seen := 0
	return roundTrip(func(req *http.Request, t through) (*http.Response, error) {
		resp, body, err := t.pass(req)
		if err != nil || t.action != action || resp.StatusCode != http.StatusOK {
			return answerWithOr(resp, body, err)
		}
		mu.Lock()
		defer mu.Unlock()
		if seen++; seen <= from || once && seen > from+1 {
			return answerWith(resp, body), nil
		}
		dropped := drop(body, action, way, draws)
		t.note("way %d dropped %d of %d bytes", way, len(body)-len(dropped), len(body))
		return answerWith(resp, dropped), nil
	})
}

func answerWithOr(resp *http.Response, body []byte, err error) (*http.Response, error) {
	if err != nil {
		return nil, err
	}
	return answerWith(resp, body), nil
}

var (
	memberElement = regexp.MustCompile(`(?s)<member>.*</member>`)
	leafElement   = regexp.MustCompile(`<(\w+)>[^<]*</\w+>`)
)

// required are the elements without which an answer does not say what it was asked: AWS always writes them.
var required = map[string][]string{
	"DescribeAutoScalingInstances":   {"InstanceId", "AutoScalingGroupName", "LifecycleState", "HealthStatus", "AvailabilityZone"},
	"DescribeAutoScalingGroups":      {"AutoScalingGroupName", "MinSize", "MaxSize", "DesiredCapacity", "HealthCheckType", "LifecycleState", "InstanceId", "HealthStatus"},
	"DescribeLoadBalancers":          {"LoadBalancerName"},
	"DescribeTargetGroups":           {"TargetGroupArn", "TargetType"},
	"DescribeLoadBalancerAttributes": {"Enabled", "Timeout"},
	"DescribeTargetGroupAttributes":  {"Key", "Value"},
	"DescribeTargetHealth":           {"State", "Id"},
	"DescribeInstanceHealth":         {"State", "InstanceId"},
	"DescribeScalingActivities":      {"ActivityId", "StatusCode", "StartTime"},
	"DescribeInstanceRefreshes":      {"Status"},
}

// drop takes something out of an answer: the whole body, the result, all elements of the list, a required element in
// each, or one such element.
func drop(body []byte, action string, way int, draws *rand.Rand) []byte {
	result := regexp.MustCompile(`(?s)<` + action + `Result>.*</` + action + `Result>`)
	switch way {
	case 0:
		return nil
	case 1:
		return result.ReplaceAll(body, nil)
	case 2:
		if named := action != "DescribeScalingActivities" && action != "DescribeInstanceRefreshes"; named {
			return memberElement.ReplaceAll(body, nil)
		}
		return nil
	}
	names := required[action]
	name := names[draws.IntN(len(names))]
	all := leafElement.FindAllSubmatchIndex(body, -1)
	all = slices.DeleteFunc(all, func(at []int) bool { return string(body[at[2]:at[3]]) != name })
	if len(all) == 0 {
		return body
	}
	if way == 4 {
		one := all[draws.IntN(len(all))]
		all = [][]int{one}
	}
	for _, at := range slices.Backward(all) {
		body = slices.Delete(body, at[0], at[1])
	}
	return body
}

// TestTransport: whatever a proxy or a broken server answers at some call, a run ends with a true 0, with "out of reach",
// or with what it had come to by then; never with a fault of our own, and its calls and bytes are bounded.
func TestTransport(t *testing.T) {
	for seed := range cases() {
		s := scenes()[seed%uint64(len(scenes()))]
		// A proxy that asks for a login has to be told one: that is final, and somebody's to change.
		tampered(t, s, seed+1, mangled, failure.Unreachable, failure.NotNow, failure.Unfinished, failure.Setup)
	}
}

// mangled answers one call, or all from some call on, with a random status, type, headers and the beginning of a body.
func mangled(draws *rand.Rand) http.RoundTripper {
	var mu sync.Mutex
	at, once := draws.IntN(30), draws.IntN(2) == 0
	status := []int{200, 200, 204, 206, 301, 302, 307, 308, 400, 401, 403, 404, 407, 418, 429, 500, 502, 503, 504}[draws.IntN(19)]
	kind := []string{"text/xml", "text/html; charset=utf-8", "application/json", ""}[draws.IntN(4)]
	page := [][]byte{nil, []byte("<html><body>" + http.StatusText(status) + "</body></html>"), []byte(`{"message":"no"}`), bytes.Repeat([]byte("x"), 1<<18)}[draws.IntN(4)]
	truncate, before := draws.IntN(2) == 0, draws.IntN(2) == 0
	n := 0
	return roundTrip(func(req *http.Request, t through) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		n++
		if n <= at || once && n > at+1 {
			resp, body, err := t.pass(req)
			return answerWithOr(resp, body, err)
		}
		resp, body := &http.Response{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req}, []byte(nil)
		if !before { // AWS got the request, and only the answer is lost on its way
			var err error
			if resp, body, err = t.pass(req); err != nil {
				return nil, err
			}
		}
		resp.Header = http.Header{"Content-Type": {kind}, "Location": {"http://elsewhere.example/"}, "Retry-After": {"1"}}
		resp.StatusCode = status
		if truncate {
			body = body[:draws.IntN(len(body)+1)]
		} else {
			body = page
		}
		t.note("%d %q, %d bytes; reached AWS: %v", status, kind, len(body), !before)
		return answerWith(resp, body), nil
	})
}

// TestTornLook: where Auto Scaling's views are of different ages, none older than the settle time, nothing final comes
// of it: a run ends as it would, and one that was killed after its move is repaired by the next.
func TestTornLook(t *testing.T) {
	for seed := range cases() {
		tornLook(t, seed+1)
	}
}

func tornLook(t *testing.T, seed uint64) {
	t.Helper()
	g := fleettest.WebGroup()
	g.HealthCheckType = "EC2" // MinSize leaves room for one: a second move would be hopeless
	fleettest.InWorld(t, sim.Config{Seed: seed, MaxLag: time.Minute}, g, func(w *fleettest.World) {
		draws := rand.New(rand.NewPCG(seed, 0x7042))
		var mu sync.Mutex
		w.API(func(c sim.Call) *sim.Fault {
			mu.Lock()
			defer mu.Unlock()
			if c.Mutating() {
				return nil
			}
			return &sim.Fault{Lag: time.Duration(draws.Int64N(int64(rotation.DefaultSettle)))}
		})
		for i, command := range []string{"out", "in"} {
			killed := draws.IntN(2) == 0
			if killed {
				killAfterMove(w, seed, command)
				w.Pass(time.Duration(draws.Int64N(int64(rotation.DefaultSettle))))
			}
			report, err := perform(process(w, w.Client(), seed+uint64(i)), command)
			class := classOf(err)
			if wrong := untrue(w, command, class, report); class != fine || wrong != "" {
				t.Errorf("seed %d: %s, killed before: %v: %v %s", seed, command, killed, err, wrong)
				return
			}
		}
		w.WantMoves("EnterStandby", "ExitStandby")
	})
}

// killAfterMove is a run that was killed as soon as its move had taken effect.
func killAfterMove(w *fleettest.World, seed uint64, command string) {
	action := map[string]string{"out": "EnterStandby", "in": "ExitStandby"}[command]
	ctx, kill := context.WithCancel(context.Background())
	defer kill()
	done := make(chan struct{})
	agent := process(w, w.Client(), seed+9)
	go func() {
		defer close(done)
		if command == "out" {
			_, _ = agent.Out(ctx, fleettest.OutOptions()) // how a killed process ends is nobody's to see
		} else {
			_, _ = agent.In(ctx, fleettest.InOptions())
		}
	}()
	for !slices.Contains(w.Moves(), action) {
		w.Pass(50 * time.Millisecond)
	}
	kill()
	synctest.Wait()
	<-done
}
