//go:build unix

package main

import (
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"balanced/internal/sim"
)

// levers are what people, alarms and misfortune do to a Region meanwhile.
func levers(ts *testscript.TestScript, s *stage) map[string]func(args []string) {
	r := s.region
	metadata := func(change func(*sim.Metadata)) func([]string) {
		return func(args []string) { r.UpdateMetadata(args[0], change) }
	}
	return map[string]func([]string){
		"sick":       func(a []string) { r.SetAppHealthy(a[0], false) },
		"well":       func(a []string) { r.SetAppHealthy(a[0], true) },
		"unhealthy":  func(a []string) { r.SetHealthStatus(a[0], "Unhealthy") },
		"state":      func(a []string) { r.SetState(a[0], a[1]) },
		"out":        func(a []string) { ts.Check(r.EnterStandby("web", a[0], true)) },
		"in":         func(a []string) { ts.Check(r.ExitStandby("web", a[0])) },
		"terminate":  func(a []string) { r.Terminate(a[0]) },
		"kill":       func(a []string) { r.KillInstance(a[0]) },
		"detach":     func(a []string) { r.Detach(a[0]) },
		"sizes":      func(a []string) { r.SetSizes("web", number(ts, a[0]), number(ts, a[1]), number(ts, a[2])) },
		"shift":      func(a []string) { r.ShiftZone("front", a[0]) },
		"override":   func(a []string) { r.SetOverride("front", a[0], a[1]) },
		"retain":     func(a []string) { r.Retain(a[0]) },
		"suspend":    func(a []string) { r.Suspend("web", a...) },
		"resume":     func(a []string) { r.Resume("web", a...) },
		"deny":       func(a []string) { r.Deny(a...) },
		"allow":      func(a []string) { r.Allow(a...) },
		"refresh":    func([]string) { r.StartRefresh("web", "Wait"); r.SetRefreshStatus("web", "Baking") },
		"port":       func(a []string) { r.RegisterExtraPort("web", a[0], number(ts, a[1])) },
		"elsewhere":  func(a []string) { r.AddTargetGroup(sim.TargetGroup{Name: a[1]}); r.AddTargets(a[1], a[0]) },
		"table":      func(a []string) { r.AddTable(sim.Table{Name: "locks", Key: a[0]}) },
		"drop-table": func([]string) { r.DeleteTable("locks") },
		"entry":      func(a []string) { r.SetItem("locks", s.item(a)) },
		"register":   func(a []string) { r.Register(a[0], a[1]) },
		"deregister": func(a []string) { r.Deregister(a[0], a[1]) },
		"imds-v1":    metadata(func(m *sim.Metadata) { m.V1Allowed = true }),
		"imds-off":   metadata(func(m *sim.Metadata) { m.Off = true }),
		"imds-hops":  metadata(func(m *sim.Metadata) { m.HopLimited = true }),
		"no-profile": metadata(func(m *sim.Metadata) { m.NoProfile = true }),
		"expired":    metadata(func(m *sim.Metadata) { m.CredentialsExpired = true }),
		"slow-token": metadata(func(m *sim.Metadata) { m.TokenTime = 1200 * time.Millisecond }),
		"odd-event": metadata(func(m *sim.Metadata) {
			m.Events = []sim.MaintenanceEvent{{Code: "instance-reboot", Date: "tomorrow at noon"}}
		}),
		"late-role":    metadata(func(m *sim.Metadata) { m.CredentialsFrom = time.Now().Add(4 * time.Second) }),
		"spot":         metadata(func(m *sim.Metadata) { m.SpotAction, m.SpotTime = "terminate", "2031-01-02T03:04:05Z" }),
		"target-state": func(a []string) { r.UpdateMetadata(a[0], func(m *sim.Metadata) { m.TargetState = &a[1] }) },
	}
}

// lever NAME ARG...
func cmdLever(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) > 0, "lever NAME ARG...")
	pull(ts, args)()
}

func pull(ts *testscript.TestScript, args []string) func() {
	lever, ok := levers(ts, stageOf(ts))[args[0]]
	if !ok {
		ts.Fatalf("no lever %q", args[0])
	}
	return func() { lever(args[1:]) }
}

// on ACTION LEVER ARG...: pulls a lever when the next call of an action arrives.
func cmdOn(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) > 1, "on ACTION LEVER ARG...")
	lever := pull(ts, args[1:])
	stageOf(ts).faults.add(&rule{action: args[0], times: 1, then: func() *sim.Fault { lever(); return nil }})
}

// fault ACTION KIND [TIMES]: what goes wrong with the next calls of an action; without
// TIMES with all of them.
func cmdFault(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 2 || len(args) == 3, "fault ACTION KIND [TIMES]")
	fault, ok := map[string]*sim.Fault{
		"throttle": sim.Throttled(),
		"broken":   {Status: 503},
		"lose":     {LoseReply: true},
		"reset":    {Reset: true},
		"twice":    {Twice: true},
		"slow":     {Delay: 4 * time.Second},
		"late":     {Delay: time.Second},
		"skewed":   {Skew: -5 * time.Minute},
	}[args[1]]
	if !ok {
		ts.Fatalf("no fault %q", args[1])
	}
	times := -1
	if len(args) == 3 {
		times = number(ts, args[2])
	}
	stageOf(ts).faults.add(&rule{action: args[0], times: times, then: func() *sim.Fault { return fault }})
}
