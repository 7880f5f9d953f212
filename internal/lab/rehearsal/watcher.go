package rehearsal

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"balanced/internal/lab"
	"balanced/internal/lab/record"
)

// watcher polls the fleet, keeps the history of each instance, and injects faults.
type watcher struct {
	*rehearsal
	stop chan struct{}

	histMu        sync.Mutex // guards all below
	fewestHealthy int
	byID          map[string]*history
	order         []*history        // in the order in which the instances were first seen
	lastShown     map[string]int    // the second in which a kind of loss was last shown
	running       map[string]string // the command that runs on each instance
	faults        armed
}

const (
	// pollRegion is the time between two reads of the Region: short against the second that the
	// shortest drain takes.
	pollRegion = 50 * time.Millisecond
	// pollProcs is the time between two reads of the processes, and between two updates of the
	// screen. Reading /proc costs milliseconds.
	pollProcs = 250 * time.Millisecond
)

func newWatcher(r *rehearsal) *watcher {
	w := &watcher{rehearsal: r, stop: make(chan struct{}), byID: map[string]*history{}, lastShown: map[string]int{}, running: map[string]string{}}
	w.fewestHealthy = r.lab.Fleet.Snapshot().Healthy
	w.poll(false)
	return w
}

// start polls until done is called, which polls once more.
func (w *watcher) start() (done func()) {
	var polling sync.WaitGroup
	polling.Go(w.loop)
	return func() {
		close(w.stop)
		polling.Wait()
	}
}

func (w *watcher) loop() {
	tick := time.NewTicker(pollRegion)
	defer tick.Stop()
	for n := 0; ; n++ {
		w.poll(n%int(pollProcs/pollRegion) == 0)
		select {
		case <-w.stop:
			w.poll(true)
			return
		case <-tick.C:
		}
	}
}

// poll reads the fleet; with full also the processes, and then it updates the display.
func (w *watcher) poll(full bool) {
	if full {
		w.setRunning(w.runningCommands())
	}
	p := w.lab.Fleet.Snapshot()
	now := w.at(time.Now())
	var todo []func() // what must not be done with histMu held
	w.histMu.Lock()
	w.fewestHealthy = min(w.fewestHealthy, p.Healthy)
	for _, m := range p.Members {
		todo = append(todo, w.observeMember(m, now)...)
	}
	for _, h := range w.order {
		if _, listed := p.Member(h.id); !listed {
			todo = append(todo, w.observe(h, record.Span{State: "gone"}, now)...)
		}
	}
	todo = append(todo, w.faults.takeDue(w, p)...)
	w.histMu.Unlock()
	for _, do := range todo {
		do()
	}
	if full {
		n := w.now(p)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.Display.Now(n)
	}
}

// observeMember adds the state of a member to its history. It is called with w.histMu held.
func (w *watcher) observeMember(m lab.Member, now float64) (events []func()) {
	h := w.byID[m.ID]
	if h == nil {
		h = &history{id: m.ID, zone: m.Zone}
		w.byID[m.ID], w.order = h, append(w.order, h)
	}
	return w.observe(h, record.Span{
		State: m.State, Healthy: m.Healthy, Targets: m.Targets, Version: w.lab.Version(m.ID), Running: w.running[m.ID],
	}, now)
}

// observe adds a state to a history, and returns functions that record what clients may
// notice as events. It is called with w.histMu held.
func (w *watcher) observe(h *history, s record.Span, now float64) (events []func()) {
	change := func() { w.event(h.id, record.Changed, regionState(s)) }
	before, known := h.last()
	h.add(s, now)
	if known && regionState(before) != regionState(s) || !known && w.index(h.id) == 0 { // 0: launched during the rehearsal
		events = append(events, change)
	}
	return events
}

// regionState is the part of a span that comes from the Region, as one line.
func regionState(s record.Span) string {
	var at []string
	for _, target := range s.Targets {
		at = append(at, target.Source+" "+target.State)
	}
	if len(at) == 0 {
		return s.State
	}
	return s.State + "; " + strings.Join(at, ", ")
}

// runningCommands returns what runs on each instance now.
func (w *watcher) runningCommands() map[string]string {
	all := map[string]string{}
	shells := w.command.pids()
	if len(shells) == 0 {
		return all
	}
	tree := readProcTree()
	for id, shell := range shells {
		all[id] = runningCommand(tree, shell)
	}
	return all
}

// runningCommand is the part of a command line that runs now: the child of the shell, or
// the shell itself if it has none.
func runningCommand(tree procTree, shell int) string {
	words := argv(shell)
	for _, pid := range tree.descendants(shell) {
		if child := argv(pid); child != nil {
			words = child
			break
		}
	}
	if len(words) == 0 {
		return ""
	}
	words = slices.Clone(words)
	words[0] = filepath.Base(words[0])
	return strings.Join(words, " ")
}

func (w *watcher) setRunning(running map[string]string) {
	w.histMu.Lock()
	defer w.histMu.Unlock()
	w.running = running
}

// firstOfItsKind reports whether no such loss has been shown in this second.
func (w *watcher) firstOfItsKind(l record.Loss) bool {
	w.histMu.Lock()
	defer w.histMu.Unlock()
	kind := l.Source + " " + l.Instance + " " + l.Cause
	last, shown := w.lastShown[kind]
	w.lastShown[kind] = int(l.At)
	return !shown || last != int(l.At)
}

func (w *watcher) group(p lab.Snapshot) record.Group {
	w.histMu.Lock()
	defer w.histMu.Unlock()
	return record.Group{
		Name: w.lab.Fleet.Group, Min: p.Min, Max: p.Max, Desired: p.Desired,
		Minimum: w.Concurrency.Minimum(len(w.instances)), FewestHealthy: w.fewestHealthy,
	}
}

func (w *watcher) histories() []*history {
	w.histMu.Lock()
	defer w.histMu.Unlock()
	return slices.Clone(w.order)
}

// now is the rehearsal at this moment.
func (w *watcher) now(p lab.Snapshot) record.Now {
	now := time.Now()
	n := record.Now{At: w.at(now), Group: w.group(p), Healthy: p.Healthy}
	n.Requests, n.Lost = w.traffic.Meter.Totals()
	w.mu.Lock()
	n.Phase = w.phase
	w.mu.Unlock()
	for _, h := range w.histories() {
		_, lost, rate := w.traffic.Meter.Instance(h.id, now)
		n.Rate += float64(rate)
		w.histMu.Lock()
		span, _ := h.last()
		w.histMu.Unlock()
		n.Instances = append(n.Instances, record.InstanceNow{ID: h.id, Zone: h.zone, Rate: float64(rate), Lost: lost, Span: span})
	}
	return n
}

// onLost records a lost request as an event, if it is the first of its kind in a second.
func (r *rehearsal) onLost(l record.Loss) {
	if r.watcher.firstOfItsKind(l) {
		r.event(l.Instance, record.Lost, fmt.Sprintf("request %s, begun at %.1fs: %s", l.Request, l.At, l.Cause))
	}
}
