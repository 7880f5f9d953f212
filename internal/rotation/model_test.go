package rotation

import (
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"balanced/internal/fleet/sample"

	"balanced/internal/failure"
	"balanced/internal/fleet"
)

// This file explores the slot rule: every order in which a few agents can look, enter,
// judge, roll back, be killed, be run again, work and return, on every reading they can
// be given. The judgements are the real ones, mayLeave and proven, and with them Holders,
// the numbers, the capacity and the rule. The world around them is a model.
//
// An agent that looks gets two answers, the list of members and the feed. Each may be
// old: it shows the group as it was before any of the last few events. Time is abstract
// but for one thing, the settle time: the reading by which an agent judges its slot is
// no older than its own move, so it shows every move that took effect before. To see to
// that is settled's part, and TestProven's. TestModelAssumes drops it, and the rule fails.
//
// Left out: load balancers, so that a member in service is healthy; the numbers in the
// answer to EnterStandby, a second net below the rule; the way back, which takes no time.

var deep = flag.Bool("deep", false, "explore the large models of the slot rule too: a minute or two")

// A model is a group, and how the world treats it.
type model struct {
	agents, size int
	slots        int  // size less the minimum
	count        bool // the minimum is given as a number of instances, otherwise as all
	fence        bool // MinSize is the minimum
	lag          int  // how many events an answer may lag behind
	mixed        bool // an answer may mix rows of different ages
	kills        bool // agents are killed, and run again
	ties         bool // moves may begin at the same tick of AWS's clock
	depth        int  // how many events to explore; 0: all there can ever be

	// What must not be, if the rule is to hold:
	unsettled bool // nothing drains, and answers lag more than the settle time
	halfTicks bool // … or less than a tick below it
}

const (
	mostHosts = 5
	mostPast  = 4
)

// quickModels begin with the smallest: with -short the first few of them are all there is.
var quickModels = []model{
	{agents: 2, size: 2, slots: 1, lag: 4, kills: true},
	{agents: 2, size: 3, slots: 1, lag: 3, kills: true, mixed: true},
	{agents: 2, size: 4, slots: 2, lag: 3, kills: true, count: true},
	{agents: 2, size: 3, slots: 1, lag: 3, kills: true, ties: true},
	{agents: 2, size: 3, slots: 1, lag: 4, kills: true, fence: true},
	{agents: 3, size: 3, slots: 1, lag: 3, kills: true, fence: true, mixed: true},
	{agents: 3, size: 3, slots: 2, lag: 2, kills: true, fence: true, count: true},
	{agents: 3, size: 3, slots: 1, lag: 2},
	{agents: 3, size: 3, slots: 1, lag: 2, count: true},
	{agents: 3, size: 4, slots: 1, lag: 1, kills: true},
	{agents: 3, size: 5, slots: 2, lag: 1, kills: true, count: true, mixed: true},
	{agents: 4, size: 4, slots: 1, lag: 1},
	{agents: 4, size: 5, slots: 1, lag: 1, kills: true, depth: 11},
	{agents: 4, size: 4, slots: 1, lag: 2, kills: true, fence: true},
}

var deepModels = []model{
	{agents: 3, size: 3, slots: 1, lag: 3, kills: true},
	{agents: 3, size: 3, slots: 1, lag: 2, kills: true, mixed: true},
	{agents: 3, size: 4, slots: 1, lag: 1, kills: true, ties: true},
	{agents: 3, size: 4, slots: 2, lag: 2, kills: true, count: true, mixed: true},
	{agents: 4, size: 4, slots: 1, lag: 1, kills: true},
	{agents: 4, size: 4, slots: 1, lag: 2},
	{agents: 4, size: 4, slots: 1, lag: 1, ties: true},
	{agents: 4, size: 4, slots: 2, lag: 1, count: true},
	{agents: 4, size: 5, slots: 2, lag: 2, count: true},
	{agents: 4, size: 4, slots: 2, lag: 1, kills: true, fence: true, count: true, mixed: true},
	{agents: 4, size: 4, slots: 2, lag: 1, kills: true, count: true},
}

