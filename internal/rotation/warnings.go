package rotation

import (
	"fmt"

	"balanced/internal/fleet"
)

// A warning does not hold a run up; it says what may hurt later.
type warning func(view) string

// outWarnings are looked for at every look that reads all, before the instance leaves:
// what `in` will trip over belongs here too.
var outWarnings = []warning{
	unusedSource, unproven, softFloor, shortGroup, zonesApart, shortGrace, noHeadroom,
	longFlows, rebalanceAdvised, laterEvent, tightTimeout, tightLimit, plainWay, sickPeers,
}

var inWarnings = []warning{unusedSource, unproven, shortGrace, longerGroup, laterEvent, tightLimit}

func unusedSource(v view) string {
	for _, t := range v.Traffic {
		if t.Idle() {
			return fmt.Sprintf("%s is behind no listener: left out", t.Name)
		}
	}
	return ""
}

func unproven(v view) string {
	for _, t := range v.Traffic {
		if t.Ignored {
			return fmt.Sprintf("%s is ignored: its health is not proven", t.Name)
		}
	}
	return ""
}

func softFloor(v view) string {
	n := v.numbers(v.min)
	if v.Group.Weighted() || v.replaces() || v.Group.Min >= n.Floor || n.Floor > n.Strength-1 {
		return ""
	}
	return fmt.Sprintf("MinSize %d leaves more room than floor %d: with MinSize %d Auto Scaling itself would hold it", v.Group.Min, n.Floor, n.Floor)
}

func shortGroup(v view) string {
	have, _ := v.inService()
	if v.State == fleet.InService && v.min.shortIsFine() && have < v.Group.Desired {
		return fmt.Sprintf("%s is short: %d in service, desired %d", v.Group.Name, have, v.Group.Desired)
	}
	return ""
}

// zonesApart foretells AZRebalance, which counts only what is not in Standby and
// launches when zones differ (User Guide, "Availability Zone rebalancing").
func zonesApart(v view) string {
	if v.Group.IsSuspended("AZRebalance") {
		return ""
	}
	counts := map[string]int{}
	for _, m := range v.Group.Members {
		counts[m.Zone] += 0
		if m.State == fleet.InService && m.ID != v.ID {
			counts[m.Zone]++
		}
	}
	low, high := -1, 0
	for _, n := range counts {
		high = max(high, n)
		if low < 0 || n < low {
			low = n
		}
	}
	if high-low < 2 {
		return ""
	}
	return fmt.Sprintf("zones will hold from %d to %d instances: AZRebalance may launch one and terminate another", low, high)
}

// shortGrace: the grace period counts again from InService after Standby, and the
// API's default is 0 (User Guide, "Health check grace period").
func shortGrace(v view) string {
	if !v.Group.ELBHealth() {
		return ""
	}
	for _, t := range v.Traffic {
		if first := t.FirstPass(); t.Counts() && v.Group.Grace < first {
			return fmt.Sprintf("grace period %s is shorter than the first checks of %s (%s): Auto Scaling may replace this host on its return",
				brief(v.Group.Grace), t.Name, brief(first))
		}
	}
	return ""
}

func noHeadroom(v view) string {
	if v.Group.Desired >= v.Group.Max && v.Group.Min < v.Group.Max {
		return fmt.Sprintf("desired %d is at MaxSize: a scale-out meanwhile takes the place to return to", v.Group.Desired)
	}
	return ""
}

func longFlows(v view) string {
	for _, t := range v.Traffic {
		if t.Kind == fleet.Network && !t.CutsFlows {
			return fmt.Sprintf("%s lets established flows outlive the deregistration delay", t.Name)
		}
	}
	return ""
}

func rebalanceAdvised(v view) string {
	if v.Notices.Rebalance.IsZero() {
		return ""
	}
	return "EC2 recommends to replace this Spot instance: an interruption is likely"
}

func laterEvent(v view) string {
	for _, e := range v.Notices.Scheduled {
		return fmt.Sprintf("EC2 scheduled %s for %s", e.Code, clock(e.Begins))
	}
	return ""
}

func tightTimeout(v view) string {
	if drain := longestDrain(v.Traffic); v.timeout < drain {
		return fmt.Sprintf("--timeout %s is shorter than the drain of %s", brief(v.timeout), brief(drain))
	}
	return ""
}

func plainWay(v view) string {
	if v.replace && v.State == fleet.InService && !v.replaces() {
		return "--replace is not needed: MinSize leaves room"
	}
	return ""
}

// sickPeers: a host already out serves nobody, so it is not held up by them.
func sickPeers(v view) string {
	n := v.numbers(v.min)
	if !v.resumed || n.Peers >= n.Floor {
		return ""
	}
	return fmt.Sprintf("only %d others serve, floor '%s' is %d%s", n.Peers, v.min, n.Floor, v.sickness())
}

// longerGroup: whoever left without decrement makes the group one larger on return.
func longerGroup(v view) string {
	last, ok := newest(v.Activities, v.ID, fleet.ToStandby)
	if !ok || last.Moved || !v.State.Out() {
		return ""
	}
	return fmt.Sprintf("it left with --replace, so the group will be one larger; when the loop is done: aws autoscaling set-desired-capacity --auto-scaling-group-name %s --desired-capacity %d",
		word(v.Group.Name), v.Group.Desired)
}

// warned puts every warning of a look into the log and the report, once.
func (r *run) warned() {
	for _, w := range r.warnings {
		if text := w(r.view()); text != "" && r.report.warn(text) {
			r.Log.Warn(text)
		}
	}
}
