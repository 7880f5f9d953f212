package fleet

import "time"

// ActivityKind is what an activity does, as its description says.
type ActivityKind int

// Kinds of scaling activity that mean something to the order of things.
const (
	OtherActivity ActivityKind = iota
	ToStandby
	FromStandby
	Launch
	WarmLaunch // into the warm pool: no member of the group comes of it
	Terminate
)

// Activity is one entry of the group's feed.
type Activity struct {
	ID       string
	Kind     ActivityKind
	Instance string // the instance moved, launched or terminated; empty where the text names none
	Status   string // API reference, ScalingActivityStatusCode
	Start    time.Time
	End      time.Time // zero while running
	Text     string    // the description
	Cause    string
	Message  string // why it failed, or how it stands; mostly empty
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

// FailedLaunch: an instance could not be launched; Message says why.
func (a Activity) FailedLaunch() bool { return a.Kind == Launch && a.Status == "Failed" }

// Refresh is one instance refresh.
type Refresh struct {
	ID, Status string
	Standby    string // what it does with Standby instances: Terminate, Ignore, Wait
	Percent    int
	Strategy   string // Rolling, ReplaceRootVolume
}

// InPlace: the refresh replaces root volumes and keeps the instances.
func (r Refresh) InPlace() bool { return r.Strategy == "ReplaceRootVolume" }

// Active: the refresh still replaces instances, or will.
func (r Refresh) Active() bool {
	switch r.Status {
	case "Successful", "Failed", "Cancelled", "RollbackFailed", "RollbackSuccessful":
		return false
	}
	return true
}
