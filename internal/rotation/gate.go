package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"balanced/internal/awsapi"
	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/format"
	"balanced/internal/logging"
	"balanced/internal/probe"
)

// gate is what a run knows of the launch hook of its instance.
type gate struct {
	hook   fleet.LaunchHook
	others string           // the other launch hooks of the group, for messages
	over   bool             // the hook does not hold the instance any more, whoever completed it
	asked  bool             // an earlier answer to CompleteLifecycleAction leaves open whether it took effect
	unfit  *failure.Refusal // the host did not pass in time, and its launch is to be abandoned
}

// findHook finds the hook to complete. CodeDeploy completes its own, and is never the one.
func (r *run) findHook(ctx context.Context) error {
	all, err := r.Gate.LaunchHooks(ctx, r.group)
	if err != nil {
		return err
	}
	candidates := slices.DeleteFunc(slices.Clone(all), func(h fleet.LaunchHook) bool {
		return r.launch.hook == "" && h.OfCodeDeploy() || r.launch.hook != "" && h.Name != r.launch.hook
	})
	switch {
	case len(candidates) == 1:
	case len(candidates) > 1:
		return failure.New(failure.Setup, "name one: --launch-hook "+candidates[0].Name, "%s has several launch hooks: %s", r.group, hookNames(candidates))
	case r.launch.hook != "":
		return failure.New(failure.Setup, "name one of the group's: "+hookNames(all), "%s has no launch hook %s", r.group, r.launch.hook)
	default:
		return failure.New(failure.Setup, "create one with aws autoscaling put-lifecycle-hook (docs/immutable.md)", "%s has no launch hook, so nothing holds %s back", r.group, r.id)
	}
	r.gate.hook = candidates[0]
	r.gate.others = hookNames(slices.DeleteFunc(all, func(h fleet.LaunchHook) bool { return h.Name == r.gate.hook.Name }))
	if r.gate.hook.Continues && !r.launch.abandon {
		r.warnOnce(fmt.Sprintf("launch hook %s continues by default: an instance that does not pass goes into service %s after the last heartbeat; set its default result to ABANDON, or use --on-unfit abandon",
			r.gate.hook.Name, format.Duration(r.gate.hook.Heartbeat)))
	}
	return nil
}

func hookNames(hooks []fleet.LaunchHook) string {
	var names []string
	for _, h := range hooks {
		names = append(names, h.Name)
	}
	return strings.Join(names, ", ")
}

// probeAtGate probes the host until it passes or the time for it is over, and keeps the hook waiting meanwhile. A hook
// that something else completes ends the probe: nothing is held back any more.
func (r *run) probeAtGate(ctx context.Context) error {
	err := r.withHeartbeats(ctx, func(ctx context.Context) error { return r.askHost(ctx, r.probeEnds(&r.turn, r.budgets.wait)) })
	unfit, failed := errors.AsType[*probe.FailedError](err)
	switch {
	case errors.Is(err, fleet.ErrNoAction):
		r.hookOver()
		return nil
	case !failed:
		return err
	}
	refusal := &failure.Refusal{
		Class: failure.Unfit, Err: err, Reason: fmt.Sprintf("%s stays in Pending:Wait (%s)", r.id, unfit.Check.Source),
		Hint: fmt.Sprintf("fix the application, then run balanced ready: the hook's default, %s, comes within %s", r.gate.hook.Default(), format.Duration(r.gate.hook.Heartbeat)),
	}
	if !r.launch.abandon || r.DryRun {
		return refusal
	}
	r.gate.unfit = refusal
	return nil
}

