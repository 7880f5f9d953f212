package lock_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/lock"
	"balanced/internal/sim"
)

// What is wrong with the table, and what everything that uses it says then. Nothing is taken.
func TestWhatIsWrongWithTheTable(t *testing.T) {
	dynamo := func(f sim.Fault) func(*world) {
		return func(w *world) {
			w.SetFaults(func(c sim.Call) *sim.Fault {
				if c.Service == "dynamodb" {
					return &f
				}
				return nil
			})
		}
	}
	const item = `{"group":{"S":"KEY"},"version":{"S":"1"},"holders":{"M":{}}}`
	put := func(old, new string) func(*world) {
		return func(w *world) {
			w.SetItem("locks", strings.ReplaceAll(strings.ReplaceAll(item, old, new), "KEY", w.key))
		}
	}
	for name, c := range map[string]struct {
		arrange func(*world)
		class   failure.Class
		want    string
		takes   time.Duration // at least: there is hope until ctx ends
	}{
		"no table":    {func(w *world) { w.DeleteTable("locks") }, failure.Setup, "no DynamoDB table locks in eu-west-1", 0},
		"another key": {func(w *world) { w.DeleteTable("locks"); w.AddTable(sim.Table{Name: "locks", Key: "id"}) }, failure.Setup, "The provided key element does not match the schema", 0},
		"a key that counts": {func(w *world) {
			w.DeleteTable("locks")
			w.AddTable(sim.Table{Name: "locks", Key: "group", KeyType: "N"})
		}, failure.Setup, "does not match the schema", 0},
		"a sort key": {func(w *world) {
			w.DeleteTable("locks")
			w.AddTable(sim.Table{Name: "locks", Key: "group", SortKey: "at"})
		}, failure.Setup, "does not match the schema", 0},
		"denied":                {func(w *world) { w.Deny("dynamodb:GetItem") }, failure.Denied, "dynamodb:GetItem denied", 0},
		"throttled":             {func(w *world) { w.SetBucket("dynamodb", 0, 0) }, failure.Unreachable, "throttled", time.Minute},
		"throttled, fixed":      {dynamo(sim.Fault{Code: "ProvisionedThroughputExceededException", Message: "too much"}), failure.Unreachable, "throttled", time.Minute},
		"broken":                {dynamo(sim.Fault{Status: 500, Code: "InternalServerError"}), failure.Unreachable, "server error", time.Minute},
		"no network":            {dynamo(sim.Fault{Reset: true}), failure.Unreachable, "no answer", time.Minute},
		"silence":               {dynamo(sim.Fault{Delay: time.Hour}), failure.Unreachable, "timed out", time.Minute},
		"a proxy's page":        {dynamo(sim.Fault{Answer: sim.Distortion{ProxyStatus: 404}}), failure.Unreachable, "HTTP 404 without an AWS document", time.Minute},
		"an empty answer":       {dynamo(sim.Fault{Answer: sim.Distortion{EmptyBody: true}}), failure.Unreachable, "HTTP 200 without an AWS document", time.Minute},
		"a version that counts": {put(`{"S":"1"}`, `{"N":"1"}`), failure.Setup, `is no list of slots: "version" is not a text`, 0},
		"no version":            {put(`"version":{"S":"1"},`, ``), failure.Setup, `"version" is not a text`, 0},
		"an empty version":      {put(`{"S":"1"}`, `{"S":""}`), failure.Setup, `"version" is not a text`, 0},
		"holders as a text":     {put(`{"M":{}}`, `{"S":"none"}`), failure.Setup, `"holders" is not a map`, 0},
		"holders as null":       {put(`{"M":{}}`, `{"NULL":true}`), failure.Setup, `"holders" is not a map`, 0},
		"no holders":            {put(`,"holders":{"M":{}}`, ``), failure.Setup, `"holders" is not a map`, 0},
		"an entry of a map":     {put(`{"M":{}}`, `{"M":{"i-1":{"M":{}}}}`), failure.Setup, `the entry of "i-1" is not a text`, 0},
		"an empty entry":        {put(`{"M":{}}`, `{"M":{"i-1":{"S":""}}}`), failure.Setup, `the entry of "i-1" is not a text`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 3, func(w *world) {
				a := w.agent(w.ids[0])
				seen := a.seen()
				c.arrange(w)
				was := w.Calls()
				for does, call := range map[string]func() error{
					"Acquire": func() error { _, err := a.lock.Acquire(w.until(time.Minute), seen, 1); return err },
					"Foresee": func() error { return a.lock.Foresee(w.until(time.Minute), seen, 1) },
					"Check":   func() error { return a.lock.Check(w.until(time.Minute), seen.Group) },
					"Confirm": func() error { _, err := a.lock.Confirm(w.until(time.Minute), seen.Group); return err },
					"State":   func() error { _, err := a.lock.State(w.until(time.Minute), seen.Group); return err },
				} {
					began := time.Now()
					err := call()
					if failure.Of(err) != c.class || err == nil || !strings.Contains(err.Error(), c.want) {
						t.Errorf("%s: %v (%s), want %s: %q", does, err, failure.Of(err), c.class, c.want)
					}
					if took := time.Since(began); took < c.takes || took > c.takes+15*time.Second {
						t.Errorf("%s took %s, want %s", does, took, c.takes)
					}
				}
				for _, call := range w.Calls()[len(was):] {
					if call.Effect {
						t.Errorf("%s took effect", call.Action)
					}
				}
			})
		})
	}
}

