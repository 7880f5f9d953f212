package rotation

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"balanced/internal/fleet"
)

// The step tables in docs/architecture.md are these tables.
func TestDocumentedSteps(t *testing.T) {
	page, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, table := range map[string][]step{"out": outSteps(), "in": inSteps(), "wait": waitSteps()} {
		want := fmt.Sprintf("<!-- %s steps -->\n| step | does | undo |\n|---|---|---|\n", name)
		for _, s := range table {
			want += strings.ReplaceAll(fmt.Sprintf("| %s | %s | %s |\n", s.name, s.says, s.undone), "|  |", "| |")
		}
		if want += "<!-- end -->"; !strings.Contains(string(page), want) {
			t.Errorf("docs/architecture.md does not hold the steps of %s as they are:\n%s", name, want)
		}
	}
}

// The rows an undo begins with are where the tables say.
func TestUndoBeginsAtItsRow(t *testing.T) {
	if got := inSteps()[inExit].name; got != "exit" {
		t.Errorf("an undo of out begins with %q, want exit", got)
	}
	if got := outSteps()[outEnter].name; got != "enter" {
		t.Errorf("an undo of in begins with %q, want enter", got)
	}
}

// Whatever is seen, there is a row for it or the run is done, and a run that has sent
// no move yet is never at a row that is about one; a row that moves is reached only
// from the state it moves.
func TestEveryStateHasARow(t *testing.T) {
	states := []fleet.State{
		"", fleet.Pending, fleet.PendingWait, fleet.PendingProceed, fleet.InService, fleet.EnteringStandby, fleet.Standby,
		fleet.Terminating, fleet.TerminatingWait, fleet.Terminated, fleet.Detaching, fleet.Detached,
		"ReplacingRootVolume", "Warmed:Running", "Terminating:Retained", "Something:New",
	}
	from := map[string]fleet.State{"enter": fleet.InService, "exit": fleet.Standby}
	rapid.Check(t, func(t *rapid.T) {
		v := sound()
		v.State = rapid.SampledFrom(states).Draw(t, "state")
		v.Group.Members[0].State = v.State
		v.spread = rapid.Bool().Draw(t, "spread")
		for command, table := range map[string][]step{"out": outSteps(), "in": inSteps()} {
			row, stop := next(table, v)
			if row == nil {
				settled := map[string]bool{"out": v.State == fleet.Standby, "in": v.State == fleet.InService}
				if !settled[command] {
					t.Fatalf("%s is done in %q", command, v.State)
				}
				continue
			}
			if row.moves && stop == act && v.State != from[row.name] {
				t.Fatalf("%s would %s from %q", command, row.name, v.State)
			}
			if stop != act && stop != tooLittle && (stop.Reason == "" || stop.Class == 0) {
				t.Fatalf("%s at %s in %q: no reason", command, row.name, v.State)
			}
		}
	})
}
