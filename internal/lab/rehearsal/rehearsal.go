// Package rehearsal runs an operator's command line on every instance of a simulated fleet
// that is under traffic, and records what happened.
package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"balanced/internal/lab"
	"balanced/internal/lab/record"
	"balanced/internal/lab/traffic"
)

// Plan describes a rehearsal.
type Plan struct {
	Fleet       lab.Config // Speed is applied to it
	Speed       float64    // how many times faster than Fleet says the control plane is
	Command     string     // run with sh -c in Dir
	Refresh     string     // GoodImage or BadImage: an instance refresh, with Command on each new instance; "": none
	Dir         string
	Environ     []string // of the operator
	Balanced    string   // path of the agent
	Lab         string   // path of balanced-lab
	Naive       bool     // put a balanced that does nothing in place of the agent
	Trace       bool     // let the shell print each part of the command before it runs it
	Concurrency Concurrency
	ExitOnError bool
	Load        traffic.Load
	Scenario    string // its name, for the record
	Faults      []Fault
	Display     Display
}

// quietTime is how long there is traffic before the rollout begins and after it has ended,
// so that the record shows the fleet at rest too.
const quietTime = time.Second

// rehearsal is a rehearsal that runs.
type rehearsal struct {
	Plan
	lab            *lab.Lab
	instances      []lab.Instance // at the start, in the order of the rollout
	started        time.Time
	traffic        *traffic.Run
	command        *command
	secondOperator *command
	watcher        *watcher

	mu     sync.Mutex      // guards all below
	rerun  map[string]bool // instances on which the command is to be run again
	exits  map[string]int
	phase  string
	events []record.Event
}

// Check reports whether the command line can run, before a fleet is started for it.
func (p Plan) Check() (err error) {
	dir, err := newBinDir(p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.remove()) }()
	return checkCommand(p.Command, p.Dir, p.environ(dir.path))
}

// Run rehearses and returns the record; its exit code is that of the rollout. An error means
// that the rehearsal is incomplete: it could not begin, or ctx ended it, and then the error
// is the cause. When Run returns, nothing that it started runs any longer. It kills every
// descendant of this process, so a process must not run two rehearsals at once.
func (p Plan) Run(ctx context.Context) (rec record.Rehearsal, err error) {
	if err := becomeSubreaper(); err != nil {
		return rec, fmt.Errorf("adopt orphaned processes of the command: %w", err)
	}
	dir, err := newBinDir(p)
	if err != nil {
		return rec, err
	}
	defer func() { err = errors.Join(err, dir.remove()) }()
	defer killDescendants()
	if p.Refresh != "" {
		p.Fleet = p.forRefresh()
	}
	l, err := lab.Serve(p.Fleet.Faster(p.Speed), 0)
	if err != nil {
		return rec, err
	}
	defer l.Close()
	r := &rehearsal{Plan: p, lab: l, rerun: map[string]bool{}, exits: map[string]int{}, phase: "before the rollout"}
	if r.instances, err = l.Instances(); err != nil {
		return rec, err
	}
	r.command = r.newCommand(dir)
	r.secondOperator = r.newCommand(dir)
	return r.runUnderTraffic(ctx)
}

// runUnderTraffic runs the rollout on a lab that serves, with traffic before, during and
// after it.
func (r *rehearsal) runUnderTraffic(ctx context.Context) (rec record.Rehearsal, err error) {
	before := r.lab.Fleet.Snapshot()
	stop := r.startTraffic()
	exit, failed, err := r.rollout(ctx)
	r.setPhase("after the rollout")
	if err == nil {
		err = pause(ctx, quietTime)
	}
	if err != nil { // do not wait for open requests
		r.setPhase("stopped")
		r.traffic.Abandon()
		r.lab.Proxies.Close()
	}
	stop()
	if err != nil {
		return rec, err
	}
	rec = r.record(before, exit)
	rec.Summary, rec.Estimate = summary(rec, failed, r.ExitOnError), estimate(rec)
	if r.Refresh != "" {
		rec.Summary, rec.Estimate = refreshSummary(rec, failed), rec.Elapsed*max(r.Speed, 1)
	}
	return rec, nil
}

