package fleet

import (
	"slices"
	"testing"
	"time"
)

// A target group may hold an instance on several ports; the group's own is the one that counts, and a Classic load
// balancer has none.
func TestThePortOfTheGroupCounts(t *testing.T) {
	onPorts := []Target{
		{Instance: "i-1", Port: 8081, Health: Unhealthy},
		{Instance: "i-1", Port: 80, Health: Healthy},
		{Instance: "i-1", Port: 80, Health: Draining}, // listed twice: the first counts
		{Instance: "i-2", Port: 8081, Health: Healthy},
	}
	plain := Traffic{Source: Source{Port: 80}, Targets: onPorts, Mine: onPorts[:2]}
	for name, tr := range map[string]Traffic{"as read": plain, "indexed": plain.Indexed()} {
		if got := tr.Of("i-1").Health; got != Healthy {
			t.Errorf("%s: i-1 is %s on the group's port, want healthy", name, got)
		}
		if got := tr.Of("i-2"); got.Health != Unregistered || got.Instance != "i-2" {
			t.Errorf("%s: i-2 is %+v on the group's port, want unregistered", name, got)
		}
		if got := tr.Own("i-1").Health; got != Healthy {
			t.Errorf("%s: own health %s, want healthy", name, got)
		}
	}
	others := plain.OtherPorts("i-1")
	if want := onPorts[:1]; !slices.Equal(others, want) {
		t.Errorf("other ports of i-1: %+v, want %+v", others, want)
	}
	plain.Targets[0].Health = Unregistered
	if others := plain.OtherPorts("i-1"); len(others) > 0 {
		t.Errorf("other ports of i-1: %+v, want none that is deregistered", others)
	}
	classic := Traffic{Source: Source{Kind: Classic}, Targets: []Target{{Instance: "i-1", Health: Healthy}}}
	for name, tr := range map[string]Traffic{"as read": classic, "indexed": classic.Indexed()} {
		if got := tr.Of("i-1").Health; got != Healthy {
			t.Errorf("%s: i-1 is %s at a Classic load balancer, want healthy", name, got)
		}
	}
	// A registration without a port at a target group that has one: a Classic one, or an answer without the field.
	noPort := Traffic{Source: Source{Port: 80}, Targets: []Target{{Instance: "i-1", Health: Healthy}}}
	for name, tr := range map[string]Traffic{"as read": noPort, "indexed": noPort.Indexed()} {
		if got := tr.Of("i-1").Health; got != Healthy {
			t.Errorf("%s: i-1 is %s without a port, want healthy", name, got)
		}
	}
	if others := noPort.OtherPorts("i-1"); len(others) > 0 {
		t.Errorf("without a port it is on no other: %+v", others)
	}
}

// Without a target nothing says that no listener uses the target group.
func TestIdle(t *testing.T) {
	unused, gone, healthy := Target{Instance: "i-1", Health: NotInUse}, Target{Instance: "i-2", Health: Unregistered}, Target{Instance: "i-3", Health: Healthy}
	for name, tc := range map[string]struct {
		targets, mine []Target
		want          bool
	}{
		"no target":                  {nil, nil, false},
		"none in use":                {[]Target{unused}, nil, true},
		"one deregistered":           {[]Target{gone}, nil, false},
		"one deregistered, one idle": {[]Target{gone, unused}, nil, true},
		"one is healthy":             {[]Target{unused, healthy}, nil, false},
		"the own one is healthy":     {[]Target{unused}, []Target{healthy}, false},
	} {
		if got := (Traffic{Targets: tc.targets, Mine: tc.mine}).Idle(); got != tc.want {
			t.Errorf("%s: idle %v, want %v", name, got, tc.want)
		}
	}
}

// Behind Network and Gateway Load Balancers flows live on, unless the target group cuts them.
func TestKeepsFlows(t *testing.T) {
	for kind, keeps := range map[SourceKind]bool{Network: true, Gateway: true, Application: false, Classic: false} {
		for _, cuts := range []bool{false, true} {
			if got := (Traffic{Source: Source{Kind: kind, CutsFlows: cuts}}).KeepsFlows(); got != (keeps && !cuts) {
				t.Errorf("%s that cuts flows %v: keeps them %v", kind, cuts, got)
			}
		}
	}
}

func TestAShiftedTargetGetsNoTraffic(t *testing.T) {
	for _, tc := range []struct {
		target   Target
		gets     bool
		standing string
	}{
		{Target{Health: Healthy}, true, "healthy"},
		{Target{Health: Healthy, Shifted: true}, false, "healthy but shifted away (zonal shift)"},
		{Target{Health: Draining, Shifted: true}, false, "draining"},
		{Target{Health: Draining}, false, "draining"},
	} {
		if tc.target.GetsTraffic() != tc.gets || tc.target.Standing() != tc.standing {
			t.Errorf("%+v gets traffic %v: %s", tc.target, tc.target.GetsTraffic(), tc.target.Standing())
		}
	}
}

// Passes behind anything but an Application Load Balancer are as many as the threshold, and one where none is given.
func TestFirstPass(t *testing.T) {
	check := HealthCheck{Interval: 10 * time.Second, Timeout: 2 * time.Second}
	three := check
	three.Healthy = 3
	for _, tc := range []struct {
		source           Source
		longest, atLeast time.Duration
	}{
		{Source{Kind: Application, Check: three}, 12 * time.Second, 0},
		{Source{Kind: Network, Check: three}, 36 * time.Second, 20 * time.Second},
		{Source{Kind: Classic, Check: check}, 12 * time.Second, 0},
	} {
		if tc.source.FirstPass() != tc.longest || tc.source.Earliest() != tc.atLeast {
			t.Errorf("%+v: %s at most, %s at least", tc.source, tc.source.FirstPass(), tc.source.Earliest())
		}
	}
	s := Snapshot{Traffic: []Traffic{
		{Source: Source{Kind: Application, Check: three}},
		{Source: Source{Kind: Classic, Check: three}},
		{Source: Source{Kind: Network, Check: HealthCheck{Interval: time.Hour, Healthy: 3}}, Ignored: true},
	}}
	if got := s.FirstPass(); got != 36*time.Second {
		t.Errorf("of all that count %s at most, want 36s", got)
	}
	if none := (Snapshot{}).FirstPass(); none != 0 {
		t.Errorf("without a load balancer %s, want none", none)
	}
}

func TestLongestDrain(t *testing.T) {
	drains := func(ds ...time.Duration) (all []Traffic) {
		for _, d := range ds {
			all = append(all, Traffic{Source: Source{Drain: d}})
		}
		return all
	}
	if got := LongestDrain(drains(5*time.Second, 9*time.Second, time.Second)); got != 9*time.Second {
		t.Errorf("longest of 5s, 9s, 1s: %s", got)
	}
	if none := LongestDrain(nil); none != 0 {
		t.Errorf("longest of none: %s", none)
	}
}
