package rotation

import (
	"fmt"
	"slices"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/format"
)

// A guard says why the instance must not move now; settled where it has no objection.
type guard struct {
	name  string
	check func(view) verdict
	group bool // it is about an Auto Scaling group, and not asked outside of one
}

// outGuards are asked before an instance leaves, in this order.
var outGuards = []guard{
	{"reads", wholeReads, false},
	{"held", held, false},
	{"instance stays", staying, false},
	{"traffic sources", knownSources, true},
	{"processes", processes, true},
	{"limit", withinLimit, false},
	{"way back", replacementFits, true},
	{"ports", extraPorts, false},
	{"refresh", noRefresh, true},
	{"quiet", quiet, true},
	{"min size", minSize, true},
	{"slots", slotFree, false},
	{"minimum", minimumHolds, false},
	{"zone", zoneHolds, true},
}

// inGuards are asked before an instance returns: fewer, since coming back repairs the group.
var inGuards = []guard{
	{"reads", wholeReads, false},
	{"held", held, false},
	{"instance stays", staying, false},
	{"traffic sources", knownSources, true},
	{"processes", processes, true},
	{"limit", withinLimit, false},
	{"max size", maxSize, true},
}

// ask asks every guard: the first refusal that waiting cannot lift, else the first refusal, else settled. Nothing final
// comes of two views that differ, since one of them is old.
func ask(guards []guard, v view) verdict {
	first := verdict{}
	for _, g := range guards {
		judged := g.ask(v)
		if judged.kind == settled {
			continue
		}
		if judged.hopeless() || v.Torn { // and then the first guard is that of the reads
			return judged
		}
		if first.kind == settled {
			first = judged
		}
	}
	return first
}

// leaveIt is what to do with an instance that Auto Scaling or EC2 takes away.
const leaveIt = "leave it; its replacement is built from the current image"

// staying: nothing is about to take this instance away. Work on it would be lost, and bringing it back would be
// harmful.
func staying(v view) verdict {
	if why := v.takenAway(); why != "" {
		return blockedBy(failure.Leaving, leaveIt, "%s", why)
	}
	for _, e := range v.Notices.Scheduled {
		if e.Stops() && e.Begins.Before(v.Now.Add(v.unthrottled())) {
			return blockedBy(failure.Leaving, "let the event pass, or move it with aws ec2 modify-instance-event-start-time",
				"EC2 scheduled %s for %s, within this run's time limit of %s", e.Code, format.Time(e.Begins), format.Duration(v.unthrottled()))
		}
	}
	return verdict{}
}

// takenAway says what is about to take this instance away for good, or "".
func (v view) takenAway() string {
	n := v.Notices
	switch {
	case v.Group.Deleting:
		return fmt.Sprintf("group %s is being deleted", v.Group.Name)
	case n.Spot != "":
		return fmt.Sprintf("EC2 will %s this Spot instance at %s", n.Spot, format.Time(n.SpotAt))
	case v.Group.Declared(): // what Auto Scaling once wanted of an instance that it detached is no matter
	case n.Target == string(fleet.Terminated), n.Target == string(fleet.Detached):
		return fmt.Sprintf("Auto Scaling is bringing this instance to %s", n.Target)
	case fleet.State(n.Target).Warm():
		return fmt.Sprintf("Auto Scaling is returning this instance to the warm pool (%s)", n.Target)
	case !v.Healthy && v.State == fleet.InService && v.Group.ReplacesUnhealthy():
		return "Auto Scaling calls this instance Unhealthy and will replace it"
	}
	return ""
}

func knownSources(v view) verdict {
	if len(v.Group.Unknown) == 0 {
		return verdict{}
	}
	return blockedBy(failure.Setup, "detach it, or work on this group by hand", "%s has an unsupported traffic source: %s", v.Group.Name, v.Group.Unknown[0])
}

// processes: without Launch an instance cannot leave Standby; without AddToLoadBalancer it comes back in service
// without traffic (Auto Scaling User Guide, "Suspend and resume processes").
func processes(v view) verdict {
	for _, p := range []string{"Launch", "AddToLoadBalancer"} {
		if v.Group.IsSuspended(p) {
			return blockedBy(failure.Setup, resumeProcess(v.Snapshot, p), "%s is suspended: instances that leave Standby get no traffic", p)
		}
	}
	return verdict{}
}

