package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"balanced/internal/fleet"
	"balanced/internal/format"
	"balanced/internal/rotation"
)

// objections are the reasons load balancers give for not sending traffic.
func objections(r *rotation.Report) []string {
	var all []string
	for _, m := range byZone(r.Members) {
		for _, t := range m.Traffic {
			if t.Reason != "" && t.State != string(fleet.Healthy) && m.State == "InService" {
				all = append(all, fmt.Sprintf("%s at %s is %s: %s", m.ID, t.Name, t.State, t.Reason))
			}
		}
	}
	return all
}

// verdict is this instance's standing in one line.
func verdict(r *rotation.Report) string {
	id := r.Instance.ID
	switch r.Outcome {
	case rotation.InService.String():
		return id + " is in service and healthy"
	case rotation.NotMember.String():
		return id + " is in no Auto Scaling group"
	}
	for _, m := range r.Members {
		if m.ThisInstance {
			return fmt.Sprintf("%s is %s: %s%s", id, notHealthy(m), state(m), why(m))
		}
	}
	return id + " is out of service"
}

// notHealthy: InService and not healthy, or out of service.
func notHealthy(m rotation.MemberReport) string {
	if m.State == string(fleet.InService) {
		return "not healthy"
	}
	return "out of service"
}

// why an instance that is InService is not healthy.
func why(m rotation.MemberReport) string {
	if m.State != "InService" {
		return ""
	}
	if !m.HealthyForASG {
		return ", Unhealthy for Auto Scaling"
	}
	for _, t := range m.Traffic {
		if t.State != string(fleet.Healthy) {
			return fmt.Sprintf(", %s at %s", t.State, t.Name)
		}
	}
	return ""
}

func state(m rotation.MemberReport) string {
	if m.OutSeconds > 0 {
		return m.State + " for " + format.Duration(seconds(m.OutSeconds))
	}
	return m.State
}

func byZone(members []rotation.MemberReport) []rotation.MemberReport {
	return slices.SortedStableFunc(slices.Values(members), func(x, y rotation.MemberReport) int {
		return cmp.Or(strings.Compare(x.Zone, y.Zone), strings.Compare(x.ID, y.ID))
	})
}
