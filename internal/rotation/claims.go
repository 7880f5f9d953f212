package rotation

import (
	"cmp"
	"slices"
	"time"

	"balanced/internal/fleet"
)

// Claim is one place taken: a member on its way to Standby, or in it.
type Claim struct {
	ID    string
	State fleet.State
	// Since is the StartTime of its newest move to Standby that neither failed nor was
	// cancelled; zero where no page of the feed has one, which makes it the earliest.
	Since time.Time
	// Kept: entered without decrement, so a stand-in was launched for it.
	Kept bool
}

// Claims lists the places taken, earliest first; ties go by id. The order rests on
// what never changes, so every agent that sees the same claims sees the same order.
//
// A member counts by its state, or by a feed whose newest standby move of it is a
// move to Standby: the two answers may lag differently, and a place that is taken in
// either is taken.
func Claims(members []fleet.Member, feed []fleet.Activity) []Claim {
	moves, entered := newestMoves(feed), newestOf(feed, fleet.ToStandby)
	var claims []Claim
	for _, m := range members {
		last, known := moves[m.ID]
		entering := known && last.Kind == fleet.ToStandby
		if !m.State.Out() && !(entering && m.State == fleet.InService) {
			continue
		}
		c := Claim{ID: m.ID, State: m.State}
		if move, ok := entered[m.ID]; ok {
			c.Since, c.Kept = move.Start, !move.Moved
		}
		claims = append(claims, c)
	}
	slices.SortFunc(claims, func(a, b Claim) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID))
	})
	return claims
}

// newestMoves is each instance's newest move into or out of Standby that stands.
func newestMoves(feed []fleet.Activity) map[string]fleet.Activity {
	return newestOf(feed, fleet.ToStandby, fleet.FromStandby)
}

// newestOf is each instance's newest activity of some kinds that stands. Running ones
// come first in the feed, so the order of the feed alone does not tell.
func newestOf(feed []fleet.Activity, kinds ...fleet.ActivityKind) map[string]fleet.Activity {
	moves := map[string]fleet.Activity{}
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

// newest finds an instance's newest activity of a kind that stands.
func newest(feed []fleet.Activity, id string, kind fleet.ActivityKind) (fleet.Activity, bool) {
	found, ok := newestOf(feed, kind)[id]
	return found, ok
}

// claims of the group as it was seen.
func (o Observed) claims() []Claim { return Claims(o.Group.Members, o.Activities) }

// others are the claims that are not this instance's.
func (o Observed) others() []Claim {
	return slices.DeleteFunc(o.claims(), func(c Claim) bool { return c.ID == o.ID })
}

// age is how long a claim has stood. AWS's clock comes in whole seconds and the move's
// beginning in milliseconds, so a fresh one may seem to lie ahead.
func (o Observed) age(c Claim) time.Duration { return max(0, o.Now.Sub(c.Since)) }

// ahead lists the claims that come before this instance's own.
func (o Observed) ahead() []Claim {
	claims := o.claims()
	for i, c := range claims {
		if c.ID == o.ID {
			return claims[:i]
		}
	}
	return claims
}

// ruling is what the claim rule says to an agent that has left.
type ruling int

const (
	hold  ruling = iota // the place is its own and the floor holds: it may work
	await               // the place is its own, but the floor is short: later claimants must return
	yield               // the places were taken before it: it goes back in
)

// rule is the claim rule, all of it: of those who claim a place the earliest keep
// theirs, the others go back in, and nobody works before the floor holds.
func (o Observed) rule(n Numbers) ruling {
	switch {
	case len(o.ahead()) >= n.Places:
		return yield
	case n.Peers < n.Floor:
		return await
	}
	return hold
}

// everyClaimant says when enough of the feed is read: each member that holds a claim
// has its move in it, and what is still running is all seen.
func everyClaimant(g fleet.Group) func([]fleet.Activity) bool {
	return func(feed []fleet.Activity) bool {
		if len(feed) > 0 && feed[len(feed)-1].Running() {
			return false
		}
		entered := newestOf(feed, fleet.ToStandby)
		for _, m := range g.Members {
			if _, ok := entered[m.ID]; m.State.Out() && !ok {
				return false
			}
		}
		return true
	}
}
