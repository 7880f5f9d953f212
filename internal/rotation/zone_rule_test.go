package rotation

import (
	"strings"
	"testing"
	"time"

	"balanced/internal/fleet/sample"

	"balanced/internal/failure"
	"balanced/internal/fleet"
)

// zonalPair is a group of four in two zones, cross-zone off; i-1 and i-3 share zone a.
// i-1 is in Standby for a minute.
func zonalPair() view {
	v := sound()
	v.Traffic[0].CrossZone, v.Group.Min, v.min = false, 2, sample.Rule("50%")
	sample.TakeOut(&v.Snapshot, 0, time.Minute)
	v.State = fleet.Standby
	return v
}

func TestZoneProven(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*view)
		class  failure.Class // 0: proven
		says   string
	}{
		"another serves the zone":             {func(v *view) {}, 0, ""},
		"a peer of the zone left first":       {func(v *view) { sample.TakeOut(&v.Snapshot, 2, 2*time.Minute) }, failure.RolledBack, "i-3 left a first"},
		"a peer of the zone left later":       {func(v *view) { sample.TakeOut(&v.Snapshot, 2, time.Second) }, failure.Unfinished, "no other instance is healthy in a"},
		"the only peer is sick":               {func(v *view) { v.Traffic[0].Targets[2].Health = fleet.Unhealthy }, failure.Unfinished, "no other instance is healthy in a"},
		"a peer of another zone left first":   {func(v *view) { sample.TakeOut(&v.Snapshot, 1, 2*time.Minute) }, 0, ""},
		"it is sick where nobody keeps zones": {func(v *view) { v.Traffic[0].Targets[2].Health = fleet.Unhealthy; v.Traffic[0].CrossZone = true }, 0, ""},
		"the zone may be empty":               {func(v *view) { sample.TakeOut(&v.Snapshot, 2, 2*time.Minute); v.emptyZone = true }, 0, ""},
		"its load balancer is ignored":        {func(v *view) { sample.TakeOut(&v.Snapshot, 2, 2*time.Minute); v.Traffic[0].Ignored = true }, 0, ""},
	} {
		v := zonalPair()
		tc.change(&v)
		judged := zoneProven(v)
		if (judged.kind == settled) != (tc.class == 0) || judged.kind == blocked && (judged.refusal.Class != tc.class || !strings.Contains(judged.reason(), tc.says)) {
			t.Errorf("%s: %v, want class %v …%s…", name, judged.refusal, tc.class, tc.says)
		}
	}
}

// A host that was found in Standby may be half upgraded: its zone does not send it back.
func TestAResumedHostIsNotSentBackForItsZone(t *testing.T) {
	v := zonalPair()
	sample.TakeOut(&v.Snapshot, 2, 2*time.Minute)
	v.Traffic[0].Targets[0].Health = fleet.Unregistered
	v.resumed, v.began = true, v.Now
	if judged := proven(v); judged.kind != settled {
		t.Errorf("refused: %v", judged.refusal)
	}
}

// The guard before leaving, in groups whose zones are told apart.
func TestZoneHoldsByTheStateOfThePeers(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*view)
		class  failure.Class
	}{
		"the peer serves":        {func(v *view) {}, 0},
		"the peer is in Standby": {func(v *view) { sample.TakeOut(&v.Snapshot, 2, time.Minute) }, failure.NotNow},
		"the peer is leaving":    {func(v *view) { v.Group.Members[2].State = fleet.Terminating }, failure.Setup},
		"the peer is Unhealthy":  {func(v *view) { v.Group.Members[2].Healthy = false }, failure.NotNow},
		"one of two sources keeps zones": {func(v *view) {
			second := v.Traffic[0]
			second.CrossZone = true
			v.Traffic = append(v.Traffic, second)
			sample.TakeOut(&v.Snapshot, 2, time.Minute)
		}, failure.NotNow},
		"the one that does sends nothing":   {func(v *view) { idle(v); sample.TakeOut(&v.Snapshot, 2, time.Minute) }, 0},
		"the peer is sick at another":       {func(v *view) { sickElsewhere(v) }, failure.NotNow},
		"the peers of the other zone do so": {func(v *view) { v.Group.Members[2].Zone = "b" }, failure.Setup},
	} {
		v := sound()
		v.Traffic[0].CrossZone = false
		tc.change(&v)
		if judged := zoneHolds(v); (judged.kind == settled) != (tc.class == 0) || judged.kind == blocked && judged.refusal.Class != tc.class {
			t.Errorf("%s: %v, want class %v", name, judged.refusal, tc.class)
		}
	}
}

func idle(v *view) {
	for i := range v.Traffic[0].Targets {
		v.Traffic[0].Targets[i].Health = fleet.NotInUse
	}
}

func sickElsewhere(v *view) {
	other := fleet.Traffic{Source: fleet.Source{Kind: fleet.Application, Name: "other", Port: 80, CrossZone: true}}
	for i, m := range v.Group.Members {
		other.Targets = append(other.Targets, fleet.Target{Instance: m.ID, Port: 80, Health: fleet.Healthy})
		if i == 2 {
			other.Targets[i].Health = fleet.Unhealthy
		}
	}
	v.Traffic = append(v.Traffic, other)
}

// AZRebalance counts what is not in Standby, zone by zone, and acts on a difference of
// two or more.
func TestUnevenZones(t *testing.T) {
	for name, tc := range map[string]struct {
		zones   string // of the members, i-1 first
		standby int    // index of a peer in Standby, -1 for none
		warns   bool
	}{
		"two and two":                          {"abab", -1, false},
		"one, one, two, leaving a one":         {"abcc", -1, true},
		"two, one, one, leaving the two":       {"aabc", -1, false},
		"one each":                             {"abc", -1, false},
		"one zone":                             {"aaa", -1, false},
		"three and one, leaving the three":     {"aaab", -1, false},
		"three and two, leaving the two":       {"abbba", -1, true},
		"two and two, a peer of it in Standby": {"abab", 2, true},
		"two and two, a peer there in Standby": {"abab", 1, false},
	} {
		v := sound()
		v.Group.Members = nil
		for i, zone := range tc.zones {
			m := sample.Member("i-"+string(rune('1'+i)), fleet.InService)
			if m.Zone = string(zone); i == tc.standby {
				m.State = fleet.Standby
			}
			v.Group.Members = append(v.Group.Members, m)
		}
		if text := unevenZonesText(v); (text != "") != tc.warns {
			t.Errorf("%s: %q, want a warning: %v", name, text, tc.warns)
		}
		v.Group.Suspended = []string{"AZRebalance"}
		if text := unevenZonesText(v); text != "" {
			t.Errorf("%s: %q, though AZRebalance is suspended", name, text)
		}
	}
}
