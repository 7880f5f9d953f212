package bench

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"balanced/internal/fleet"
	"balanced/internal/fleettest"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

// A rollout takes every instance of a group out, works on it and puts it back, so many
// at a time.
type rollout struct {
	scene
	atOnce int
	work   time.Duration
	spread time.Duration // over which the first ones start
}

// traffic is what a rollout asked of one service, by minute and by second.
type traffic struct {
	service       string
	calls         int
	minute        int // the busiest
	second        int // the busiest
	short         int // calls that a bucket of the published size would have turned away
	took          time.Duration
	perInstance   float64
	capacity, per float64 // the published bucket, and its refill a second; 0: none published
}

// run is one rollout in virtual time. Nothing is throttled: what a bucket would have
// said is worked out afterwards.
func (o rollout) run(t *testing.T) []traffic {
	t.Helper()
	var calls []sim.Call
	var took time.Duration
	synctest.Test(t, func(t *testing.T) {
		region, ids := o.region(1)
		min, max, desired := region.Sizes("web")
		region.SetSizes("web", min+1-o.atOnce, max, desired)
		began := time.Now()
		next := make(chan string, len(ids))
		for _, id := range ids {
			next <- id
		}
		close(next)
		var workers sync.WaitGroup
		for n := range o.atOnce {
			workers.Go(func() {
				<-time.After(time.Duration(n) * o.spread / time.Duration(o.atOnce))
				for id := range next {
					if err := o.visit(region, id); err != nil {
						t.Errorf("%s: %v", id, err)
					}
				}
			})
		}
		workers.Wait()
		took, calls = time.Since(began), region.Calls()
	})
	return o.count(calls, took)
}

// visit is out, the work, and in on one host, each a process of its own.
func (o rollout) visit(region *sim.Region, id string) error {
	client := region.Client()
	defer client.CloseIdleConnections()
	host := &fleettest.Host{Region: region, ID: id, HTTP: client, Log: zap.NewNop()}
	minimum, err := fleet.ParseMinHealthy("90%")
	if err != nil {
		return err
	}
	agent, _, err := host.Process(context.Background())
	if err != nil {
		return err
	}
	if _, err := agent.Out(context.Background(), rotation.OutOptions{Options: auto, MinHealthy: minimum, Settle: rotation.DefaultSettle}); err != nil {
		return err
	}
	<-time.After(o.work)
	if agent, _, err = host.Process(context.Background()); err != nil {
		return err
	}
	_, err = agent.In(context.Background(), rotation.InOptions{Options: auto})
	return err
}

// count sorts calls by service.
func (o rollout) count(calls []sim.Call, took time.Duration) []traffic {
	var all []traffic
	for _, service := range []string{"autoscaling", "elasticloadbalancingv2"} {
		tr := traffic{service: service, took: took}
		if service != "autoscaling" {
			tr.capacity, tr.per = 40, 10
		}
		minutes, seconds := map[int64]int{}, map[int64]int{}
		tokens, last := tr.capacity, time.Time{}
		for _, c := range calls {
			if c.Service != service {
				continue
			}
			tr.calls++
			minutes[c.At.Unix()/60]++
			seconds[c.At.Unix()]++
			tr.minute, tr.second = max(tr.minute, minutes[c.At.Unix()/60]), max(tr.second, seconds[c.At.Unix()])
			tokens, last = min(tr.capacity, tokens+tr.per*c.At.Sub(last).Seconds()), c.At
			if tokens--; tr.capacity > 0 && tokens < 0 {
				tokens, tr.short = 0, tr.short+1
			}
		}
		tr.perInstance = float64(tr.calls) / float64(o.size)
		all = append(all, tr)
	}
	return all
}

// TestRolloutStaysBelowTheBuckets: a rollout in small, five at a time of fifty, costs few
// calls for each instance, and none that the bucket that AWS publishes would turn away.
func TestRolloutStaysBelowTheBuckets(t *testing.T) {
	size := 50
	if testing.Short() {
		size = 20
	}
	o := rollout{scene: scene{size: size, sources: 1, drain: fiveMinutes}, atOnce: size / 10, work: time.Minute, spread: 5 * time.Second}
	for _, tr := range o.run(t) {
		t.Logf("%+v", tr)
		if tr.perInstance > 25 || tr.short > 0 {
			t.Errorf("%s: %.1f calls for each instance, %d above the bucket", tr.service, tr.perInstance, tr.short)
		}
	}
}