// TestModel: however the agents interleave, and whatever they read,
//   - never more are at work than there are slots;
//   - whoever begins to work has read that at least the minimum is healthy without it;
//   - no host that was found out, and may be half upgraded, goes back by itself;
//   - nobody is ever stuck: from every state, were answers fresh and nobody killed any
//     more, all get through. Where nobody is killed they do so without the end of any
//     budget: the rule alone says who goes back;
//   - where MinSize is the minimum, nobody who reads what is so has to go back.
func TestModel(t *testing.T) {
	models := quickModels
	if testing.Short() {
		models = models[:8]
	}
	if *deep {
		models = slices.Concat(quickModels, deepModels)
	}
	total := 0
	for _, m := range models {
		t.Run(m.String(), func(t *testing.T) {
			e := explore(m)
			total += len(e.states)
			t.Logf("%d states, %d readings judged", len(e.states), len(e.verdicts))
			switch {
			case e.broken != "":
				t.Fatalf("%s\n%s", e.broken, e.story(e.brokenAt))
			case m.fence && e.rolledBack:
				t.Error("MinSize is the minimum, but somebody had to go back")
			}
			if at := e.stuck(); at >= 0 {
				t.Errorf("not everyone can get through any more\n%s", e.story(at))
			}
		})
	}
	t.Logf("%d states in all", total)
}

// TestModelCounts: the same for a minimum in numbers, when three leave for one slot and
// the second of them is killed and run again.
func TestModelCounts(t *testing.T) {
	if testing.Short() {
		t.Skip("TestModel has a smaller one")
	}
	e := explore(model{agents: 3, size: 3, slots: 1, lag: 2, kills: true, count: true})
	t.Logf("%d states, %d readings judged", len(e.states), len(e.verdicts))
	if e.broken != "" {
		t.Errorf("%s\n%s", e.broken, e.story(e.brokenAt))
	}
}

// TestModelAssumes: the settle time is an assumption, and not an idle one. Where it does
// not hold two agents are at work in one slot, unless MinSize is the minimum.
func TestModelAssumes(t *testing.T) {
	for name, m := range map[string]model{
		"answers lag more than the settle time":      {agents: 2, size: 3, slots: 1, lag: 3, mixed: true, unsettled: true},
		"answers lag a tick less, and moves may tie": {agents: 2, size: 3, slots: 1, lag: 3, kills: true, ties: true, halfTicks: true},
		"two slots, and answers lag as much":         {agents: 3, size: 4, slots: 2, lag: 3, count: true, mixed: true, unsettled: true},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && m.agents > 2 {
				t.Skip("most of the states of this test are in this model")
			}
			e := explore(m)
			if e.broken == "" {
				t.Errorf("%v holds all the same, in %d states: what is assumed is too much", m, len(e.states))
			}
			t.Logf("%s, in %d states\n%s", e.broken, len(e.states), e.story(e.brokenAt))
			m.fence = true
			if e := explore(m); e.broken != "" {
				t.Errorf("and with MinSize as the minimum: %s\n%s", e.broken, e.story(e.brokenAt))
			}
		})
	}
}

func (m model) String() string {
	s := fmt.Sprintf("%d agents in %d hosts, %d out at once, lag %d", m.agents, m.size, m.slots, m.lag)
	for _, o := range []struct {
		on   bool
		name string
	}{{m.count, "count"}, {m.fence, "fence"}, {m.mixed, "mixed"}, {m.kills, "kills"}, {m.ties, "ties"}} {
		if o.on {
			s += ", " + o.name
		}
	}
	return s
}

func (m model) minimum() int { return m.size - m.slots }

func (m model) minHealthy() fleet.MinHealthy {
	if m.count {
		return sample.Rule(strconv.Itoa(m.minimum()))
	}
	return fleet.MinHealthy{}
}

func (m model) minSize() int {
	if m.fence {
		return m.minimum()
	}
	return 0
}

