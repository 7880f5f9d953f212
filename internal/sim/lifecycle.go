package sim

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Hook is a lifecycle hook of a group (User Guide, "Amazon EC2 Auto Scaling lifecycle hooks").
type Hook struct {
	Name        string
	Terminating bool          // it runs when an instance terminates; false: when one launches
	Heartbeat   time.Duration // HeartbeatTimeout; default 1 hour
	Continue    bool          // DefaultResult CONTINUE; false: ABANDON, AWS's default
	Metadata    string        // NotificationMetadata
}

func (h Hook) heartbeat() time.Duration { return cmp.Or(h.Heartbeat, time.Hour) }

// globalTimeout is the longest time that heartbeats can keep an action open (API reference,
// LifecycleHook: 48 hours or 100 times the heartbeat timeout, whichever is smaller).
func (h Hook) globalTimeout() time.Duration { return min(48*time.Hour, 100*h.heartbeat()) }

func (h Hook) transition() string {
	if h.Terminating {
		return "autoscaling:EC2_INSTANCE_TERMINATING"
	}
	return "autoscaling:EC2_INSTANCE_LAUNCHING"
}

func (h Hook) defaultResult() string {
	if h.Continue {
		return resultContinue
	}
	return resultAbandon
}

// Results of a lifecycle action (API reference, CompleteLifecycleAction).
const (
	resultContinue = "CONTINUE"
	resultAbandon  = "ABANDON"
)

// hookAction is a lifecycle action: one hook that runs for one instance.
type hookAction struct {
	hook     Hook
	token    string
	began    time.Time
	deadline time.Time
	complete func(result, reason string)
}

// hooksOf are the group's hooks for launches or for terminations.
func (g *group) hooksOf(terminating bool) []Hook {
	var hooks []Hook
	for _, h := range g.Hooks {
		if h.Terminating == terminating {
			hooks = append(hooks, h)
		}
	}
	return hooks
}

// runHooks runs hooks for an instance that is in a lifecycle state such as Pending: it is in
// Pending:Wait until all have completed, or one is abandoned, and then in Pending:Proceed. The
// message of an abandoned action goes to done; it is "" if all continued.
func (r *Region) runHooks(in *instance, hooks []Hook, done func(abandoned string)) {
	if len(hooks) == 0 {
		done("")
		return
	}
	state := in.state()
	r.setState(in, state+":Wait")
	if hooks[0].Terminating {
		r.setStatus(in.move.activity, statusMidTerminating, 60)
	} else {
		r.setStatus(in.move.activity, statusMidLaunching, 40)
	}
	finish := func(abandoned string) {
		in.move.actions = nil
		r.setState(in, state+":Proceed")
		done(abandoned)
	}
	for _, h := range hooks {
		r.startAction(in, h, finish)
	}
}

// startAction starts one lifecycle action. After the last one, or an abandoned one, finish runs.
func (r *Region) startAction(in *instance, h Hook, finish func(abandoned string)) {
	a := &hookAction{hook: h, token: r.names.uuid(), began: r.now, deadline: r.now.Add(h.heartbeat())}
	a.complete = func(result, reason string) {
		in.move.actions = slices.DeleteFunc(in.move.actions, func(other *hookAction) bool { return other == a })
		switch {
		case result == resultAbandon:
			finish(fmt.Sprintf("Instance failed to complete user's Lifecycle Action: Lifecycle Action with token %s was abandoned: %s", a.token, reason))
		case len(in.move.actions) == 0:
			finish("")
		}
	}
	in.move.actions = append(in.move.actions, a)
	r.expireAction(in, a)
}

// expireAction completes an action with its default result when no heartbeat has come in time.
func (r *Region) expireAction(in *instance, a *hookAction) {
	deadline := a.deadline
	r.continueAfter(in, deadline.Sub(r.now), func() {
		switch {
		case !slices.Contains(in.move.actions, a):
		case a.deadline.After(r.now):
			r.expireAction(in, a)
		default:
			a.complete(a.hook.defaultResult(), "Heartbeat Timeout")
		}
	})
}

// Retain puts an instance into Terminating:Retained, as if its terminating hook had been abandoned in
// a group with RetainOnAbandon. The load balancers deregister it, it no longer counts towards the
// desired capacity, and it stays until somebody terminates it (API reference, RetentionTriggers).
func (r *Region) Retain(instance string) {
	r.lock()
	defer r.unlock()
	in := r.instance(instance)
	g := in.group()
	if g == nil {
		panic(fmt.Sprintf("sim: instance %s is in no group", instance))
	}
	r.cancelMove(in)
	r.transition(in, stateTerminating)
	in.move.activity = r.startActivity(g, in, "Terminating EC2 instance: "+in.id, statusInProgress, 50,
		fmt.Sprintf("instance %s was taken out of service in response to a user request.", in.id))
	r.deregisterFromAll(in, func() {
		r.retain(in, fmt.Sprintf("Instance failed to complete user's Lifecycle Action: Lifecycle Action with token %s was abandoned: Lifecycle Action Completed with ABANDON Result", r.names.uuid()))
	})
	r.reconcileSoon(g)
}

// retain keeps an instance whose termination was abandoned. The activity is then Cancelled (recorded
// answers of 2026).
func (r *Region) retain(in *instance, message string) {
	r.transition(in, stateRetained)
	r.endActivity(in.move.activity, statusCancelled, message)
	in.move.activity = nil
	r.reconcileSoon(in.group())
}

// ReturnToWarmPool moves an instance back to the warm pool, as scale-in does in a group with
// ReuseOnScaleIn, and lowers the desired capacity. From the start its target lifecycle state is
// Warmed:Stopped.
func (r *Region) ReturnToWarmPool(instance string) {
	r.lock()
	defer r.unlock()
	in := r.instance(instance)
	g := in.group()
	r.adjustDesired(g, g.sizes.current().desired-in.weight)
	r.returnToWarmPool(in)
}

// returnToWarmPool deregisters an instance and stops it in the warm pool.
func (r *Region) returnToWarmPool(in *instance) {
	g := in.group()
	r.cancelMove(in)
	r.transition(in, stateWarmedPending)
	r.deregisterFromAll(in, func() {
		r.continueAfter(in, r.config.Timing.TerminateTime, func() {
			r.transition(in, stateWarmedStopped)
			r.reconcileSoon(g)
		})
	})
	r.reconcileSoon(g)
}

// terminating says whether a lifecycle state is one of a termination that is in progress.
func terminating(state string) bool {
	return state == stateTerminating || state == stateTerminating+":Wait" || state == stateTerminating+":Proceed"
}
