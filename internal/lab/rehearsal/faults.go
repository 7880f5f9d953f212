package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"balanced/internal/lab"
	"balanced/internal/lab/record"
)

// Fault is a failure that a rehearsal injects.
type Fault struct {
	text  string // as given
	kind  string
	n     int           // the number of the instance, or an amount; see faultKinds
	when  int           // inject it when this instance, counted from 1, is in state; 0: see after
	state string        // a lifecycle state
	after time.Duration // inject it this long after the rollout began
}

// faultKind is a kind of fault that can be asked for.
type faultKind struct {
	name   string
	about  string // says what N is
	when   string // applies if none is given
	inject func(*watcher, Fault)
}

// FaultUsage is the syntax of a fault.
const FaultUsage = `"KIND N [when K STATE | when TIME]"`

func faultKinds() []faultKind {
	return []faultKind{
		{"bad-version", "every deploy on the N-th and all later instances installs a version that fails", "", (*watcher).badVersion},
		{"peer-dies", "the server of the N-th instance is killed and does not come back", "when 1 Standby", (*watcher).killServer},
		{"throttle", "AWS answers N calls a second to each service, after a burst of 5 x N", "", (*watcher).throttle},
		{"stuck-drain", "the N-th instance stays in EnteringStandby for ever", "when N EnteringStandby", (*watcher).stickDrain},
		{"scale-out", "a scaling policy adds N instances", "when 1 Standby", (*watcher).scaleOut},
		{"spot-notice", "EC2 announces that it will terminate the N-th instance", "", (*watcher).spotNotice},
		{"kill-agent", "balanced on the N-th instance gets kill -9, then the command is run there again", "when N EnteringStandby", (*watcher).killAgent},
		{"second-operator", "another operator begins the same rollout at the N-th instance", "", (*watcher).startSecondOperator},
	}
}

// FaultHelp describes each kind of fault in one line.
func FaultHelp() string {
	var b strings.Builder
	for _, k := range faultKinds() {
		fmt.Fprintf(&b, "%-16s %s\n", k.name, k.about)
	}
	return b.String()
}

// ParseFault parses "peer-dies 4 when 1 Standby", "scale-out 1 when 5s" or "bad-version 1".
func ParseFault(text string) (Fault, error) {
	words := strings.Fields(text)
	bad := func(why string) (Fault, error) {
		return Fault{}, fmt.Errorf("fault %q: %s; want %s", text, why, FaultUsage)
	}
	if len(words) < 2 {
		return bad("the kind or the number is missing")
	}
	kinds := faultKinds()
	at := slices.IndexFunc(kinds, func(k faultKind) bool { return k.name == words[0] })
	if at < 0 {
		return bad("unknown kind")
	}
	f := Fault{text: strings.Join(words, " "), kind: words[0]}
	var err error
	if f.n, err = strconv.Atoi(words[1]); err != nil || f.n < 1 {
		return bad("the number must be at least 1")
	}
	when := words[2:]
	if len(when) == 0 {
		when = strings.Fields(strings.ReplaceAll(kinds[at].when, "N", words[1]))
	}
	if err := f.parseWhen(when); err != nil {
		return bad(err.Error())
	}
	return f, nil
}

// parseWhen parses "when 1 Standby" or "when 5s".
func (f *Fault) parseWhen(words []string) (err error) {
	switch {
	case len(words) == 0:
		return nil
	case words[0] != "when" || len(words) > 3 || len(words) < 2:
		return errors.New("the words after the number are not understood")
	case len(words) == 2:
		if f.after, err = time.ParseDuration(words[1]); err != nil || f.after < 0 {
			return errors.New("the time is not understood")
		}
		return nil
	}
	if f.state = words[2]; !slices.Contains(lifecycleStates(), f.state) {
		return fmt.Errorf("the state must be one of %s", strings.Join(lifecycleStates(), ", "))
	}
	if f.when, err = strconv.Atoi(words[1]); err != nil || f.when < 1 {
		return errors.New("the instance to wait for must be at least 1")
	}
	return nil
}

// lifecycleStates are the states that an instance of the fleet can be in.
func lifecycleStates() []string {
	return []string{"Pending", "InService", "EnteringStandby", "Standby", "Detaching", "Terminating", "gone", "deregistering", "deregistered"}
}

// Check returns an error if the fault names an instance that a fleet of this size lacks.
func (f Fault) Check(size int) error {
	instance := f.n
	if f.kind == "throttle" || f.kind == "scale-out" {
		instance = 0 // their number is an amount
	}
	if max(instance, f.when) > size {
		return fmt.Errorf("fault %s: there are only %d instances", f.text, size)
	}
	return nil
}

// armed are the faults that have not been injected yet.
type armed struct {
	ctx     context.Context // of the rollout
	from    time.Time
	pending []Fault
	working *sync.WaitGroup // what goes on after a fault was injected
}

// armFaults injects faults from now on. Those without a condition have been injected when
// it returns.
func (w *watcher) armFaults(ctx context.Context, faults []Fault, working *sync.WaitGroup) {
	p := w.lab.Fleet.Snapshot()
	w.histMu.Lock()
	w.faults = armed{ctx, time.Now(), slices.Clone(faults), working}
	due := w.faults.takeDue(w, p)
	w.histMu.Unlock()
	for _, inject := range due {
		inject()
	}
}

// disarmFaults injects no more faults, and reports those whose condition was never met.
func (w *watcher) disarmFaults() {
	w.histMu.Lock()
	left := w.faults.pending
	w.faults.pending = nil
	w.histMu.Unlock()
	for _, f := range left {
		w.event("", record.Fault, f.text+" was not injected: its condition was never met")
	}
}

// takeDue removes the faults that are due and returns functions that inject them. It is
// called with w.histMu held, which they must not be.
func (a *armed) takeDue(w *watcher, p lab.Snapshot) (inject []func()) {
	a.pending = slices.DeleteFunc(a.pending, func(f Fault) bool {
		if !f.isDue(w, p, time.Since(a.from)) {
			return false
		}
		if f.kind == "second-operator" {
			a.working.Add(1)
		}
		kinds := faultKinds()
		k := kinds[slices.IndexFunc(kinds, func(k faultKind) bool { return k.name == f.kind })]
		inject = append(inject, func() { k.inject(w, f) })
		return true
	})
	return inject
}

func (f Fault) isDue(w *watcher, p lab.Snapshot, elapsed time.Duration) bool {
	if f.when == 0 {
		return elapsed >= f.after
	}
	m, _ := p.Member(w.instances[f.when-1].ID)
	return m.State == f.state
}
