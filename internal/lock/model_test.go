package lock

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"balanced/internal/fleet"
)

// This file explores the lock in a table: every order in which a few agents can look, read the item, write it, enter
// Standby, be killed, be run again, return and release, with every reading of the group they can be given. Who holds a
// slot, and whose entry is of no use, is judged by the real code; so is whether a slot may still be used. The world
// around it is a model, and its time passes in steps.
//
// A reading shows each instance as it is, or as it was before its last change where that is less than the read lag ago.
// EnterStandby takes effect up to EnterWithin after the write was sent: at the very end of it, too.

var deep = flag.Bool("deep", false, "explore the large models of the lock too")

// A lockModel is a group, and how the world treats it.
type lockModel struct {
	agents, slots int
	step          time.Duration // in which time passes
	lag           time.Duration // a change is hidden for less than that
	frozen        bool          // a process may be frozen between its last look at the clock and its call
	depth         int           // how many events to explore; 0: all there can ever be
}

const mostAgents = 3

// stage is how far an agent has come.
type stage uint8

const (
	stageIdle    stage = iota // waits for its turn, or has not begun
	stageLooked               // read the group
	stageCleared              // read the item, found a slot, and has sent its write
	stageHeld                 // its write took effect
	stageOut                  // entered Standby
	stageBack                 // in service again, with its entry still there
	stageThrough              // released
)

// modelAgent is an agent and its instance.
type modelAgent struct {
	stage stage
	fresh bool             // the item is as it was when this agent read it
	drops uint8            // entries that its write removes, by bits
	seen  uint8            // instances that its look showed out, by bits
	look  int8             // age of its look, in steps
	age   int8             // since it sent its write, in steps
	watch [mostAgents]int8 // for how long it has watched each entry, in steps; 0: not yet, else one more

	out     bool // as Auto Scaling has it
	changed int8 // steps since then, up to the lag
	entry   bool // in the item
}

type situation struct {
	agents [mostAgents]modelAgent
}

func (m lockModel) String() string {
	return fmt.Sprintf("%d agents, %d slots, steps of %s, lag below %s, depth %d", m.agents, m.slots, m.step, m.lag, m.depth)
}

func (m lockModel) steps(d time.Duration) int8 { return int8(d / m.step) }

// explorer walks a model breadth first, so that the story of what it finds is a shortest one.
type explorer struct {
	lockModel
	judged  map[question]answered
	index   map[situation]int
	states  []situation
	parents []int
	deeds   []string
	levels  []int
	calm    [][2]int // what needs neither a kill nor an old reading
	broken  int      // a state in which more are out than there are slots; 0: none
	freed   int      // how often an entry was dropped
}

// question is all that a judgement depends on.
type question struct {
	self    int8
	seen    uint8
	entries uint8
	look    int8
	watch   [mostAgents]int8
}

type answered struct {
	full  bool
	drops uint8
	watch [mostAgents]int8
}

func explore(m lockModel) *explorer {
	e := &explorer{lockModel: m, judged: map[question]answered{}, index: map[situation]int{}}
	var first situation
	for i := range m.agents {
		first.agents[i].changed = m.steps(m.lag)
	}
	e.add(first, -1, "", 0)
	for at := 0; at < len(e.states) && e.broken == 0; at++ {
		if m.depth > 0 && e.levels[at] == m.depth {
			break
		}
		e.next(e.states[at], func(deed string, to situation, calm bool) {
			n := e.add(to, at, deed, e.levels[at]+1)
			if calm {
				e.calm = append(e.calm, [2]int{at, n})
			}
			if e.out(to) > e.slots && e.broken == 0 {
				e.broken = n
			}
		})
	}
	return e
}

func (e *explorer) add(s situation, parent int, deed string, level int) int {
	if n, known := e.index[s]; known {
		return n
	}
	n := len(e.states)
	e.index[s] = n
	e.states, e.parents, e.deeds, e.levels = append(e.states, s), append(e.parents, parent), append(e.deeds, deed), append(e.levels, level)
	return n
}

func (e *explorer) out(s situation) (n int) {
	for _, a := range s.agents[:e.agents] {
		if a.out {
			n++
		}
	}
	return n
}

func (e *explorer) story(at int) string {
	var deeds []string
	for ; at > 0; at = e.parents[at] {
		deeds = append(deeds, e.deeds[at])
	}
	slices.Reverse(deeds)
	return strings.Join(deeds, "\n")
}

type whatNext func(deed string, to situation, calm bool)

// next is all that can happen in a situation.
func (e *explorer) next(s situation, next whatNext) {
	next(fmt.Sprintf("%s pass", e.step), e.later(s), true)
	for i := range e.agents {
		e.act(s, i, next)
		if st := s.agents[i].stage; st != stageIdle && st != stageOut && st != stageThrough {
			next(hosts[i]+" is killed", s.killed(i), false)
		}
	}
}