// modelHost is one member, as Auto Scaling has it.
type modelHost struct {
	state    modelState
	left     int8 // the tick its newest move to Standby began at; 0: it never left
	returned bool // since then
}

type modelState uint8

const (
	isIn modelState = iota
	isDraining
	isOut
)

func (h modelState) asg() fleet.State {
	return [...]fleet.State{fleet.InService, fleet.EnteringStandby, fleet.Standby}[h]
}

// moment is the group between two events.
type moment struct {
	hosts   [mostHosts]modelHost
	desired int8
}

// agentStage is how far an agent has come. All else that it knows, it reads.
type agentStage uint8

const (
	stageIdle    agentStage = iota // in service, as far as it knows
	stageCleared                   // nothing spoke against leaving: its call is on the way
	stageHolder                    // it left, and nothing was done to its host yet
	stageWorking                   // out returned 0
	stageKilled                    // while its host was out
	stageResumed                   // a rerun that found its host out: maybe half upgraded, so it never goes back
	stageThrough                   // it worked and returned
)

// situation is all there is: what answers may still show, what is so, and the agents.
type situation struct {
	past   [mostPast]moment // oldest first
	known  int8             // how many of them
	now    moment
	open   bool // the newest tick still runs: another move may begin at it
	stages [mostHosts]agentStage
}

func (s situation) in(st agentStage, agent int) situation {
	s.stages[agent] = st
	return s
}

// after is the situation after an event.
func (s situation) after(m model, event func(*moment)) situation {
	if int(s.known) == m.lag {
		copy(s.past[:], s.past[1:m.lag])
		s.known--
	}
	s.past[s.known] = s.now
	s.known++
	event(&s.now)
	return s.ranked()
}

// ranked numbers the ticks anew: only their order means anything.
func (s situation) ranked() situation {
	var rank [mostHosts*(mostPast+1) + 2]int8
	s.each(func(h *modelHost) { rank[h.left] = 1 })
	rank[0] = 0
	for tick := 1; tick < len(rank); tick++ {
		rank[tick] += rank[tick-1]
	}
	s.each(func(h *modelHost) { h.left = rank[h.left] })
	return s
}

func (s *situation) each(f func(*modelHost)) {
	for k := range s.known {
		for i := range s.past[k].hosts {
			f(&s.past[k].hosts[i])
		}
	}
	for i := range s.now.hosts {
		f(&s.now.hosts[i])
	}
}

func (s *situation) newestTick() (tick int8) {
	for _, h := range s.now.hosts {
		tick = max(tick, h.left)
	}
	return tick
}

// moments are the past that answers may show and the present, oldest first.
func (s *situation) moments() []moment { return append(slices.Clone(s.past[:s.known]), s.now) }

// settled is the first moment that shows an agent's own move and, unless a tick may be
// cut in two, every move that began at the same tick: once the settle time is over the
// agent is shown nothing older.
func (s *situation) settled(agent int, halfTicks bool) int {
	mine := s.now.hosts[agent].left
	moments := s.moments()
	for k := len(moments) - 1; k > 0; k-- {
		for i, h := range moments[k].hosts {
			if h.left == mine && moments[k-1].hosts[i].left != mine && (i == agent || !halfTicks) {
				return k
			}
		}
	}
	return 0
}

// shown is what one look shows: the list of members, and the feed's moves of each.
type shown struct {
	list moment
	feed [mostHosts]modelHost
}

// readings are all that these moments can show.
func (m model) readings(moments []moment) []shown {
	var all []shown
	if m.mixed {
		return m.mixtures(moments)
	}
	for _, list := range moments {
		for _, feed := range moments {
			all = append(all, shown{list, feed.hosts})
		}
	}
	return all
}

// mixtures are the readings in which every row has an age of its own.
func (m model) mixtures(moments []moment) []shown {
	all := []shown{{list: moments[0], feed: moments[0].hosts}}
	vary := func(set func(*shown, moment)) {
		for _, r := range all {
			seen := []shown{r}
			for _, at := range moments[1:] {
				set(&r, at)
				if !slices.Contains(seen, r) {
					seen = append(seen, r)
				}
			}
			all = append(all, seen[1:]...)
		}
	}
	vary(func(r *shown, at moment) { r.list.desired = at.desired })
	for i := range m.agents {
		vary(func(r *shown, at moment) { r.list.hosts[i] = at.hosts[i] })
		vary(func(r *shown, at moment) { r.feed[i] = at.hosts[i] })
	}
	return all
}

