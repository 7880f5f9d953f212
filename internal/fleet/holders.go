package fleet

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Holder is a member that holds a slot: on its way to Standby, or in it.
type Holder struct {
	ID    string
	State State
	// Since is the StartTime of its newest move to Standby that neither failed nor was cancelled; zero where no page of
	// the feed has one, which makes it the earliest.
	Since time.Time
	// Kept: it entered without decrement, so a replacement was launched.
	Kept bool
}

// Holders lists the slots that are taken, earliest first; ties go by ID. The order rests on what never changes, so
// every agent that sees the same holders sees the same order.
//
// A member holds a slot by its state, or by a feed whose newest standby move of it is a move to Standby: the two
// answers may lag differently, and a slot that either of them shows is taken.
func Holders(members []Member, feed []Activity) []Holder {
	moves, entered := NewestStandbyMoves(feed), newestByInstance(feed, ToStandby)
	var holders []Holder
	for _, m := range members {
		last, known := moves[m.ID]
		entering := known && last.Kind == ToStandby
		if !m.State.Out() && !(entering && m.State == InService) {
			continue
		}
		h := Holder{ID: m.ID, State: m.State}
		if move, ok := entered[m.ID]; ok {
			h.Since, h.Kept = move.Start, !move.Moved
		}
		holders = append(holders, h)
	}
	slices.SortFunc(holders, earliestFirst)
	return holders
}

func earliestFirst(a, b Holder) int {
	return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID))
}

// NewestStandbyMoves is each instance's newest move into or out of Standby that neither failed nor was cancelled.
func NewestStandbyMoves(feed []Activity) map[string]Activity {
	return newestByInstance(feed, ToStandby, FromStandby)
}

// newestByInstance is each instance's newest activity of some kinds that stands. Running ones come first in the feed,
// so the order of the feed alone does not tell.
func newestByInstance(feed []Activity, kinds ...ActivityKind) map[string]Activity {
	moves := map[string]Activity{}
	for _, a := range feed {
		if !a.Stands() || !slices.Contains(kinds, a.Kind) {
			continue
		}
		if last, ok := moves[a.Instance]; !ok || a.Start.After(last.Start) {
			moves[a.Instance] = a
		}
	}
	return moves
}

// NewestMove finds an instance's newest activity of a kind that stands.
func NewestMove(feed []Activity, id string, kind ActivityKind) (Activity, bool) {
	found, ok := newestByInstance(feed, kind)[id]
	return found, ok
}

// Holders of the group, earliest first.
func (s Snapshot) Holders() []Holder {
	if s.Group.Declared() {
		return s.entryHolders()
	}
	return Holders(s.Group.Members, s.Activities)
}

// OtherHolders are the holders apart from this instance.
func (s Snapshot) OtherHolders() []Holder {
	return slices.DeleteFunc(s.Holders(), func(h Holder) bool { return h.ID == s.ID })
}

// Age is how long a holder has held its slot. AWS's clock comes in whole seconds and the beginning of the move in
// milliseconds, so a fresh one may seem to lie ahead.
func (s Snapshot) Age(h Holder) time.Duration { return max(0, s.Now.Sub(h.Since)) }

// HoldersAhead lists the holders that come before this instance.
func (s Snapshot) HoldersAhead() []Holder {
	holders := s.Holders()
	for i, h := range holders {
		if h.ID == s.ID {
			return holders[:i]
		}
	}
	return holders
}

// Ruling is what the slot rule says to an agent whose instance has left.
type Ruling int

const (
	// Keep: the slot is its own and the minimum is healthy, so work may begin.
	Keep Ruling = iota
	// Await: the slot is its own, but too few are healthy; later holders have to return.
	Await
	// Yield: the slots were taken before it, so it goes back into service.
	Yield
)

// Rule is the slot rule, all of it: of those who hold a slot the earliest keep theirs, the others go back into
// service, and no work begins before the minimum is healthy.
func (s Snapshot) Rule(n Numbers) Ruling {
	switch {
	case len(s.HoldersAhead()) >= n.Slots:
		return Yield
	case n.HealthyPeers < n.Minimum:
		return Await
	}
	return Keep
}

// CoversHolders says when enough of the feed is read: every holder has its move in it, and everything that is still
// running has been seen.
func CoversHolders(g Group) func([]Activity) bool {
	return func(feed []Activity) bool {
		if len(feed) > 0 && feed[len(feed)-1].Running() {
			return false
		}
		entered := newestByInstance(feed, ToStandby)
		for _, m := range g.Members {
			if _, ok := entered[m.ID]; m.State.Out() && !ok {
				return false
			}
		}
		return true
	}
}

// HolderIDs joins a few IDs for one line.
func HolderIDs(holders []Holder) string {
	ids := make([]string, 0, len(holders))
	for _, h := range holders {
		ids = append(ids, h.ID)
	}
	slices.Sort(ids)
	if len(ids) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(ids[:3], ", "), len(ids)-3)
	}
	return strings.Join(ids, ", ")
}