// withHeartbeats does something while heartbeats keep the hook waiting: one at once, which tells too whether the hook
// holds the instance at all, then three in each heartbeat timeout, so that two may get lost. A dry run sends none.
func (r *run) withHeartbeats(ctx context.Context, do func(context.Context) error) error {
	if r.DryRun {
		return do(ctx)
	}
	if err := r.heartbeat(ctx); err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	var beats sync.WaitGroup
	beats.Go(func() {
		for sleep(ctx, r.jitter(r.gate.hook.Heartbeat/3)) == nil {
			err := r.heartbeat(ctx)
			switch {
			case err == nil, ctx.Err() != nil:
			case errors.Is(err, fleet.ErrNoAction), failure.Is(err, failure.Denied):
				stop(err)
			default:
				r.Log.Warn("a heartbeat for the launch hook failed", logging.Error(err))
			}
		}
	})
	err := do(ctx)
	stop(context.Canceled)
	beats.Wait()
	return err
}

func (r *run) heartbeat(ctx context.Context) error {
	return r.Gate.Heartbeat(ctx, r.group, r.gate.hook.Name, r.id)
}

// hookOver: the hook does not hold the instance, or no longer. Where this run asked for that, it was this run's doing.
func (r *run) hookOver() {
	r.gate.over = true
	if r.gate.asked {
		r.didMove()
	}
	r.note("the launch hook does not hold the instance any more")
}

// mayComplete: not while an earlier answer is open, and not again at once after a refusal.
func mayComplete(v view) verdict {
	switch {
	case v.doubt != nil:
		return blockedBy(failure.Unfinished, "run it again to resume", "launch hook %s may have been completed, and %s is still read as %s",
			v.gate.hook.Name, v.ID, v.State).notBefore(v.sent.Add(v.settle))
	case v.refused != nil:
		return verdict{kind: blocked, throttled: turnedAway(v.refused), refusal: &failure.Refusal{
			Class: completeClass(v.refused), Reason: "completing the launch hook", Hint: "run it again", Err: v.refused,
		}}
	}
	return verdict{kind: act}
}

// completeClass: what Auto Scaling refuses for reasons that were not foreseen may pass.
func completeClass(err error) failure.Class {
	if isRefused(err) {
		return failure.NotNow
	}
	return failure.Of(err)
}

func isRefused(err error) bool {
	_, refused := errors.AsType[*awsapi.RefusedError](err)
	return refused
}

func (r *run) continueLaunch(ctx context.Context) error { return r.complete(ctx, true) }

// passIntoWarmPool ends the run well: what comes next is that the instance is stopped, and this process with it.
func (r *run) passIntoWarmPool(ctx context.Context) error {
	err := r.complete(ctx, true)
	if err == nil && r.gate.over {
		r.outcome = "warm pool"
	}
	return err
}

// abandonLaunch has the instance terminated.
func (r *run) abandonLaunch(ctx context.Context) error {
	err := r.complete(ctx, false)
	switch {
	case err != nil:
		return err
	case r.moved:
		return r.abandoned()
	}
	return nil
}

// abandoned is the end of a run that had its instance terminated.
func (r *run) abandoned() error {
	return &failure.Refusal{
		Class: failure.Unhealthy, Reason: fmt.Sprintf("launch of %s abandoned", r.id), Err: r.gate.unfit.Err,
		Hint: "fix the application or the image: Auto Scaling launches another instance",
	}
}

// complete answers the hook, once. After an answer that is lost the next looks tell whether the instance moved; where
// they do not, the hook is asked again, and says by its refusal that the first time took effect.
func (r *run) complete(ctx context.Context, proceed bool) error {
	r.before = r.seen
	err := r.Gate.Complete(ctx, r.group, r.gate.hook.Name, r.id, proceed)
	r.sent = time.Now()
	switch {
	case err == nil:
		r.gate.over = true
		r.didMove()
		r.note("the launch hook is completed", logging.Detail(r.gate.hook.Name))
	case errors.Is(err, fleet.ErrNoAction): // by an earlier call, by somebody else, or by this one if it was delivered twice
		r.doubt = err
		r.hookOver()
	case failure.Is(err, failure.Denied):
		r.didNotMove()
		return err
	case !awsapi.Doubtful(err), isRefused(err):
		r.didNotMove()
		r.refused = err
	default:
		r.doubt, r.gate.asked = err, true
		r.note("the answer leaves open whether the launch hook is completed", logging.Error(err))
	}
	return nil
}
