package sim

import (
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"time"
)

// describeScalingActivities lists running activities first, then the newest start first.
func (r *Region) describeScalingActivities(q *query, d *document) error {
	filter, err := readActivityFilter(q)
	if err != nil {
		return err
	}
	var feed []*activity
	var next string
	if q.get("AutoScalingGroupName") == "" {
		feed, next, err = page(q, records(100, 100), r.wholeFeed(q, filter.selects))
	} else {
		feed, next, err = r.groupFeed(q, filter.selects)
	}
	if err != nil {
		return err
	}
	list(d, "Activities", feed, func(a *activity) {
		a.write(d, q.asOf)
		d.text("AutoScalingGroupARN", a.arn)
		d.text("AutoScalingGroupState", "InService")
	})
	d.textIf("NextToken", next)
	return nil
}

// groupFeed is a page of a group's feed. Its token names the last activity of the previous page, so
// that activities which start between two pages neither hide nor repeat others.
func (r *Region) groupFeed(q *query, wanted func(*activity, activityProgress) bool) ([]*activity, string, error) {
	g, err := r.namedGroup(q)
	if err != nil {
		return nil, "", err
	}
	last, err := readFeedToken(q.feedToken())
	if err != nil {
		return nil, "", err
	}
	feed := filterFeed(feedOrder(g.feed, q.asOf), q.asOf, func(a *activity, p activityProgress) bool {
		return wanted(a, p) && last.continuesWith(a, p)
	})
	items, more, err := page(q.withoutToken(), records(100, 100), feed)
	switch {
	case err != nil || more == "":
		return items, "", err
	case len(items) == 0: // an empty first page: everything is still to come
		return nil, feedToken{set: true, seq: math.MaxInt}.String(), nil
	}
	end := items[len(items)-1]
	p, _ := end.progress.asOf(q.asOf)
	return items, feedToken{true, p.over(), end.seq}.String(), nil
}

// feedToken is the request's token. One that repeats asks for the first page again.
func (q *query) feedToken() string {
	if q.distortion.RepeatToken {
		return ""
	}
	return q.get("NextToken")
}

// withoutToken is the request for the first page of what the token has left over.
func (q *query) withoutToken() *query {
	first := *q
	first.params = map[string][]string{"MaxRecords": q.params["MaxRecords"]}
	first.distortion.EmptyFirstPage = q.distortion.EmptyFirstPage && q.get("NextToken") == ""
	return &first
}

// wholeFeed is the feed of the account.
func (r *Region) wholeFeed(q *query, wanted func(*activity, activityProgress) bool) []*activity {
	var all []*activity
	for _, g := range r.groups.inOrder {
		all = append(all, g.feed...)
	}
	slices.SortStableFunc(all, func(a, b *activity) int { return a.start.Compare(b.start) })
	return filterFeed(feedOrder(all, q.asOf), q.asOf, wanted)
}

func filterFeed(feed []*activity, moment time.Time, wanted func(*activity, activityProgress) bool) []*activity {
	return slices.DeleteFunc(feed, func(a *activity) bool {
		p, _ := a.progress.asOf(moment)
		return !wanted(a, p)
	})
}

// feedToken is the position in a feed where a page ended.
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
		return t, refusef("InvalidNextToken", "The token '%s' is invalid.", token)
	}
	return t, nil
}

// continuesWith says whether an activity belongs to a later page.
func (t feedToken) continuesWith(a *activity, p activityProgress) bool {
	switch {
	case !t.set:
		return true
	case t.over != p.over():
		return p.over()
	}
	return a.seq < t.seq
}

// activityFilter is what a request for activities selects.
type activityFilter struct {
	ids, statuses []string
	lower, upper  time.Time // of StartTime, inclusive
}

// readActivityFilter reads ActivityIds and Filters (API reference, DescribeScalingActivities).
func readActivityFilter(q *query) (activityFilter, error) {
	f := activityFilter{ids: q.values("ActivityIds")}
	for i, name := range q.fields("Filters", "Name") {
		if err := f.add(name, q.values(fmt.Sprintf("Filters.member.%d.Values", i+1))); err != nil {
			return f, err
		}
	}
	if len(f.statuses) > 0 && q.get("AutoScalingGroupName") == "" {
		return f, validationError("Filter Status can only be used with an AutoScalingGroupName")
	}
	return f, nil
}

func (f *activityFilter) add(name string, values []string) (err error) {
	if len(values) == 0 {
		return validationError("Filter %s has no values", name)
	}
	switch name {
	case "Status":
		f.statuses = append(f.statuses, values...)
	case "StartTimeLowerBound":
		f.lower, err = parseMoment(values[0])
	case "StartTimeUpperBound":
		f.upper, err = parseMoment(values[0])
	default:
		err = validationError("Filter %s is not supported", name)
	}
	return err
}

// selects says whether an answer contains an activity that has come this far.
func (f activityFilter) selects(a *activity, p activityProgress) bool {
	return (len(f.ids) == 0 || slices.Contains(f.ids, a.id)) &&
		(len(f.statuses) == 0 || slices.Contains(f.statuses, p.status)) &&
		(f.lower.IsZero() || !a.start.Before(f.lower)) && (f.upper.IsZero() || !a.start.After(f.upper))
}

// parseMoment reads an ISO 8601 time, in UTC unless it has an offset.
func parseMoment(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, validationError("%s is not a valid timestamp", text)
}

// write writes an activity as it was at a time. A running activity has no EndTime.
func (a *activity) write(d *document, moment time.Time) {
	p, _ := a.progress.asOf(moment)
	d.text("ActivityId", a.id)
	d.text("AutoScalingGroupName", a.group)
	d.text("Description", p.description)
	d.text("Cause", a.cause)
	d.timestamp("StartTime", a.start)
	if p.over() {
		d.text("EndTime", wholeSeconds(p.end))
	}
	d.text("StatusCode", p.status)
	d.textIf("StatusMessage", p.message)
	d.number("Progress", p.percent)
	d.text("Details", a.details)
}
