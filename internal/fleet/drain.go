package fleet

import "time"

// What AWS takes besides the settings that can be read. Registration and the start of checks have no published bound;
// a Network Load Balancer was seen to take three to five minutes each way, and to send new connections for up to two
// minutes after it began to drain.
const (
	registrationTime = 30 * time.Second
	networkIn        = 180 * time.Second
	// NetworkOut is how long after the beginning of its drain a Network Load Balancer may send new connections.
	NetworkOut = 120 * time.Second
	// MoveTime is for the move itself and the looks at it.
	MoveTime = 60 * time.Second
)

// WayOut is the most that a move to Standby takes. Whether several load balancers drain at once or one after another is
// not established, so their delays add up.
func WayOut(traffic []Traffic) time.Duration {
	sum := MoveTime
	network := false
	for _, t := range traffic {
		sum += t.Drain
		network = network || t.Kind == Network
	}
	if network {
		sum += NetworkOut
	}
	return sum
}

// WayBack is the most that an instance which passes its checks takes from ExitStandby until every load balancer calls
// it healthy. They register and check side by side.
func WayBack(traffic []Traffic) time.Duration {
	longest := time.Duration(0)
	for _, t := range traffic {
		back := t.FirstPass()
		if t.Kind == Network {
			back += networkIn
		}
		longest = max(longest, back)
	}
	return registrationTime + longest
}

// LongestDrain is the longest deregistration delay.
func LongestDrain(traffic []Traffic) time.Duration {
	longest := time.Duration(0)
	for _, t := range traffic {
		longest = max(longest, t.Drain)
	}
	return longest
}

// FirstPass is the longest that a load balancer which counts takes to call an instance that passes its checks healthy.
func (s Snapshot) FirstPass() time.Duration {
	longest := time.Duration(0)
	for _, t := range s.Traffic {
		if t.Counts() {
			longest = max(longest, t.FirstPass())
		}
	}
	return longest
}
