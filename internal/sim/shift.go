package sim

import "fmt"

// States of an AdministrativeOverride (API reference, AdministrativeOverride).
const (
	overrideNone      = "no_override"
	overrideShifted   = "zonal_shift_active"
	overrideDelegated = "zonal_shift_delegated_to_dns"
	overrideUnknown   = "unknown"
)

// overrideText is the Reason and Description of an override. The description of no_override is
// recorded; the others are those of the User Guide for Network Load Balancers, "Administrative
// override".
func overrideText(state string) (reason, description string, ok bool) {
	switch state {
	case overrideNone:
		return "AdministrativeOverride.NoOverride", "No override is currently active on target", true
	case overrideShifted:
		return "AdministrativeOverride.ZonalShiftActive", "Zonal shift is active in target Availability Zone", true
	case overrideDelegated:
		return "AdministrativeOverride.ZonalShiftDelegatedToDns", "This target's zonal shift state is not available through DescribeTargetHealth but can be viewed directly through the Amazon ARC API or console", true
	case overrideUnknown:
		return "AdministrativeOverride.Unknown", "State cannot be propagated due to an internal error", true
	}
	return "", "", false
}

func writeOverride(d *document, state string) {
	reason, description, _ := overrideText(state)
	d.text("State", state)
	d.text("Reason", reason)
	d.text("Description", description)
}

// ShiftZone starts a zonal shift of a load balancer: its targets in the zone get no new traffic and
// stay as healthy as they are (User Guide for Network Load Balancers, "Zonal shift").
func (r *Region) ShiftZone(loadBalancer, zone string) {
	r.SetOverride(loadBalancer, zone, overrideShifted)
}

// EndShift ends a zonal shift, or whatever override SetOverride has set.
func (r *Region) EndShift(loadBalancer, zone string) {
	r.SetOverride(loadBalancer, zone, overrideNone)
}

// SetOverride sets the AdministrativeOverride of a load balancer's targets in a zone:
// "zonal_shift_active", "zonal_shift_delegated_to_dns", "unknown" or "no_override". Only
// zonal_shift_active keeps traffic away.
func (r *Region) SetOverride(loadBalancer, zone, state string) {
	r.lock()
	defer r.unlock()
	if _, _, ok := overrideText(state); !ok {
		panic(fmt.Sprintf("sim: no administrative override has the state %q", state))
	}
	b := r.balancers.must(loadBalancer)
	b.overrides[zone] = state
	for _, t := range r.targetGroups.inOrder {
		if t.balancer == b {
			for _, reg := range t.registrar.registrations {
				r.updateShown(reg)
			}
		}
	}
}

// SetAnomalous sets whether anomaly detection finds an instance's target anomalous. Only the targets
// of Application Load Balancers have a result, and only if a request includes it.
func (r *Region) SetAnomalous(targetGroup, instance string, anomalous bool) {
	r.lock()
	defer r.unlock()
	r.targetGroups.must(targetGroup).anomalous[r.instance(instance).id] = anomalous
}

// overrideOf is the override of a target in a zone. Target groups of Gateway Load Balancers, and
// those behind no load balancer, have none (recorded answers of 2026).
func (t *targetGroup) overrideOf(zone string) string {
	switch {
	case t.balancer == nil || t.balancerType() == "gateway":
		return ""
	case t.balancer.overrides[zone] == "":
		return overrideNone
	}
	return t.balancer.overrides[zone]
}

func (t *targetGroup) shifted(zone string) bool { return t.overrideOf(zone) == overrideShifted }
