package lock

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/format"
)

// watch is how long entries have been seen unchanged while their instances were in service, or not listed.
type watch map[string]watched

type watched struct {
	entry string
	since time.Time // this host's clock when the entry was first read
}

// otherHolder is another instance that holds a slot.
type otherHolder struct {
	id    string
	state fleet.State   // EnteringStandby or Standby; empty: it has an entry and no more
	age   time.Duration // since it began to leave, or wrote its entry; 0: not known
	freed time.Time     // when its entry will have been watched for long enough; zero: it is not watched
}

// judged is what the entries of a group and a look at it come to.
type judged struct {
	others  []otherHolder // earliest first
	dropped []Dropped
}

// judge counts who holds a slot besides this instance, as of an entry list that has just been read. It takes note of
// entries that may be a dead holder's.
func (w watch) judge(self string, entries map[string]string, seen Look) judged {
	var j judged
	maps.DeleteFunc(w, func(id string, before watched) bool { return entries[id] != before.entry })
	for _, id := range slices.Sorted(maps.Keys(entries)) {
		if id == self || slices.ContainsFunc(seen.Out, func(h fleet.Holder) bool { return h.ID == id }) {
			delete(w, id)
			continue
		}
		if o, dead := w.weigh(id, entries[id], seen); dead == "" {
			j.others = append(j.others, o)
		} else {
			j.dropped = append(j.dropped, Dropped{ID: id, Why: dead})
		}
	}
	for _, h := range seen.Out {
		j.others = append(j.others, otherHolder{id: h.ID, state: h.State, age: age(h.Since, seen.At)})
	}
	slices.SortStableFunc(j.others, func(a, b otherHolder) int { return cmp.Or(cmp.Compare(b.age, a.age), cmp.Compare(a.id, b.id)) })
	return j
}

// weigh says what the entry of an instance that is not out is worth: dead is why it is worth nothing.
func (w watch) weigh(id, entry string, seen Look) (o otherHolder, dead string) {
	presence := seen.Presence(id)
	o = otherHolder{id: id, age: age(entryTime(entry), seen.At)}
	switch {
	case presence == Leaving:
		delete(w, id)
		return o, "it is leaving the group"
	case presence == Elsewhere || presence == NotListed && seen.KeepUnlisted:
		delete(w, id)
		return o, ""
	}
	if w[id].entry == "" {
		w[id] = watched{entry: entry, since: time.Now()}
	}
	if o.freed = w[id].since.Add(deadAfter); !seen.Began.Before(o.freed) {
		return o, deadWhy(presence, seen.Began.Sub(w[id].since))
	}
	return o, ""
}

func deadWhy(p Presence, watched time.Duration) string {
	how := "it is in service and healthy"
	if p == NotListed {
		how = "it is not in the group"
	}
	return fmt.Sprintf("%s, and its entry has not changed for %s", how, format.Duration(watched))
}

// age is how long something has been so; 0 where either time is not known, or it is in the future, as an entry by its
// holder's clock may be.
func age(since, at time.Time) time.Duration {
	if since.IsZero() {
		return 0
	}
	return max(0, at.Sub(since))
}

// ids are those of the others.
func (j judged) ids() []string {
	all := make([]string, 0, len(j.others))
	for _, o := range j.others {
		all = append(all, o.id)
	}
	return all
}

// FullError is that all slots are taken.
type FullError struct {
	*failure.Refusal
	// NextLook is when a slot may be free although nobody returned: an entry that is being watched has then been
	// watched for long enough. Zero: there is none.
	NextLook time.Time
}

// full refuses where the others hold all slots; nil where they do not.
func (j judged) full(slots int, where Where) error {
	if len(j.others) < slots {
		return nil
	}
	which := "the slot is"
	if slots > 1 {
		which = fmt.Sprintf("all %d slots are", slots)
	}
	e := &FullError{Refusal: failure.New(failure.NotNow, j.hint(), "%s taken in %s by %s", which, where, j.names())}
	for _, o := range j.others {
		if !o.freed.IsZero() && (e.NextLook.IsZero() || o.freed.Before(e.NextLook)) {
			e.NextLook = o.freed
		}
	}
	return e
}

// names are the first three holders, with what they are and for how long.
func (j judged) names() string {
	var all []string
	for _, o := range j.others[:min(3, len(j.others))] {
		text := o.id
		switch age := format.Duration(o.age); {
		case o.state != "" && o.age > 0:
			text += fmt.Sprintf(" (%s for %s)", o.state, age)
		case o.state != "":
			text += fmt.Sprintf(" (%s)", o.state)
		case o.age > 0:
			text += fmt.Sprintf(" (for %s)", age)
		}
		all = append(all, text)
	}
	if more := len(j.others) - len(all); more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(all, ", "), more)
	}
	return strings.Join(all, ", ")
}

// hint says what frees a slot.
func (j judged) hint() string {
	for _, o := range j.others {
		switch {
		case o.state != "":
			return "finish the work on " + o.id + ", then run balanced in there"
		case !o.freed.IsZero():
			return fmt.Sprintf("run it again, and let it wait: a slot whose holder died is free after %s", format.Duration(deadAfter))
		}
	}
	return "wait until " + j.others[0].id + " is back in service"
}
