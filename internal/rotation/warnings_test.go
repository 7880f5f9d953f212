package rotation

import (
	"testing"
)

// MinSize is advised where it closes the gap, and not where it would lock everyone in: a
// floor that can never be met is refused, and no MinSize mends that.
func TestSoftFloorAdvisesWhatHelps(t *testing.T) {
	v := sound()
	v.Group.Min = 1
	if softFloor(v) == "" {
		t.Error("MinSize 1 below floor 3: no warning")
	}
	v.min = MinHealthy{ruleCount, 4}
	if advice := softFloor(v); advice != "" {
		t.Errorf("a floor that can never be met: %q", advice)
	}
}