// Writing is tried only when a slot is to be taken.
func TestADeniedWrite(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		w.Deny("dynamodb:PutItem")
		a := w.agent(w.ids[0])
		w.must(a.lock.Check(w.Context(), a.seen().Group))
		_, err := a.acquire(w.until(time.Minute), 1)
		if want := "table locks: dynamodb:PutItem denied: User: "; err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s…", err, want)
		}
		w.wantClass(err, failure.Denied)
	})
}

// Answers that a middlebox, or another program, may give to a question for the holders. None of them proves that there
// is none.
func TestNoHostileAnswerFreesASlot(t *testing.T) {
	const holder = `"holders":{"M":{"i-0f":{"S":"2099-01-01T00:00:00Z"}}}`
	capacity := `,"ConsumedCapacity":{"TableName":"locks","CapacityUnits":1}`
	many := make([]string, 20000)
	for i := range many {
		many[i] = fmt.Sprintf(`"i-%017x":{"S":"2026-01-01T00:00:00Z"}`, i)
	}
	for name, c := range map[string]struct {
		body  string
		class failure.Class
		want  string
	}{
		"nothing":                      {``, failure.Unreachable, "HTTP 200 without an AWS document"},
		"an empty object":              {`{}`, failure.Unreachable, "not a whole one"},
		"an item that is null":         {`{"Item":null}`, failure.Unreachable, "not a whole one"},
		"an empty item":                {`{"Item":{}` + capacity + `}`, failure.Unreachable, "not a whole one"},
		"another group's item":         {`{"Item":{"group":{"S":"other"},"version":{"S":"1"},"holders":{"M":{}}}` + capacity + `}`, failure.Unreachable, "not a whole one"},
		"a page":                       {`<!DOCTYPE html><html><body>Welcome</body></html>`, failure.Unreachable, "HTTP 200 without an AWS document"},
		"a list":                       {`[]`, failure.Unreachable, ""},
		"cut short":                    {`{"Item":{"group":{"S":"KEY"},"version"`, failure.Unreachable, "server error"},
		"an item of wrong types":       {`{"Item":{"group":{"S":"KEY"},"version":{"S":"1"},"holders":{"L":[]}}` + capacity + `}`, failure.Setup, "not a map"},
		"an unknown type":              {`{"Item":{"group":{"S":"KEY"},"version":{"S":"1"},"holders":{"X":{}}}` + capacity + `}`, failure.Setup, "not a map"},
		"a holder in the future":       {`{"Item":{"group":{"S":"KEY"},"version":{"S":"1"},` + holder + `}` + capacity + `}`, failure.NotNow, "by i-0f"},
		"a holder at no time":          {`{"Item":{"group":{"S":"KEY"},"version":{"S":"1"},"holders":{"M":{"i-0f":{"S":"soon"}}}}` + capacity + `}`, failure.NotNow, "by i-0f"},
		"a holder with a strange name": {`{"Item":{"group":{"S":"KEY"},"version":{"S":"1"},"holders":{"M":{"` + "\\u0000" + `":{"S":"x"}}}}` + capacity + `}`, failure.NotNow, "by \x00"},
		"20,000 holders":               {`{"Item":{"group":{"S":"KEY"},"version":{"S":"1"},"holders":{"M":{` + strings.Join(many, ",") + `}}}` + capacity + `}`, failure.NotNow, "and 19997 more"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 3, func(w *world) {
				a := w.agent(w.ids[0])
				seen := a.seen()
				a.http.answer = func(int) *http.Response {
					body := strings.ReplaceAll(c.body, "KEY", w.key)
					return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
				}
				_, err := a.lock.Acquire(w.until(time.Minute), seen, 1)
				w.wantClass(err, c.class)
				if err != nil && !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v, want %q in it", err, c.want)
				}
				if w.entries() != nil {
					t.Errorf("the item has %v", w.entries())
				}
			})
		})
	}
}

