package sim

import (
	"fmt"
	"strings"
)

// rebalance is the AZRebalance process (User Guide, "Rebalancing activities"). If zones differ by
// two or more, it launches an instance in the emptiest and then terminates one in the fullest.
// Members in Standby do not count, and the group may exceed MaxSize meanwhile.
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
	old.replacement.cause = fmt.Sprintf("an instance was taken out of service in response to a difference between zones.  At %s instance %s was selected for termination.", wholeSeconds(r.now), old.id)
	r.launchReplacement(g, old, empty, cause)
}

// steady says whether the group has its desired capacity and launches, moves or replaces nothing.
func (g *group) steady() bool {
	for _, in := range g.members {
		if in.group() == g && (pending(in.state()) || replacing(in.state()) || in.replacement.of != nil || in.replacement.by != nil) {
			return false
		}
	}
	return g.units() >= g.sizes.current().desired
}

func (g *group) oldestIn(zone string) *instance {
	var oldest *instance
	for _, in := range g.members {
		if in.group() == g && in.zone == zone && in.state() == stateInService && !in.protected && !in.move.forced &&
			(oldest == nil || in.launched.Before(oldest.launched)) {
			oldest = in
		}
	}
	return oldest
}
