// Package rehearsal runs an operator's command line over a simulated fleet that is under
// traffic, and keeps a record of what came of it.
package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"balanced/internal/lab"
	"balanced/internal/lab/record"
	"balanced/internal/lab/traffic"
)

// Plan is a rehearsal as one asks for it.
type Plan struct {
	Fleet       lab.Config // as given; Speed applies to it
	Speed       float64    // of the control plane
	Command     string     // for sh -c, in Dir
	Dir         string
	Environ     []string // of the operator
	Balanced    string   // path of the agent
	Lab         string   // path of balanced-lab
	Naive       bool     // a balanced that does nothing instead
	Trace       bool     // let the shell print each part of the command as it begins
	Concurrency Concurrency
	ExitOnError bool
	Load        traffic.Load
	Scenario    string // its name, for the record
	Faults      []Fault
	Show        Show
}

// calm is how long the traffic goes on before the rollout and after it.
const calm = time.Second

// rehearsal is one that goes on.
type rehearsal struct {
	Plan
	lab       *lab.Lab
	instances []lab.Instance // at the start, in the order of the rollout
	started   time.Time
	traffic   *traffic.Run
	command   *command
	second    *command // the other operator's
	watch     *watch
	rerun     map[string]bool // instances on which the command is to be run again
	exits     map[string]int
	doing     string

	mu     sync.Mutex // guards what is above from rerun on, and all below
	events []record.Event
}

// Check says whether the command line can run at all, before a fleet is made for it.
func (p Plan) Check() (err error) {
	stage, err := newStage(p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.remove()) }()
	return checkCommand(p.Command, p.Dir, p.environ(stage.dir))
}

// Run rehearses and returns the record, whose exit code is the rollout's. An error means
// that there was no whole rehearsal: it could not begin, or ctx ended it, with its cause.
// Nothing that it started is left when it returns. It takes every process that descends
// from this one for its own, so one process rehearses one thing at a time.
func (p Plan) Run(ctx context.Context) (rec record.Rehearsal, err error) {
	if err := adopt(); err != nil {
		return rec, fmt.Errorf("keep hold of what the command starts: %w", err)
	}
	stage, err := newStage(p)
	if err != nil {
		return rec, err
	}
	defer func() { err = errors.Join(err, stage.remove()) }()
	defer sweep()
	l, err := lab.Serve(p.Fleet.Faster(p.Speed), 0)
	if err != nil {
		return rec, err
	}
	defer l.Close()
	r := &rehearsal{Plan: p, lab: l, rerun: map[string]bool{}, exits: map[string]int{}, doing: "before the rollout"}
	if r.instances, err = l.Instances(); err != nil {
		return rec, err
	}
	r.command = r.newCommand(stage)
	r.second = r.newCommand(stage)
	return r.play(ctx)
}

// play is a rehearsal on a lab that serves.
func (r *rehearsal) play(ctx context.Context) (rec record.Rehearsal, err error) {
	r.started = time.Now()
	var targets []traffic.Target
	for _, s := range r.lab.Fleet.Sources {
		targets = append(targets, traffic.Target{Source: s.Name, URL: r.lab.Plane.URL(s.Name)})
	}
	before := r.lab.Fleet.Picture()
	r.watch = newWatch(r)
	r.traffic = traffic.Start(targets, r.Load, traffic.Witness{Fate: r.lab.Plane.Fate, Version: r.lab.Version, Lost: r.lose})
	done := r.watch.start()
	exit, failed, err := r.rollout(ctx)
	r.say("after the rollout")
	if err == nil {
		err = pause(ctx, calm)
	}
	if err != nil { // nobody waits for the answers that are still to come
		r.say("stopped")
		r.traffic.Drop()
		r.lab.Plane.Close()
	}
	r.traffic.Stop()
	done()
	if err != nil {
		return rec, err
	}
	rec = r.record(before, exit)
	rec.Summary = summary(rec, failed, r.ExitOnError)
	return rec, nil
}

