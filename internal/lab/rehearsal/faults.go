package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"balanced/internal/lab"
	"balanced/internal/lab/record"
	"balanced/internal/sim"
)

// Fault is something that goes wrong in a rehearsal.
type Fault struct {
	text  string // as given
	kind  string
	n     int           // what it befalls, or how much of it; see faultKinds
	when  int           // it waits for this instance, from 1; 0: for nobody
	state string        // and for this lifecycle state of it
	after time.Duration // since the beginning of the rollout
}

// faultKind is what one can ask for.
type faultKind struct {
	name  string
	about string // what N is
	when  string // unless it is given
	do    func(*watch, Fault)
}

// FaultUsage is the grammar of a fault for people.
const FaultUsage = `"KIND N [when K STATE | when TIME]"`

func faultKinds() []faultKind {
	return []faultKind{
		{"bad-version", "from the N-th instance on, every deploy puts a version there that fails", "", (*watch).spoil},
		{"peer-dies", "the server of the N-th instance is killed and does not come back", "when 1 Standby", (*watch).kill},
		{"throttle", "AWS answers N calls a second of each service, after a burst of 5N", "", (*watch).throttle},
		{"stuck-drain", "the N-th instance never gets from EnteringStandby to Standby", "when N EnteringStandby", (*watch).stick},
		{"scale-out", "a policy asks for N instances more", "when 1 Standby", (*watch).scaleOut},
		{"spot-notice", "EC2 announces the end of the N-th instance", "", (*watch).announce},
		{"kill-agent", "balanced gets kill -9 on the N-th instance, then the command is run there again", "when N EnteringStandby", (*watch).killAgent},
		{"second-operator", "somebody else begins the same rollout at the N-th instance", "", (*watch).rival},
	}
}

// FaultHelp is a line for each kind of fault.
func FaultHelp() string {
	var b strings.Builder
	for _, k := range faultKinds() {
		fmt.Fprintf(&b, "%-15s %s\n", k.name, k.about)
	}
	return b.String()
}

// ParseFault reads "peer-dies 4 when 1 Standby", "scale-out 1 when 5s" or "bad-version 1".
func ParseFault(text string) (Fault, error) {
	words := strings.Fields(text)
	bad := func(why string) (Fault, error) {
		return Fault{}, fmt.Errorf("fault %q: %s; want %s", text, why, FaultUsage)
	}
	if len(words) < 2 {
		return bad("a kind and a number are missing")
	}
	kinds := faultKinds()
	at := slices.IndexFunc(kinds, func(k faultKind) bool { return k.name == words[0] })
	if at < 0 {
		return bad("no such kind")
	}
	f := Fault{text: strings.Join(words, " "), kind: words[0]}
	var err error
	if f.n, err = strconv.Atoi(words[1]); err != nil || f.n < 1 {
		return bad("the number is not at least 1")
	}
	when := words[2:]
	if len(when) == 0 {
		when = strings.Fields(strings.ReplaceAll(kinds[at].when, "N", words[1]))
	}
	if err := f.wait(when); err != nil {
		return bad(err.Error())
	}
	return f, nil
}

// wait reads "when 1 Standby" or "when 5s".
func (f *Fault) wait(words []string) (err error) {
	switch {
	case len(words) == 0:
		return nil
	case words[0] != "when" || len(words) > 3 || len(words) < 2:
		return errors.New("what follows the number is not understood")
	case len(words) == 2:
		if f.after, err = time.ParseDuration(words[1]); err != nil || f.after < 0 {
			return errors.New("the time is not understood")
		}
		return nil
	}
	if f.state = words[2]; !slices.Contains(states(), f.state) {
		return fmt.Errorf("the state is none of %s", strings.Join(states(), ", "))
	}
	if f.when, err = strconv.Atoi(words[1]); err != nil || f.when < 1 {
		return errors.New("the instance to wait for is not at least 1")
	}
	return nil
}

// states are those in which an instance of the fleet can be.
func states() []string {
	return []string{"Pending", "InService", "EnteringStandby", "Standby", "Detaching", "Terminating", "gone"}
}

// Check says what of a fault a fleet of so many instances cannot have.
func (f Fault) Check(size int) error {
	most := f.n
	if f.kind == "throttle" || f.kind == "scale-out" {
		most = 0
	}
	if max(most, f.when) > size {
		return fmt.Errorf("fault %s: there are %d instances", f.kind, size)
	}
	return nil
}

// armed are faults that have not happened yet.
type armed struct {
	ctx     context.Context // of the rollout
	since   time.Time
	left    []Fault
	working *sync.WaitGroup // what goes on after a fault
}

