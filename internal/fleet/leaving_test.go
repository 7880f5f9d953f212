package fleet_test

import (
	"testing"

	"balanced/internal/fleet"
	"balanced/internal/fleet/sample"
)

// Only others that are in service have yet to leave, and the desired capacity follows them down to MinSize.
func TestTheGroupOnceOthersHaveLeft(t *testing.T) {
	for name, tc := range map[string]struct {
		ids       []string
		min, want int // the desired capacity, from 4
		leaving   string
	}{
		"nobody":              {nil, 0, 4, ""},
		"one":                 {[]string{"i-2"}, 0, 3, "i-2"},
		"two":                 {[]string{"i-2", "i-4"}, 0, 2, "i-2 i-4"},
		"two, one above":      {[]string{"i-2", "i-4"}, 3, 3, "i-2 i-4"},
		"this one":            {[]string{"i-1"}, 0, 4, ""},
		"one that is out":     {[]string{"i-3"}, 0, 4, ""},
		"one that is unknown": {[]string{"i-9"}, 0, 4, ""},
		"below MinSize":       {[]string{"i-2"}, 5, 4, "i-2"},
	} {
		s := sample.Group()
		s.Group.Min, s.Group.Members[2].State = tc.min, fleet.Standby
		got := s.WithLeaving(tc.ids)
		leaving := ""
		for i, m := range got.Group.Members {
			switch before := s.Group.Members[i]; {
			case before.State == fleet.EnteringStandby:
				t.Errorf("%s: the group as it is now was changed", name)
			case m.State == fleet.EnteringStandby && leaving == "":
				leaving = m.ID
			case m.State == fleet.EnteringStandby:
				leaving += " " + m.ID
			}
		}
		if leaving != tc.leaving || got.Group.Desired != tc.want {
			t.Errorf("%s: leaving %q, desired capacity %d; want %q, %d", name, leaving, got.Group.Desired, tc.leaving, tc.want)
		}
	}
}

func TestLaunchHooks(t *testing.T) {
	for hook, want := range map[fleet.LaunchHook]struct {
		result       string
		ofCodeDeploy bool
	}{
		{Name: "ready"}:                  {"ABANDON", false},
		{Name: "ready", Continues: true}: {"CONTINUE", false},
		{Name: "CodeDeploy-managed-automatic-launch-deployment-hook-web-1f"}: {"ABANDON", true},
	} {
		if hook.Default() != want.result || hook.OfCodeDeploy() != want.ofCodeDeploy {
			t.Errorf("%+v: %s, of CodeDeploy %v", hook, hook.Default(), hook.OfCodeDeploy())
		}
	}
}
