package main

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"balanced/internal/sim"
)

var races = flag.Int("races", 0, "real processes against one another: how many runs of out have to succeed; 0: none, it takes minutes")

// raceHosts instances race for raceSlots slots.
const (
	raceHosts = 9
	raceSlots = 3
	// raceLag is how old the answers of AWS are at most: less than the default settle time.
	raceLag = 8 * time.Second
)

// A race is a group on whose hosts real processes leave and return, and are killed.
type race struct {
	region *sim.Region
	api    string
	ids    []string
	hosts  []string // their metadata services

	mu sync.Mutex
	working,
	most int // instances out by a 0, now and at most
	succeeded, killed int
	codes             map[string]int
	wrong             []string
}

// TestRaces: of real processes on nine hosts, with lagging answers, lost replies and kill -9, never more have a 0 of out
// than there are slots, and every final code is true. MinSize is far below the minimum, so that nothing but the proof
// holds them.
func TestRaces(t *testing.T) {
	if *races == 0 {
		t.Skip("it takes minutes; run it with -races 200")
	}
	r := openRace(t)
	var hosts sync.WaitGroup
	for i := range r.ids {
		hosts.Go(func() { r.host(i, rand.New(rand.NewPCG(uint64(i), 7))) })
	}
	hosts.Wait()
	for _, wrong := range r.wrong {
		t.Error(wrong)
	}
	t.Logf("%d of out succeeded, %d processes were killed, at most %d of %d slots taken; codes %v", r.succeeded, r.killed, r.most, raceSlots, r.codes)
	if r.most > raceSlots {
		t.Errorf("%d instances were out at once, slots %d", r.most, raceSlots)
	}
}

func openRace(t *testing.T) *race {
	region := sim.New(sim.Config{Seed: uint64(os.Getpid()), MaxLag: raceLag, Timing: sim.Timing{
		RegisterTime: 50 * time.Millisecond, MoveTime: 200 * time.Millisecond,
	}})
	check := sim.HealthCheck{Interval: 500 * time.Millisecond, Timeout: 250 * time.Millisecond, Healthy: 2, Unhealthy: 2}
	region.AddLoadBalancer(sim.LoadBalancer{Name: "front"})
	region.AddTargetGroup(sim.TargetGroup{Name: "web", LoadBalancer: "front", Drain: time.Second, Check: check})
	r := &race{region: region, codes: map[string]int{}}
	r.ids = region.AddGroup(sim.Group{
		Name: "web", Min: 1, Max: 20, Desired: raceHosts, HealthCheckType: "EC2", Zones: []string{"eu-west-1a"}, TargetGroups: []string{"web"},
	})
	draws, mu := rand.New(rand.NewPCG(1, 2)), sync.Mutex{}
	region.SetFaults(func(c sim.Call) *sim.Fault {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case c.Service == "imds":
			return nil
		case draws.IntN(50) == 0:
			return &sim.Fault{LoseReply: true}
		case c.Mutating():
			return nil
		}
		return &sim.Fault{Lag: time.Duration(draws.Int64N(int64(raceLag)))}
	})
	serve := func(s *httptest.Server) string { t.Cleanup(s.Close); return s.URL }
	r.api = serve(httptest.NewServer(region.Handler()))
	for _, id := range r.ids {
		r.hosts = append(r.hosts, serve(httptest.NewServer(region.Metadata(id))))
	}
	return r
}

// host leaves and returns until enough have left.
func (r *race) host(i int, draws *rand.Rand) {
	for !r.enough() {
		if !r.until(i, draws, "out", "--min-healthy", fmt.Sprint(raceHosts-raceSlots), "--wait", "5m") {
			continue
		}
		r.out(+1)
		r.check(i, "Standby")
		<-time.After(time.Duration(draws.Int64N(int64(2 * time.Second))))
		r.check(i, "Standby")
		r.out(-1)
		for !r.until(i, draws, "in", "--probe", "off") {
		}
	}
}

func (r *race) enough() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.succeeded >= *races || len(r.wrong) > 0
}

// out counts instances that have left, by the word of a run.
func (r *race) out(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.working += n
	r.most = max(r.most, r.working)
	if n > 0 {
		r.succeeded++
	}
}

func (r *race) check(i int, want string) {
	state := r.region.State(r.ids[i])
	n, _ := r.region.HealthyAt(r.ids[i])
	if state != want || n > 0 {
		r.fail("%s: 0 of out, and it is %s, healthy at %d", r.ids[i], state, n)
	}
}

func (r *race) fail(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wrong = append(r.wrong, fmt.Sprintf(format, args...))
}

// until runs a command once, killing every fourth process at a random moment, and says whether it ended with 0.
func (r *race) until(i int, draws *rand.Rand, args ...string) bool {
	cmd := exec.Command("balanced", args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+r.api, "AWS_EC2_METADATA_SERVICE_ENDPOINT="+r.hosts[i], "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
	if err := cmd.Start(); err != nil {
		r.fail("%v", err)
		return false
	}
	if draws.IntN(4) == 0 {
		time.AfterFunc(time.Duration(draws.Int64N(int64(20*time.Second))), func() { _ = cmd.Process.Kill() }) // it may have ended
	}
	err := cmd.Wait()
	exit := &exec.ExitError{}
	code := cmd.ProcessState.ExitCode()
	r.mu.Lock()
	r.codes[fmt.Sprintf("%s %d", args[0], code)]++
	if code < 0 {
		r.killed++
	}
	r.mu.Unlock()
	if err != nil && !errors.As(err, &exit) || !slices.Contains([]int{-1, 0, 75, 82, 83, 84}, code) {
		r.fail("%s: balanced %s: %v (%d)\n%s", r.ids[i], strings.Join(args, " "), err, code, stderr.String())
	}
	return code == 0
}
