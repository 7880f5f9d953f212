package lock

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"balanced/internal/failure"
	"balanced/internal/fleet"
)

// The attributes of an item. "group" is one of DynamoDB's reserved words, so expressions name them by placeholders.
const (
	groupAttribute   = "group"
	versionAttribute = "version"
	holdersAttribute = "holders"
)

// slots is the item of one group. The zero value is that of a group which has none yet.
type slots struct {
	// version is the last change: when, and by which instance. No two changes have the same one.
	version string
	// holders are the entries, by instance: when it took its slot, by its own clock, and outside a group its addresses.
	// An instance never writes the same entry twice in a row.
	holders map[string]string
	// rest is the item as it was read: attributes that other people added stay.
	rest map[string]types.AttributeValue
}

// readItem understands an item. One that is not of the right form is nobody's proof that a slot is free.
func readItem(raw map[string]types.AttributeValue) (slots, error) {
	version, ok := raw[versionAttribute].(*types.AttributeValueMemberS)
	if !ok || version.Value == "" {
		return slots{}, fmt.Errorf("%q is not a text", versionAttribute)
	}
	holders, ok := raw[holdersAttribute].(*types.AttributeValueMemberM)
	if !ok {
		return slots{}, fmt.Errorf("%q is not a map", holdersAttribute)
	}
	s := slots{version: version.Value, holders: map[string]string{}, rest: raw}
	for id, entry := range holders.Value {
		text, ok := entry.(*types.AttributeValueMemberS)
		if !ok || text.Value == "" || id == "" {
			return slots{}, fmt.Errorf("the entry of %q is not a text", id)
		}
		s.holders[id] = text.Value
	}
	return s, nil
}

// with is the item after a change by an instance: without the dropped entries, and with its own, or without where hold is
// false.
func (s slots) with(self string, addresses []string, hold bool, dropped []Dropped) slots {
	next := slots{version: stamp(s.version, self), holders: maps.Clone(s.holders), rest: s.rest}
	if next.holders == nil {
		next.holders = map[string]string{}
	}
	for _, d := range dropped {
		delete(next.holders, d.ID)
	}
	if hold {
		next.holders[self] = stamp(s.holders[self], strings.Join(addresses, " "))
	} else {
		delete(next.holders, self)
	}
	return next
}

// stamp is the time now, and what else there is to say. It is later than the one before even if the clock stands still
// or is set back, so none comes twice.
func stamp(before, rest string) string {
	now := time.Now().UTC()
	if last := entryTime(before); !now.After(last) {
		now = last.Add(time.Nanosecond)
	}
	return strings.TrimSpace(now.Format(time.RFC3339Nano) + " " + rest)
}

// entryTime is the time in an entry or a version; zero where there is none.
func entryTime(entry string) time.Time {
	text, _, _ := strings.Cut(entry, " ")
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return t
}

// item is what DynamoDB stores for a group.
func (s slots) item(group string) map[string]types.AttributeValue {
	holders := map[string]types.AttributeValue{}
	for id, entry := range s.holders {
		holders[id] = &types.AttributeValueMemberS{Value: entry}
	}
	raw := maps.Clone(s.rest)
	if raw == nil {
		raw = map[string]types.AttributeValue{}
	}
	raw[groupAttribute] = &types.AttributeValueMemberS{Value: group}
	raw[versionAttribute] = &types.AttributeValueMemberS{Value: s.version}
	raw[holdersAttribute] = &types.AttributeValueMemberM{Value: holders}
	return raw
}

// list is the entries, earliest first.
func (s slots) list() []fleet.Entry {
	all := make([]fleet.Entry, 0, len(s.holders))
	for _, id := range slices.Sorted(maps.Keys(s.holders)) {
		_, addresses, _ := strings.Cut(s.holders[id], " ")
		all = append(all, fleet.Entry{ID: id, Since: entryTime(s.holders[id]), Addresses: strings.Fields(addresses)})
	}
	slices.SortStableFunc(all, func(a, b fleet.Entry) int { return a.Since.Compare(b.Since) })
	return all
}

// foreign is an item that balanced did not write.
func foreign(table, group string, why error) error {
	return failure.New(failure.Setup, "use a table that holds nothing else, or delete the item",
		"the item %s of table %s is no list of slots: %v", group, table, why)
}
