package rotation

import (
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
)

// The row that a run is at follows from the lifecycle state, and from whether this run has moved the instance.
func TestTheRowOfEachState(t *testing.T) {
	tables := map[string][]step{"out": outSteps(), "in": inSteps(), "wait": waitSteps(), "ready": readySteps()}
	rows := func(out, in, wait, ready string) map[string]string {
		return map[string]string{"out": out, "in": in, "wait": wait, "ready": ready}
	}
	for state, want := range map[fleet.State]struct{ first, moved map[string]string }{
		fleet.Pending:           {rows("arrive", "in service", "in service", "hook"), rows("standby", "in service", "in service", "in service")},
		fleet.PendingWait:       {rows("nothing to do", "nothing to do", "in service", "hook"), rows("standby", "in service", "in service", "in service")},
		fleet.PendingProceed:    {rows("arrive", "in service", "in service", "arrive"), rows("standby", "in service", "in service", "in service")},
		fleet.InService:         {rows("enter", "healthy", "healthy", "healthy"), rows("standby", "healthy", "healthy", "healthy")},
		fleet.EnteringStandby:   {rows("standby", "drained", "standby", "standby"), rows("standby", "in service", "standby", "standby")},
		fleet.Standby:           {rows("drain", "exit", "standby", "standby"), rows("drain", "in service", "standby", "standby")},
		fleet.Terminating:       {rows("stay", "stay", "stay", "stay"), rows("standby", "in service", "stay", "stay")},
		fleet.WarmedPending:     {rows("nothing to do", "nothing to do", "nothing to do", "hook"), rows("standby", "in service", "nothing to do", "nothing to do")},
		fleet.WarmedPendingWait: {rows("nothing to do", "nothing to do", "nothing to do", "hook"), rows("standby", "in service", "nothing to do", "nothing to do")},
		"Warmed:Stopped":        {rows("nothing to do", "nothing to do", "nothing to do", "nothing to do"), rows("standby", "in service", "nothing to do", "nothing to do")},
		"ReplacingRootVolume":   {rows("stay", "stay", "in service", "arrive"), rows("standby", "in service", "in service", "in service")},
		"Something:New":         {rows("stay", "stay", "in service", "arrive"), rows("standby", "in service", "in service", "in service")},
	} {
		for command, table := range tables {
			v := sound()
			v.State, v.Group.Members[0].State = state, state
			v.Traffic[0].Mine = []fleet.Target{{Instance: v.ID, Port: 80, Health: fleet.Draining}}
			if got := rowAt(table, v); got != want.first[command] {
				t.Errorf("%s in %s: at %q, want %q", command, state, got, want.first[command])
			}
			v.sent, v.moved = time.Now(), true
			if got := rowAt(table, v); got != want.moved[command] {
				t.Errorf("%s in %s after its move: at %q, want %q", command, state, got, want.moved[command])
			}
		}
	}
}

func rowAt(table []step, v view) string {
	row, _ := firstUnsettled(table, v)
	if row == nil {
		return ""
	}
	return row.name
}

// A group that another service manages is refused before anything is moved; one that comes to be managed meanwhile does
// not stop a move half way.
func TestAManagedGroupIsRefusedBeforeAMove(t *testing.T) {
	for command, table := range map[string][]step{"out": outSteps(), "in": inSteps()} {
		v := sound()
		if command == "in" {
			v.State = fleet.Standby
		}
		if got := rowAt(table, v); got == "managed" {
			t.Errorf("%s of a group that nobody else manages is refused", command)
		}
		v.Group.Operator = "eks.amazonaws.com"
		row, judged := firstUnsettled(table, v)
		if row.name != "managed" || !judged.hopeless() || judged.refusal.Class != failure.Setup {
			t.Errorf("%s of a managed group: at %s: %v", command, row.name, judged.refusal)
		}
		v.sent = time.Now()
		if got := rowAt(table, v); got == "managed" {
			t.Errorf("%s is refused after its move", command)
		}
	}
}