// Whatever becomes of the answer to the write, the slot is this instance's once, and nobody else's.
func TestDoubtfulWrites(t *testing.T) {
	for name, c := range map[string]struct {
		fault sim.Fault
		calls string
	}{
		"a lost reply":                  {sim.Fault{LoseReply: true}, "2 GetItem, 2 PutItem"}, // the second PutItem is the SDK's own
		"delivered twice":               {sim.Fault{Twice: true}, "2 GetItem, 2 PutItem"},
		"an empty answer":               {sim.Fault{Answer: sim.Distortion{EmptyBody: true}}, "2 GetItem, 2 PutItem"},
		"refused at the door":           {sim.Fault{Code: "ThrottlingException", Message: "slow down"}, "1 GetItem, 2 PutItem"},
		"never arrived":                 {sim.Fault{Reset: true}, "1 GetItem, 2 PutItem"},
		"arrived after it was given up": {sim.Fault{Delay: 10100 * time.Millisecond, LateEffect: true}, "2 GetItem, 2 PutItem"},
		"arrived after the next":        {sim.Fault{Delay: 11 * time.Second, LateEffect: true}, "1 GetItem, 2 PutItem"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 3, func(w *world) {
				done := false
				w.SetFaults(func(call sim.Call) *sim.Fault {
					if call.Action != "PutItem" || done {
						return nil
					}
					done = true
					return &c.fault
				})
				a := w.agent(w.ids[0])
				held, err := a.acquire(w.until(time.Minute), 1)
				w.must(err)
				if !held.Valid() {
					t.Error("the slot is not valid")
				}
				pass(30 * time.Second)
				if got := w.entries(); len(got) != 1 || got[0] != a.id {
					t.Errorf("the item has %v", got)
				}
				if w.counts() != c.calls {
					t.Errorf("%s, want %s", w.counts(), c.calls)
				}
			})
		})
	}
}

// A yes to the write that is not DynamoDB's took no slot.
func TestAnAnswerToTheWriteThatIsNotWhole(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		a := w.agent(w.ids[0])
		a.http.answer = func(n int) *http.Response {
			if n != 2 {
				return nil
			}
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), ContentLength: 2}
		}
		_, err := a.acquire(w.until(time.Minute), 1)
		w.must(err)
		if got := w.entries(); len(got) != 1 || w.counts() != "2 GetItem, 1 PutItem" {
			t.Errorf("the item has %v after %s", got, w.counts())
		}
	})
}

