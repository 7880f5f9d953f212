// Package asg says what Auto Scaling says about this instance and its group, and
// asks it to move the instance. It speaks plain values: no AWS SDK type leaves it.
package asg

import (
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
}

// Group is the whole group as DescribeAutoScalingGroups shows it.
type Group struct {
	Name, ARN         string
	Min, Max, Desired int    // units: instances, or weights where the group has weights
	Deleting          bool   // DeleteAutoScalingGroup is running
	HealthCheckType   string // comma list of EC2, EBS, ELB, VPC_LATTICE
	Grace             time.Duration
	// MinHealthyPercent is the InstanceMaintenancePolicy's, -1 where there is none.
	MinHealthyPercent int
	Suspended         []string // names of suspended processes
	Members           []Member
	Classic           []string // names of attached Classic load balancers, sorted
	TargetGroups      []string // ARNs of attached target groups, sorted
	// Unknown lists attached traffic sources of a type balanced cannot ask, as
	// "type identifier" (vpc-lattice is one).
	Unknown []string
	At      time.Time // AWS's own clock when it answered, whole seconds
}

// Member is one instance of the group. Warm-pool instances are not among them.
type Member struct {
	ID, Zone string
	State    State
	Healthy  bool
	Weight   int // 0 where the group has no weights
}

// Weighted: sizes count units of capacity, not instances.
func (g Group) Weighted() bool {
	for _, m := range g.Members {
		if m.Weight > 0 {
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

// Kind is what an activity does, told by its description.
type Kind int

// Kinds of scaling activity that mean something to the order of things.
const (
	Other Kind = iota
	ToStandby
	FromStandby
	Launch
	WarmLaunch // into the warm pool: no member of the group comes of it
	Terminate
)

// Activity is one entry of the group's feed.
type Activity struct {
	ID       string
	Kind     Kind
	Instance string // the instance moved, launched or terminated; empty where the text names none
	Status   string // API reference, ScalingActivityStatusCode
	Start    time.Time
	End      time.Time // zero while running
	Text     string    // the description
	Cause    string
	// From and To are the desired capacity before and after, read from the cause
	// ("shrinking the capacity from 4 to 3"); Moved says whether it names any.
	From, To int
	Moved    bool
}

// Running: not yet Successful, Failed or Cancelled. Every other status, known or
// not, means that something is still under way.
func (a Activity) Running() bool {
	return !a.void() && a.Status != "Successful"
}

// Stands: running, or done; not Failed or Cancelled.
func (a Activity) Stands() bool { return !a.void() }

func (a Activity) void() bool { return a.Status == "Failed" || a.Status == "Cancelled" }

// Refresh is one instance refresh.
type Refresh struct {
	ID, Status string
	Standby    string // what it does with Standby instances: Terminate, Ignore, Wait
	Percent    int
}

// Active: the refresh still replaces instances, or will.
func (r Refresh) Active() bool {
	switch r.Status {
	case "Successful", "Failed", "Cancelled", "RollbackFailed", "RollbackSuccessful":
		return false
	}
	return true
}
