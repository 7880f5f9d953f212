package fleet

import "testing"

func TestFamiliesOfStates(t *testing.T) {
	for _, c := range []struct {
		state                                   State
		arriving, out, leaving, warm, launching bool
	}{
		{state: Pending, arriving: true, launching: true},
		{state: PendingWait, launching: true},
		{state: PendingProceed, arriving: true, launching: true},
		{state: InService},
		{state: EnteringStandby, out: true},
		{state: Standby, out: true},
		{state: Terminating, leaving: true},
		{state: TerminatingWait, leaving: true},
		{state: TerminatingGo, leaving: true},
		{state: TerminatingRetain, leaving: true},
		{state: Terminated, leaving: true},
		{state: Detaching, leaving: true},
		{state: Detached, leaving: true},
		{state: "Warmed:Stopped", warm: true},
		{state: "Warmed:Pending:Wait", warm: true},
		{state: "ReplacingRootVolume"}, // known to AWS, not to us: in no family
		{state: "Something:New"},
		{state: ""},
	} {
		s := c.state
		if s.Arriving() != c.arriving || s.Out() != c.out || s.Leaving() != c.leaving ||
			s.Warm() != c.warm || s.Launching() != c.launching {
			t.Errorf("%q: arriving %v, out %v, leaving %v, warm %v, launching %v", s,
				s.Arriving(), s.Out(), s.Leaving(), s.Warm(), s.Launching())
		}
	}
}

func TestAnUnknownStatusIsStillUnderWay(t *testing.T) {
	for status, want := range map[string][2]bool{ // running, stands
		"Successful":                      {false, true},
		"Failed":                          {false, false},
		"Cancelled":                       {false, false},
		"InProgress":                      {true, true},
		"WaitingForELBConnectionDraining": {true, true},
		"SomethingNew":                    {true, true},
	} {
		if a := (Activity{Status: status}); a.Running() != want[0] || a.Stands() != want[1] {
			t.Errorf("%s: running %v, stands %v", status, a.Running(), a.Stands())
		}
	}
	for status, want := range map[string]bool{
		"Pending": true, "InProgress": true, "Cancelling": true, "RollbackInProgress": true, "Baking": true, "SomethingNew": true,
		"Successful": false, "Failed": false, "Cancelled": false, "RollbackFailed": false, "RollbackSuccessful": false,
	} {
		if got := (Refresh{Status: status}).Active(); got != want {
			t.Errorf("refresh %s: active %v", status, got)
		}
	}
}