// conclusion is what an agent makes of a reading.
type conclusion uint8

const (
	lookAgain conclusion = iota
	goAhead              // ask to leave; or, when out, work
	goBack               // the slot is another's
	tooFew               // look again, and go back at the end of the budget
	outAlready
)

type asked struct {
	agent int
	stage agentStage
	shown
}

// explorer walks a model. It remembers where it has been and what was answered.
type explorer struct {
	model
	verdicts   map[asked]conclusion
	index      map[situation]int
	states     []situation
	parents    []int
	deeds      []string // that led from the parent
	levels     []int
	calm       [][2]int // steps that need neither a kill nor an old answer
	rolledBack bool     // on a reading of what is so
	broken     string   // the first promise broken
	brokenAt   int
}

// whatNext is told what may happen next, what comes of it, and whether it is calm.
type whatNext func(deed string, next situation, calm bool)

// explore walks breadth first, so that the story of what it finds is a shortest one.
func explore(m model) *explorer {
	e := &explorer{model: m, verdicts: map[asked]conclusion{}, index: map[situation]int{}}
	first := situation{now: moment{desired: int8(m.size)}}
	e.add(first, -1, "", 0)
	for at := 0; at < len(e.states) && e.broken == ""; at++ {
		if m.depth > 0 && e.levels[at] == m.depth {
			break
		}
		e.steps(e.states[at], func(deed string, next situation, calm bool) {
			to := e.add(next, at, deed, e.levels[at]+1)
			if calm {
				e.calm = append(e.calm, [2]int{at, to})
			}
			if e.broken != "" && e.brokenAt == 0 {
				e.brokenAt = to
			}
		})
	}
	return e
}

func (e *explorer) add(s situation, parent int, deed string, level int) int {
	if i, ok := e.index[s]; ok {
		return i
	}
	i := len(e.states)
	e.index[s] = i
	e.states, e.parents, e.deeds, e.levels = append(e.states, s), append(e.parents, parent), append(e.deeds, deed), append(e.levels, level)
	return i
}

// story is how a state was reached.
func (e *explorer) story(at int) string {
	var deeds []string
	for ; at > 0; at = e.parents[at] {
		deeds = append(deeds, e.deeds[at])
	}
	slices.Reverse(deeds)
	return strings.Join(deeds, "\n")
}

// steps are all that can happen next.
func (e *explorer) steps(s situation, next whatNext) {
	for i := range e.agents {
		if s.now.hosts[i].state == isDraining {
			next(hostNames[i]+" is drained", s.after(e.model, func(m *moment) { m.hosts[i].state = isOut }), true)
		}
		e.act(s, i, next)
	}
	if s.open {
		over := s
		over.open = false
		next("the tick ends", over, true)
	}
}

// act is what one agent can do next, or have done to it.
func (e *explorer) act(s situation, i int, next whatNext) {
	switch s.stages[i] {
	case stageIdle:
		e.look(s, i, next)
	case stageCleared:
		e.enter(s, i, next)
	case stageHolder, stageResumed:
		e.prove(s, i, next)
	case stageWorking:
		next(hostNames[i]+" has worked, and returns", e.home(s.in(stageThrough, i), i), true)
	case stageKilled:
		e.rerun(s, i, next)
	}
	if st := s.stages[i]; e.kills && (st == stageHolder || st == stageResumed || st == stageWorking) {
		next(hostNames[i]+" is killed", s.in(stageKilled, i), false)
	}
}

