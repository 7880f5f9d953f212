package rotation

import (
	"fmt"
	"strings"

	"balanced/internal/fleet"
	"balanced/internal/format"
)

// A warning does not hold a run up; it says what may hurt later. The text is empty where there is nothing to say.
type warning struct {
	name string // a word that doctor finds it by
	text func(view) string
}

var (
	unusedSource     = warning{"unused source", unusedSourceText}
	ignoredSource    = warning{"ignored source", ignoredSourceText}
	unfencedMinimum  = warning{"unfenced minimum", unfencedMinimumText}
	shortGroup       = warning{"short group", shortGroupText}
	unevenZones      = warning{"uneven zones", unevenZonesText}
	shortGrace       = warning{"short grace period", shortGraceText}
	noHeadroom       = warning{"no headroom", noHeadroomText}
	longFlows        = warning{"long flows", longFlowsText}
	rebalanceAdvised = warning{"rebalance recommendation", rebalanceText}
	laterEvent       = warning{"later event", laterEventText}
	tightTimeout     = warning{"tight timeout", tightTimeoutText}
	tightLimit       = warning{"tight limit", tightLimitText}
	needlessReplace  = warning{"needless replace", needlessReplaceText}
	unhealthyPeers   = warning{"unhealthy peers", unhealthyPeersText}
	largerGroup      = warning{"larger group", largerGroupText}
	onHold           = warning{"held", onHoldText}
	staleMarks       = warning{"stale marks", staleMarksText}
	weightedGroup    = warning{"weights", weightedGroupText}
	shiftedPeers     = warning{"zonal shift", shiftedPeersText}
	shiftedHere      = warning{"zonal shift here", shiftedHereText}
	crossedThreshold = warning{"target group threshold", crossedThresholdText}
	slowStart        = warning{"slow start", slowStartText}
	unreadableEvent  = warning{"unreadable event", unreadableEventText}
)

// outWarnings are looked for at every look that reads the whole, before the instance leaves: what `in` will run into
// belongs here too.
var outWarnings = []warning{
	unusedSource, ignoredSource, unfencedMinimum, shortGroup, unevenZones, shortGrace, noHeadroom,
	longFlows, rebalanceAdvised, laterEvent, tightTimeout, tightLimit, needlessReplace, unhealthyPeers,
	staleMarks, weightedGroup, shiftedPeers, crossedThreshold, unreadableEvent, unknownZones, inPart,
}

var inWarnings = []warning{unusedSource, ignoredSource, shortGrace, largerGroup, laterEvent, tightLimit, staleMarks, shiftedHere, slowStart, unreadableEvent}

// warn puts every warning of a look into the log and the report, once.
func (r *run) warn() {
	for _, w := range r.warnings {
		r.warnOnce(w.text(r.view()))
	}
}

// warnOnce puts a warning into the log and the report, unless it is there already; "" is none.
func (r *run) warnOnce(text string) {
	if text != "" && r.report.warn(text) {
		r.Log.Warn(text)
	}
}

func unusedSourceText(v view) string {
	for _, t := range v.Traffic {
		if t.Idle() {
			return fmt.Sprintf("%s is behind no listener, so it does not count", t.Name)
		}
	}
	return ""
}

func ignoredSourceText(v view) string {
	for _, t := range v.Traffic {
		if t.Ignored {
			return fmt.Sprintf("--ignore %s: its health is not proven", t.Name)
		}
	}
	return ""
}

func unfencedMinimumText(v view) string {
	n := v.Count(v.min)
	if v.locks || v.Group.Declared() || v.Group.Weighted() || v.replaces() || v.Group.Min >= n.Minimum || n.Minimum > n.Capacity-1 {
		return ""
	}
	return fmt.Sprintf("MinSize %d is below the minimum %d: with MinSize %d Auto Scaling itself would hold the minimum", v.Group.Min, n.Minimum, n.Minimum)
}

func shortGroupText(v view) string {
	have, _ := v.InServiceUnits()
	if v.State == fleet.InService && v.min.AllowsShort() && have < v.Group.Desired {
		return fmt.Sprintf("%s is short: %d in service, desired %d", v.Group.Name, have, v.Group.Desired)
	}
	return ""
}

func unevenZonesText(v view) string {
	fewest, most := v.ZonesWithoutMe()
	if v.Group.Declared() || v.Group.IsSuspended("AZRebalance") || most-fewest < 2 {
		return ""
	}
	return fmt.Sprintf("zones will hold from %d to %d instances, so AZRebalance may launch one and terminate another", fewest, most)
}

// shortGraceText: the grace period counts again from InService after Standby, and the API's default is 0 (Auto Scaling
// User Guide, "Health check grace period").
func shortGraceText(v view) string {
	if !v.Group.ELBHealth() {
		return ""
	}
	for _, t := range v.Traffic {
		if first := t.FirstPass(); t.Counts() && v.Group.Grace < first {
			return fmt.Sprintf("grace period %s is shorter than the first checks of %s (%s): Auto Scaling may replace this instance when it returns",
				format.Duration(v.Group.Grace), t.Name, format.Duration(first))
		}
	}
	return ""
}

func noHeadroomText(v view) string {
	if v.Group.Desired >= v.Group.Max && v.Group.Min < v.Group.Max {
		return fmt.Sprintf("desired %d is at MaxSize: a scale-out meanwhile would leave no room to return", v.Group.Desired)
	}
	return ""
}