// killed: what the agent knew is lost, and its entry stays. It is run again.
func (s situation) killed(i int) situation {
	a := &s.agents[i]
	after := stageIdle
	if a.stage == stageBack {
		after = stageThrough // its entry is left
	}
	s.agents[i] = modelAgent{stage: after, out: a.out, changed: a.changed, entry: a.entry}
	return s
}

// later: a step passes.
func (e *explorer) later(s situation) situation {
	for i := range e.agents {
		a := &s.agents[i]
		a.changed = min(a.changed+1, e.steps(e.lag))
		if a.stage == stageLooked || a.stage == stageCleared {
			a.look = min(a.look+1, 1+e.steps(racing))
		}
		if a.stage == stageCleared || a.stage == stageHeld {
			a.age = min(a.age+1, 1+e.steps(EnterWithin))
		}
		for j := range a.watch {
			if a.watch[j] > 0 {
				a.watch[j] = min(a.watch[j]+1, 2+e.steps(deadAfter+racing))
			}
		}
	}
	return s
}

// act is what one agent can do next.
func (e *explorer) act(s situation, i int, next whatNext) {
	a := s.agents[i]
	switch a.stage {
	case stageIdle:
		e.look(s, i, next)
	case stageLooked:
		e.read(s, i, next)
	case stageCleared:
		e.write(s, i, next)
	case stageHeld:
		e.enter(s, i, next)
	case stageOut:
		s.agents[i].stage, s.agents[i].out, s.agents[i].changed = stageBack, false, 0
		next(hosts[i]+" returns", s, true)
	case stageBack:
		s.agents[i] = modelAgent{stage: stageThrough, changed: a.changed}
		next(hosts[i]+" releases its slot", s.written(i, 1<<i), true)
	}
}

// look: a reading of the group, every row of which may be old.
func (e *explorer) look(s situation, i int, next whatNext) {
	if s.agents[i].out {
		return
	}
	now, either := uint8(0), uint8(0)
	for j, a := range s.agents[:e.agents] {
		if a.out {
			now |= 1 << j
		}
		if j != i && a.changed < e.steps(e.lag) {
			either |= 1 << j
		}
	}
	for old := range uint8(1 << e.agents) {
		if old&^either != 0 {
			continue
		}
		to := s
		a := &to.agents[i]
		a.stage, a.seen = stageLooked, now^old
		next(fmt.Sprintf("%s looks, and sees %s out", hosts[i], names(a.seen)), to, old == 0)
	}
}

// read: the item, and what the real code makes of it.
func (e *explorer) read(s situation, i int, next whatNext) {
	a := &s.agents[i]
	if a.look > e.steps(racing) { // it began anew too often
		a.stage, a.look, a.seen = stageIdle, 0, 0
		next(hosts[i]+" looks again", s, true)
		return
	}
	q := question{self: int8(i), seen: a.seen, look: a.look, watch: a.watch}
	for j, b := range s.agents[:e.agents] {
		if b.entry {
			q.entries |= 1 << j
		}
	}
	was := e.judge(q)
	a.watch = was.watch
	if was.full {
		a.stage, a.look, a.seen = stageIdle, 0, 0
		next(hosts[i]+" reads that all slots are taken", s, true)
		return
	}
	a.stage, a.age, a.drops, a.fresh = stageCleared, 0, was.drops, true
	next(fmt.Sprintf("%s reads that a slot is free, and the entries of %s are of no use", hosts[i], names(was.drops)), s, true)
}

// write: it takes effect where nobody wrote since.
func (e *explorer) write(s situation, i int, next whatNext) {
	a := &s.agents[i]
	drops := a.drops
	if !a.fresh {
		a.stage, a.age, a.drops = stageLooked, 0, 0
		next(hosts[i]+" finds the item changed", s, true)
		return
	}
	if drops != 0 {
		e.freed++
	}
	a.stage, a.drops, a.fresh, a.entry, a.seen, a.look = stageHeld, 0, false, true, 0, 0
	next(hosts[i]+" writes its entry", s.written(i, drops|1<<i), true)
}

// written: entries were removed or replaced by agent i, so nobody has read the item as it is.
func (s situation) written(i int, entries uint8) situation {
	for j := range s.agents {
		s.agents[j].fresh = false
		for k := range s.agents {
			if entries&(1<<k) != 0 {
				s.agents[j].watch[k] = 0
				s.agents[k].entry = s.agents[k].entry && k == i
			}
		}
	}
	return s
}

// enter: EnterStandby is sent while the slot is surely held, and takes effect at once.
func (e *explorer) enter(s situation, i int, next whatNext) {
	a := &s.agents[i]
	sent := time.Duration(a.age)*e.step - time.Nanosecond // an instant before
	if !(Held{until: time.Now().Add(EnterWithin - sent)}).Valid() && !e.frozen {
		a.stage, a.age = stageIdle, 0
		next(hosts[i]+" is too late to enter", s, true)
		return
	}
	s.agents[i] = modelAgent{stage: stageOut, out: true, entry: a.entry}
	next(hosts[i]+" enters Standby", s, true)
}

