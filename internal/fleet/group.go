package fleet

import (
	"errors"
	"strings"
	"time"
)

// Membership is one instance as DescribeAutoScalingInstances shows it: the cheap
// question, one id, asked at every poll.
type Membership struct {
	Group   string // empty: in no group
	Zone    string
	State   State
	Healthy bool      // as Auto Scaling sees it; frozen while in Standby
	At      time.Time // AWS's own clock when it answered, whole seconds
	Held    Held      // outside a group
}

// Group is the whole group as DescribeAutoScalingGroups shows it.
type Group struct {
	Name, ARN         string
	Min, Max, Desired int  // units: instances, or weights where the group has weights
	Deleting          bool // DeleteAutoScalingGroup is running
	Members           []Member
	Classic           []string // names of attached Classic load balancers, sorted
	TargetGroups      []string // ARNs of attached target groups, sorted
	// Unknown lists attached traffic sources of a type balanced cannot ask, as
	// "type identifier" (vpc-lattice is one).
	Unknown []string
	Settings
	At      time.Time // AWS's own clock when it answered, whole seconds
	Held    Held      // of this instance, where there is no group: see Declared
	Entries []Entry   // who holds a slot in a lock, where there is no group to tell: see WithEntries
}

// Settings are how a group is set up, sizes and load balancers apart.
type Settings struct {
	HealthCheckType string // comma list of EC2, EBS, ELB, VPC_LATTICE
	Grace           time.Duration
	// MinHealthyPercent is the InstanceMaintenancePolicy's, -1 where there is none.
	MinHealthyPercent int
	Suspended         []string // names of suspended processes
	// Operator is the AWS service that manages the group: only it may change anything. Empty: none.
	Operator string
	// Retains: an instance whose termination hook is abandoned is kept, outside the desired capacity, until somebody
	// terminates it.
	Retains bool
	// Metrics are the group metrics that Auto Scaling sends to CloudWatch.
	Metrics []string
}

// Member is one instance of the group. Warm-pool instances are not among them.
type Member struct {
	ID, Zone string
	State    State
	Healthy  bool
	Weight   int // 0 where the group has no weights
}

// Weighted: sizes count units of capacity, not instances. Where every weight is 1, a unit is an instance.
func (g Group) Weighted() bool {
	for _, m := range g.Members {
		if m.Weight > 1 {
			return true
		}
	}
	return false
}

// ELBHealth: an instance that a load balancer calls unhealthy is terminated and
// replaced once its grace period is over.
func (g Group) ELBHealth() bool {
	for _, kind := range strings.Split(g.HealthCheckType, ",") {
		if strings.TrimSpace(kind) == "ELB" {
			return true
		}
	}
	return false
}

// ReplacesUnhealthy: Auto Scaling terminates and replaces a member that it calls Unhealthy. While one of these processes
// is suspended it does not (Auto Scaling User Guide, "Suspend and resume processes").
func (g Group) ReplacesUnhealthy() bool {
	return !g.IsSuspended("ReplaceUnhealthy") && !g.IsSuspended("HealthCheck") && !g.IsSuspended("Terminate")
}

// IsSuspended says whether a scaling process (Launch, AddToLoadBalancer, …) is off.
func (g Group) IsSuspended(process string) bool {
	for _, p := range g.Suspended {
		if p == process {
			return true
		}
	}
	return false
}

// Member finds one instance among the members.
func (g Group) Member(id string) (Member, bool) {
	for _, m := range g.Members {
		if m.ID == id {
			return m, true
		}
	}
	return Member{}, false
}

// ErrNoGroup: Auto Scaling answered, and lists no group of the name that was asked for. It answers an unknown name
// with an empty list, not with an error.
var ErrNoGroup = errors.New("no such Auto Scaling group")
