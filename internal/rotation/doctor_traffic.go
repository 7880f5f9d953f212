package rotation

import (
	"fmt"
	"slices"
	"strings"

	"balanced/internal/fleet"
)

// uneven: the zones would differ by two or more without this instance.
func uneven(c checkup) []Finding {
	text := zonesApart(c.view)
	if text == "" {
		return nil
	}
	zones, whole := max(len(c.perZone()), 1), c.strength()
	more := (whole/zones+1)*zones - whole
	return []Finding{{
		Severity: Warning,
		What:     "while this instance is out, " + text,
		Why:      "as many instances in every zone leave it nothing to even out; to suspend AZRebalance for the time of the rollout is the other way",
		Fix: c.update("--min-size %d --max-size %d --desired-capacity %d",
			c.Group.Min+more, max(c.Group.Max, c.Group.Desired+more+1), c.Group.Desired+more),
	}}
}

// perZone counts the members that stay.
func (o Observed) perZone() map[string]int {
	counts := map[string]int{}
	for _, m := range o.Group.Members {
		if !m.State.Leaving() {
			counts[m.Zone]++
		}
	}
	return counts
}

// lonelyZones: where a load balancer keeps each zone's clients in their zone, one
// instance a zone is too few for any of them to leave.
func lonelyZones(c checkup) []Finding {
	var lonely []string
	for zone, n := range c.perZone() {
		if n == 1 {
			lonely = append(lonely, zone)
		}
	}
	slices.Sort(lonely)
	var all []Finding
	for _, t := range c.Traffic {
		if len(lonely) == 0 || t.CrossZone || !t.Counts() {
			continue
		}
		all = append(all, Finding{
			Severity: Error,
			What:     fmt.Sprintf("%s has cross-zone off, and there is no second instance in %s", t.Name, strings.Join(lonely, ", ")),
			Why:      "when it leaves, nobody serves the clients of its zone: out refuses it without --allow-empty-zone",
			Fix:      crossZoneOn(t.Source),
		})
	}
	return all
}

// crossZoneOn: a Gateway Load Balancer has the setting only on itself, and its ARN is
// not known here.
func crossZoneOn(s fleet.Source) string {
	const on = "--attributes Key=load_balancing.cross_zone.enabled,Value=true"
	switch s.Kind {
	case fleet.Classic:
		return "aws elb modify-load-balancer-attributes --load-balancer-name " + s.Name + ` --load-balancer-attributes '{"CrossZoneLoadBalancing":{"Enabled":true}}'`
	case fleet.Gateway:
		return "aws elbv2 modify-load-balancer-attributes --load-balancer-arn LOAD-BALANCER-ARN " + on
	}
	return "aws elbv2 modify-target-group-attributes --target-group-arn " + s.ID + " " + on
}

// detach is the command that takes a traffic source from the group.
func (c checkup) detach(kind, id string) string {
	return fmt.Sprintf("aws autoscaling detach-traffic-sources --auto-scaling-group-name %s --traffic-sources Identifier=%s,Type=%s", word(c.Group.Name), id, kind)
}

func unknownSources(c checkup) []Finding {
	var all []Finding
	for _, source := range c.Group.Unknown {
		kind, id, _ := strings.Cut(source, " ")
		all = append(all, Finding{
			Severity: Error,
			What:     "a traffic source that cannot be asked is attached: " + source,
			Why:      "whether it has let go, or calls a host healthy, nobody can tell: out and in are refused",
			Fix:      c.detach(kind, id),
		})
	}
	return all
}

// goneSources: AWS answers for what the group names that there is no such thing.
func goneSources(c checkup) []Finding {
	var all []Finding
	for _, id := range c.gone {
		kind := "elb"
		if strings.HasPrefix(id, "arn:") {
			kind = "elbv2"
		}
		all = append(all, Finding{
			Severity: Error,
			What:     "attached, and yet it does not exist: " + id,
			Why:      "out and in stop at it",
			Fix:      c.detach(kind, id),
		})
	}
	return all
}

// otherPorts is the guard of out, for each port.
func otherPorts(c checkup) []Finding {
	var all []Finding
	for _, t := range c.Traffic {
		for _, x := range t.otherPorts(c.ID) {
			all = append(all, Finding{
				Severity: Error,
				What:     fmt.Sprintf("%s is also registered on port %d in %s", c.ID, x.Port, t.Name),
				Why:      "Standby may leave it in place; a port of its own needs a target group of its own",
				Fix:      deregister(t.Source, x),
			})
		}
	}
	return all
}

func deregister(s fleet.Source, x fleet.Target) string {
	if s.Kind == fleet.Classic {
		return fmt.Sprintf("aws elb deregister-instances-from-load-balancer --load-balancer-name %s --instances %s", s.Name, x.Instance)
	}
	return fmt.Sprintf("aws elbv2 deregister-targets --target-group-arn %s --targets Id=%s,Port=%d", s.ID, x.Instance, x.Port)
}

// strangers are registrations that the group knows nothing of.
func strangers(c checkup) []Finding {
	var all []Finding
	for _, x := range c.elsewhere {
		if !c.knows() || slices.Contains(c.Group.Classic, x.ID) || slices.Contains(c.Group.TargetGroups, x.ID) {
			continue
		}
		all = append(all, Finding{
			Severity: Error,
			What:     fmt.Sprintf("%s is registered at %s, which %s does not list", x.Instance, x.Name, c.Group.Name),
			Why:      "Standby does not take it out there, so it goes on getting traffic; attached to the group it would be drained like the others",
			Fix:      deregister(x.Source, x.Target),
		})
	}
	return all
}

func unusedSources(c checkup) []Finding {
	var all []Finding
	for _, t := range c.Traffic {
		if !t.Idle() {
			continue
		}
		all = append(all, Finding{
			Severity: Warning,
			What:     t.Name + " is behind no listener",
			Why:      "it sends no traffic and gives no evidence of health, so floor and proof leave it out",
			Fix:      c.detach("elbv2", t.ID),
		})
	}
	return all
}

func outlivingFlows(c checkup) []Finding {
	var all []Finding
	for _, t := range c.Traffic {
		v := c.view
		v.Traffic = []Traffic{t}
		if text := longFlows(v); text != "" {
			all = append(all, Finding{
				Severity: Warning, What: text,
				Why: "they break when the upgrade restarts the application",
				Fix: "aws elbv2 modify-target-group-attributes --target-group-arn " + t.ID + " --attributes Key=deregistration_delay.connection_termination.enabled,Value=true",
			})
		}
	}
	return all
}
