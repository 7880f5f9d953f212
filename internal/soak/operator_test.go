package soak

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"balanced/internal/awsapi"
	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/rotation"
)

// operator is who runs balanced on one host: out, work, in, each again until it
// succeeds, as a rollout tool with retries would.
type operator struct {
	*seededRun
	id        string
	rand      *rand.Rand
	starts    time.Duration
	slots     chan struct{} // how many hosts are worked on at a time
	killAt    int           // the API call at which one process is killed; 0: none
	killAfter bool
	killed    bool
	leftOut   bool // the last run ended with the host out
}

// patience is how long after the faults are over a host may take.
const patience = 24 * time.Hour

func (o *operator) upgrade() {
	o.pass(o.id, o.starts)
	o.slots <- struct{}{}
	defer func() { <-o.slots }()
	o.turns.Take(o.id)
	if !o.insist("out", o.out) {
		return
	}
	o.work()
	o.insist("in", o.in)
}

// work is the upgrade: nobody but the places' worth of hosts is at it at once.
func (o *operator) work() {
	o.pass(o.id, time.Duration(10+o.rand.IntN(300))*time.Second)
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.atWork, o.id)
}

// insist repeats a command until it returns 0, or the host is gone.
func (o *operator) insist(name string, command func(context.Context, *rotation.Agent) (*rotation.Report, error)) bool {
	for {
		if o.dead(o.id) {
			return false
		}
		wasOut := o.leftOut
		err := o.once(name, command)
		switch {
		case err == nil:
			return true
		case o.plan.group.Settings.Operator != "" && failure.Of(err) == failure.Setup:
			return false // for ever: only the service that manages the group may move its instances
		case o.dead(o.id):
			return false
		case lost(err):
			if name == "in" || gone(err) || wasOut {
				o.lose()
			}
			return false
		case o.since() > calm+patience:
			o.violated("%s on %s does not converge: %v", name, o.id, err)
			return false
		}
		o.pass(o.id, time.Duration(10+o.rand.IntN(50))*time.Second)
	}
}

// lost: the host has left the group, which no rerun can change.
func lost(err error) bool {
	var stop *failure.Refusal
	return errors.As(err, &stop) && (stop.Class == failure.Gone || stop.Class == failure.Leaving || errors.Is(err, rotation.ErrNotMember))
}

// gone: taken away while it was out.
func gone(err error) bool {
	var stop *failure.Refusal
	return errors.As(err, &stop) && stop.Class == failure.Gone
}

// once runs a command in a process of its own, and checks the promises at its end.
func (o *operator) once(name string, command func(context.Context, *rotation.Agent) (*rotation.Report, error)) error {
	before := o.killed
	agent, ctx, end, err := o.process(o)
	defer end()
	if err != nil {
		return err
	}
	first := len(o.Calls())
	began := time.Now()
	o.event(o.id, "%s begins, %s", name, o.State(o.id))
	stop := o.watch(o.id)
	report, err := command(ctx, agent)
	stop()
	o.turns.Take(o.id) // a run that ended with a timer has not had one
	o.event(o.id, "%s ends: %s %v", name, report.Outcome, err)
	o.leftOut = fleet.State(report.Instance.State).Out()
	if ctx.Err() != nil || before != o.killed {
		return errKilled
	}
	o.judge(ending{name: name, id: o.id, report: report, err: err, took: time.Since(began), calls: o.Calls()[first:]})
	return err
}

func (o *operator) out(ctx context.Context, a *rotation.Agent) (*rotation.Report, error) {
	report, err := a.Out(ctx, rotation.OutOptions{
		Options:    rotation.Options{Wait: o.wait(), Timeout: rotation.Auto},
		MinHealthy: o.min, Settle: o.plan.settle, AllowEmptyZone: true,
	})
	return report, err
}

func (o *operator) in(ctx context.Context, a *rotation.Agent) (*rotation.Report, error) {
	return a.In(ctx, rotation.InOptions{Options: rotation.Options{Wait: o.wait(), Timeout: rotation.Auto}})
}

func (o *operator) wait() time.Duration {
	return []time.Duration{0, time.Minute, rotation.Auto, time.Hour}[o.rand.IntN(4)]
}

// moved nothing: what the codes from 64 to 81 promise.
func movedNothing(err error) bool {
	var stop *failure.Refusal
	if errors.As(err, &stop) && stop.Class != 0 {
		return stop.Class == failure.NotNow || stop.Class == failure.Setup || stop.Class == failure.Leaving
	}
	var denied *awsapi.DeniedError
	var away *awsapi.UnreachableError
	return errors.As(err, &denied) || errors.As(err, &away) || err != nil
}
