package doctor

import (
	"fmt"
	"slices"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/format"
	"balanced/internal/rotation"
)

// staleMarks names members that Auto Scaling calls Unhealthy and does not replace.
func staleMarks(s subject) []Finding {
	var all []Finding
	for _, id := range s.StaleMarks() {
		all = append(all, Finding{
			Severity: Warning,
			What:     "Auto Scaling calls " + id + " Unhealthy, and every load balancer says healthy",
			Why:      "a suspended process keeps it from being replaced; when that is resumed, it is",
			Fix:      rotation.SetHealthy(id),
		})
	}
	return all
}

// managedGroup: only the service that manages a group may change it.
func managedGroup(s subject) []Finding {
	if s.Group.Operator == "" {
		return nil
	}
	return []Finding{{
		Severity: Error,
		What:     s.Group.Name + " is managed by " + s.Group.Operator,
		Why:      "only that service may move its instances: out and in are refused",
		Fix:      "use that service's own way to update its instances",
	}}
}

// crossedThresholds: while this instance is out, a target group routes otherwise.
func crossedThresholds(s subject) []Finding {
	var all []Finding
	for _, c := range s.Crossings() {
		all = append(all, Finding{
			Severity: Warning, What: rotation.CrossingText(c),
			Why: "the rest of the fleet then gets its traffic in another way than today",
			Fix: "lower target_group_health of " + c.Source + ", or add an instance",
		})
	}
	return all
}

// retained names instances that stay until somebody terminates them.
func retained(s subject) []Finding {
	var all []Finding
	for _, m := range s.Group.Members {
		if !m.State.Retained() {
			continue
		}
		all = append(all, Finding{
			Severity: Warning,
			What:     m.ID + " is " + string(m.State),
			Why:      "it does not count in the desired capacity, costs money, and stays until it is terminated by hand",
			Fix:      rotation.Terminate(m.ID),
		})
	}
	return all
}

// unhealthyMembers names members in service that do not count toward the minimum.
func unhealthyMembers(s subject) []Finding {
	if len(s.reads.denied) > 0 { // what was not read is not known
		return nil
	}
	var all []Finding
	counted, n := s.Counted(), s.Count(s.min)
	for _, m := range s.Group.Members {
		if m.State != fleet.InService || s.IsHealthy(m, counted) {
			continue
		}
		f := Finding{
			Severity: Warning,
			Why:      fmt.Sprintf("it does not count: %d of %d healthy, minimum %d (%s)", n.Healthy, n.Capacity, n.Minimum, s.min),
		}
		f.What, f.Fix = s.unhealthy(m, counted)
		all = append(all, f)
	}
	return all
}

// unhealthy says what is wrong with a member, and what to do on it. No command here puts it into traffic: it may be half
// upgraded.
func (s subject) unhealthy(m fleet.Member, counted []fleet.Traffic) (what, fix string) {
	fix = "on " + m.ID + ": fix the application, then check with balanced status"
	if !m.Healthy && s.Group.ReplacesUnhealthy() {
		return "Auto Scaling calls " + m.ID + " Unhealthy", "wait: Auto Scaling replaces it"
	}
	for _, t := range counted {
		x := t.Of(m.ID)
		switch {
		case x.GetsTraffic():
		case s.Group.Declared() && m.ID != s.ID && x.Health == fleet.Unregistered: // it need not be registered everywhere
		case x.Shifted && x.Health == fleet.Healthy:
			return fmt.Sprintf("%s is %s at %s", m.ID, x.Standing(), t.Name), "wait for the end of the shift: aws arc-zonal-shift list-zonal-shifts"
		case x.Health == fleet.Unregistered:
			return m.ID + " is InService, and " + t.Name + " does not list it",
				"on " + m.ID + ": make sure that it is upgraded and answers, then " + register(t.Source, m.ID)
		case x.Health == fleet.Initial:
			return fmt.Sprintf("%s is %s at %s", m.ID, x.Health, t.Name), "wait: its first health checks are not over; balanced status shows when"
		default:
			return fmt.Sprintf("%s is %s at %s", m.ID, x.Health, t.Name), fix
		}
	}
	return m.ID + " is not healthy", fix
}

func register(t fleet.Source, id string) string {
	if t.Kind == fleet.Classic {
		return fmt.Sprintf("aws elb register-instances-with-load-balancer --load-balancer-name %s --instances %s", t.Name, id)
	}
	return fmt.Sprintf("aws elbv2 register-targets --target-group-arn %s --targets Id=%s", t.ID, id)
}

func foreseenProbe(s subject) []Finding {
	if s.probe == "" {
		return nil
	}
	return []Finding{{
		Severity: Warning, What: s.probe,
		Why: "in would refuse this instance with 80 once it is out",
		Fix: "balanced in --dry-run --probe http://ADDRESS:PORT/PATH",
	}}
}

// shownElsewhere are the guards of out whose refusal another finding names, with a fix of its own.
var shownElsewhere = map[string]bool{
	"held": true, "processes": true, "traffic sources": true, "ports": true, "limit": true, "reads": true,
}

// refusedNow is every guard of out that refuses now and that no other finding names.
func refusedNow(s subject) []Finding {
	if s.State != fleet.InService || len(s.reads.denied) > 0 {
		return nil
	}
	var all []Finding
	for _, name := range s.Refused {
		refusal := s.Guards[name]
		if shownElsewhere[name] || s.namedAlready(name, refusal) {
			continue
		}
		f := Finding{Severity: Warning, What: refusal.Error(), Why: "out would refuse now", Fix: refusal.Hint}
		if refusal.Class != failure.NotNow {
			f.Severity = Error
		}
		all = append(all, f)
	}
	return all
}

// namedAlready: the sizes, the zones, the instances in Standby and the unhealthy members have findings of their own.
func (s subject) namedAlready(guard string, refusal *failure.Refusal) bool {
	switch guard {
	case "min size", "slots":
		return refusal.Class == failure.Setup || len(leftInStandby(s)) > 0
	case "minimum":
		return len(unhealthyMembers(s)) > 0 || len(leftInStandby(s)) > 0 || s.Count(s.min).Impossible()
	case "zone":
		return refusal.Class == failure.Setup
	}
	return false
}

// standbyMetric tells of instances in Standby, each minute.
const standbyMetric = "GroupStandbyInstances"

// noStandbyMetric: without it no alarm can tell that an instance was left in Standby. Group metrics cost nothing (Auto
// Scaling User Guide, "Amazon CloudWatch metrics").
func noStandbyMetric(s subject) []Finding {
	if !s.knows() || s.Group.Declared() || slices.Contains(s.Group.Metrics, standbyMetric) {
		return nil
	}
	return []Finding{{
		Severity: Note,
		What:     "the group does not send " + standbyMetric + " to CloudWatch",
		Why:      "an alarm on it tells of instances that a rollout left in Standby: docs/metrics-and-alarms.md",
		Fix: "aws autoscaling enable-metrics-collection --auto-scaling-group-name " + format.ShellWord(s.Group.Name) +
			" --granularity 1Minute --metrics " + standbyMetric,
	}}
}
