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

// States that end by themselves, and states that do not: a group with the latter only is quiet.
func TestStatesThatEnd(t *testing.T) {
	for state, want := range map[State]struct{ passing, retained, replacing bool }{
		Pending: {passing: true}, PendingWait: {passing: true}, InService: {}, EnteringStandby: {passing: true}, Standby: {},
		Terminating: {passing: true}, TerminatingWait: {passing: true}, TerminatingRetain: {retained: true}, Terminated: {},
		Detaching: {passing: true}, Detached: {}, Quarantined: {},
		ReplacingRoot: {passing: true, replacing: true}, ReplacingRootWait: {passing: true, replacing: true},
		ReplacingRootGo: {passing: true, replacing: true}, RootVolumeReplaced: {passing: true, replacing: true},
		WarmedPendingRetain: {retained: true}, WarmedTermRetain: {retained: true}, "Warmed:Stopped": {}, "Warmed:Pending": {passing: true},
		"Something:New": {passing: true},
	} {
		if state.Passing() != want.passing || state.Retained() != want.retained || state.ReplacingRootVolume() != want.replacing {
			t.Errorf("%s: passing %v, retained %v, replacing %v", state, state.Passing(), state.Retained(), state.ReplacingRootVolume())
		}
	}
}

func TestThresholds(t *testing.T) {
	for _, c := range []struct {
		t       Threshold
		targets int
		want    int
	}{
		{Threshold{}, 6, 0},
		{Threshold{Count: 1}, 6, 1},
		{Threshold{Percent: 50}, 5, 3},
		{Threshold{Count: 2, Percent: 50}, 6, 3},
		{Threshold{Count: 4, Percent: 50}, 6, 4},
		{Threshold{Percent: 100}, 3, 3},
		{Threshold{Percent: 1}, 0, 0},
	} {
		if got := c.t.Least(c.targets); got != c.want {
			t.Errorf("%+v of %d: %d, want %d", c.t, c.targets, got, c.want)
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
