//go:build unix

package main

import (
	"fmt"
	"hash/fnv"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"balanced/internal/hostlock"
	"balanced/internal/lock/fleetlocktest"
	"balanced/internal/sim"
)

// A stage is what one script plays on: a Region and whose turn it is.
type stage struct {
	region *sim.Region
	app    *application
	ids    []string
	hosts  []string // of each instance's metadata service
	self   string   // the instance that commands run as
	runs   map[string]*background
	stderr string // of the last run
	marked int    // calls when the last signal was sent
	server *fleetlocktest.Server
	faults faults
	// outside: its instances are in no group
	outside bool
}

// patience is how long a script waits for what must come.
const patience = 2 * time.Minute

// spec is a Region in a line: group web behind a target group and a Classic load
// balancer, `out` needing no spread since MinSize is the floor.
type spec struct {
	name           string // of the Region
	size, min, max int
	zones          int
	drain, check   time.Duration
	tg, classic    bool
	crossZone      bool
	warm           int
	lattice        string
	health         string
	checked        checked
	spare          bool // a target group behind no listener
	operator       string
	ipv6           bool              // nothing has an IPv4 address
	metrics        []string          // of the group, in CloudWatch
	attributes     map[string]string // of the target group
	hooks          []sim.Hook
	protocol       string // of the target group; default HTTP
	balancer       string // type of its load balancer; default application
	outside        string // what the instances are registered with, outside a group
}

func readSpec(ts *testscript.TestScript, args []string) spec {
	s := spec{name: "eu-west-1", size: 3, min: -1, max: 12, zones: 3, drain: time.Second, check: 200 * time.Millisecond, tg: true, classic: true, crossZone: true, health: "EC2", metrics: []string{"GroupStandbyInstances"}, attributes: map[string]string{}, balancer: "application"}
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		var err error
		switch key {
		case "name":
			s.name = value
		case "size":
			s.size = number(ts, value)
		case "min":
			s.min = number(ts, value)
		case "max":
			s.max = number(ts, value)
		case "zones":
			s.zones = number(ts, value)
		case "warm":
			s.warm = number(ts, value)
		case "drain":
			s.drain, err = time.ParseDuration(value)
		case "check":
			s.check, err = time.ParseDuration(value)
		case "tg":
			s.tg, err = strconv.ParseBool(value)
		case "classic":
			s.classic, err = strconv.ParseBool(value)
		case "cross-zone":
			s.crossZone, err = strconv.ParseBool(value)
		case "spare":
			s.spare, err = strconv.ParseBool(value)
		case "lattice":
			s.lattice = value
		case "health":
			s.health = value
		case "metrics":
			s.metrics = strings.Fields(value)
		case "family": // ipv6: instances, APIs and metadata service have no IPv4 address
			s.ipv6 = value == "ipv6"
		case "operator":
			s.operator = value
		case "attribute": // attribute=KEY:VALUE
			name, setting, _ := strings.Cut(value, ":")
			s.attributes[name] = setting
		case "hook":
			s.hooks = append(s.hooks, readHook(ts, value))
		case "outside":
			s.outside = value
		case "protocol":
			s.protocol = value
		case "balancer":
			s.balancer = value
		default:
			if !s.checked.read(key, value) {
				ts.Fatalf("region: unknown %q", arg)
			}
		}
		ts.Check(err)
	}
	if s.checked.any() {
		s.tg, s.classic = s.checked.tg != "", s.checked.classic != ""
	}
	if s.min < 0 {
		s.min = s.size - 1
	}
	return s
}

// region [KEY=VALUE]...: opens a Region; $I1, $I2, ... are its instances, and commands
// run as the first of them.
func cmdRegion(ts *testscript.TestScript, neg bool, args []string) {
	s := stageOf(ts)
	need(ts, neg, s.region == nil, "region [KEY=VALUE]..., once")
	sp := readSpec(ts, args)
	// Every script of every test run has instances of its own: `balanced` is alone on a
	// host by its instance's name, and they all share this one.
	seed := fnv.New64a()
	fmt.Fprint(seed, ts.Name(), os.Getpid())
	s.region = sim.New(sim.Config{Name: sp.name, Seed: seed.Sum64(), Address: sp.addresses(), IPv6: sp.addresses6(), Timing: sim.Timing{
		RegisterTime: 50 * time.Millisecond, LaunchTime: time.Second, MoveTime: 200 * time.Millisecond, TerminateTime: time.Second,
	}})
	s.runs = map[string]*background{}
	s.app = &application{host: sp.host(), ports: map[string]string{}, answers: []int{200}}
	s.build(ts, sp)
	s.region.SetFaults(s.faults.of)
	ts.Setenv("AWS_ENDPOINT_URL", sp.serve(ts, sp.api(s.region.Handler())))
	for i, id := range s.ids {
		s.hosts = append(s.hosts, sp.serve(ts, s.region.Metadata(id)))
		ts.Setenv(fmt.Sprintf("I%d", i+1), id)
	}
	ts.Setenv("BALANCED_SETTLE", "200ms")
	ts.Setenv("BALANCED_PROBE", sp.probe())
	ts.Setenv("BALANCED_HOLD_FILE", ts.MkAbs("hold"))
	s.become(ts, 1)
}

