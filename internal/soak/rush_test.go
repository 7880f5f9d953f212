package soak

import (
	"errors"
	"flag"
	"fmt"
	"runtime"
	"slices"
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

var (
	measure = flag.Bool("rush", false, "measure how rare surplus leavers are, and print the table")
	rushes  = flag.Int("rushes", 20, "how many runs of each small rush -rush measures")
)

// rush is many agents started within the same second, each of which tries once, under
// the floor "all": there is one place.
type rush struct {
	agents int
	fence  bool // MinSize is the floor; otherwise it is 0
	lock   bool // the agents take a slot in a table
	seed   uint64
}

const (
	rushDrain = 300 * time.Second
	rushLag   = 3 * time.Second // describes lag behind by up to this
)

func (r rush) floor() int { return r.agents - 1 }

func (r rush) group() sim.Group {
	g := sim.Group{Name: "web", Desired: r.agents, Max: r.agents + 2, Zones: zones, TargetGroups: []string{"web"}, HealthCheckType: "EC2"}
	if r.fence {
		g.Min = r.floor()
	}
	return g
}

// tally is what came of one rush, by the Region's own state.
type tally struct {
	left    int           // entered Standby, or began to
	refused int           // asked to, and Auto Scaling refused
	zeros   int           // were told 0
	gave    int           // gave the place back
	short   time.Duration // how long fewer than the floor served
	depth   int           // by how many, at worst
	wrong   []string      // what must never happen
}

// surplus are those who left and had to go back.
func (t tally) surplus() int { return t.left - t.zeros }

// TestRush: however many agents start in the same second, one is told 0. Where MinSize
// is the floor nobody leaves in vain and the floor holds throughout. Where it is not,
// those who left before they saw one another are back in the end.
//
//	go test ./internal/soak -run TestRush -v -timeout 0 -args -rush
//
// measures how many those are.
func TestRush(t *testing.T) {
	if *measure {
		measureRushes(t)
		return
	}
	for seed := range uint64(2) {
		checkRush(t, rush{agents: 8, fence: true, seed: seed + 1})
		checkRush(t, rush{agents: 8, seed: seed + 1})
		checkRush(t, rush{agents: 8, lock: true, seed: seed + 1})
	}
}

// checkRush runs a rush and says what it broke.
func checkRush(t *testing.T, r rush) tally {
	t.Helper()
	var got tally
	synctest.Test(t, func(t *testing.T) { got = r.run(t) })
	for _, wrong := range got.wrong {
		t.Errorf("%+v: %s", r, wrong)
	}
	if got.zeros != 1 || got.surplus() != got.gave {
		t.Errorf("%+v: %d were told 0, want 1; %d left, %d gave their place back", r, got.zeros, got.left, got.gave)
	}
	if (r.fence || r.lock) && (got.surplus() != 0 || got.short != 0) {
		t.Errorf("%+v: MinSize is the floor, or a lock holds it, but %d left in vain and the floor was short for %v", r, got.surplus(), got.short)
	}
	return got
}

// run is one rush, in a bubble.
func (r rush) run(t *testing.T) tally {
	region := sim.New(sim.Config{Seed: r.seed, MaxLag: rushLag})
	region.AddLoadBalancer(sim.LoadBalancer{Name: "front", Type: "application"})
	region.AddTargetGroup(sim.TargetGroup{
		Name: "web", Protocol: "HTTP", Port: 80, LoadBalancer: "front", Drain: rushDrain,
		Check: sim.HealthCheck{Interval: 10 * time.Second, Timeout: 5 * time.Second, Healthy: 2, Unhealthy: 2, Path: "/health"},
	})
	hosts := region.AddGroup(r.group())
	region.AddTable(sim.Table{Name: "locks", Key: "group"})
	region.SetFaults(weather(r.seed))

	var got tally
	var mu sync.Mutex
	over := make(chan struct{})
	var watch, all sync.WaitGroup
	watch.Go(func() { got.watch(region, r.floor(), over) })
	for i, id := range hosts {
		start := time.Duration(fleettest.Rand(r.seed<<16+uint64(i)).IntN(1000)) * time.Millisecond
		all.Go(func() {
			<-time.After(start)
			err := r.leaveOnce(t, region, id, r.seed<<16+uint64(i))
			mu.Lock()
			defer mu.Unlock()
			got.ended(region, id, err)
		})
	}
	all.Wait()
	close(over)
	watch.Wait()
	for _, c := range region.Calls() {
		switch {
		case c.Action == "EnterStandby" && c.Effect:
			got.left++
		case c.Action == "EnterStandby":
			got.refused++
		}
	}
	return got
}

// leaveOnce is one process that tries once.
func (r rush) leaveOnce(t *testing.T, region *sim.Region, id string, seed uint64) error {
	client := region.Client()
	defer client.CloseIdleConnections()
	host := &fleettest.Host{Region: region, ID: id, HTTP: client, Log: zap.NewNop(), Rand: fleettest.Rand(seed)}
	if r.lock {
		host.Lock = "dynamodb:locks"
	}
	agent, _, err := host.Process(t.Context())
	if err != nil {
		return err
	}
	_, err = agent.Out(t.Context(), rotation.OutOptions{
		Options: rotation.Options{Wait: 0, Timeout: rotation.Auto}, Settle: rotation.DefaultSettle,
	})
	return err
}

// ended notes how one run ended, and whether its word is true.
func (t *tally) ended(region *sim.Region, id string, err error) {
	var stop *failure.Refusal
	want := "InService"
	switch {
	case err == nil:
		t.zeros++
		want = "Standby"
	case !errors.As(err, &stop):
		t.wrong = append(t.wrong, fmt.Sprintf("%s: %v", id, err))
	case stop.Class == failure.RolledBack:
		t.gave++
	case stop.Class != failure.NotNow:
		t.wrong = append(t.wrong, fmt.Sprintf("%s: %v: %v", id, stop.Class, err))
	}
	if state := region.State(id); state != want {
		t.wrong = append(t.wrong, fmt.Sprintf("%s ended with %v, but it is %s", id, err, state))
	}
}

// watch counts, ten times a second, who serves.
func (t *tally) watch(region *sim.Region, floor int, over <-chan struct{}) {
	const step = 100 * time.Millisecond
	for {
		select {
		case <-over:
			return
		case <-time.After(step):
		}
		serving := 0
		for _, m := range region.Members("web") {
			if m.State != "InService" {
				continue
			}
			if healthy, all := region.HealthyAt(m.ID); healthy == all {
				serving++
			}
		}
		if serving < floor {
			t.short += step
			t.depth = max(t.depth, floor-serving)
		}
	}
}

func measureRushes(t *testing.T) {
	var table strings.Builder
	fmt.Fprintf(&table, "%s, %d cores, drain %v, reads lag up to %v\n\n", time.Now().Format(time.DateOnly), runtime.NumCPU(), rushDrain, rushLag)
	table.WriteString("| agents | MinSize | runs | EnterStandby refused, mean | runs with surplus leavers | surplus leavers, mean and most | floor short, mean and longest | short by at most |\n")
	table.WriteString("|---|---|---|---|---|---|---|---|\n")
	for _, agents := range []int{8, 50, 200} {
		for _, r := range []rush{{fence: true}, {}, {lock: true}} {
			r.agents = agents
			table.WriteString(rushRow(t, r))
		}
	}
	t.Log("\n" + table.String())
}

func rushRow(t *testing.T, r rush) string {
	runs := *rushes
	if r.agents >= 200 {
		runs = max(1, runs/4)
	}
	var all []tally
	began := time.Now()
	for seed := range uint64(runs) {
		r.seed = seed + 1
		all = append(all, checkRush(t, r))
	}
	t.Logf("%+v: %d runs in %v", r, runs, time.Since(began).Round(time.Millisecond))
	with, refused, depth := 0, 0, 0
	var surplus []int
	var short []time.Duration
	for _, got := range all {
		if got.surplus() > 0 {
			with++
		}
		refused += got.refused
		depth = max(depth, got.depth)
		surplus = append(surplus, got.surplus())
		short = append(short, got.short)
	}
	min := "0"
	switch {
	case r.fence:
		min = fmt.Sprint(r.agents - 1)
	case r.lock:
		min = "0, with --lock"
	}
	return fmt.Sprintf("| %d | %s | %d | %.1f | %d | %.1f, %d | %.0f s, %.0f s | %d |\n", r.agents, min, runs,
		float64(refused)/float64(runs), with, meanOf(surplus), slices.Max(surplus),
		meanOf(short)/float64(time.Second), slices.Max(short).Seconds(), depth)
}

func meanOf[T int | time.Duration](of []T) float64 {
	var sum T
	for _, x := range of {
		sum += x
	}
	return float64(sum) / float64(len(of))
}