// resumeProcess is the command that lets a suspended process go on.
func resumeProcess(s fleet.Snapshot, process string) string {
	return fmt.Sprintf("aws autoscaling resume-processes --auto-scaling-group-name %s --scaling-processes %s", format.ShellWord(s.Group.Name), process)
}

// replacementFits: a run with --replace leaves the group one larger, so there must be room.
func replacementFits(v view) verdict {
	if v.replaces() && v.Group.Desired+1 > v.Group.Max {
		return blockedBy(failure.Setup, fmt.Sprintf("raise MaxSize to %d", v.Group.Desired+1),
			"--replace makes the group one larger on return, but desired %d is at MaxSize %d", v.Group.Desired, v.Group.Max)
	}
	return verdict{}
}

// extraPorts: Auto Scaling deregisters the group's port only; a registration of another port in an attached target group
// may keep its traffic during Standby.
func extraPorts(v view) verdict {
	for _, t := range v.Traffic {
		others := t.OtherPorts(v.ID)
		switch {
		case len(others) == 0:
		case v.Group.Declared():
			return undeclaredPort(v.ID, t, others[0])
		default:
			x := others[0]
			return blockedBy(failure.Setup, fmt.Sprintf("deregister %s:%d from %s, or give that port a target group of its own", v.ID, x.Port, t.Name),
				"%s is also registered on port %d in %s, which Standby may leave in place", v.ID, x.Port, t.Name)
		}
	}
	return verdict{}
}

func noRefresh(v view) verdict {
	for _, r := range v.Refreshes {
		if r.Active() {
			return blockedBy(failure.NotNow, "wait for it, or cancel it", "instance refresh %s is %s (%d%%)", r.ID, r.Status, r.Percent)
		}
	}
	return verdict{}
}

// quiet: the group has what it wants. A rule that allows a short group waits only for the minimum; members on their way
// out hold no one up.
func quiet(v view) verdict {
	have, heaviest := v.InServiceUnits()
	want := v.Group.Desired
	why, launching := launchUnderWay(v.Snapshot)
	short := have < want || why != ""
	switch {
	case short && v.min.AllowsShort():
		return verdict{}
	case short && why == "":
		why = fmt.Sprintf("%d in service, desired %d", have, want)
		if failed, message := lastLaunchFailed(v.Snapshot); failed {
			return blockedBy(failure.NotNow, "fix what launches need, or lower the desired capacity, then run it again",
				"group %s is short: %s, and the last launch failed: %s", v.Group.Name, why, message).whileGroupStands()
		}
	case !short && have > want && have-want >= max(1, heaviest):
		why = fmt.Sprintf("%d in service, desired %d: a scale-in is due", have, want)
	}
	if why == "" {
		return verdict{}
	}
	judged := blockedBy(failure.NotNow, "run it again when the group is quiet", "group %s is scaling: %s", v.Group.Name, why)
	if launching { // the feed says so, not the group
		return judged
	}
	return judged.whileGroupStands()
}

// lastLaunchFailed: the newest launch of the group failed, and why.
func lastLaunchFailed(s fleet.Snapshot) (failed bool, message string) {
	newest := fleet.Activity{}
	for _, a := range s.Activities {
		if a.Kind == fleet.Launch && a.Start.After(newest.Start) {
			newest = a
		}
	}
	return newest.FailedLaunch(), newest.Message
}

// launchUnderWay names a launch that the members or the feed show; byFeed: only the feed does.
func launchUnderWay(s fleet.Snapshot) (why string, byFeed bool) {
	for _, m := range s.Group.Members {
		if m.State.Launching() {
			why = fmt.Sprintf("%s is %s", m.ID, m.State)
		}
	}
	for _, a := range s.Activities {
		if a.Kind == fleet.Launch && a.Running() {
			return fmt.Sprintf("a launch is running (%s)", a.Status), true
		}
	}
	return why, false
}

