package rotation

import (
	"fmt"
	"time"

	"balanced/internal/fleet"
)

// update is the command that changes a setting of the group.
func (c checkup) update(format string, args ...any) string {
	return "aws autoscaling update-auto-scaling-group --auto-scaling-group-name " + word(c.Group.Name) + " " + fmt.Sprintf(format, args...)
}

// fence compares what MinSize lets out with what the floor lets out. MinSize is the
// only lock that Auto Scaling itself holds.
func fence(c checkup) []Finding {
	n := c.numbers(c.min)
	if !c.knows() || c.Group.Weighted() || outOfReach(c) {
		return nil
	}
	f := Finding{Severity: Error, Fix: c.update("--min-size %d", n.Floor)}
	switch room := n.Strength - c.Group.Min; {
	case room < 1:
		f.What = fmt.Sprintf("MinSize %d lets nobody of %d out", c.Group.Min, n.Strength)
		f.Why = "Auto Scaling refuses EnterStandby where desired would fall below MinSize"
	case softFloor(c.view) != "":
		f.What = fmt.Sprintf("MinSize %d lets %d of %d be out at once; floor '%s' lets %d", c.Group.Min, room, n.Strength, c.min, n.Places)
		f.Why = "instances that start within the same seconds can begin to drain together; with MinSize at the floor Auto Scaling refuses the surplus before anything drains"
	default:
		return nil
	}
	if n.Floor > c.Group.Desired {
		f.Why += "; bring those in Standby back first: a MinSize above desired launches others"
	}
	return []Finding{f}
}

// outOfReach: the guard of out says that this floor can never be met.
func outOfReach(c checkup) bool {
	stop := places(c.view)
	return stop != nil && stop.Class == Setup
}

func floorInReach(c checkup) []Finding {
	if !c.knows() || !outOfReach(c) {
		return nil
	}
	need := c.numbers(c.min).Floor + 1
	return []Finding{{
		Severity: Error,
		What:     places(c.view).Reason,
		Why:      "out is always refused; a lower --min-healthy is the other way, 0 for a group of one",
		Fix:      c.update("--desired-capacity %d --max-size %d", need, max(c.Group.Max, need+1)),
	}}
}

// headroom: everyone in Standby needs a place below MaxSize to return to.
func headroom(c checkup) []Finding {
	if !c.knows() || c.Group.Weighted() {
		return nil
	}
	if all := c.Group.Desired + len(c.claims()); all > c.Group.Max {
		return []Finding{{
			Severity: Error,
			What:     fmt.Sprintf("MaxSize %d has no room for the return of %s", c.Group.Max, ids(c.claims())),
			Why:      "Auto Scaling refuses ExitStandby where desired would rise above MaxSize",
			Fix:      c.update("--max-size %d", all+1), // with room for a scale-out
		}}
	}
	if text := noHeadroom(c.view); text != "" {
		return []Finding{{
			Severity: Warning, What: text,
			Why: "in then waits, and ends with 75 when nothing frees a place",
			Fix: c.update("--max-size %d", c.Group.Max+1),
		}}
	}
	return nil
}

// leftInStandby names who is out, and since when.
func leftInStandby(c checkup) []Finding {
	var all []Finding
	for _, claim := range c.claims() {
		if claim.State != fleet.Standby {
			continue
		}
		f := Finding{
			Severity: Warning,
			What:     claim.ID + " is in Standby" + c.since(claim),
			Why:      "it holds a place; better than this command: balanced in on that instance, which proves its health",
			Fix:      fmt.Sprintf("aws autoscaling exit-standby --auto-scaling-group-name %s --instance-ids %s", word(c.Group.Name), claim.ID),
		}
		if claim.ID == c.ID {
			f.Why, f.Fix = "it holds a place, and Auto Scaling checks no health there", "balanced in"
		}
		all = append(all, f)
	}
	return all
}

func (c checkup) since(claim Claim) string {
	if claim.Since.IsZero() {
		return ", since a time that is not known"
	}
	return fmt.Sprintf(" since %s (%s)", clock(claim.Since), brief(c.Now.Sub(claim.Since)))
}

// effects of suspended processes on work with Standby (User Guide, "Suspend and resume
// processes").
var effects = map[string]string{
	"Launch":            "nobody returns from Standby: out and in are refused",
	"AddToLoadBalancer": "who returns from Standby gets no traffic: out and in are refused",
	"Terminate":         "no scale-in and no instance refresh; AZRebalance launches and cannot terminate",
	"HealthCheck":       "an instance that fails is not noticed",
	"ReplaceUnhealthy":  "instances that fail are not replaced, and then all at once on resume",
	"AZRebalance":       "zones that became uneven stay so",
	"AlarmNotification": "scaling policies do nothing",
	"ScheduledActions":  "scheduled scaling does nothing",
	"InstanceRefresh":   "an instance refresh stands still, and out is refused for as long",
}

// suspended names every process that is off. What keeps out and in from working is an
// error, by the guard's own word.
func suspended(c checkup) []Finding {
	var all []Finding
	for _, p := range c.Group.Suspended {
		effect, known := effects[p]
		if !known { // a deprecated one that does nothing may be listed
			continue
		}
		f := Finding{
			Severity: Warning,
			What:     "the process " + p + " is suspended",
			Why:      effect,
			Fix:      c.resume(p),
		}
		if processes(suspending(c.view, p)) != nil {
			f.Severity = Error
		}
		all = append(all, f)
	}
	return all
}

// suspending is the group with one process suspended.
func suspending(v view, process string) view {
	v.Group.Suspended = []string{process}
	return v
}

func grace(c checkup) []Finding {
	text := shortGrace(c.view)
	if text == "" {
		return nil
	}
	return []Finding{{
		Severity: Warning, What: text,
		Why: "the grace period counts again after Standby; what is not healthy by its end is terminated",
		Fix: c.update("--health-check-grace-period %d", inSeconds(c.firstPass())),
	}}
}

// firstPass is the longest that a source which counts takes to call a sound host healthy.
func (o Observed) firstPass() time.Duration {
	longest := time.Duration(0)
	for _, t := range o.Traffic {
		if t.Counts() {
			longest = max(longest, t.FirstPass())
		}
	}
	return longest
}
