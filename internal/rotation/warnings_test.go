package rotation

import (
	"testing"

	"balanced/internal/fleet/sample"
)

// MinSize is advised where it closes the gap, and not where it would lock everyone in: a
// minimum that is impossible is refused, and no MinSize fixes that.
func TestAnUnfencedMinimumAdvisesWhatHelps(t *testing.T) {
	v := sound()
	v.Group.Min = 1
	if unfencedMinimumText(v) == "" {
		t.Error("MinSize 1 below the minimum 3: no warning")
	}
	v.min = sample.Rule("4")
	if advice := unfencedMinimumText(v); advice != "" {
		t.Errorf("an impossible minimum: %q", advice)
	}
}
