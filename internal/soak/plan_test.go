package soak

import (
	"fmt"
	"math/rand/v2"
	"time"

	"balanced/internal/fleet"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

// plan is everything a seed decides.
type plan struct {
	seed   uint64
	group  sim.Group
	rule   string // --min-healthy
	starts startRule
	settle time.Duration
	// lag is the most a describe lags behind: below settle, or the promise is off.
	lag    time.Duration
	faults rates
	kills  int // agents killed in mid-run
	acts   []act
	way    sim.Behaviour
	drains [3]time.Duration // of the Classic load balancer, the ALB and the NLB target group
	lock   lockUse
}

// rates are chances of a fault per API call, in per mille.
type rates struct {
	throttle, server, reset, lose, twice, slow, contention, emptyPage, sameToken int
}

// startRule says when the operators start the runs.
type startRule int

const (
	oneByOne startRule = iota
	twoAtATime
	sameSecond
	anyTime
)

func (s startRule) String() string {
	return [...]string{"one by one", "two at a time", "all in the same second", "at any time"}[s]
}

// act is something the world does to the fleet.
type act struct {
	at   time.Duration
	name string
	does func(*seededRun)
}

// calm is when faults and acts are over and everything must heal.
const calm = 90 * time.Minute

func draw(seed uint64) plan {
	r := rand.New(rand.NewPCG(seed, 0x50a4))
	p := plan{seed: seed, settle: rotation.DefaultSettle, starts: startRule(r.IntN(4)), kills: r.IntN(3)}
	size := 2 + r.IntN(7)
	p.group = sim.Group{Name: "web", Desired: size, Max: size + r.IntN(3), Zones: zones[:1+r.IntN(3)], HealthCheckType: "EC2", AZRebalance: r.IntN(4) == 0}
	p.rule, p.group.Min = drawRule(r, size)
	if r.IntN(3) == 0 {
		p.group.HealthCheckType, p.group.Grace = "ELB", time.Duration(r.IntN(10))*time.Minute
	}
	for i := range p.drains {
		p.drains[i] = []time.Duration{0, 5 * time.Second, 30 * time.Second, 5 * time.Minute}[r.IntN(4)]
	}
	if r.IntN(2) == 0 {
		p.group.Classic = []string{"old"}
	}
	if r.IntN(3) > 0 {
		p.group.TargetGroups = append(p.group.TargetGroups, "web")
	}
	if r.IntN(4) == 0 {
		p.group.TargetGroups = append(p.group.TargetGroups, "tcp")
	}
	p.way = sim.Behaviour{
		SerialDrains: r.IntN(3) == 0, DrainSuffix: r.IntN(2) == 0, SurplusTerminated: r.IntN(2) == 0,
		ContentionOnConcurrentMove: r.IntN(3) == 0, TargetStateLags: r.IntN(2) == 0, DrainTimer: time.Duration(r.IntN(2)) * 20 * time.Second,
	}
	if r.IntN(4) > 0 {
		p.lag = time.Duration(r.IntN(9)) * time.Second
		p.faults = rates{r.IntN(80), r.IntN(30), r.IntN(30), r.IntN(60), r.IntN(20), r.IntN(30), r.IntN(100), r.IntN(60), r.IntN(10)}
	}
	p.acts = drawActs(r, size)
	if r.IntN(30) == 0 {
		p.group.Settings.Operator = "ecs.amazonaws.com"
	}
	return p
}

var zones = []string{"eu-west-1a", "eu-west-1b", "eu-west-1c"}

// drawRule draws the floor, and a MinSize that fences it, leaves room below it, or is
// no fence at all.
func drawRule(r *rand.Rand, size int) (rule string, min int) {
	rules := []string{"all", "50%", fmt.Sprint(size - 1)}
	rule = rules[r.IntN(len(rules))]
	m, err := fleet.ParseMinHealthy(rule)
	if err != nil {
		panic(err)
	}
	floor := m.Minimum(size, -1)
	return rule, []int{floor, floor - 1, 0}[r.IntN(3)]
}

// drawActs draws what the world does meanwhile.
func drawActs(r *rand.Rand, size int) []act {
	kinds := []func(host int) act{fallIll, dieInStandby, scale, refresh, expire, flap, shift, retain, suspend, failLaunches, stepClock}
	var acts []act
	for range r.IntN(6) {
		a := kinds[r.IntN(len(kinds))](r.IntN(size))
		a.at = time.Duration(r.IntN(int(calm/time.Second))) * time.Second
		acts = append(acts, a)
	}
	return acts
}

func (p plan) String() string {
	s := fmt.Sprintf("seed %d: %d instances in %d zones, min %d max %d, floor %s, %v %v, drains %v, starts %v, lag up to %v, faults %+v, %d kills",
		p.seed, p.group.Desired, len(p.group.Zones), p.group.Min, p.group.Max, p.rule, p.group.Classic, p.group.TargetGroups, p.drains, p.starts, p.lag, p.faults, p.kills)
	if p.group.Settings.Operator != "" {
		s += ", managed by " + p.group.Settings.Operator
	}
	if p.lock != noLock {
		s += ", " + p.lock.String()
	}
	for _, a := range p.acts {
		s += fmt.Sprintf(", %s at %v", a.name, a.at)
	}
	return s
}
