package imds

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"balanced/internal/fleet"
)

// Notices reads what is planned for the instance: four items, together, within 5 s.
// An item that is not there (404) means that nothing is planned.
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
	read("events/maintenance/scheduled", func(text string) (err error) { n.Scheduled, err = parseScheduled(text); return err })
	read("autoscaling/target-lifecycle-state", func(text string) error { n.Target = text; return nil })
	if err := g.Wait(); err != nil {
		return fleet.Notices{}, err
	}
	return n, nil
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

// eventTime is how the list of events writes times, "21 Jan 2019 09:00:43 GMT", days
// below ten with one digit or two.
const eventTime = "2 Jan 2006 15:04:05 GMT"

// parseScheduled reads the maintenance events that are still to come. Events stay
// listed for a while after they are over (EC2 user guide, "Scheduled events").
func parseScheduled(text string) ([]fleet.Event, error) {
	var list []struct{ Code, Description, EventID, NotBefore, State string }
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, err
	}
	var pending []fleet.Event
	for _, e := range list {
		switch strings.ToLower(e.State) {
		case "completed", "canceled", "cancelled":
			continue
		}
		begins, err := time.Parse(eventTime, e.NotBefore)
		if err != nil {
			return nil, fmt.Errorf("event %s: %w", e.EventID, err)
		}
		pending = append(pending, fleet.Event{ID: e.EventID, Code: e.Code, Description: e.Description, Begins: begins})
	}
	slices.SortFunc(pending, func(a, b fleet.Event) int {
		return cmp.Or(a.Begins.Compare(b.Begins), strings.Compare(a.ID, b.ID))
	})
	return pending, nil
}
