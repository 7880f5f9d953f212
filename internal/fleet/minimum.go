package fleet

import (
	"fmt"
	"strconv"
	"strings"
)

// MinHealthy is the rule that says how many instances must stay healthy: --min-healthy. The zero value is "all".
type MinHealthy struct {
	kind ruleKind
	n    int
}

type ruleKind int

const (
	ruleAll ruleKind = iota
	ruleCount
	rulePercent
	rulePolicy
)

// ParseMinHealthy reads "all", "policy", a number of instances, or a percentage from 0% to 100%.
func ParseMinHealthy(s string) (MinHealthy, error) {
	switch s {
	case "all":
		return MinHealthy{}, nil
	case "policy":
		return MinHealthy{kind: rulePolicy}, nil
	}
	digits, percent := strings.CutSuffix(s, "%")
	n, err := strconv.ParseUint(digits, 10, 31)
	switch {
	case err != nil:
		return MinHealthy{}, fmt.Errorf("min-healthy %q: want all, policy, a number of instances, or a percentage such as 50%%", s)
	case percent && n > 100:
		return MinHealthy{}, fmt.Errorf("min-healthy %q: more than 100%%", s)
	case percent:
		return MinHealthy{kind: rulePercent, n: int(n)}, nil
	}
	return MinHealthy{kind: ruleCount, n: int(n)}, nil
}

// String is the rule as it was given.
func (m MinHealthy) String() string {
	switch m.kind {
	case ruleCount:
		return strconv.Itoa(m.n)
	case rulePercent:
		return strconv.Itoa(m.n) + "%"
	case rulePolicy:
		return "policy"
	}
	return "all"
}

// Minimum is how many must stay healthy in a group of the given capacity. policy is the percentage of the group's
// InstanceMaintenancePolicy, -1 for none. It is never below 1 unless the rule is the number 0, and may be impossible:
// compare it with the capacity less one.
//
// 100 from the policy is what the console writes for "launch before terminating". As a minimum it would forbid every
// in-place leave, so it reads as all.
func (m MinHealthy) Minimum(capacity, policy int) int {
	switch m.kind {
	case ruleCount:
		return m.n
	case rulePercent:
		return max(1, percentOf(capacity, m.n))
	case rulePolicy:
		if policy >= 0 && policy < 100 {
			return max(1, percentOf(capacity, policy))
		}
	}
	return max(1, capacity-1)
}

// percentOf rounds up, and leaves at least one slot.
func percentOf(capacity, percent int) int {
	return min((capacity*percent+99)/100, capacity-1)
}

// Absolute: the rule is a number of instances.
func (m MinHealthy) Absolute() bool { return m.kind == ruleCount }

// FromPolicy: the rule is the group's InstanceMaintenancePolicy.
func (m MinHealthy) FromPolicy() bool { return m.kind == rulePolicy }

// AllowsShort: the rule itself allows a group that is below its desired capacity.
func (m MinHealthy) AllowsShort() bool { return m.kind == ruleCount || m.kind == rulePercent }
