package fleet

import (
	"testing"

	"pgregory.net/rapid"
)

func TestMinimum(t *testing.T) {
	for _, tc := range []struct {
		rule             string
		capacity, policy int
		want             int
	}{
		{"all", 4, -1, 3},
		{"all", 2, -1, 1},
		{"all", 1, -1, 1}, // impossible: refused, not lowered
		{"50%", 8, -1, 4},
		{"50%", 7, -1, 4}, // rounded up
		{"100%", 8, -1, 7},
		{"0%", 8, -1, 1},
		{"99%", 3, -1, 2},
		{"6", 8, -1, 6},
		{"0", 8, -1, 0},
		{"9", 8, -1, 9},
		{"policy", 8, -1, 7},
		{"policy", 8, 100, 7},
		{"policy", 8, 90, 7},
		{"policy", 8, 75, 6},
		{"policy", 8, 0, 1},
	} {
		m, err := ParseMinHealthy(tc.rule)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Minimum(tc.capacity, tc.policy); got != tc.want {
			t.Errorf("minimum %s of %d (policy %d) = %d, want %d", tc.rule, tc.capacity, tc.policy, got, tc.want)
		}
		if m.String() != tc.rule {
			t.Errorf("rule %q reads back as %q", tc.rule, m)
		}
	}
}

func TestKindsOfRule(t *testing.T) {
	for rule, want := range map[string]struct{ absolute, allowsShort, fromPolicy bool }{
		"all": {}, "policy": {fromPolicy: true}, "50%": {allowsShort: true}, "0": {true, true, false}, "6": {true, true, false},
	} {
		m, err := ParseMinHealthy(rule)
		if err != nil || m.Absolute() != want.absolute || m.AllowsShort() != want.allowsShort || m.FromPolicy() != want.fromPolicy {
			t.Errorf("%s: %v, absolute %v, allows short %v, from the policy %v", rule, err, m.Absolute(), m.AllowsShort(), m.FromPolicy())
		}
	}
}

func TestParseMinHealthyRefuses(t *testing.T) {
	for _, s := range []string{"", "120%", "-1", "-5%", "half", "50 %", "1e3", "%", "+5", "99999999999"} {
		if m, err := ParseMinHealthy(s); err == nil {
			t.Errorf("ParseMinHealthy(%q) = %v, want an error", s, m)
		}
	}
}

func FuzzParseMinHealthy(f *testing.F) {
	for _, s := range []string{"all", "policy", "0", "50%", "100%", "101%", "-1", "", "%%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseMinHealthy(s)
		if err != nil {
			return
		}
		if again, err := ParseMinHealthy(m.String()); err != nil || again != m {
			t.Fatalf("%q reads as %v, which reads back as %v, %v", s, m, again, err)
		}
	})
}

// A percentage never asks for all instances, or none could ever leave, and never for
// less than one.
func TestPercentLeavesRoom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.IntRange(2, 5000).Draw(t, "capacity")
		percent := rapid.IntRange(0, 100).Draw(t, "percent")
		got := MinHealthy{kind: rulePercent, n: percent}.Minimum(capacity, -1)
		if got < 1 || got > capacity-1 {
			t.Fatalf("%d%% of %d is %d, want 1 to %d", percent, capacity, got, capacity-1)
		}
		if want := capacity * percent; got*100 < want && got != capacity-1 {
			t.Fatalf("%d%% of %d is %d: rounded down", percent, capacity, got)
		}
	})
}
