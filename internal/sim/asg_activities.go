package sim

import (
	"encoding/base64"
	"fmt"
	"slices"
	"time"
)

// describeScalingActivities answers what still runs first, then the newest start first.
func (r *Region) describeScalingActivities(q *query, d *document) error {
	wanted, err := activityFilter(q)
	if err != nil {
		return err
	}
	var feed []*activity
	var next string
	if q.get("AutoScalingGroupName") == "" {
		feed, next, err = page(q, records(100, 100), r.wholeFeed(q, wanted))
	} else {
		feed, next, err = r.groupFeed(q, wanted)
	}
	if err != nil {
		return err
	}
	list(d, "Activities", feed, func(a *activity) {
		a.write(d, q.at)
		d.text("AutoScalingGroupARN", a.arn)
		d.text("AutoScalingGroupState", "InService")
	})
	d.textIf("NextToken", next)
	return nil
}

// groupFeed is a page of one group's feed. Its token names the last activity of the page before, so
// that new activities between two pages neither hide nor repeat old ones.
func (r *Region) groupFeed(q *query, wanted func(*activity, progress) bool) ([]*activity, string, error) {
	g, err := r.namedGroup(q)
	if err != nil {
		return nil, "", err
	}
	last, err := readFeedToken(q.get("NextToken"))
	if err != nil {
		return nil, "", err
	}
	feed := filterFeed(listed(g.feed, q.at), q.at, func(a *activity, p progress) bool {
		return wanted(a, p) && last.before(a, p)
	})
	from := *q
	from.params = map[string][]string{"MaxRecords": q.params["MaxRecords"]}
	items, more, err := page(&from, records(100, 100), feed)
	if err != nil || more == "" {
		return items, "", err
	}
	end := items[len(items)-1]
	p, _ := end.progress.at(q.at)
	return items, feedToken{true, p.over(), end.seq}.String(), nil
}

// wholeFeed is the feed of the account.
func (r *Region) wholeFeed(q *query, wanted func(*activity, progress) bool) []*activity {
	var all []*activity
	for _, g := range r.groups.inTurn {
		all = append(all, g.feed...)
	}
	slices.SortStableFunc(all, func(a, b *activity) int { return a.start.Compare(b.start) })
	return filterFeed(listed(all, q.at), q.at, wanted)
}

func filterFeed(feed []*activity, moment time.Time, wanted func(*activity, progress) bool) []*activity {
	return slices.DeleteFunc(feed, func(a *activity) bool {
		p, _ := a.progress.at(moment)
		return !wanted(a, p)
	})
}

// feedToken is the place in a feed where a page ended.
type feedToken struct {
	set, over bool
	seq       int
}

func (t feedToken) String() string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "after %d %t", t.seq, t.over))
}

func readFeedToken(token string) (feedToken, error) {
	if token == "" {
		return feedToken{}, nil
	}
	t := feedToken{set: true}
	text, err := base64.StdEncoding.DecodeString(token)
	if err == nil {
		_, err = fmt.Sscanf(string(text), "after %d %t", &t.seq, &t.over)
	}
	if err != nil {
		return t, refuse("InvalidNextToken", "The token '%s' is invalid.", token)
	}
	return t, nil
}

// before says whether an activity belongs to a later page.
func (t feedToken) before(a *activity, p progress) bool {
	switch {
	case !t.set:
		return true
	case t.over != p.over():
		return p.over()
	}
	return a.seq < t.seq
}

// activityFilter reads ActivityIds and Filters (API reference, DescribeScalingActivities).
func activityFilter(q *query) (func(*activity, progress) bool, error) {
	ids := q.items("ActivityIds")
	var statuses []string
	var lower, upper time.Time
	for i, name := range q.fields("Filters", "Name") {
		values := q.items(fmt.Sprintf("Filters.member.%d.Values", i+1))
		if len(values) == 0 {
			return nil, invalid("Filter %s has no values", name)
		}
		var err error
		switch name {
		case "Status":
			statuses = append(statuses, values...)
		case "StartTimeLowerBound":
			lower, err = parseMoment(values[0])
		case "StartTimeUpperBound":
			upper, err = parseMoment(values[0])
		default:
			err = invalid("Filter %s is not supported", name)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(statuses) > 0 && q.get("AutoScalingGroupName") == "" {
		return nil, invalid("Filter Status can only be used with an AutoScalingGroupName")
	}
	return func(a *activity, p progress) bool {
		return (len(ids) == 0 || slices.Contains(ids, a.id)) &&
			(len(statuses) == 0 || slices.Contains(statuses, p.status)) &&
			(lower.IsZero() || !a.start.Before(lower)) && (upper.IsZero() || !a.start.After(upper))
	}, nil
}

// parseMoment reads an ISO 8601 time; without an offset it is UTC.
func parseMoment(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, invalid("%s is not a valid timestamp", text)
}

// write writes an activity as it was at a moment. A running one has no EndTime.
func (a *activity) write(d *document, moment time.Time) {
	p, _ := a.progress.at(moment)
	d.text("ActivityId", a.id)
	d.text("AutoScalingGroupName", a.group)
	d.text("Description", p.description)
	d.text("Cause", a.cause)
	d.moment("StartTime", a.start)
	if p.over() {
		d.text("EndTime", wholeSeconds(p.end))
	}
	d.text("StatusCode", p.status)
	d.textIf("StatusMessage", p.message)
	d.number("Progress", p.percent)
	d.text("Details", a.details)
}