// minSize is Auto Scaling's own fence, foretold: EnterStandby is refused when the desired capacity would fall below it
// (API reference, EnterStandby). Weighted groups count units, so there nothing is foretold.
func minSize(v view) verdict {
	if v.replaces() || v.Group.Weighted() || v.Group.Desired-1 >= v.Group.Min {
		return verdict{}
	}
	back := 0
	for _, h := range v.OtherHolders() {
		if !h.Kept {
			back++
		}
	}
	if v.Group.Desired+back-1 < v.Group.Min {
		return blockedBy(failure.Setup, "lower MinSize by one for good, or use --replace",
			"MinSize %d leaves no room below desired %d even with all instances back", v.Group.Min, v.Group.Desired+back)
	}
	return v.heldBack(fmt.Sprintf("and MinSize %d allows no other", v.Group.Min), "")
}

// slotFree: as many may be out at once as there are slots.
func slotFree(v view) verdict {
	n := v.Count(v.min)
	if n.Impossible() {
		if v.Group.Declared() {
			return tooFewRegistered(v, n)
		}
		return blockedBy(failure.Setup, "choose a lower --min-healthy",
			"minimum %d is impossible: only %d instances of %s remain without this one", n.Minimum, n.Capacity-1, v.Group.Name)
	}
	if len(v.OtherHolders()) < n.Slots {
		return verdict{}
	}
	allows := fmt.Sprintf("--min-healthy %s allows %d at a time", v.min, n.Slots)
	return v.heldBack("and "+allows, fmt.Sprintf(", or use --min-healthy %d", max(0, n.Capacity-len(v.OtherHolders())-1)))
}

// heldBack is a refusal for as long as others are out. It names the one that has been out longest. In a group where
// nothing moves that one is not coming back by itself.
func (v view) heldBack(how, orElse string) verdict {
	others := v.OtherHolders()
	oldest, more := others[0], ""
	if len(others) > 1 {
		more = fmt.Sprintf(" with %d more", len(others)-1)
	}
	judged := blockedBy(failure.NotNow, "finish the work on "+oldest.ID+", then run balanced in there"+orElse,
		"%s is out (%s%s)%s %s", oldest.ID, oldest.State, v.holderAge(oldest), more, how)
	if !slices.ContainsFunc(others, func(h fleet.Holder) bool { return !h.State.Out() }) { // none that only the feed shows
		judged = judged.whileGroupStands()
	}
	if !v.Moving() && (oldest.Since.IsZero() || v.Age(oldest) > time.Hour) {
		return judged.atOnce()
	}
	return judged
}

// minimumHolds: enough peers are healthy, as the load balancers see it.
func minimumHolds(v view) verdict {
	n := v.Count(v.min)
	if n.HealthyPeers >= n.Minimum {
		return verdict{}
	}
	return blockedBy(failure.NotNow, "fix the peers first, or choose a lower --min-healthy",
		"%s, minimum %d (%s)%s", v.peersHealthy(n), n.Minimum, v.min, v.unhealthyExample())
}

// maxSize: ExitStandby raises the desired capacity by one and is refused above MaxSize (API reference, ExitStandby). A
// weighted group counts units, so nothing is foretold.
func maxSize(v view) verdict {
	if v.Group.Weighted() || v.Group.Desired+1 <= v.Group.Max {
		return verdict{}
	}
	return blockedBy(failure.NotNow, fmt.Sprintf("raise MaxSize to %d, or lower desired to %d", v.Group.Desired+1, v.Group.Max-1),
		"desired %d is at MaxSize %d, so this instance cannot return", v.Group.Desired, v.Group.Max).whileGroupStands()
}

// replaces: this run enters without decrement, since MinSize leaves it no other way.
func (v view) replaces() bool {
	me, _ := v.Group.Member(v.ID)
	return v.replace && v.Group.Desired-max(1, me.Weight) < v.Group.Min
}

// fenced: MinSize itself holds the minimum, so Auto Scaling refuses the move that is one too many.
func (v view) fenced() bool {
	return !v.Group.Weighted() && !v.replaces() && v.Group.Min >= v.Count(v.min).Minimum
}
