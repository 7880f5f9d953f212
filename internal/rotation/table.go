package rotation

import (
	"context"
	"time"

	"balanced/internal/failure"
)

// A step is one row of a command's table. The rows are asked in order, at every look; the first that is not settled is
// the one the run is at.
type step struct {
	name string
	// does is what the row does, in the imperative: for the tables in the documentation and for dry runs.
	does string
	// doing is the log line when a run comes to the row.
	doing string
	// applies tells from the lifecycle state and from what this run did whether the row has a say at all.
	applies func(view) bool
	// needs is how much of the group the check must have just seen.
	needs scope
	// check judges what was seen.
	check func(view) verdict
	// act is what the row does when its check says so; the look that follows tells what came of it.
	act func(*run, context.Context) error
	// outcome, where it is not empty, is how a run ends well at this row.
	outcome string
	// within is the budget that bounds the wait for the row.
	within budget
	// ends says when the wait for the row is likely to be over; nil: nobody can tell.
	ends func(view) forecast
	// sameLook: the act changes nothing that a look could show, so the rows that follow are asked at the same look.
	sameLook bool
	// moves: the act is one that a dry run must not do.
	moves bool
	// rollBack takes back what the rows before did, when the row ends in a refusal; rollsBack says how, for the tables.
	rollBack  func(*run, context.Context, verdict) error
	rollsBack string
}

// A verdict is what a row, or a guard, makes of what was seen.
type verdict struct {
	kind    verdictKind
	refusal *failure.Refusal // of blocked: what is still missing

	// When to look again, of blocked. nextLook: no use looking before it; zero: the row's own pace.
	nextLook time.Time
	// final: waiting cannot lift it. Refusals whose class is final always are.
	final bool
	// patient: it is waited for all the same, though its class says that waiting does not lift it.
	patient bool
	// rollsBack: when the budget ends, the move is taken back.
	rollsBack bool
	// throttled: AWS throttles, which is no verdict. While the budgets stand still the act is tried again.
	throttled bool
	// groupAlone: while the group's own answer is the same this verdict holds, whatever else changes for the better. So
	// nothing else need be read.
	groupAlone bool
}

type verdictKind int

const (
	settled  verdictKind = iota // nothing to do at this row
	act                         // the row's act is due
	lookWide                    // the check needs to see more than the last look read
	blocked                     // something is missing: wait, or end with the refusal
)

// blockedBy is the verdict of a refusal that waiting may lift.
func blockedBy(c failure.Class, hint, format string, args ...any) verdict {
	return verdict{kind: blocked, refusal: failure.New(c, hint, format, args...)}
}

// hopeless: looking again will not change it.
func (v verdict) hopeless() bool {
	return v.kind == blocked && (v.final || v.refusal.Class.Final() && !v.patient)
}

// reason is what the run waits for; empty where it does not wait.
func (v verdict) reason() string {
	if v.refusal == nil {
		return ""
	}
	return v.refusal.Reason
}

// whileGroupStands marks a verdict that holds for as long as the group's own answer is the same.
func (v verdict) whileGroupStands() verdict {
	v.groupAlone = true
	return v
}

// atOnce marks a verdict that waiting cannot lift.
func (v verdict) atOnce() verdict {
	v.final = true
	return v
}

// elseRollBack marks a verdict after which the move is taken back when the budget ends.
func (v verdict) elseRollBack() verdict {
	v.rollsBack = true
	return v
}

// notBefore sets when it is worth looking again.
func (v verdict) notBefore(at time.Time) verdict {
	v.nextLook = at
	return v
}

// firstUnsettled finds the first row that applies and is not settled. It is a pure function of the view: the plan.
func firstUnsettled(table []step, v view) (*step, verdict) {
	for i := range table {
		row := &table[i]
		if !row.applies(v) {
			continue
		}
		if row.needs > v.scope {
			return row, verdict{kind: lookWide}
		}
		if judged := row.check(v); judged.kind != settled {
			return row, judged
		}
	}
	return nil, verdict{}
}

// needed is the scope of the first row that applies now, right after the act of a row.
func needed(table []step, acted *step, v view) scope {
	if acted.sameLook {
		return noLook
	}
	for i := range table {
		if table[i].applies(v) {
			return table[i].needs
		}
	}
	return ownState
}

// widest is the most that the rows that apply now want to see: one look serves them all, where the first is likely to
// be settled by it.
func widest(table []step, v view) scope {
	need := ownState
	for i := range table {
		if table[i].applies(v) {
			need = max(need, table[i].needs)
		}
	}
	return need
}

// rowsFrom is the part of a table that begins at a named row.
func rowsFrom(table []step, name string) []step {
	for i := range table {
		if table[i].name == name {
			return table[i:]
		}
	}
	panic("no step " + name) // a table without the row its rollback begins at: TestRollbacksBeginAtTheirRow
}

// rowsOnly are the named rows of a table, in its order.
func rowsOnly(table []step, names ...string) []step {
	var rows []step
	for _, name := range names {
		rows = append(rows, rowsFrom(table, name)[0])
	}
	return rows
}