func (s *stage) build(ts *testscript.TestScript, sp spec) {
	check := sim.HealthCheck{Interval: sp.check, Timeout: sp.check / 2, Healthy: 2, Unhealthy: 2}
	g := sim.Group{
		Name: "web", Min: sp.min, Max: sp.max, Desired: sp.size, WarmPool: sp.warm, HealthCheckType: sp.health, Hooks: sp.hooks,
		Settings: sim.Settings{Operator: sp.operator, Metrics: sp.metrics},
		Zones:    []string{sp.name + "a", sp.name + "b", sp.name + "c"}[:sp.zones],
	}
	if sp.lattice != "" {
		g.Lattice = []string{sp.lattice}
	}
	tg := sim.TargetGroup{Name: "web", LoadBalancer: "front", Drain: sp.drain, Check: check, CrossZone: strconv.FormatBool(sp.crossZone), Protocol: sp.protocol, Attributes: sp.attributes}
	elb := sim.Classic{Name: "old-elb", Draining: true, Drain: sp.drain, Check: check, CrossZone: sp.crossZone}
	s.app.employ(ts, sp.checked, &tg, &elb)
	if s.outside = sp.outside != ""; s.outside {
		s.buildOutside(sp, tg, elb)
		ts.Setenv("BALANCED_TARGETS", sp.outside)
		return
	}
	if tg.IPv6 = sp.ipv6; sp.tg {
		s.region.AddLoadBalancer(sim.LoadBalancer{Name: "front", Type: sp.balancer})
		s.region.AddTargetGroup(tg)
		g.TargetGroups = []string{"web"}
	}
	if sp.classic {
		s.region.AddClassic(elb)
		g.Classic = []string{"old-elb"}
	}
	if sp.spare {
		s.region.AddTargetGroup(sim.TargetGroup{Name: "spare", Check: check})
		g.TargetGroups = append(g.TargetGroups, "spare")
	}
	s.ids = s.region.AddGroup(g)
}

// become makes the n-th instance the one that commands run as.
func (s *stage) become(ts *testscript.TestScript, n int) {
	s.self = s.ids[n-1]
	ts.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", s.hosts[n-1])
}

// as N: from here on commands run as the N-th instance.
func cmdAs(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 1, "as N")
	stageOf(ts).become(ts, number(ts, args[0]))
}

// moves are the mutating calls that took effect, of one instance or of all.
func (s *stage) moves(instance string) []string {
	var moves []string
	for _, c := range s.region.Calls() {
		if c.Effect && c.Mutating() && c.Service != "dynamodb" && (instance == "" || c.Caller == instance) {
			moves = append(moves, c.Action)
		}
	}
	return moves
}

func (s *stage) movesOfHost() int {
	if s.region == nil {
		return 0
	}
	return len(s.moves(s.self))
}

// until INSTANCE STATE, until INSTANCE healthy|unhealthy (everywhere, for its load
// balancers), until call ACTION (answered), until N ACTION (answered so often), until
// next ACTION (one more arrived), until since-signal ACTION (arrived), until file NAME
// (is there), until asked N (the application, so often): waits until it is so.
func cmdUntil(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 2, "until INSTANCE STATE | until INSTANCE healthy|unhealthy | until call ACTION | until N ACTION | until next ACTION | until since-signal ACTION | until file NAME | until free INSTANCE | until asked N")
	s := stageOf(ts)
	so := func() bool { return s.region.State(args[0]) == args[1] }
	switch {
	case args[0] == "file":
		so = func() bool { _, err := os.Stat(ts.MkAbs(args[1])); return err == nil }
	case args[0] == "free":
		so = func() bool { _, taken, err := hostlock.HolderOf(args[1]); ts.Check(err); return !taken }
	case args[0] == "call":
		so = func() bool { return s.answered(args[1]) > 0 }
	case args[0] == "asked":
		n := number(ts, args[1])
		so = func() bool { return s.app.count() >= n }
	case args[0] == "next":
		from := len(s.region.Calls())
		so = func() bool { return s.arrived(from, args[1]) }
	case args[0] == "since-signal":
		so = func() bool { return s.arrived(s.marked, args[1]) }
	case args[0] < "A":
		n := number(ts, args[0])
		so = func() bool { return s.answered(args[1]) >= n }
	case args[1] == "healthy":
		so = func() bool { n, all := s.region.HealthyAt(args[0]); return n == all }
	case args[1] == "unhealthy":
		so = func() bool { n, _ := s.region.HealthyAt(args[0]); return n == 0 }
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !so() {
		select {
		case <-tick.C:
		case <-late:
			ts.Fatalf("waited in vain for %s", strings.Join(args, " "))
		}
	}
}

// arrived says whether a call of an action is among those after the first n.
func (s *stage) arrived(n int, action string) bool {
	return slices.ContainsFunc(s.region.Calls()[n:], func(c sim.Call) bool { return c.Action == action })
}

func (s *stage) answered(action string) int {
	n := 0
	for _, c := range s.region.Calls() {
		if c.Action == action && c.Status != 0 {
			n++
		}
	}
	return n
}

// faults are what goes wrong with calls, and what happens when one arrives.
type faults struct {
	mu    sync.Mutex
	rules []*rule
}

type rule struct {
	action string
	times  int // left; below 0: always
	then   func() *sim.Fault
}

func (f *faults) add(r *rule) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = append(f.rules, r)
}

// of lets every rule for a call have its turn; the first fault is what goes wrong.
func (f *faults) of(c sim.Call) *sim.Fault {
	var fault *sim.Fault
	for _, r := range f.due(c.Action) {
		if wrong := r.then(); fault == nil {
			fault = wrong
		}
	}
	return fault
}

func (f *faults) due(action string) []*rule {
	f.mu.Lock()
	defer f.mu.Unlock()
	var due []*rule
	for _, r := range f.rules {
		if r.action == action && r.times != 0 {
			r.times--
			due = append(due, r)
		}
	}
	return due
}