// look: an agent asks whether anything speaks against leaving.
func (e *explorer) look(s situation, i int, next whatNext) {
	e.judge(s, i, s.moments(), func(v conclusion, _ shown, calm bool) {
		switch v {
		case goAhead:
			next(hostNames[i]+" sees a free slot", s.in(stageCleared, i), calm)
		case outAlready:
			next(hostNames[i]+" reads that its host is out already", s.in(stageResumed, i), calm)
		}
	})
}

// enter: Auto Scaling takes the host out at once, or refuses.
func (e *explorer) enter(s situation, i int, next whatNext) {
	switch {
	case s.now.hosts[i].state != isIn:
		next(hostNames[i]+" is refused, since its host is out already", s.in(stageResumed, i), true)
		return
	case int(s.now.desired)-1 < e.minSize():
		next(hostNames[i]+" is refused by MinSize", s.in(stageIdle, i), true)
		return
	}
	at := func(tick int8) situation {
		left := s.in(stageHolder, i)
		left.open = e.ties
		return left.after(e.model, func(m *moment) {
			m.hosts[i] = modelHost{state: isDraining, left: tick}
			m.desired--
		})
	}
	next(hostNames[i]+" enters", at(s.newestTick()+1), true)
	if s.open {
		next(hostNames[i]+" enters at the same tick", at(s.newestTick()), true)
	}
}

// prove: an agent whose host is out judges whether its slot is its own.
func (e *explorer) prove(s situation, i int, next whatNext) {
	switch s.now.hosts[i].state {
	case isDraining:
		return
	case isIn: // read that it is out, and reads now that it is not: the run ends, and the next begins
		next(hostNames[i]+" sees its host in service", s.in(stageIdle, i), true)
		return
	}
	if s.open && s.now.hosts[i].left == s.newestTick() && !e.halfTicks {
		return // the settle time is longer than a tick
	}
	since := s.settled(i, e.halfTicks)
	if e.unsettled {
		since = 0
	}
	e.judge(s, i, s.moments()[since:], func(v conclusion, r shown, calm bool) {
		switch {
		case v == goAhead:
			e.check(s, i, r)
			next(hostNames[i]+" begins to work", s.in(stageWorking, i), calm)
		case s.stages[i] == stageResumed:
			e.breaks("%s gives back a host that may be half upgraded", hostNames[i])
			next(hostNames[i]+" gives its slot back", e.home(s.in(stageIdle, i), i), calm)
		case v == goBack, v == tooFew && e.kills:
			e.rolledBack = e.rolledBack || calm
			next(hostNames[i]+" gives its slot back", e.home(s.in(stageIdle, i), i), calm)
		}
	})
}

// home brings a host back.
func (e *explorer) home(s situation, i int) situation {
	return s.after(e.model, func(m *moment) {
		m.hosts[i].state, m.hosts[i].returned = isIn, true
		m.desired++
	})
}

// rerun: the new process knows what it reads, which may be old.
func (e *explorer) rerun(s situation, i int, next whatNext) {
	for k, at := range s.moments() {
		h, calm := at.hosts[i].state, k == int(s.known)
		next(hostNames[i]+" is run again and finds "+string(h.asg()), s.in([...]agentStage{isIn: stageIdle, isDraining: stageHolder, isOut: stageResumed}[h], i), calm)
	}
}

// check holds the promise to a beginning of work.
func (e *explorer) check(s situation, i int, r shown) {
	atWork, serve := 1, 0
	for j := range e.size {
		if j != i && s.stages[j] == stageWorking {
			atWork++
		}
		if j != i && r.list.hosts[j].state == isIn {
			serve++
		}
	}
	if atWork > e.slots {
		e.breaks("%d at work, slots: %d", atWork, e.slots)
	}
	if s.stages[i] == stageHolder && serve < e.minimum() {
		e.breaks("%s begins to work, but read that %d peers are healthy, and the minimum is %d", hostNames[i], serve, e.minimum())
	}
}

func (e *explorer) breaks(format string, args ...any) {
	if e.broken == "" {
		e.broken = fmt.Sprintf(format, args...)
	}
}

