package rehearsal

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"balanced/internal/lab"
	"balanced/internal/lab/record"
)

// watch follows a fleet, keeps the history of each instance and sets faults off.
type watch struct {
	*rehearsal
	end chan struct{}

	looking sync.Mutex // guards all below
	fewest  int
	members map[string]*history
	inTurn  []*history
	told    map[string]int    // the second in which a loss of a kind was shown last
	doings  map[string]string // what runs on each instance
	faults  armed
}

// history is what was seen of one instance.
type history struct {
	id, zone string
	spans    []record.Span
}

const (
	glance = 50 * time.Millisecond  // between looks at the Region
	stare  = 250 * time.Millisecond // between looks at processes, and at the screen
)

func newWatch(r *rehearsal) *watch {
	w := &watch{rehearsal: r, end: make(chan struct{}), members: map[string]*history{}, told: map[string]int{}, doings: map[string]string{}}
	w.fewest = r.lab.Fleet.Picture().Serving
	w.look(false)
	return w
}

// start looks on until done is called, which looks once more.
func (w *watch) start() (done func()) {
	var looking sync.WaitGroup
	looking.Go(w.run)
	return func() {
		close(w.end)
		looking.Wait()
	}
}

func (w *watch) run() {
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for n := 0; ; n++ {
		w.look(n%int(stare/glance) == 0)
		select {
		case <-w.end:
			w.look(true)
			return
		case <-tick.C:
		}
	}
}

// look sees the fleet as it is now; closely, with the processes too, and for the screen.
func (w *watch) look(closely bool) {
	if closely {
		w.see(w.processes())
	}
	p := w.lab.Fleet.Picture()
	now := w.at(time.Now())
	var changed []func()
	w.looking.Lock()
	w.fewest = min(w.fewest, p.Serving)
	for _, m := range p.Members {
		changed = append(changed, w.member(m, now)...)
	}
	for _, h := range w.inTurn {
		if _, there := p.Member(h.id); !there {
			changed = append(changed, w.saw(h, record.Span{State: "gone"}, now)...)
		}
	}
	due := w.faults.due(w, p)
	w.looking.Unlock()
	for _, tell := range append(changed, due...) {
		tell()
	}
	if closely {
		n := w.now(p)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.Show.Now(n)
	}
}

// member is a look at one member, w.looking held.
func (w *watch) member(m lab.Member, now float64) (changed []func()) {
	h := w.members[m.ID]
	if h == nil {
		h = &history{id: m.ID, zone: m.Zone}
		w.members[m.ID], w.inTurn = h, append(w.inTurn, h)
	}
	return w.saw(h, record.Span{State: m.State, Serves: m.Serves, Views: m.Views, Version: w.lab.Version(m.ID), Doing: w.doings[m.ID]}, now)
}

// saw adds a look to a history, w.looking held. What users might feel is an event.
func (w *watch) saw(h *history, s record.Span, now float64) (changed []func()) {
	s.From, s.To = now, now
	if len(h.spans) == 0 {
		h.spans = []record.Span{s}
		if w.index(h.id) == 0 {
			return []func(){func() { w.event(h.id, record.Changed, said(s)) }}
		}
		return nil
	}
	last := &h.spans[len(h.spans)-1]
	last.To = now
	if said(*last) != said(s) {
		changed = append(changed, func() { w.event(h.id, record.Changed, said(s)) })
	}
	if len(changed) > 0 || last.Version != s.Version && s.State != "gone" || last.Doing != s.Doing {
		h.spans = append(h.spans, s)
	}
	return changed
}

// said is the part of a span that the Region says, as one line.
func said(s record.Span) string {
	text := s.State
	for n, v := range s.Views {
		text += fmt.Sprintf("%s %s %s", map[bool]string{true: ";", false: ","}[n == 0], v.Source, v.State)
	}
	return text
}

// processes are what runs on each instance now.
func (w *watch) processes() map[string]string {
	all := map[string]string{}
	leaders := w.command.leaders()
	if len(leaders) == 0 {
		return all
	}
	k := family()
	for id, pid := range leaders {
		all[id] = doing(k, pid)
	}
	return all
}

// doing is the part of a command that runs now: the shell's child, or else the shell.
func doing(k kin, leader int) string {
	words := argv(leader)
	for _, pid := range k.below(leader) {
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

func (w *watch) see(doings map[string]string) {
	w.looking.Lock()
	defer w.looking.Unlock()
	w.doings = doings
}

// firstOfItsKind says whether no such loss was told in this second.
func (w *watch) firstOfItsKind(l record.Loss) bool {
	w.looking.Lock()
	defer w.looking.Unlock()
	kind := l.Source + " " + l.Instance + " " + l.Cause
	last, told := w.told[kind]
	w.told[kind] = int(l.At)
	return !told || last != int(l.At)
}

func (w *watch) group(p lab.Picture) record.Group {
	w.looking.Lock()
	defer w.looking.Unlock()
	return record.Group{
		Name: w.lab.Fleet.Group, Min: p.Min, Max: p.Max, Desired: p.Desired, Floor: w.Concurrency.Floor(len(w.instances)), FewestServing: w.fewest,
	}
}

func (w *watch) histories() []*history {
	w.looking.Lock()
	defer w.looking.Unlock()
	return slices.Clone(w.inTurn)
}

// instance is a history up to an end.
func (h *history) instance(end float64) record.Instance {
	spans := slices.Clone(h.spans)
	spans[len(spans)-1].To = end
	i := record.Instance{ID: h.id, Zone: h.zone, Spans: spans}
	for n, s := range spans {
		i.Before = cmp.Or(i.Before, s.Version)
		if n+1 < len(spans) {
			spans[n].To = spans[n+1].From
		}
		if s.Version != "" {
			i.After = s.Version
		}
		if !s.Serves {
			i.Out += spans[n].To - s.From
		}
	}
	return i
}

// now is the rehearsal at this moment.
func (w *watch) now(p lab.Picture) record.Now {
	now := time.Now()
	n := record.Now{At: w.at(now), Group: w.group(p), Serving: p.Serving}
	n.Requests, n.Lost = w.traffic.Meter.Now()
	w.mu.Lock()
	n.Doing = w.doing
	w.mu.Unlock()
	for _, h := range w.histories() {
		_, lost, last := w.traffic.Meter.Of(h.id, now)
		n.Rate += float64(last)
		w.looking.Lock()
		span := h.spans[len(h.spans)-1]
		w.looking.Unlock()
		n.Instances = append(n.Instances, record.InstanceNow{ID: h.id, Zone: h.zone, Rate: float64(last), Lost: lost, Span: span})
	}
	return n
}