// judge asks the real code, once for each question.
func (e *explorer) judge(q question) answered {
	if a, known := e.judged[q]; known {
		return a
	}
	now := time.Now()
	w, entries, g := watch{}, map[string]string{}, fleet.Group{}
	for j := range e.agents {
		state := fleet.InService
		if q.seen&(1<<j) != 0 {
			state = fleet.EnteringStandby
		}
		g.Members = append(g.Members, fleet.Member{ID: hosts[j], State: state, Healthy: true})
		if q.entries&(1<<j) != 0 {
			entries[hosts[j]] = "an entry"
		}
		if q.watch[j] > 0 {
			w[hosts[j]] = watched{"an entry", now.Add(-e.step * time.Duration(q.watch[j]-1))}
		}
	}
	seen := AtGroup(fleet.Snapshot{ID: hosts[q.self], State: fleet.InService, Group: g}, now.Add(-e.step*time.Duration(q.look)))
	j := w.judge(hosts[q.self], entries, seen)
	a := answered{full: j.full(e.slots, Where{table: "locks"}) != nil}
	for k := range e.agents {
		if slices.ContainsFunc(j.dropped, func(d Dropped) bool { return d.ID == hosts[k] }) {
			a.drops |= 1 << k
		}
		if before, watches := w[hosts[k]]; watches {
			a.watch[k] = 1 + int8(now.Sub(before.since)/e.step)
		}
	}
	e.judged[q] = a
	return a
}

var hosts = [mostAgents]string{"i-1", "i-2", "i-3"}

func names(set uint8) string {
	var all []string
	for j, id := range hosts {
		if set&(1<<j) != 0 {
			all = append(all, id)
		}
	}
	if len(all) == 0 {
		return "nobody"
	}
	return strings.Join(all, " and ")
}

// stuck is a state from which not everyone gets through by calm steps alone; -1: there is none.
func (e *explorer) stuck() int {
	into := make([][]int, len(e.states))
	for _, step := range e.calm {
		into[step[1]] = append(into[step[1]], step[0])
	}
	fine := make([]bool, len(e.states))
	var todo []int
	mark := func(n int) {
		if !fine[n] {
			fine[n] = true
			todo = append(todo, n)
		}
	}
	for n, s := range e.states {
		beyond := e.depth > 0 && e.levels[n] >= e.depth
		if beyond || !slices.ContainsFunc(s.agents[:e.agents], func(a modelAgent) bool { return a.stage != stageThrough }) {
			mark(n)
		}
	}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, n := range into[at] {
			mark(n)
		}
	}
	return slices.Index(fine, false)
}

// TestLockModel: whatever the order of events, and wherever agents are killed, while reads lag less than a minute
//   - never more are out than there are slots;
//   - from every state all get through, were reads fresh and nobody killed any more: the slot of a dead holder is freed.
func TestLockModel(t *testing.T) {
	const minute = time.Minute
	models := []lockModel{
		{agents: 2, slots: 1, step: 30 * time.Second, lag: minute},
		{agents: 2, slots: 1, step: 15 * time.Second, lag: minute},
		{agents: 3, slots: 1, step: 30 * time.Second, lag: minute},
		{agents: 3, slots: 2, step: 30 * time.Second, lag: minute},
	}
	if testing.Short() {
		models[2].depth, models[3].depth = 15, 13
	}
	if *deep {
		models = append(models, lockModel{agents: 2, slots: 1, step: 5 * time.Second, lag: minute},
			lockModel{agents: 3, slots: 1, step: 15 * time.Second, lag: minute})
	}
	for _, m := range models {
		t.Run(m.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := explore(m)
				t.Logf("%d states, %d judgements, %d times an entry was dropped", len(e.states), len(e.judged), e.freed)
				if e.broken != 0 {
					t.Fatalf("more are out than there are slots\n%s", e.story(e.broken))
				}
				if e.freed == 0 {
					t.Error("no entry was ever dropped: the exploration is too shallow to say anything of dead holders")
				}
				if at := e.stuck(); at >= 0 {
					t.Errorf("not everyone can get through any more\n%s", e.story(at))
				}
			})
		})
	}
}

// TestLockModelAssumes: the minute is an assumption, and not an idle one; nor is it that no process is frozen between its
// last look at the clock and its call, which is the exception that the documentation states.
func TestLockModelAssumes(t *testing.T) {
	for name, m := range map[string]lockModel{
		"reads lag a minute":  {agents: 2, slots: 1, step: 15 * time.Second, lag: time.Minute + 15*time.Second},
		"a process is frozen": {agents: 2, slots: 1, step: 30 * time.Second, lag: time.Minute, frozen: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := explore(m)
				if e.broken == 0 {
					t.Fatalf("%v holds all the same, in %d states: what is assumed is too much", m, len(e.states))
				}
				t.Logf("in %d states\n%s", len(e.states), e.story(e.broken))
			})
		})
	}
}