// judge tells what an agent may make of these moments, with each reading that leads
// there. A verdict on the present is calm.
func (e *explorer) judge(s situation, i int, moments []moment, each func(v conclusion, r shown, calm bool)) {
	one := func(r shown, calm bool) {
		if v := e.verdict(asked{i, s.stages[i], r}); v != lookAgain {
			each(v, r, calm)
		}
	}
	one(shown{s.now, s.now.hosts}, true)
	mine := s.now.hosts[i].left
	for _, r := range e.readings(moments) {
		if s.stages[i] != stageIdle && (r.list.hosts[i].left != mine || r.feed[i].left != mine) {
			continue // does not show its own move
		}
		one(r, false)
	}
}

// verdict asks the real code, once for each question.
func (e *explorer) verdict(q asked) conclusion {
	v, ok := e.verdicts[q]
	if !ok {
		v = e.ask(q)
		e.verdicts[q] = v
	}
	return v
}

func (e *explorer) ask(q asked) conclusion {
	v := e.view(q)
	if q.stage == stageIdle {
		switch {
		case v.State.Out():
			return outAlready
		case mayLeave(v).kind == settled:
			return goAhead
		}
		return lookAgain
	}
	if v.State != fleet.Standby {
		return lookAgain
	}
	switch judged := proven(v); {
	case judged.kind == settled:
		return goAhead
	case judged.refusal.Class == failure.RolledBack:
		return goBack
	case judged.rollsBack:
		return tooFew
	}
	return lookAgain
}

var hostNames = [mostHosts]string{"i-1", "i-2", "i-3", "i-4", "i-5"}

// view is a reading as the real code takes it, long after all moves in it.
func (e *explorer) view(q asked) view {
	v := view{
		reading: reading{scope: whole, began: sample.Noon, looked: sample.Noon, Snapshot: fleet.Snapshot{
			ID: hostNames[q.agent], State: q.list.hosts[q.agent].state.asg(), Healthy: true, Zone: "a", Now: sample.Noon.Add(10 * time.Hour),
			Group: fleet.Group{Name: "web", Min: e.minSize(), Max: 2 * e.size, Desired: int(q.list.desired), Settings: fleet.Settings{MinHealthyPercent: -1}},
		}},
		request: request{min: e.minHealthy(), settle: DefaultSettle},
	}
	switch q.stage {
	case stageHolder:
		v.sent = sample.Noon.Add(-time.Hour)
	case stageResumed:
		v.resumed = true
	}
	for i := range e.size {
		v.Group.Members = append(v.Group.Members, sample.Member(hostNames[i], q.list.hosts[i].state.asg()))
		v.Activities = append(v.Activities, q.feed[i].moves(hostNames[i])...)
	}
	if q.agent%2 == 1 { // AWS promises no order
		slices.Reverse(v.Group.Members)
		slices.Reverse(v.Activities)
	}
	return v
}

// moves is a host's part of the feed.
func (h modelHost) moves(id string) []fleet.Activity {
	if h.left == 0 {
		return nil
	}
	begins, status := 60*int(h.left), "Successful"
	if h.state == isDraining {
		status = "InProgress"
	}
	moves := []fleet.Activity{sample.ToStandby(id, begins, status)}
	if h.returned {
		moves = append(moves, sample.FromStandby(id, begins+30))
	}
	return moves
}

// stuck is a nearest state from which not everyone gets through by calm steps alone, or
// -1. What lies beyond the depth of the exploration counts as through.
func (e *explorer) stuck() int {
	into := make([][]int, len(e.states))
	for _, step := range e.calm {
		into[step[1]] = append(into[step[1]], step[0])
	}
	fine := make([]bool, len(e.states))
	var todo []int
	mark := func(i int) {
		if !fine[i] {
			fine[i] = true
			todo = append(todo, i)
		}
	}
	for i, s := range e.states {
		beyond := e.depth > 0 && e.levels[i] >= e.depth
		if beyond || !slices.ContainsFunc(s.stages[:e.agents], func(st agentStage) bool { return st != stageThrough }) {
			mark(i)
		}
	}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, i := range into[at] {
			mark(i)
		}
	}
	return slices.Index(fine, false)
}