// A slot that was taken so late that EnterStandby could hardly follow is taken again.
func TestASlotIsNotHandedOverLate(t *testing.T) {
	for name, faults := range map[string]func(n int, since time.Duration) *sim.Fault{
		"found to be taken when most of the time is over": func(n int, _ time.Duration) *sim.Fault {
			return map[int]*sim.Fault{2: {Delay: 9 * time.Second, LoseReply: true}, 3: {Delay: 9 * time.Second}, 4: {Delay: 9 * time.Second}}[n]
		},
		"not answered for long": func(n int, since time.Duration) *sim.Fault {
			if n > 1 && since < 25*time.Second {
				return &sim.Fault{Reset: true}
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 3, func(w *world) {
				a := w.agent(w.ids[0])
				seen, n, began := a.seen(), 0, time.Now()
				w.SetFaults(func(c sim.Call) *sim.Fault {
					if c.Service != "dynamodb" {
						return nil
					}
					n++
					return faults(n, time.Since(began))
				})
				held, err := a.lock.Acquire(w.until(5*time.Minute), seen, 1)
				w.must(err)
				if took := time.Since(began); took < 25*time.Second {
					t.Fatalf("taken after %s: nothing was late", took)
				}
				pass(8 * time.Second)
				if !held.Valid() {
					t.Error("less than 8s were left")
				}
			})
		})
	}
}

// An entry of an earlier run of the same instance may have been watched for long. It is not taken for this run's.
func TestAnOldEntryOfItsOwnIsWrittenAnew(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		id := w.ids[0]
		w.die(id)
		old := w.Item("locks", w.key)
		pass(time.Minute)
		other, first := w.agent(w.ids[1]), true
		a := w.agent(id)
		seen, others := a.seen(), other.seen()
		w.SetFaults(func(c sim.Call) *sim.Fault {
			if c.Action == "PutItem" && c.Caller == id && first {
				first = false
				if _, err := other.lock.Acquire(w.Context(), others, 2); err != nil {
					t.Error(err)
				}
			}
			return nil
		})
		_, err := a.lock.Acquire(w.Context(), seen, 2)
		w.must(err)
		_, entry, _ := strings.Cut(old, `"`+id+`":`)
		if entry, _, _ = strings.Cut(entry, "}"); entry == "" || strings.Contains(w.Item("locks", w.key), entry) {
			t.Errorf("the entry is still %s in %s", entry, w.Item("locks", w.key))
		}
		if w.counts() != "4 GetItem, 4 PutItem" {
			t.Errorf("%s, want a conflict", w.counts())
		}
	})
}

// An item that somebody else keeps changing is given up after a while: what was read of the group grows old.
func TestARaceThatIsNeverWon(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		a, n := w.agent(w.ids[0]), 0
		seen := a.seen()
		w.SetFaults(func(c sim.Call) *sim.Fault {
			if n++; c.Action == "PutItem" {
				w.SetItem("locks", fmt.Sprintf(`{"group":{"S":"%s"},"version":{"S":"%d"},"holders":{"M":{}}}`, w.key, n))
			}
			return nil
		})
		began := time.Now()
		_, err := a.lock.Acquire(w.until(10*time.Minute), seen, 1)
		w.wantClass(err, failure.NotNow)
		if took := time.Since(began); took < 30*time.Second || took > 40*time.Second || len(w.entries()) != 0 {
			t.Errorf("%v after %s, with entries of %v", err, took, w.entries())
		}
	})
}

