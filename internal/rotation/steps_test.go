package rotation

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"balanced/internal/failure"
	"balanced/internal/fleet"
)

// The step tables in docs/architecture.md are these tables.
func TestDocumentedSteps(t *testing.T) {
	page, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, table := range map[string][]step{"out": outSteps(), "in": inSteps(), "wait": waitSteps(), "ready": readySteps()} {
		want := fmt.Sprintf("<!-- %s steps -->\n| step | does | rollback |\n|---|---|---|\n", name)
		for _, s := range table {
			want += strings.ReplaceAll(fmt.Sprintf("| %s | %s | %s |\n", s.name, s.does, s.rollsBack), "|  |", "| |")
		}
		if want += "<!-- end -->"; !strings.Contains(string(page), want) {
			t.Errorf("docs/architecture.md does not hold the steps of %s as they are:\n%s", name, want)
		}
	}
}

// The rows that rollbacks go through are in the tables, and in this order.
func TestRollbacksBeginAtTheirRow(t *testing.T) {
	var back, out []string
	for _, row := range rowsFrom(inSteps(), "exit") {
		back = append(back, row.name)
	}
	for _, row := range rowsOnly(outSteps(), "enter", "standby") {
		out = append(out, row.name)
	}
	if want := []string{"exit", "in service", "healthy", "release"}; !slices.Equal(back, want) {
		t.Errorf("a rollback of out goes through %v, want %v", back, want)
	}
	if want := []string{"enter", "standby"}; !slices.Equal(out, want) {
		t.Errorf("a rollback of in goes through %v, want %v", out, want)
	}
}

// Whatever is seen, there is a row for it or the run is done, and a run that has sent
// no move yet is never at a row that is about one; a row that moves is reached only
// from the state it moves.
func TestEveryStateHasARow(t *testing.T) {
	states := []fleet.State{
		"", fleet.Pending, fleet.PendingWait, fleet.PendingProceed, fleet.InService, fleet.EnteringStandby, fleet.Standby,
		fleet.Terminating, fleet.TerminatingWait, fleet.Terminated, fleet.Detaching, fleet.Detached,
		"ReplacingRootVolume", "Warmed:Pending:Wait", "Warmed:Running", "Terminating:Retained", "Something:New",
	}
	from := map[string]fleet.State{
		"enter": fleet.InService, "exit": fleet.Standby, "continue": fleet.PendingWait, "warm pool": fleet.WarmedPendingWait,
	}
	rapid.Check(t, func(t *rapid.T) {
		v := sound()
		v.State = rapid.SampledFrom(states).Draw(t, "state")
		v.Group.Members[0].State = v.State
		v.jittered = rapid.Bool().Draw(t, "spread")
		for command, table := range map[string][]step{"out": outSteps(), "in": inSteps(), "ready": readySteps()} {
			row, judged := firstUnsettled(table, v)
			if row == nil {
				done := map[string]bool{"out": v.State == fleet.Standby, "in": v.State == fleet.InService, "ready": v.State == fleet.InService}
				if !done[command] {
					t.Fatalf("%s is done in %q", command, v.State)
				}
				continue
			}
			if row.moves && judged.kind == act && v.State != from[row.name] {
				t.Fatalf("%s would %s from %q", command, row.name, v.State)
			}
			if judged.kind == blocked && (judged.reason() == "" || judged.refusal.Class == failure.Internal) {
				t.Fatalf("%s at %s in %q: no reason", command, row.name, v.State)
			}
		}
	})
}

// The rows that a dry run does not do.
func TestWhatADryRunLeavesOut(t *testing.T) {
	for command, tc := range map[string]struct {
		table []step
		want  []string
	}{
		"out": {outSteps(), []string{"enter"}}, "in": {inSteps(), []string{"exit"}}, "wait": {waitSteps(), nil},
		"ready": {readySteps(), []string{"warm pool", "abandon", "continue"}},
	} {
		var got []string
		for _, row := range tc.table {
			if row.moves {
				got = append(got, row.name)
			}
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("a dry run of %s leaves out %q, want %q", command, got, tc.want)
		}
	}
}
