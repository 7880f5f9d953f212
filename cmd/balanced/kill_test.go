//go:build unix

package main

import (
	"github.com/rogpeppe/go-internal/testscript"

	"balanced/internal/sim"
)

// kill-at NAME ACTION before|after: SIGKILL for a background run at the instant its next
// call of an action arrives, before it takes effect or right after.
func cmdKill(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 3 && (args[2] == "before" || args[2] == "after"), "kill-at NAME ACTION before|after")
	s := stageOf(ts)
	s.faults.add(&rule{action: args[1], times: 1, then: func() *sim.Fault {
		ts.Check(s.runs[args[0]].cmd.Process.Kill())
		if args[2] == "before" {
			return &sim.Fault{Reset: true}
		}
		return &sim.Fault{LoseReply: true}
	}})
}