// At half a minute there is one more attempt, and after it none.
func TestARaceIsGivenUpAfterHalfAMinute(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		w.luck = func() float64 { return 0 }
		a := w.agent(w.ids[0])
		seen := a.seen()
		w.SetFaults(func(c sim.Call) *sim.Fault {
			if c.Action == "PutItem" {
				return &sim.Fault{Delay: 7460 * time.Millisecond, Code: "ConditionalCheckFailedException", Message: "The conditional request failed"}
			}
			return nil
		})
		began := time.Now()
		_, err := a.lock.Acquire(w.Context(), seen, 1)
		if want := "dynamodb:locks changed for 30s while a slot was free: the item has changed meanwhile"; err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
		if took := time.Since(began); took != 37500*time.Millisecond || w.counts() != "5 GetItem, 5 PutItem" {
			t.Errorf("%s after %s, want five attempts of 7.5s", w.counts(), took)
		}
	})
}

// Where Auto Scaling throttles, looks are minutes apart. A slot is taken at once all the same: the look that it is taken
// by grows old.
func TestALockWaitsForNoTurn(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		a := w.agent(w.ids[0])
		seen := a.seen()
		w.SetBucket("autoscaling", 0, 0)
		if _, err := a.look(w.until(10 * time.Minute)); err == nil {
			t.Fatal("not throttled")
		}
		began := time.Now()
		_, err := a.lock.Acquire(w.Context(), seen, 1)
		w.must(err)
		w.must(a.lock.Release(w.Context(), seen.Group, lock.Basis{}))
		if took := time.Since(began); took > time.Second {
			t.Errorf("took %s", took)
		}
	})
}

// Attributes that people add to the item stay, and its other entries are left alone.
func TestWhatOthersWroteStays(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		w.SetItem("locks", `{"group":{"S":"`+w.key+`"},"version":{"S":"1"},"holders":{"M":{"i-else":{"S":"soon"}}},"note":{"S":"ask Ann"}}`)
		a := w.agent(w.ids[0])
		w.must(a.out(w.Context(), 2))
		for range 2 {
			if item := w.Item("locks", w.key); !strings.Contains(item, `"note":{"S":"ask Ann"}`) || !strings.Contains(item, `"i-else":{"S":"soon"}`) {
				t.Errorf("the item is %s", item)
			}
			w.must(a.in(w.Context()))
		}
	})
}

func TestStateAndKeys(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		w.must(w.agent(w.ids[1]).out(w.Context(), 2))
		took := time.Now()
		pass(time.Minute)
		w.must(w.agent(w.ids[0]).out(w.Context(), 2))
		a := w.agent(w.ids[2])
		group := a.seen().Group
		if s := a.lock.Known(group); s.Holders != nil || s.Group != w.key {
			t.Errorf("known before it was asked: %+v", s)
		}
		for slots, free := range map[int]bool{0: false, 1: false, 2: false, 3: true} {
			if err := a.lock.Foresee(w.Context(), a.seen(), slots); (err == nil) != free {
				t.Errorf("one of %d slots: %v", slots, err)
			}
		}
		if s := a.lock.Known(group); len(s.Holders) != 2 {
			t.Errorf("known since: %+v", s)
		}
		s, err := a.lock.State(w.Context(), a.seen().Group)
		w.must(err)
		if s.Kind != "dynamodb" || s.Where != "dynamodb:locks" || s.Group != w.key || len(s.Holders) != 2 || s.Holders[0].ID != w.ids[1] ||
			took.Sub(s.Holders[0].Since) > time.Second || s.Holders[1].ID != w.ids[0] {
			t.Errorf("%+v", s)
		}
		if mine, err := a.lock.Confirm(w.Context(), fleet.Group{Name: "web"}); mine || !failure.Is(err, failure.Setup) {
			t.Errorf("a slot of a group without an ARN: %v, %v", mine, err)
		}
		if _, err := a.lock.State(w.Context(), fleet.Group{Name: "web"}); !failure.Is(err, failure.Setup) || !strings.Contains(err.Error(), "is not known") {
			t.Errorf("a group without an ARN: %v", err)
		}
	})
}
