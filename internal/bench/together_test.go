package bench

import (
	"context"
	"math/rand/v2"
	"slices"
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

// A crowd is hosts of one group that are out, or on their way, at the same time. MinSize leaves room for all of them.
type crowd struct {
	scene
	hosts int
	seed  uint64
	// drainEnds is when a Classic load balancer has no request of a host left, after the beginning; nil: at once.
	drainEnds func(*rand.Rand) time.Duration
	// passes is when the application of a host begins to pass its checks, after in began; nil: it does already.
	passes func(*rand.Rand) time.Duration
}

// seen is what came of it: how long after AWS was done each command ended, and what the group was asked meanwhile.
type seen struct {
	out, in               []time.Duration
	outLine, inLine       timeline // of one host
	outASecond, inASecond float64  // looks of all hosts together at themselves, until the last of them ended
}

// member is one host of a crowd.
type member struct {
	*fleettest.Host
	id                  string
	start, ends, passes time.Duration
	outDone, inDone     time.Time // when AWS was done
	outEnd, inEnd       time.Time // when the command ended
	outBegan, inBegan   time.Time
	err                 error
}

// run takes all hosts out, and when the last is out brings all of them back.
func (c crowd) run(t *testing.T) seen {
	t.Helper()
	var got seen
	synctest.Test(t, func(t *testing.T) {
		region, members := c.build(t)
		got.outASecond = c.phase(region, members, (*member).out, (*member).isOut)
		for _, m := range members {
			region.SetAppHealthy(m.id, c.passes == nil)
		}
		got.inASecond = c.phase(region, members, (*member).in, (*member).isIn)
		for _, m := range members {
			if m.err != nil {
				t.Fatalf("%s: %v", m.id, m.err)
			}
			got.outLine, got.inLine = m.line("EnterStandby", m.outBegan, m.outDone, m.outEnd), m.line("ExitStandby", m.inBegan, m.inDone, m.inEnd)
			got.out, got.in = append(got.out, m.outEnd.Sub(m.outDone)), append(got.in, m.inEnd.Sub(m.inDone))
		}
	})
	return got
}

func (c crowd) build(t *testing.T) (*sim.Region, []*member) {
	c.size = c.hosts + 3
	region, ids := c.region(c.seed)
	_, most, desired := region.Sizes("web")
	least := c.size - c.hosts
	if c.unfenced {
		least = 0
	}
	region.SetSizes("web", least, most, desired)
	turns := fleettest.NewTurns(t)
	draw := rand.New(rand.NewPCG(c.seed, 11))
	var members []*member
	for i, id := range ids[:c.hosts] {
		client := region.Client()
		t.Cleanup(client.CloseIdleConnections)
		m := &member{id: id, Host: &fleettest.Host{Region: region, ID: id, HTTP: client, Log: zap.NewNop(), Turns: turns, Rand: fleettest.Rand(c.seed<<16 + uint64(i))}}
		if c.hosts > 1 {
			m.start = time.Duration(draw.Int64N(int64(time.Second)))
		}
		if c.drainEnds != nil {
			m.ends = c.drainEnds(draw)
			region.SetInFlight(id, m.ends)
		}
		if c.passes != nil {
			m.passes = c.passes(draw)
		}
		members = append(members, m)
	}
	return region, members
}

// phase runs a command on every host, and notes when AWS was done with each. It returns the looks a second.
func (c crowd) phase(region *sim.Region, members []*member, command func(*member), done func(*member) bool) float64 {
	began, first := time.Now(), len(region.Calls())
	over := make(chan struct{})
	var all, watch sync.WaitGroup
	watch.Go(func() { watchTruth(members, done, over) })
	for _, m := range members {
		all.Go(func() {
			<-time.After(m.start)
			command(m)
		})
	}
	all.Wait()
	close(over)
	watch.Wait()
	looks := 0
	for _, call := range region.Calls()[first:] {
		if call.Action == "DescribeAutoScalingInstances" {
			looks++
		}
	}
	return float64(looks) / time.Since(began).Seconds()
}

// truthEvery is how exactly the moment is known at which AWS was done.
const truthEvery = 20 * time.Millisecond

// watchTruth notes when AWS was done with each host.
func watchTruth(members []*member, done func(*member) bool, over <-chan struct{}) {
	waiting := slices.Clone(members)
	for {
		waiting = slices.DeleteFunc(waiting, done)
		select {
		case <-over:
			return
		case <-time.After(truthEvery):
		}
	}
}

func (m *member) out() {
	m.outBegan = time.Now()
	m.err = m.command(func(a *rotation.Agent) error {
		_, err := a.Out(context.Background(), rotation.OutOptions{Options: auto, MinHealthy: three(), Settle: rotation.DefaultSettle})
		return err
	})
	m.outEnd = time.Now()
}

// three others stay in service, whatever the size of the group.
func three() fleet.MinHealthy {
	min, err := fleet.ParseMinHealthy("3")
	if err != nil {
		panic(err)
	}
	return min
}

func (m *member) in() {
	m.inBegan = time.Now()
	passing := make(chan struct{})
	go func() {
		<-time.After(m.passes)
		m.Region.SetAppHealthy(m.id, true)
		close(passing)
	}()
	if err := m.command(func(a *rotation.Agent) error {
		_, err := a.In(context.Background(), rotation.InOptions{Options: auto})
		return err
	}); m.err == nil {
		m.err = err
	}
	m.inEnd = time.Now()
	<-passing
}

// line cuts a command where AWS got the call that moves, and where it was done.
func (m *member) line(action string, began, done, end time.Time) timeline {
	for _, c := range m.Region.Calls() {
		if c.Caller == m.id && c.Action == action && c.Effect {
			return timeline{c.At.Sub(began), done.Sub(c.At), end.Sub(done)}
		}
	}
	return timeline{}
}

func (m *member) command(do func(*rotation.Agent) error) error {
	agent, _, err := m.Process(context.Background())
	if err != nil {
		return err
	}
	return do(agent)
}

// isOut: no load balancer lists it, and Auto Scaling says Standby.
func (m *member) isOut() bool {
	if m.Region.State(m.id) != "Standby" || len(m.Region.Draining(m.id)) > 0 {
		return false
	}
	m.outDone = time.Now()
	return true
}

// isIn: Auto Scaling says InService, and every load balancer routes to it.
func (m *member) isIn() bool {
	healthy, all := m.Region.HealthyAt(m.id)
	if m.Region.State(m.id) != "InService" || healthy != all {
		return false
	}
	m.inDone = time.Now()
	return true
}
