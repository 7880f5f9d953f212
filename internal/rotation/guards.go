package rotation

import (
	"fmt"
	"slices"
	"time"

	"balanced/internal/fleet"
)

// view is what a row of a table sees: the last look, what this run did so far, and
// what it was asked.
type view struct {
	Observed
	facts
	settings
	looked time.Time // this host's clock when the look was complete
}

// A guard says why the instance must not move now, or nil.
type guard struct {
	name  string
	check func(view) *Stop
}

// outGuards are asked before an instance leaves, in this order.
var outGuards = []guard{
	{"held", held},
	{"instance stays", staying},
	{"traffic sources", knownSources},
	{"processes", processes},
	{"limit", withinLimit},
	{"way back", standIn},
	{"ports", extraPorts},
	{"reads", wholeReads},
	{"refresh", noRefresh},
	{"quiet", quiet},
	{"min size", minSize},
	{"places", places},
	{"floor", floorHolds},
	{"zone", zoneHolds},
}

// inGuards are asked before an instance returns: fewer, since coming back repairs.
var inGuards = []guard{
	{"held", held},
	{"instance stays", staying},
	{"traffic sources", knownSources},
	{"processes", processes},
	{"limit", withinLimit},
	{"reads", wholeReads},
	{"max size", maxSize},
}

// ask puts the guards' question: the first refusal that waiting cannot lift, else the
// first refusal, else nil.
func ask(guards []guard, v view) *Stop {
	var first *Stop
	for _, g := range guards {
		stop := g.check(v)
		if stop == nil {
			continue
		}
		if stop.hopeless() {
			return stop
		}
		if first == nil {
			first = stop
		}
	}
	return first
}

// leaveIt is what to do with an instance that Auto Scaling or EC2 takes away.
const leaveIt = "leave it; its replacement is built from the current image"

// staying: nothing is about to take this instance away. Work on it would be lost, and
// bringing it back would be harmful.
func staying(v view) *Stop {
	if why := v.takenAway(); why != "" {
		return stopf(Leaving, leaveIt, "%s", why)
	}
	for _, e := range v.Notices.Scheduled {
		if e.Stops() && e.Begins.Before(v.Now.Add(v.unthrottled())) {
			return stopf(Leaving, "let the event pass, or move it with aws ec2 modify-instance-event-start-time",
				"EC2 scheduled %s for %s, within this run's bound of %s", e.Code, clock(e.Begins), brief(v.unthrottled()))
		}
	}
	return nil
}

// takenAway says what is about to take this instance away for good, or "".
func (v view) takenAway() string {
	n := v.Notices
	switch {
	case v.Group.Deleting:
		return fmt.Sprintf("group %s is being deleted", v.Group.Name)
	case n.Spot != "":
		return fmt.Sprintf("EC2 will %s this Spot instance at %s", n.Spot, clock(n.SpotAt))
	case n.Target == string(fleet.Terminated), n.Target == string(fleet.Detached):
		return fmt.Sprintf("Auto Scaling is bringing this instance to %s", n.Target)
	case !v.Healthy && v.State == fleet.InService:
		return "Auto Scaling calls this instance Unhealthy and will replace it"
	}
	return ""
}

func knownSources(v view) *Stop {
	if len(v.Group.Unknown) == 0 {
		return nil
	}
	return stopf(Setup, "detach it, or work on this group by hand", "%s has a source that cannot be asked: %s", v.Group.Name, v.Group.Unknown[0])
}

// processes: without Launch an instance cannot leave Standby; without AddToLoadBalancer
// it comes back in service without traffic (User Guide, "Suspend and resume processes").
func processes(v view) *Stop {
	for _, p := range []string{"Launch", "AddToLoadBalancer"} {
		if v.Group.IsSuspended(p) {
			return stopf(Setup, v.resume(p), "%s is suspended: nobody returns from Standby into traffic", p)
		}
	}
	return nil
}

// resume is the command that lets a suspended process go on.
func (o Observed) resume(process string) string {
	return fmt.Sprintf("aws autoscaling resume-processes --auto-scaling-group-name %s --scaling-processes %s", word(o.Group.Name), process)
}

// standIn: a run with --replace leaves the group one larger, so there must be room.
func standIn(v view) *Stop {
	if v.replaces() && v.Group.Desired+1 > v.Group.Max {
		return stopf(Setup, fmt.Sprintf("raise MaxSize to %d", v.Group.Desired+1),
			"--replace makes the group one larger on return, but desired %d is at MaxSize %d", v.Group.Desired, v.Group.Max)
	}
	return nil
}

// extraPorts: Auto Scaling deregisters the group's port only; a registration of
// another port in an attached target group may keep its traffic during Standby.
func extraPorts(v view) *Stop {
	for _, t := range v.Traffic {
		for _, x := range t.otherPorts(v.ID) {
			return stopf(Setup, fmt.Sprintf("deregister %s:%d from %s, or give that port a target group of its own", v.ID, x.Port, t.Name),
				"%s is also registered on port %d in %s, which Standby may leave in place", v.ID, x.Port, t.Name)
		}
	}
	return nil
}

// wholeReads: two views of this instance that differ are not a base for a decision.
func wholeReads(v view) *Stop {
	if v.Torn {
		return stopf(NotNow, "run it again", "Auto Scaling's two views of %s differ at the moment", v.ID)
	}
	return nil
}

