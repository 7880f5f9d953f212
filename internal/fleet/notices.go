package fleet

import "time"

// Notices is what is planned for this instance.
type Notices struct {
	// Spot is what EC2 will do with this Spot instance ("terminate", "stop",
	// "hibernate") at SpotAt; empty when there is no notice.
	Spot   string
	SpotAt time.Time
	// Rebalance is when EC2 recommended to replace this Spot instance; zero: it has not.
	Rebalance time.Time
	// Scheduled are the pending maintenance events, earliest first.
	Scheduled []Event
	// Target is the state Auto Scaling is bringing the instance to; empty where the
	// service has none (no transition since 2022-03-10, or not in a group).
	Target string
	// Unreadable is what was announced in a form that could not be read, one line for each.
	Unreadable []string
}

// Event is one scheduled maintenance event (EC2 user guide, "Scheduled events").
type Event struct {
	ID, Code    string // instance-stop, instance-retirement, instance-reboot, system-reboot, system-maintenance
	Description string
	Begins      time.Time
}

// Stops: the host goes down, so work on it is lost or pointless.
func (e Event) Stops() bool {
	switch e.Code {
	case "instance-stop", "instance-retirement", "instance-reboot", "system-reboot":
		return true
	}
	return false
}
