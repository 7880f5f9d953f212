package soak

import (
	"fmt"
	"slices"
	"time"

	"balanced/internal/sim"
)

// fallIll: a host's application fails for a quarter of an hour.
func fallIll(host int) act {
	return act{name: fmt.Sprintf("host %d falls ill", host), does: func(f *seededRun) {
		id := f.ids[host]
		f.SetAppHealthy(id, false)
		go func() {
			f.pass(id, 15*time.Minute)
			f.SetAppHealthy(id, true)
		}()
	}}
}

// flap: a host's application fails for a minute.
func flap(host int) act {
	return act{name: fmt.Sprintf("host %d flaps", host), does: func(f *seededRun) {
		id := f.ids[host]
		f.SetAppHealthy(id, false)
		go func() {
			f.pass(id, time.Minute)
			f.SetAppHealthy(id, true)
		}()
	}}
}

// dieInStandby: EC2 loses a host that is in Standby; otherwise nothing happens.
func dieInStandby(host int) act {
	return act{name: fmt.Sprintf("host %d dies, if in Standby", host), does: func(f *seededRun) {
		if id := f.ids[host]; f.State(id) == "Standby" {
			f.KillInstance(id)
			f.died(id)
		}
	}}
}

// scale: a policy, or an operator, asks for one more, and for one less later.
func scale(host int) act {
	return act{name: "desired goes up, and down again later", does: func(f *seededRun) {
		min, max, desired := f.Sizes("web")
		if desired >= max {
			return
		}
		f.grown(1)
		f.SetSizes("web", min, max, desired+1)
		go func() {
			f.pass("desired", 10*time.Minute)
			min, max, desired := f.Sizes("web")
			for ; desired-1 < min; min, max, desired = f.Sizes("web") {
				f.pass("desired", time.Minute)
			}
			f.event("world", "desired goes down again")
			f.SetSizes("web", min, max, desired-1)
			f.grown(-1)
		}()
	}}
}

// refresh: somebody starts an instance refresh, which ends by itself or is ended.
func refresh(host int) act {
	mode := []string{"Wait", "Ignore", "Terminate"}[host%3]
	return act{name: "an instance refresh that is to " + mode, does: func(f *seededRun) {
		if !f.refreshing.CompareAndSwap(false, true) {
			return // AWS refuses a second one: InstanceRefreshInProgress
		}
		f.StartRefresh("web", mode)
		go func() {
			f.pass("refresh", 20*time.Minute)
			f.SetRefreshStatus("web", "Cancelled")
			f.refreshing.Store(false)
		}()
	}}
}

// expire: a host's credentials are expired for three minutes.
func expire(host int) act {
	return act{name: fmt.Sprintf("host %d's credentials expire", host), does: func(f *seededRun) {
		id := f.ids[host]
		f.UpdateMetadata(id, func(m *sim.Metadata) { m.CredentialsExpired = true })
		go func() {
			f.pass(id, 3*time.Minute)
			f.UpdateMetadata(id, func(m *sim.Metadata) { m.CredentialsExpired = false })
		}()
	}}
}

// shift: somebody shifts a load balancer away from a zone for a quarter of an hour.
func shift(host int) act {
	lb, zone := []string{"front", "net"}[host%2], zones[host%len(zones)]
	return act{name: fmt.Sprintf("a zonal shift of %s away from %s", lb, zone), does: func(f *seededRun) {
		f.setShift(lb, zone, 1)
		go func() {
			f.pass("shift", 15*time.Minute)
			f.setShift(lb, zone, -1)
		}()
	}}
}

// retain: the termination of a host that is in service is abandoned, and the group keeps it, for good.
func retain(host int) act {
	return act{name: fmt.Sprintf("host %d is retained, if in service", host), does: func(f *seededRun) {
		if id := f.ids[host]; f.State(id) == "InService" {
			f.Retain(id)
		}
	}}
}

// suspend: somebody suspends a process for twenty minutes.
func suspend(host int) act {
	processes := []string{"AddToLoadBalancer", "Launch", "Terminate", "HealthCheck", "ReplaceUnhealthy", "AZRebalance", "AlarmNotification"}
	process := processes[host%len(processes)]
	return act{name: process + " is suspended", does: func(f *seededRun) {
		f.Suspend("web", process)
		go func() {
			f.pass("suspend", 20*time.Minute)
			f.event("world", "%s is resumed", process)
			f.Resume("web", process)
			if process == "AddToLoadBalancer" {
				f.pass("suspend", 10*time.Minute)
				f.registerByHand()
			}
		}()
	}}
}

// registerByHand is what AWS asks for once AddToLoadBalancer is resumed: nothing else registers what came into service
// meanwhile (Amazon EC2 Auto Scaling User Guide, suspend and resume processes).
func (f *seededRun) registerByHand() {
	group := f.plan.group
	for _, m := range f.Members("web") {
		if m.State != "InService" {
			continue
		}
		for _, balancer := range slices.Concat(group.TargetGroups, group.Classic) {
			f.Register(balancer, m.ID)
		}
	}
}

// failLaunches: for twenty minutes EC2 has no capacity.
func failLaunches(int) act {
	return act{name: "launches fail", does: func(f *seededRun) {
		f.FailLaunches("web", "We currently do not have sufficient t3.small capacity in the Availability Zone you requested.")
		go func() {
			f.pass("launches", 20*time.Minute)
			f.event("world", "launches succeed again")
			f.FailLaunches("web", "")
		}()
	}}
}

// stepClock: for ten minutes AWS's clock, as a host reads it off the answers, is some seconds off.
func stepClock(host int) act {
	by := []time.Duration{-3 * time.Second, -time.Second, time.Second, 3 * time.Second}[host%4]
	return act{name: fmt.Sprintf("host %d's answers are dated %v off", host, by), does: func(f *seededRun) {
		id := f.ids[host]
		f.skew(id, by)
		go func() {
			f.pass(id, 10*time.Minute)
			f.skew(id, 0)
		}()
	}}
}
