package sim

import (
	"fmt"
	"strings"
)

// rebalance is the AZRebalance process (User Guide, "Rebalancing activities"): when zones differ by
// two or more it launches in the emptiest and then terminates in the fullest. It counts nobody who
// is in Standby, and may go over the maximum size meanwhile.
func (r *Region) rebalance(g *group) {
	if !g.AZRebalance || g.suspends(processAZRebalance) || g.suspends(processLaunch) || !g.steady() {
		return
	}
	counts := g.zoneCounts()
	empty, full := g.emptiestZone(), g.Zones[0]
	for _, zone := range g.Zones {
		if counts[zone] > counts[full] {
			full = zone
		}
	}
	if counts[full]-counts[empty] < 2 {
		return
	}
	cause := fmt.Sprintf("availability zones %s had %s instances respectively. An instance was launched to aid in balancing the group's zones.",
		strings.Join([]string{empty, full}, " "), fmt.Sprintf("%d %d", counts[empty], counts[full]))
	old := g.oldestIn(full)
	if old == nil {
		return
	}
	old.ailment = fmt.Sprintf("an instance was taken out of service in response to a difference between zones.  At %s instance %s was selected for termination.", wholeSeconds(r.now), old.id)
	r.launchAhead(g, old, empty, cause)
}

// steady says whether nothing is being launched, moved or replaced and the numbers agree.
func (g *group) steady() bool {
	for _, in := range g.members {
		if in.group() == g && (onItsWay(in.state()) || in.replaces != nil || in.standIn != nil) {
			return false
		}
	}
	return g.units() >= g.sizes.now().desired
}

func (g *group) oldestIn(zone string) *instance {
	var oldest *instance
	for _, in := range g.members {
		if in.group() == g && in.zone == zone && in.state() == stateInService && !in.protected && !in.forced &&
			(oldest == nil || in.launched.Before(oldest.launched)) {
			oldest = in
		}
	}
	return oldest
}
