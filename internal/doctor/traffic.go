package doctor

import (
	"fmt"
	"slices"
	"strings"

	"balanced/internal/fleet"
	"balanced/internal/format"
)

// unevenZones: the zones would differ by two or more without this instance.
func unevenZones(s subject) []Finding {
	text := s.Warnings["uneven zones"]
	if text == "" {
		return nil
	}
	zones, capacity := max(len(s.PerZone()), 1), s.Capacity()
	more := (capacity/zones+1)*zones - capacity
	return []Finding{{
		Severity: Warning,
		What:     "while this instance is out, " + text,
		Why:      "with the same number of instances in every zone there is nothing to even out; suspending AZRebalance during the rollout is the other way",
		Fix: s.update("--min-size %d --max-size %d --desired-capacity %d",
			s.Group.Min+more, max(s.Group.Max, s.Group.Desired+more+1), s.Group.Desired+more),
	}}
}

// lonelyZones: where a load balancer keeps each zone's clients in their zone, the only instance of a zone cannot leave.
func lonelyZones(s subject) []Finding {
	var lonely []string
	for zone, n := range s.PerZone() {
		if n == 1 {
			lonely = append(lonely, zone)
		}
	}
	slices.Sort(lonely)
	var all []Finding
	for _, t := range s.Traffic {
		if len(lonely) == 0 || s.Group.Declared() || t.CrossZone || !t.Counts() {
			continue
		}
		all = append(all, Finding{
			Severity: Error,
			What:     fmt.Sprintf("%s has cross-zone off, and there is no second instance in %s", t.Name, strings.Join(lonely, ", ")),
			Why:      "while it is out the clients of its zone get no answer: out refuses it without --allow-empty-zone",
			Fix:      crossZoneOn(t.Source),
		})
	}
	return all
}

// crossZoneOn: a Gateway Load Balancer has the setting only on itself, and its ARN is not known here.
func crossZoneOn(t fleet.Source) string {
	const on = "--attributes Key=load_balancing.cross_zone.enabled,Value=true"
	switch t.Kind {
	case fleet.Classic:
		return "aws elb modify-load-balancer-attributes --load-balancer-name " + t.Name + ` --load-balancer-attributes '{"CrossZoneLoadBalancing":{"Enabled":true}}'`
	case fleet.Gateway:
		return "aws elbv2 modify-load-balancer-attributes --load-balancer-arn LOAD-BALANCER-ARN " + on
	}
	return "aws elbv2 modify-target-group-attributes --target-group-arn " + t.ID + " " + on
}

// detach is the command that takes a traffic source from the group.
func (s subject) detach(kind, id string) string {
	return fmt.Sprintf("aws autoscaling detach-traffic-sources --auto-scaling-group-name %s --traffic-sources Identifier=%s,Type=%s", format.ShellWord(s.Group.Name), id, kind)
}

func unsupportedSources(s subject) []Finding {
	var all []Finding
	for _, source := range s.Group.Unknown {
		kind, id, _ := strings.Cut(source, " ")
		all = append(all, Finding{
			Severity: Error,
			What:     "an unsupported traffic source is attached: " + source,
			Why:      "whether it has deregistered an instance, or calls one healthy, cannot be asked: out and in are refused",
			Fix:      s.detach(kind, id),
		})
	}
	return all
}

// missingSources: AWS answers that what the group names does not exist.
func missingSources(s subject) []Finding {
	var all []Finding
	for _, id := range s.missing {
		kind := "elb"
		if strings.HasPrefix(id, "arn:") {
			kind = "elbv2"
		}
		all = append(all, Finding{
			Severity: Error,
			What:     "attached to the group, and does not exist: " + id,
			Why:      "out and in stop at it",
			Fix:      s.detach(kind, id),
		})
	}
	return all
}

// otherPorts is the guard of out, for each port.
func otherPorts(s subject) []Finding {
	var all []Finding
	for _, t := range s.Traffic {
		for _, x := range t.OtherPorts(s.ID) {
			why := "Standby may leave it in place; a port of its own needs a target group of its own"
			if s.Group.Declared() {
				why = "--targets does not name that port, so out is refused; naming it is the other way"
			}
			all = append(all, Finding{
				Severity: Error,
				What:     fmt.Sprintf("%s is also registered on port %d in %s", s.ID, x.Port, t.Name),
				Why:      why,
				Fix:      deregister(t.Source, x),
			})
		}
	}
	return all
}

func deregister(t fleet.Source, x fleet.Target) string {
	if t.Kind == fleet.Classic {
		return fmt.Sprintf("aws elb deregister-instances-from-load-balancer --load-balancer-name %s --instances %s", t.Name, x.Instance)
	}
	return fmt.Sprintf("aws elbv2 deregister-targets --target-group-arn %s --targets Id=%s,Port=%d", t.ID, x.Instance, x.Port)
}

// unlistedRegistrations are registrations of this instance at load balancers that its group does not list.
func unlistedRegistrations(s subject) []Finding {
	var all []Finding
	for _, x := range s.elsewhere {
		if !s.knows() || slices.Contains(s.Group.Classic, x.ID) || slices.Contains(s.Group.TargetGroups, x.ID) {
			continue
		}
		if s.Group.Declared() {
			all = append(all, Finding{
				Severity: Error, What: fmt.Sprintf("%s is registered at %s, which --targets does not name", s.ID, x.Name),
				Why: "out leaves it in place there, so it keeps getting traffic",
				Fix: "export BALANCED_TARGETS=" + strings.Join(targetNames(s.elsewhere), ","),
			})
			continue
		}
		all = append(all, Finding{
			Severity: Error,
			What:     fmt.Sprintf("%s is registered at %s, which %s does not list", x.Instance, x.Name, s.Group.Name),
			Why:      "Standby does not take it out there, so it keeps getting traffic; attached to the group it would be drained like the others",
			Fix:      deregister(x.Source, x.Target),
		})
	}
	return all
}

func unusedSources(s subject) []Finding {
	var all []Finding
	for _, t := range s.Traffic {
		if !t.Idle() {
			continue
		}
		f := Finding{
			Severity: Warning,
			What:     t.Name + " is behind no listener",
			Why:      "it sends no traffic and gives no evidence of health, so it does not count",
			Fix:      s.detach("elbv2", t.ID),
		}
		if s.Group.Declared() {
			f.Fix = "put it behind a listener, or leave it out of BALANCED_TARGETS"
		}
		all = append(all, f)
	}
	return all
}

// cutFlows: a Gateway Load Balancer wants the same value for both events.
func cutFlows(t fleet.Source) string {
	command := "aws elbv2 modify-target-group-attributes --target-group-arn " + t.ID + " --attributes "
	if t.Kind == fleet.Gateway {
		return command + "Key=target_failover.on_deregistration,Value=rebalance Key=target_failover.on_unhealthy,Value=rebalance"
	}
	return command + "Key=deregistration_delay.connection_termination.enabled,Value=true"
}

func outlivingFlows(s subject) []Finding {
	var all []Finding
	for _, t := range s.Traffic {
		if !t.KeepsFlows() {
			continue
		}
		all = append(all, Finding{
			Severity: Warning,
			What:     t.Name + " lets established flows outlive the deregistration delay",
			Why:      "they break when the upgrade restarts the application",
			Fix:      cutFlows(t.Source),
		})
	}
	return all
}