// startTraffic starts the clock of the record, the watcher and the requests. stop ends them
// and returns when the last open request has ended.
func (r *rehearsal) startTraffic() (stop func()) {
	r.started = time.Now()
	r.watcher = newWatcher(r)
	var targets []traffic.Target
	for _, s := range r.lab.Fleet.Sources {
		targets = append(targets, traffic.Target{Source: s.Name, URL: r.lab.Proxies.URL(s.Name)})
	}
	r.traffic = traffic.Start(targets, r.Load, traffic.Observer{Outcome: r.lab.Proxies.Outcome, Version: r.lab.Version, OnLost: r.onLost})
	done := r.watcher.start()
	return func() {
		r.traffic.Stop()
		done()
	}
}

// pause waits, or returns the cause if ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// rollout runs the command on the fleet and injects the faults.
func (r *rehearsal) rollout(ctx context.Context) (exit int, failed string, err error) {
	if err := pause(ctx, quietTime); err != nil {
		return 0, "", err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var working sync.WaitGroup
	r.watcher.armFaults(ctx, r.Faults, &working)
	r.setPhase("rolling out")
	if r.Refresh != "" {
		exit, failed, err = r.refreshGroup(ctx)
	} else {
		o := rollout{concurrency: r.Concurrency.Of(len(r.instances)), exitOnError: r.ExitOnError, run: r.runOn}
		exit, failed, err = o.runAll(ctx, r.instances)
	}
	if err != nil {
		cancel(err)
	}
	r.watcher.disarmFaults()
	working.Wait() // a second operator finishes, as commands that run after a failure do
	cancel(nil)
	return exit, failed, err
}

// runOn runs the command on one instance, and once more if the kill-agent fault killed
// balanced there.
func (r *rehearsal) runOn(ctx context.Context, i lab.Instance) (exit int, err error) {
	for {
		r.event(i.ID, record.Began, r.Command)
		if exit, err = r.command.run(ctx, i); err != nil {
			return exit, err
		}
		r.event(i.ID, record.Ended, fmt.Sprintf("exit %d", exit))
		if exit == 0 || !r.takeRerun(i.ID) || ctx.Err() != nil {
			break
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.exits[i.ID] = exit
	return exit, nil
}

// takeRerun reports once that the command is to be run again.
func (r *rehearsal) takeRerun(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	rerun := r.rerun[id]
	delete(r.rerun, id)
	return rerun
}

func (r *rehearsal) setPhase(phase string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.phase = phase
}

// event records an event and shows it.
func (r *rehearsal) event(instance, kind, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := record.Event{At: r.at(time.Now()), Instance: instance, Kind: kind, Text: text}
	r.events = append(r.events, e)
	r.Display.Event(e)
}

// at is a time as the record has it.
func (r *rehearsal) at(now time.Time) float64 {
	return now.Sub(r.started).Round(time.Millisecond).Seconds()
}

// index is the place of an instance in the order of the rollout, counted from 1; 0 for an
// instance that was launched during the rehearsal.
func (r *rehearsal) index(id string) int {
	return 1 + slices.IndexFunc(r.instances, func(i lab.Instance) bool { return i.ID == id })
}

func (r *rehearsal) record(before lab.Snapshot, exit int) record.Rehearsal {
	now := time.Now()
	rec := record.Rehearsal{
		Format: record.Format,
		Setup: record.Setup{
			Command: r.Command, Refresh: r.Refresh, Naive: r.Naive, Concurrency: r.Concurrency.Of(len(r.instances)), Speed: r.Speed, Scenario: r.Scenario,
		},
		Result:  record.Result{Started: r.started.UTC(), Elapsed: r.at(now), Exit: exit},
		Group:   r.watcher.group(before),
		Sources: r.lab.Fleet.Sources,
		Traffic: r.traffic.Meter.Record(now.Sub(r.started)),
	}
	histories := r.watcher.histories()
	r.mu.Lock()
	defer r.mu.Unlock()
	rec.Events = r.events
	for _, h := range histories {
		i := h.instance(rec.Elapsed)
		if exit, ran := r.exits[i.ID]; ran {
			i.Exit = &exit
		}
		rec.Instances = append(rec.Instances, i)
	}
	return rec
}