func noRefresh(v view) *Stop {
	for _, r := range v.Refreshes {
		if r.Active() {
			return stopf(NotNow, "wait for it, or cancel it",
				"instance refresh %s is %s (%d%%)", r.ID, r.Status, r.Percent)
		}
	}
	return nil
}

// quiet: the group has what it wants. A rule that allows a short group waits only for
// the floor; members on their way out hold nobody up.
func quiet(v view) *Stop {
	have, heaviest := v.inService()
	want := v.Group.Desired
	short := have < want
	why, launching := "", false
	for _, m := range v.Group.Members {
		if m.State.Launching() {
			why, short = fmt.Sprintf("%s is %s", m.ID, m.State), true
		}
	}
	for _, a := range v.Activities {
		if a.Kind == fleet.Launch && a.Running() {
			why, short, launching = fmt.Sprintf("a launch is running (%s)", a.Status), true, true
		}
	}
	switch {
	case short && v.min.shortIsFine():
		return nil
	case short && why == "":
		why = fmt.Sprintf("%d in service, desired %d", have, want)
	case !short && have > want && have-want >= max(1, heaviest):
		why = fmt.Sprintf("%d in service, desired %d: a scale-in is due", have, want)
	}
	if why == "" {
		return nil
	}
	stop := stopf(NotNow, "run it again when the group is quiet", "group %s is scaling: %s", v.Group.Name, why)
	if launching { // the feed says so, not the group
		return stop
	}
	return stop.whileTheGroupStands()
}

// minSize is the service's own fence, foretold: EnterStandby is refused when desired
// would fall below it (API reference, EnterStandby). Weighted groups count units, so
// there nothing is foretold.
func minSize(v view) *Stop {
	if v.replaces() || v.Group.Weighted() || v.Group.Desired-1 >= v.Group.Min {
		return nil
	}
	back := 0
	for _, c := range v.others() {
		if !c.Kept {
			back++
		}
	}
	if v.Group.Desired+back-1 < v.Group.Min {
		return stopf(Setup, "lower MinSize by one for good, or use --replace",
			"MinSize %d leaves no room below desired %d even with everyone back", v.Group.Min, v.Group.Desired+back)
	}
	return v.blocked(fmt.Sprintf("takes the room above MinSize %d", v.Group.Min), "run the loop there first")
}

// places: as many may be out at once as strength is above the floor.
func places(v view) *Stop {
	n := v.numbers(v.min)
	if n.Floor > n.Strength-1 && n.Floor > 0 {
		return stopf(Setup, "choose a lower --min-healthy",
			"floor %d can never be met: %s without this instance is %d", n.Floor, v.Group.Name, n.Strength-1)
	}
	if len(v.others()) < n.Places {
		return nil
	}
	return v.blocked(fmt.Sprintf("blocks floor '%s'", v.min),
		fmt.Sprintf("run the loop there first, or --min-healthy %d", max(0, n.Strength-len(v.others())-1)))
}

// blocked is a refusal for as long as others are out. It names the one that has been
// out longest. In a group where nothing moves that one is not coming back by itself.
func (v view) blocked(how, hint string) *Stop {
	others := v.others()
	oldest, age := others[0], v.age(others[0])
	since, more := "", ""
	if !oldest.Since.IsZero() {
		since = " for " + brief(age)
	}
	if len(others) > 1 {
		more = fmt.Sprintf(", with %d more out", len(others)-1)
	}
	stop := stopf(NotNow, hint, "%s in %s%s %s%s", oldest.ID, oldest.State, since, how, more)
	if !slices.ContainsFunc(others, func(c Claim) bool { return !c.State.Out() }) { // none that only the feed shows
		stop.whileTheGroupStands()
	}
	if !v.moving() && (oldest.Since.IsZero() || age > time.Hour) {
		return stop.atOnce()
	}
	return stop
}

// floorHolds: enough others serve, as the load balancers see it.
func floorHolds(v view) *Stop {
	n := v.numbers(v.min)
	if n.Peers >= n.Floor {
		return nil
	}
	return stopf(NotNow, "heal the peers first, or choose a lower --min-healthy",
		"%d others serve, floor '%s' is %d%s", n.Peers, v.min, n.Floor, v.sickness())
}

// sickness names one reason why the floor is short.
func (o Observed) sickness() string {
	if id, why := o.sickPeer(); id != "" {
		return fmt.Sprintf(" (%s is %s)", id, why)
	}
	return ""
}

// maxSize: ExitStandby raises desired by one and is refused above MaxSize (API
// reference, ExitStandby). A weighted group counts units, so nothing is foretold.
func maxSize(v view) *Stop {
	if v.Group.Weighted() || v.Group.Desired+1 <= v.Group.Max {
		return nil
	}
	return stopf(NotNow, fmt.Sprintf("raise MaxSize to %d, or lower desired to %d", v.Group.Desired+1, v.Group.Max-1),
		"desired %d is at MaxSize %d, so this instance has no place to return to", v.Group.Desired, v.Group.Max).whileTheGroupStands()
}

// replaces: this run enters without decrement, since MinSize leaves it no other way.
func (v view) replaces() bool {
	me, _ := v.Group.Member(v.ID)
	return v.replace && v.Group.Desired-max(1, me.Weight) < v.Group.Min
}

// fenced: MinSize itself keeps the floor, so starts need no spreading.
func (v view) fenced() bool {
	return !v.Group.Weighted() && !v.replaces() && v.Group.Min >= v.numbers(v.min).Floor
}