// arm lets faults happen from now on. What waits for nothing has happened when it returns.
func (w *watch) arm(ctx context.Context, faults []Fault, working *sync.WaitGroup) {
	p := w.lab.Fleet.Picture()
	w.looking.Lock()
	w.faults = armed{ctx, time.Now(), slices.Clone(faults), working}
	due := w.faults.due(w, p)
	w.looking.Unlock()
	for _, do := range due {
		do()
	}
}

// disarm lets no more faults happen, and says of each that did not.
func (w *watch) disarm() {
	w.looking.Lock()
	left := w.faults.left
	w.faults.left = nil
	w.looking.Unlock()
	for _, f := range left {
		w.event("", record.Fault, f.text+" did not happen: its moment never came")
	}
}

// due takes the faults whose moment has come, w.looking held.
func (a *armed) due(w *watch, p lab.Picture) (do []func()) {
	a.left = slices.DeleteFunc(a.left, func(f Fault) bool {
		if !f.ripe(w, p, time.Since(a.since)) {
			return false
		}
		if f.kind == "second-operator" {
			a.working.Add(1)
		}
		kinds := faultKinds()
		k := kinds[slices.IndexFunc(kinds, func(k faultKind) bool { return k.name == f.kind })]
		do = append(do, func() { k.do(w, f) })
		return true
	})
	return do
}

func (f Fault) ripe(w *watch, p lab.Picture, since time.Duration) bool {
	if f.when == 0 {
		return since >= f.after
	}
	m, _ := p.Member(w.instances[f.when-1].ID)
	return m.State == f.state
}

// victim is the instance that a fault befalls.
func (w *watch) victim(f Fault) string { return w.instances[f.n-1].ID }

func (w *watch) spoil(f Fault) {
	for _, i := range w.instances[f.n-1:] {
		w.lab.Spoil(i.ID)
	}
	w.event(w.victim(f), record.Fault, "from here on the new version is bad")
}

func (w *watch) kill(f Fault) {
	w.event(w.victim(f), record.Fault, "its server dies")
	w.lab.Host(w.victim(f)).Leave()
}

// burst is how many seconds' calls AWS answers at once after a rest.
const burst = 5

func (w *watch) throttle(f Fault) {
	for _, service := range []string{"autoscaling", "elasticloadbalancing", "elasticloadbalancingv2"} {
		w.lab.Fleet.Region.SetBucket(service, burst*float64(f.n), float64(f.n))
	}
	w.event("", record.Fault, fmt.Sprintf("AWS answers %d calls a second of each service", f.n))
}

func (w *watch) stick(f Fault) {
	w.lab.Fleet.Region.SetState(w.victim(f), "EnteringStandby")
	w.event(w.victim(f), record.Fault, "its drain never ends")
}

func (w *watch) scaleOut(f Fault) {
	region, group := w.lab.Fleet.Region, w.lab.Fleet.Group
	_, _, desired := region.Sizes(group)
	region.ScaleByPolicy(group, desired+f.n)
	w.event("", record.Fault, fmt.Sprintf("a policy scales out, from %d to %d", desired, desired+f.n))
}

func (w *watch) announce(f Fault) {
	w.lab.Fleet.Region.UpdateMetadata(w.victim(f), func(m *sim.Metadata) {
		m.SpotAction, m.SpotTime = "terminate", time.Now().Add(2*time.Minute).UTC().Format(time.RFC3339)
	})
	w.event(w.victim(f), record.Fault, "a spot notice: terminated in two minutes")
}

func (w *watch) killAgent(f Fault) {
	leader := w.command.leaders()[w.victim(f)]
	for _, pid := range append([]int{leader}, family().below(leader)...) {
		words := argv(pid)
		if leader == 0 || len(words) == 0 || filepath.Base(words[0]) != "balanced" {
			continue
		}
		w.mu.Lock()
		w.rerun[w.victim(f)] = true
		w.mu.Unlock()
		w.event(w.victim(f), record.Fault, "kill -9 of balanced "+strings.Join(words[1:], " "))
		if p, err := os.FindProcess(pid); err == nil {
			p.Kill()
		}
		return
	}
	w.event(w.victim(f), record.Fault, "no balanced there to kill")
}

// rival is somebody else who rolls out: one after the other, stopping at the first
// failure.
func (w *watch) rival(f Fault) {
	w.event(w.victim(f), record.Fault, "a second operator begins the same rollout here")
	go func() {
		defer w.faults.working.Done()
		o := rollout{concurrency: 1, exitOnError: true, run: func(ctx context.Context, i lab.Instance) (int, error) {
			exit, err := w.second.on(ctx, i)
			w.event(i.ID, record.Fault, fmt.Sprintf("the second operator's command ended: exit %d", exit))
			return exit, err
		}}
		// Its end is told above; its failure is its own.
		o.over(w.faults.ctx, w.instances[f.n-1:])
	}()
}
