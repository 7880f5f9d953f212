package soak

import (
	"fmt"
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
