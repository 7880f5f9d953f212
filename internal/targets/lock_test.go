package targets_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleettest"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

// inLocked is a fleet of n whose agents use a lock in a table.
func inLocked(t *testing.T, cfg sim.Config, n int, test func(*fleettest.World)) {
	t.Helper()
	fleettest.InOutside(t, cfg, n, func(w *fleettest.World) {
		w.AddTable(sim.Table{Name: "locks", Key: "group"})
		w.Lock = "dynamodb:locks"
		test(w)
	})
}

// holds makes an instance the only one that has an entry, as it writes it.
func holds(w *fleettest.World, id string) {
	since := time.Now().UTC().Format(time.RFC3339Nano)
	w.SetItem("locks", fmt.Sprintf(`{"group":{"S":"web"},"version":{"S":%q},"holders":{"M":{%q:{"S":%q}}}}`,
		since+" "+id, id, since+" "+w.Agent(id).Self.PrivateIP))
}

func wantHolders(w *fleettest.World, ids ...string) {
	w.Helper()
	item := w.Item("locks", "web")
	for _, id := range w.IDs {
		if has := strings.Contains(item, `"`+id+`":`); has != slices.Contains(ids, id) {
			w.Errorf("%s has an entry: %v", id, has)
		}
	}
}

// outWithin are the options of out with a rule and a limit for its turn.
func outWithin(rule string, wait time.Duration) rotation.OutOptions {
	opt := fleettest.OutWith(rule)
	opt.Wait = wait
	return opt
}

// TestOneLeavesForEachSlot: agents that start in the same second, with reads that lag.
func TestOneLeavesForEachSlot(t *testing.T) {
	for rule, slots := range map[string]int{"all": 1, "50%": 2, "2": 2} {
		inLocked(t, sim.Config{MaxLag: 8 * time.Second}, 4, func(w *fleettest.World) {
			w.API(func(c sim.Call) *sim.Fault {
				if c.Mutating() || c.Service == "dynamodb" {
					return nil
				}
				return &sim.Fault{Lag: 8 * time.Second}
			})
			var wg sync.WaitGroup
			errs := make([]error, len(w.IDs))
			for i, id := range w.IDs {
				agent := w.Agent(id)
				wg.Go(func() { _, errs[i] = agent.Out(context.Background(), outWithin(rule, time.Minute)) })
			}
			wg.Wait()
			left := 0
			for i, err := range errs {
				switch {
				case err == nil:
					left++
					want(w, w.IDs[i], 0)
				case !failure.Is(err, failure.NotNow):
					t.Errorf("%s: %v", rule, err)
				default:
					want(w, w.IDs[i], 5)
				}
			}
			if left != slots {
				t.Errorf("%s: %d left, want %d", rule, left, slots)
			}
			for _, move := range w.Moves() {
				if strings.HasPrefix(move, "Register") {
					t.Errorf("%s: one began to drain and went back", rule)
				}
			}
		})
	}
}

// firstMove is when the first registration was changed.
func firstMove(w *fleettest.World) time.Time {
	for _, c := range w.Calls() {
		if c.Effect && c.Service != "dynamodb" {
			return c.At
		}
	}
	return time.Time{}
}

// TestADeadHolderInServiceIsFreed: it is registered and healthy everywhere, so it never left.
func TestADeadHolderInServiceIsFreed(t *testing.T) {
	inLocked(t, sim.Config{}, 3, func(w *fleettest.World) {
		holds(w, w.IDs[1])
		began := time.Now()
		w.Must(w.Agent(w.IDs[0]).Out(context.Background(), outWithin("all", 10*time.Minute)))
		if waited := firstMove(w).Sub(began); waited < 90*time.Second || waited > 3*time.Minute {
			t.Errorf("the slot of a holder that may be about to leave was taken after %s", waited)
		}
		wantHolders(w, w.IDs[0])
	})
}

// TestAHolderThatNothingListsIsKept: it may be out for hours, or gone; a person knows.
func TestAHolderThatNothingListsIsKept(t *testing.T) {
	inLocked(t, sim.Config{}, 3, func(w *fleettest.World) {
		w.Must(w.Agent(w.IDs[1]).Out(context.Background(), fleettest.OutWith("all")))
		report, err := w.Agent(w.IDs[0]).Out(context.Background(), outWithin("all", 20*time.Minute))
		if !failure.Is(err, failure.NotNow) || !strings.HasPrefix(err.Error(), w.IDs[1]+" is out (deregistered for 2") {
			t.Errorf("%v", err)
		}
		command := "aws dynamodb update-item --table-name locks"
		if told := strings.Join(report.Warnings, "\n"); strings.Count(told, command) != 1 || report.Group.Capacity != 3 {
			t.Errorf("capacity %d, warnings %s", report.Group.Capacity, told)
		}
		wantHolders(w, w.IDs[1])
		asked := len(w.Calls())
		status, _, err := w.Agent(w.IDs[0]).Status(context.Background(), outWithin("all", 0).MinHealthy)
		w.Must(status, err)
		reads := slices.DeleteFunc(w.Calls()[asked:], func(c sim.Call) bool { return c.Service != "dynamodb" })
		if len(reads) != 1 || status.Group.Capacity != 3 || len(status.Lock.Holders) != 1 || status.Lock.Holders[0].ID != w.IDs[1] {
			t.Errorf("status read the table %d times, and says %+v of %+v", len(reads), status.Lock, status.Group)
		}
		if item := w.Item("locks", "web"); !strings.Contains(item, " "+w.Agent(w.IDs[1]).Self.PrivateIP+`"`) {
			t.Errorf("no address in %s", item)
		}
		w.Must(w.Agent(w.IDs[1]).In(context.Background(), fleettest.InOptions()))
		w.Must(w.Agent(w.IDs[0]).Out(context.Background(), outWithin("all", 0)))
		wantHolders(w, w.IDs[0])
	})
}

// TestATableThatDoesNotAnswer: nothing leaves without it, and what is out returns.
func TestATableThatDoesNotAnswer(t *testing.T) {
	inLocked(t, sim.Config{}, 3, func(w *fleettest.World) {
		w.Must(w.Agent(w.IDs[1]).Out(context.Background(), fleettest.OutWith("1")))
		moves := len(w.Moves())
		w.API(func(c sim.Call) *sim.Fault {
			if c.Service == "dynamodb" {
				return &sim.Fault{Reset: true}
			}
			return nil
		})
		if _, err := w.Agent(w.IDs[0]).Out(context.Background(), outWithin("1", time.Minute)); !failure.Is(err, failure.Unreachable) || len(w.Moves()) != moves {
			t.Errorf("out: %v, moves %v", err, w.Moves()[moves:])
		}
		report, err := w.Agent(w.IDs[1]).In(context.Background(), fleettest.InOptions())
		w.Must(report, err)
		if told := strings.Join(report.Warnings, "\n"); !strings.Contains(told, "the slot was not released") {
			t.Errorf("warnings %s", told)
		}
		want(w, w.IDs[1], 5)
		if report, standing, err := w.Agent(w.IDs[0]).Status(context.Background(), outWithin("1", 0).MinHealthy); err != nil || standing != rotation.InService {
			t.Errorf("status: %v, %v, warnings %v", standing, err, report.Warnings)
		}
	})
}
