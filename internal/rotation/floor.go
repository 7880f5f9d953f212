package rotation

import (
	"fmt"
	"strconv"
	"strings"

	"balanced/internal/fleet"
)

// MinHealthy is the rule that says how many must serve: --min-healthy.
type MinHealthy struct {
	rule rule
	n    int
}

type rule int

const (
	ruleAll rule = iota
	ruleCount
	rulePercent
	rulePolicy
)

// ParseMinHealthy reads "all", "policy", a number of instances, or a percentage from
// 0% to 100%.
func ParseMinHealthy(s string) (MinHealthy, error) {
	switch s {
	case "all":
		return MinHealthy{}, nil
	case "policy":
		return MinHealthy{rule: rulePolicy}, nil
	}
	digits, percent := strings.CutSuffix(s, "%")
	n, err := strconv.ParseUint(digits, 10, 31)
	switch {
	case err != nil:
		return MinHealthy{}, fmt.Errorf("min-healthy %q: want all, policy, a number of instances, or a percentage such as 50%%", s)
	case percent && n > 100:
		return MinHealthy{}, fmt.Errorf("min-healthy %q: more than 100%%", s)
	case percent:
		return MinHealthy{rule: rulePercent, n: int(n)}, nil
	}
	return MinHealthy{rule: ruleCount, n: int(n)}, nil
}

// String is the rule as it was given.
func (m MinHealthy) String() string {
	switch m.rule {
	case ruleCount:
		return strconv.Itoa(m.n)
	case rulePercent:
		return strconv.Itoa(m.n) + "%"
	case rulePolicy:
		return "policy"
	}
	return "all"
}

// Floor is how many must serve in a group of the given strength. policy is the
// InstanceMaintenancePolicy's percentage, -1 for none. It is never below 1 unless the
// rule is the number 0, and may be more than can ever be met: see Reachable.
//
// 100 from the policy is what the console writes for "launch before terminating"; as
// a floor it would forbid every in-place leave, so it reads as all.
func (m MinHealthy) Floor(strength, policy int) int {
	switch m.rule {
	case ruleCount:
		return m.n
	case rulePercent:
		return max(1, percentOf(strength, m.n))
	case rulePolicy:
		if policy >= 0 && policy < 100 {
			return max(1, percentOf(strength, policy))
		}
	}
	return max(1, strength-1)
}

// percentOf rounds up, and leaves room for one at least.
func percentOf(strength, percent int) int {
	return min((strength*percent+99)/100, strength-1)
}

// shortIsFine: the rule itself allows a group that is not at full strength.
func (m MinHealthy) shortIsFine() bool { return m.rule == ruleCount || m.rule == rulePercent }

// Numbers is a group counted: what the floor, the places and the verdicts rest on.
type Numbers struct {
	Strength int // instances the group has when everyone is back
	Serving  int // that serve now, this instance included
	Peers    int // that serve now, without this instance
	Floor    int
	Places   int // that may be out at once
}

// numbers counts the group under a rule.
func (o Observed) numbers(m MinHealthy) Numbers {
	strength := o.strength()
	floor := m.Floor(strength, o.Group.MinHealthyPercent)
	// Places are counted on members that are there: a desired that is read older than
	// the claims counts those twice.
	there := min(strength, o.staying())
	return Numbers{
		Strength: strength,
		Serving:  o.serving(),
		Peers:    o.peersServing(),
		Floor:    floor,
		Places:   max(1, there-floor),
	}
}

// strength is the larger of the desired capacity plus those who lowered it by going
// to Standby, and the members not on their way out: a shrunken group does not lower
// its own floor. Sizes of a weighted group are units and say nothing about instances.
func (o Observed) strength() int {
	lowered := 0
	for _, c := range o.claims() {
		// One that the feed alone shows is younger than the list and its desired.
		if c.State.Out() && !c.Kept {
			lowered++
		}
	}
	if o.Group.Weighted() {
		return o.staying()
	}
	return max(o.Group.Desired+lowered, o.staying())
}

// staying counts the members not on their way out. A member that entered without
// decrement has a stand-in, so the two count once.
func (o Observed) staying() int {
	n := 0
	for _, m := range o.Group.Members {
		if !m.State.Leaving() {
			n++
		}
	}
	for _, c := range o.claims() {
		if c.State.Out() && c.Kept {
			n--
		}
	}
	return n
}

// inService is what the group has in service, in its own units.
func (o Observed) inService() (have, heaviest int) {
	for _, m := range o.Group.Members {
		heaviest = max(heaviest, m.Weight)
		if m.State == fleet.InService {
			have += max(1, m.Weight)
		}
	}
	return have, heaviest
}
