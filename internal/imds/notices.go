package imds

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/sync/errgroup"

	"balanced/internal/fleet"
)

// Notices reads what is planned for the instance: four items, together, within 15 s.
// An item that is not there (404) means that nothing is planned. One event that cannot be read is in Unreadable, beside
// those that can.
func (c *Client) Notices(ctx context.Context) (fleet.Notices, error) {
	var n fleet.Notices
	g, ctx := errgroup.WithContext(ctx)
	read := func(path string, parse func(text string) error) {
		g.Go(func() error {
			text, err := c.item(ctx, path)
			if err != nil || text == "" {
				return err
			}
			if err := parse(text); err != nil {
				return fmt.Errorf("read %s from the metadata service: %w: %w", path, ErrBadAnswer, err)
			}
			return nil
		})
	}
	read("spot/instance-action", func(text string) (err error) { n.Spot, n.SpotAt, err = parseSpot(text); return err })
	read("events/recommendations/rebalance", func(text string) (err error) { n.Rebalance, err = parseRebalance(text); return err })
	read("events/maintenance/scheduled", func(text string) (err error) { n.Scheduled, n.Unreadable, err = parseScheduled(text); return err })
	read("autoscaling/target-lifecycle-state", func(text string) (err error) { n.Target, err = parseState(text); return err })
	if err := g.Wait(); err != nil {
		return fleet.Notices{}, err
	}
	return n, nil
}

// parseState refuses what is no state, such as a page: AWS adds states over the years, of letters and colons all.
func parseState(text string) (string, error) {
	other := func(r rune) bool { return r != ':' && !unicode.IsLetter(r) }
	if strings.ContainsFunc(text, other) || len(text) > 64 {
		return "", fmt.Errorf("not a lifecycle state: %.60q", text)
	}
	return text, nil
}

func parseSpot(text string) (action string, at time.Time, err error) {
	var doc struct {
		Action string    `json:"action"`
		Time   time.Time `json:"time"`
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return "", time.Time{}, err
	}
	if doc.Action == "" {
		return "", time.Time{}, fmt.Errorf("no action")
	}
	return doc.Action, doc.Time, nil
}

func parseRebalance(text string) (time.Time, error) {
	var doc struct {
		NoticeTime time.Time `json:"noticeTime"`
	}
	err := json.Unmarshal([]byte(text), &doc)
	if err == nil && doc.NoticeTime.IsZero() {
		err = fmt.Errorf("no noticeTime")
	}
	return doc.NoticeTime, err
}

// eventTimes are how the list of events writes times, "21 Jan 2019 09:00:43 GMT", days below ten with one digit or two,
// and how other AWS documents do.
var eventTimes = []string{"2 Jan 2006 15:04:05 GMT", time.RFC3339, "Mon, 2 Jan 2006 15:04:05 GMT", "2006-01-02 15:04:05 GMT", "2006-01-02T15:04:05"}

func eventTime(text string) (time.Time, error) {
	for _, form := range eventTimes {
		if at, err := time.Parse(form, strings.Replace(text, " UTC", " GMT", 1)); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("the time %.40q is in no known form", text)
}

// parseScheduled reads the maintenance events that are still to come. Events stay
// listed for a while after they are over (EC2 user guide, "Scheduled events").
func parseScheduled(text string) (pending []fleet.Event, unreadable []string, err error) {
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, nil, err
	}
	for i, item := range list {
		e, over, err := parseEvent(item)
		switch {
		case over:
		case err != nil:
			unreadable = append(unreadable, fmt.Sprintf("maintenance event %s: %v", cmp.Or(e.ID, fmt.Sprint("number ", i+1)), err))
		default:
			pending = append(pending, e)
		}
	}
	slices.SortFunc(pending, func(a, b fleet.Event) int {
		return cmp.Or(a.Begins.Compare(b.Begins), strings.Compare(a.ID, b.ID))
	})
	return pending, unreadable, nil
}

func parseEvent(item json.RawMessage) (e fleet.Event, over bool, err error) {
	var doc struct{ Code, Description, EventID, NotBefore, State string }
	if err := json.Unmarshal(item, &doc); err != nil {
		return fleet.Event{}, false, err
	}
	switch strings.ToLower(doc.State) {
	case "completed", "canceled", "cancelled":
		return fleet.Event{}, true, nil
	}
	e = fleet.Event{ID: doc.EventID, Code: doc.Code, Description: doc.Description}
	e.Begins, err = eventTime(doc.NotBefore)
	return e, false, err
}
