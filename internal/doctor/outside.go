package doctor

import (
	"fmt"
	"strings"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/rotation"
)

// What is different outside an Auto Scaling group, where --targets names the load balancers.

// outsideMoves are the actions that change a registration, in IAM's spelling.
var outsideMoves = []string{
	"elasticloadbalancing:DeregisterInstancesFromLoadBalancer", "elasticloadbalancing:DeregisterTargets",
	"elasticloadbalancing:RegisterInstancesWithLoadBalancer", "elasticloadbalancing:RegisterTargets",
}

// moves are the actions that change something here.
func (s subject) moves() []string {
	if s.Group.Declared() {
		return outsideMoves
	}
	return moves()
}

// inNoGroup is the finding about an instance that no group has, where all load balancers were asked; without registrations
// there is nothing that balanced could work with.
func inNoGroup(s subject) error {
	if len(s.elsewhere) == 0 {
		return &failure.Refusal{Class: failure.Setup, Reason: s.ID, Hint: "attach it to a group", Err: rotation.ErrNotMember}
	}
	return nil
}

// declarable is the line to set for an instance outside a group.
func declarable(s subject) []Finding {
	if s.knows() || len(s.elsewhere) == 0 || len(s.reads.denied) > 0 || s.reads.noCredentials {
		return nil // in a group, or not known to be in none
	}
	return []Finding{{
		Severity: Error,
		What:     s.ID + " is in no Auto Scaling group, and registered at " + strings.Join(targetNames(s.elsewhere), ", "),
		Why:      "out and in work once they are told these load balancers; --min-healthy N is required then",
		Fix:      "export BALANCED_TARGETS=" + strings.Join(targetNames(s.elsewhere), ","),
	}}
}

// targetNames are registrations as --targets takes them.
func targetNames(all []fleet.Registration) []string {
	var names []string
	for _, x := range all {
		switch {
		case x.Kind == fleet.Classic:
			names = append(names, "classic/"+x.Name)
		case x.Target.Port != x.Source.Port:
			names = append(names, fmt.Sprintf("%s:%d", x.Name, x.Target.Port))
		default:
			names = append(names, x.Name)
		}
	}
	return names
}

// unknownZones: whether a zone keeps a healthy instance is not known without a group.
func unknownZones(s subject) []Finding {
	text := s.Warnings["unknown zones"]
	if text == "" {
		return nil
	}
	return []Finding{{
		Severity: Warning, What: text,
		Why: "while it is out, clients of that zone may get no answer: --min-healthy counts all zones together",
		Fix: crossZoneOn(s.zonal()),
	}}
}

// registeredInPart: neither in service nor out.
func registeredInPart(s subject) []Finding {
	text := s.Warnings["registered in part"]
	if text == "" {
		return nil
	}
	return []Finding{{
		Severity: Warning, What: text,
		Why: "an earlier run may have been killed half way, and two such instances can keep each other from going on", Fix: "balanced in",
	}}
}

// zonal is a load balancer that keeps each zone's clients there.
func (s subject) zonal() fleet.Source {
	for _, t := range s.Counted() {
		if !t.CrossZone {
			return t.Source
		}
	}
	return fleet.Source{}
}

// impossibleOutside is the guard of out.
func impossibleOutside(s subject) []Finding {
	refusal := s.Guards["slots"]
	if refusal == nil {
		return nil
	}
	return []Finding{{Severity: Error, What: refusal.Reason, Why: "out is refused for as long", Fix: refusal.Hint}}
}
