package doctor

import (
	"fmt"
	"time"

	"balanced/internal/fleet"
	"balanced/internal/format"
)

// update is the command that changes a setting of the group.
func (s subject) update(settings string, args ...any) string {
	return "aws autoscaling update-auto-scaling-group --auto-scaling-group-name " + format.ShellWord(s.Group.Name) + " " + fmt.Sprintf(settings, args...)
}

// minSizeFence compares what MinSize lets out with what the minimum lets out. MinSize is the only lock that Auto Scaling
// itself holds.
func minSizeFence(s subject) []Finding {
	n := s.Count(s.min)
	if !s.knows() || s.Group.Declared() || s.Group.Weighted() || n.Impossible() {
		return nil
	}
	f := Finding{Severity: Error, Fix: s.update("--min-size %d", n.Minimum)}
	switch room := n.Capacity - s.Group.Min; {
	case room < 1:
		f.What = fmt.Sprintf("MinSize %d allows no instance of %d to leave", s.Group.Min, n.Capacity)
		f.Why = "Auto Scaling refuses EnterStandby where the desired capacity would fall below MinSize"
	case s.Warnings["unfenced minimum"] != "":
		f.What = fmt.Sprintf("MinSize %d allows %d of %d to be out at once; --min-healthy %s allows %d", s.Group.Min, room, n.Capacity, s.min, n.Slots)
		f.Why = "instances that start within the same seconds can begin to drain together; with MinSize at the minimum Auto Scaling refuses the move that is one too many before anything drains; where a scaling policy needs a lower MinSize, --lock does"
	default:
		return nil
	}
	if n.Minimum > s.Group.Desired {
		f.Why += "; bring the instances in Standby back first: a MinSize above the desired capacity launches others"
	}
	return []Finding{f}
}

// impossibleMinimum is the guard of out.
func impossibleMinimum(s subject) []Finding {
	if s.Group.Declared() {
		return impossibleOutside(s)
	}
	n := s.Count(s.min)
	if !s.knows() || !n.Impossible() {
		return nil
	}
	need := n.Minimum + 1
	return []Finding{{
		Severity: Error,
		What:     s.Guards["slots"].Reason,
		Why:      "out is always refused; a lower --min-healthy is the other way, 0 for a group of one",
		Fix:      s.update("--desired-capacity %d --max-size %d", need, max(s.Group.Max, need+1)),
	}}
}

// headroom: every instance in Standby needs room below MaxSize to return.
func headroom(s subject) []Finding {
	if !s.knows() || s.Group.Declared() || s.Group.Weighted() {
		return nil
	}
	if all := s.Group.Desired + len(s.Holders()); all > s.Group.Max {
		return []Finding{{
			Severity: Error,
			What:     fmt.Sprintf("MaxSize %d leaves no room to return for %s", s.Group.Max, fleet.HolderIDs(s.Holders())),
			Why:      "Auto Scaling refuses ExitStandby where the desired capacity would rise above MaxSize",
			Fix:      s.update("--max-size %d", all+1), // with room for a scale-out
		}}
	}
	if text := s.Warnings["no headroom"]; text != "" {
		return []Finding{{
			Severity: Warning, What: text,
			Why: "in then waits, and ends with 75 when no room appears",
			Fix: s.update("--max-size %d", s.Group.Max+1),
		}}
	}
	return nil
}

// leftInStandby names which instances are out, and since when.
func leftInStandby(s subject) []Finding {
	var all []Finding
	for _, h := range s.Holders() {
		if !h.State.Settled() {
			continue
		}
		f := Finding{
			Severity: Warning,
			What:     h.ID + " is in Standby" + s.since(h),
			Why:      "it holds a slot, and it may be half upgraded",
			Fix:      "on " + h.ID + ": finish its upgrade, then run balanced in there, whose probe decides whether it returns",
		}
		if h.ID == s.ID {
			f.Why, f.Fix = "it holds a slot, and Auto Scaling checks no health there", "balanced in"
		}
		if s.Group.Declared() { // and without a lock there are no slots
			f.What, f.Why = h.ID+" is registered at none of "+s.Group.Name, "it gets no traffic, and it may be half upgraded"
		}
		all = append(all, f)
	}
	return all
}

func (s subject) since(h fleet.Holder) string {
	if h.Since.IsZero() {
		return ", since an unknown time"
	}
	return fmt.Sprintf(" since %s (%s)", format.Time(h.Since), format.Duration(s.Now.Sub(h.Since)))
}

// effects of suspended processes on work with Standby (Auto Scaling User Guide, "Suspend and resume processes").
var effects = map[string]string{
	"Launch":            "instances cannot leave Standby: out and in are refused",
	"AddToLoadBalancer": "instances that leave Standby get no traffic: out and in are refused",
	"Terminate":         "no scale-in and no instance refresh; AZRebalance launches and cannot terminate",
	"HealthCheck":       "an instance that fails is not noticed",
	"ReplaceUnhealthy":  "instances that fail are not replaced, and then all at once on resume",
	"AZRebalance":       "zones that became uneven stay so",
	"AlarmNotification": "scaling policies do nothing",
	"ScheduledActions":  "scheduled scaling does nothing",
	"InstanceRefresh":   "an instance refresh stands still, and out is refused for as long",
}

// suspendedProcesses names every process that is off. What keeps out and in from working is an error.
func suspendedProcesses(s subject) []Finding {
	var all []Finding
	for _, p := range s.Group.Suspended {
		effect, known := effects[p]
		if !known { // a deprecated one that does nothing may be listed
			continue
		}
		f := Finding{
			Severity: Warning,
			What:     "the process " + p + " is suspended",
			Why:      effect,
			Fix:      fmt.Sprintf("aws autoscaling resume-processes --auto-scaling-group-name %s --scaling-processes %s", format.ShellWord(s.Group.Name), p),
		}
		if p == "Launch" || p == "AddToLoadBalancer" {
			f.Severity = Error
		}
		all = append(all, f)
	}
	return all
}

func gracePeriod(s subject) []Finding {
	text := s.Warnings["short grace period"]
	if text == "" {
		return nil
	}
	return []Finding{{
		Severity: Warning, What: text,
		Why: "the grace period counts again after Standby; an instance that is not healthy by its end is terminated",
		Fix: s.update("--health-check-grace-period %d", int((s.FirstPass()+time.Second-1)/time.Second)),
	}}
}
