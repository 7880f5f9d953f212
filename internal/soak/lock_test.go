package soak

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"balanced/internal/sim"
)

// lockUse says who uses the lock.
type lockUse int

const (
	noLock lockUse = iota
	allLock
	someLock
)

func (u lockUse) String() string {
	return [...]string{"no lock", "a lock", "a lock that every other agent uses"}[u]
}

// replayed is how the plan is told to `make soak`.
func (u lockUse) replayed() string {
	if u == noLock {
		return ""
	}
	return " LOCK=1"
}

var lockTable = sim.Table{Name: "locks", Key: "group"}

// tables is what becomes of the table.
type tables struct{ throttled, dropped atomic.Bool }

// lockOf is what --lock says on a host.
func (f *seededRun) lockOf(id string) string {
	if f.plan.lock == noLock || f.plan.lock == someLock && len(f.ids) > 0 && id[len(id)-1]%2 == 0 {
		return ""
	}
	return "dynamodb:locks"
}

// drawLocked draws a fleet whose MinSize holds nothing and whose agents use a lock. Where all do, reads may lag up to a
// minute.
func drawLocked(seed uint64) plan {
	p, r := draw(seed), rand.New(rand.NewPCG(seed, 0x10c4))
	p.lock, p.group.Min = allLock, 0
	p.rule = []string{"all", "50%", "1"}[r.IntN(3)]
	switch r.IntN(4) {
	case 0:
		p.lock = someLock
	case 1, 2:
		p.lag = time.Duration(r.IntN(60)) * time.Second
	}
	for range r.IntN(3) {
		a := []func() act{throttleTable, dropTable}[r.IntN(2)]()
		a.at = time.Duration(r.IntN(int(calm/time.Second))) * time.Second
		p.acts = append(p.acts, a)
	}
	return p
}

// throttleTable: for ten minutes nine of ten requests to the table are throttled.
func throttleTable() act {
	return act{name: "the table is throttled", does: func(f *seededRun) {
		f.tables.throttled.Store(true)
		go func() {
			f.pass("table", 10*time.Minute)
			f.tables.throttled.Store(false)
		}()
	}}
}

// dropTable: somebody deletes the table, and makes it again five minutes later.
func dropTable() act {
	return act{name: "the table is deleted", does: func(f *seededRun) {
		if f.tables.dropped.Swap(true) {
			return
		}
		f.DeleteTable(lockTable.Name)
		go func() {
			f.pass("table", 5*time.Minute)
			f.event("world", "the table is made again")
			f.AddTable(lockTable)
			f.tables.dropped.Store(false)
		}()
	}}
}

// checkLock: (a), sharper with a lock that all use: whenever a host leaves, no more are out than there are slots. Not
// only those at work count, but all that drain.
func (f *seededRun) checkLock(now sample) {
	before := f.left
	f.left = now.out
	if f.plan.lock != allLock {
		return
	}
	for id := range now.out {
		if before[id] {
			continue
		}
		places := 1
		for _, s := range f.truth {
			if now.at.Sub(s.at) <= f.fresh() {
				places = max(places, s.strength-f.min.Minimum(s.strength, -1))
			}
		}
		if len(now.out) > places {
			f.lockBroken(id, len(now.out), places)
		}
	}
}

func (f *seededRun) lockBroken(id string, out, places int) {
	f.log = append(f.log, f.line("BROKEN", "(a) %s left with a lock: %d are out, there are %d slots", id, out, places))
	f.t.Errorf("(a) %s left with a lock: %d are out, there are %d slots", id, out, places)
}

// keptLocked is a seed that found something once: a run that released its slot on an old reading.
var keptLocked = []uint64{158}

// cheapLocked are what cheap is, with a lock.
var cheapLocked = []uint64{3, 158}

// TestLockedSeeds is TestSeeds with a lock.
func TestLockedSeeds(t *testing.T) { testSeeds(t, keptLocked, cheapLocked, drawLocked) }