// pause waits, or returns why it could not.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// rollout runs the command over the fleet, with its faults.
func (r *rehearsal) rollout(ctx context.Context) (exit int, failed string, err error) {
	if err := pause(ctx, calm); err != nil {
		return 0, "", err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var working sync.WaitGroup
	r.watch.arm(ctx, r.Faults, &working)
	r.say("rolling out")
	o := rollout{concurrency: r.Concurrency.Of(len(r.instances)), exitOnError: r.ExitOnError, run: r.run}
	exit, failed, err = o.over(ctx, r.instances)
	if err != nil {
		cancel(err)
	}
	r.watch.disarm()
	working.Wait() // the other operator finishes, as those under way do
	cancel(nil)
	return exit, failed, err
}

// run runs the command on one instance, and again where its agent was killed.
func (r *rehearsal) run(ctx context.Context, i lab.Instance) (exit int, err error) {
	for {
		r.event(i.ID, record.Began, r.Command)
		if exit, err = r.command.on(ctx, i); err != nil {
			return exit, err
		}
		r.event(i.ID, record.Ended, fmt.Sprintf("exit %d", exit))
		if exit == 0 || !r.again(i.ID) || ctx.Err() != nil {
			break
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.exits[i.ID] = exit
	return exit, nil
}

// again says, once, that the command is to be run again.
func (r *rehearsal) again(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	again := r.rerun[id]
	delete(r.rerun, id)
	return again
}

func (r *rehearsal) say(doing string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.doing = doing
}

// event keeps an event and shows it.
func (r *rehearsal) event(instance, kind, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := record.Event{At: r.at(time.Now()), Instance: instance, Kind: kind, Text: text}
	r.events = append(r.events, e)
	r.Show.Event(e)
}

// at is an instant of the record.
func (r *rehearsal) at(now time.Time) float64 {
	return now.Sub(r.started).Round(time.Millisecond).Seconds()
}

// lose shows a lost request, the first of its kind in a second.
func (r *rehearsal) lose(l record.Loss) {
	if r.watch.firstOfItsKind(l) {
		r.event(l.Instance, record.Lost, fmt.Sprintf("a request through %s, begun at %.1fs: %s", l.Source, l.At, l.Cause))
	}
}

// index is the place of an instance in the order of the rollout, from 1; 0: it has none.
func (r *rehearsal) index(id string) int {
	for n, i := range r.instances {
		if i.ID == id {
			return n + 1
		}
	}
	return 0
}

func (r *rehearsal) record(before lab.Picture, exit int) record.Rehearsal {
	now := time.Now()
	rec := record.Rehearsal{
		Format: record.Format, Command: r.Command, Naive: r.Naive, Concurrency: r.Concurrency.Of(len(r.instances)),
		Speed: r.Speed, Scenario: r.Scenario, Started: r.started.UTC(), Elapsed: r.at(now), Exit: exit,
		Group:   r.watch.group(before),
		Sources: r.lab.Fleet.Sources,
		Traffic: r.traffic.Meter.Record(now.Sub(r.started)),
	}
	histories := r.watch.histories()
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

// stage is a folder for what a rehearsal puts on the PATH.
type stage struct{ dir string }

// idle stands for balanced where there is none: it moves nothing, and its run only runs.
const idle = `#!/bin/sh
[ "$1" = run ] || exit 0
while [ $# -gt 0 ] && [ "$1" != -- ]; do shift; done
shift
exec "$@"
`

func newStage(p Plan) (s stage, err error) {
	tmp, err := filepath.Abs(os.TempDir()) // the command may change its directory
	if err == nil {
		s.dir, err = os.MkdirTemp(tmp, "balanced-rehearsal-")
	}
	if err != nil {
		return s, fmt.Errorf("a folder for what is put on the PATH, in TMPDIR: %w", err)
	}
	name := s.dir + "/balanced"
	if p.Naive {
		err = os.WriteFile(name, []byte(idle), 0o755)
	} else {
		err = os.Symlink(p.Balanced, name)
	}
	if err == nil {
		err = os.Symlink(p.Lab, s.dir+"/balanced-lab")
	}
	if err != nil {
		err = errors.Join(err, s.remove())
	}
	return s, err
}

func (s stage) remove() error { return os.RemoveAll(s.dir) }