func longFlowsText(v view) string {
	for _, t := range v.Traffic {
		if t.KeepsFlows() {
			return fmt.Sprintf("%s lets established flows outlive the deregistration delay", t.Name)
		}
	}
	return ""
}

func rebalanceText(v view) string {
	if v.Notices.Rebalance.IsZero() {
		return ""
	}
	return "EC2 recommends replacing this Spot instance: an interruption is likely"
}

func laterEventText(v view) string {
	for _, e := range v.Notices.Scheduled {
		return fmt.Sprintf("EC2 scheduled %s for %s", e.Code, format.Time(e.Begins))
	}
	return ""
}

func tightTimeoutText(v view) string {
	if drain := fleet.LongestDrain(v.Traffic); v.budgets.timeout < drain {
		return fmt.Sprintf("--timeout %s is shorter than the deregistration delay of %s", format.Duration(v.budgets.timeout), format.Duration(drain))
	}
	return ""
}

func tightLimitText(v view) string {
	if v.Limit == 0 || v.timeLimit() <= v.Limit || withinLimit(v).kind == blocked {
		return ""
	}
	return fmt.Sprintf("the move fits into %s, rolling it back may not: give the hook, and --timeout, %d s", format.Duration(v.Limit), wholeSeconds(v.timeLimit()))
}

func needlessReplaceText(v view) string {
	if v.replace && v.State == fleet.InService && !v.replaces() {
		return "--replace is not needed: MinSize leaves room"
	}
	return ""
}

// unhealthyPeersText: an instance already out gets no traffic, so it is not held up by unhealthy peers.
func unhealthyPeersText(v view) string {
	n := v.Count(v.min)
	if !v.resumed || n.HealthyPeers >= n.Minimum {
		return ""
	}
	return fmt.Sprintf("%s, minimum %d (%s)%s", v.peersHealthy(n), n.Minimum, v.min, v.unhealthyExample())
}

// largerGroupText: an instance that left without decrement makes the group one larger on return.
func largerGroupText(v view) string {
	last, ok := fleet.NewestMove(v.Activities, v.ID, fleet.ToStandby)
	if !ok || last.Moved || !v.State.Out() {
		return ""
	}
	return fmt.Sprintf("it left with --replace, so the group will be one larger; when the rollout is done: aws autoscaling set-desired-capacity --auto-scaling-group-name %s --desired-capacity %d",
		format.ShellWord(v.Group.Name), v.Group.Desired)
}

// staleMarksText: nothing acts on such a mark, so it holds no one up; it comes to bite when the process is resumed.
func staleMarksText(v view) string {
	marks := v.StaleMarks()
	if len(marks) == 0 {
		return ""
	}
	return fmt.Sprintf("Auto Scaling calls %s Unhealthy, every load balancer says healthy, and a suspended process keeps it from being replaced: %s",
		strings.Join(marks, ", "), SetHealthy(marks[0]))
}

// SetHealthy is the command that takes a stale mark from an instance.
func SetHealthy(id string) string {
	return "aws autoscaling set-instance-health --health-status Healthy --instance-id " + id
}

func weightedGroupText(v view) string {
	if !v.Group.Weighted() || v.State != fleet.InService {
		return ""
	}
	return fmt.Sprintf("%s has weights: whether MinSize %d allows the move is known only when Auto Scaling is asked", v.Group.Name, v.Group.Min)
}

// shiftedPeersText: an override that need not keep traffic away says nothing about health, but the group is not as usual.
func shiftedPeersText(v view) string {
	for _, t := range v.Counted() {
		for _, x := range t.Targets {
			if x.Override != "" && !x.Shifted {
				return fmt.Sprintf("%s may get no traffic at %s: %s", x.Instance, t.Name, x.Override)
			}
		}
	}
	return ""
}

func shiftedHereText(v view) string {
	for _, t := range v.Counted() {
		if x := t.Own(v.ID); x.Shifted {
			return fmt.Sprintf("a zonal shift keeps new traffic of %s from this instance for now", t.Name)
		}
	}
	return ""
}

// crossedThresholdText: below its thresholds a target group changes how it routes (API reference, TargetGroupAttribute,
// target_group_health.*).
func crossedThresholdText(v view) string {
	for _, c := range v.Crossings() {
		return CrossingText(c)
	}
	return ""
}

// CrossingText says what the leave of this instance does to a target group.
func CrossingText(c fleet.Crossing) string {
	where, then := "", "unhealthy targets get traffic, too"
	if c.Zone != "" {
		where = " in " + c.Zone
	}
	if c.DNS {
		then = "the zone is taken out of DNS"
	}
	return fmt.Sprintf("without this instance %s has %d healthy targets%s, and its target_group_health threshold is %d: %s", c.Source, c.Remaining, where, c.Least, then)
}

func slowStartText(v view) string {
	for _, t := range v.Counted() {
		if t.SlowStart > 0 {
			return fmt.Sprintf("%s gives a new target its full share only after %s (slow start): pause that long before the next instance", t.Name, format.Duration(t.SlowStart))
		}
	}
	return ""
}

func unreadableEventText(v view) string {
	if len(v.Notices.Unreadable) == 0 {
		return ""
	}
	return "a notice of the metadata service could not be read: " + strings.Join(v.Notices.Unreadable, "; ")
}

func onHoldText(v view) string {
	if refusal := heldBy(v.hold); refusal != nil {
		return refusal.Error()
	}
	return ""
}
