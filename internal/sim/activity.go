package sim

import (
	"fmt"
	"strings"
	"time"
)

// StatusCodes of an activity (API reference, Activity). Successful, Failed and Cancelled end it.
const (
	statusPreInService = "PreInService"
	statusInProgress   = "InProgress"
	statusDraining     = "WaitingForELBConnectionDraining"
	statusSuccessful   = "Successful"
	statusFailed       = "Failed"
	statusCancelled    = "Cancelled"
)

const drainingSuffix = " - Waiting For ELB Connection Draining."

// activity is one scaling activity of a group: an entry of its feed.
type activity struct {
	id, group, arn string
	seq            int // place in the feed; older entries have smaller numbers
	cause, details string
	instance       string
	start          time.Time
	progress       past[progress]
}

// progress is what changes about an activity.
type progress struct {
	status, description string
	percent             int
	end                 time.Time // zero while it runs
	message             string
}

func (p progress) over() bool { return !p.end.IsZero() }

// begin opens an activity about an instance and puts it into the feed.
func (r *Region) begin(g *group, in *instance, description, status string, percent int, causes ...string) *activity {
	a := r.newActivity(g, in, joinCauses(r.now, causes))
	a.start, a.seq = r.now, nextSeq(g.feed)
	become(r, &a.progress, progress{status: status, description: description, percent: percent})
	g.feed = append(g.feed, a)
	return a
}

func (r *Region) newActivity(g *group, in *instance, cause string) *activity {
	return &activity{
		id: r.names.uuid(), group: g.Name, arn: g.arn, instance: in.id, cause: cause,
		details: fmt.Sprintf(`{"Subnet ID":"%s","Availability Zone":"%s"}`, subnet(in.zone), in.zone),
	}
}

func nextSeq(feed []*activity) int {
	if len(feed) == 0 {
		return 0
	}
	return feed[len(feed)-1].seq + 1
}

// joinCauses builds a Cause: sentences that each begin "At <time> " and are two spaces apart.
func joinCauses(at time.Time, causes []string) string {
	var sentences []string
	for _, c := range causes {
		if c != "" {
			sentences = append(sentences, "At "+wholeSeconds(at)+" "+c)
		}
	}
	return strings.Join(sentences, "  ")
}

// waiting says that the activity now waits for load balancers.
func (r *Region) waiting(a *activity, status string, suffix bool) {
	p := a.progress.now()
	p.status = status
	if suffix {
		p.description += drainingSuffix
	}
	become(r, &a.progress, p)
}

// end closes an activity; closing it twice changes nothing.
func (r *Region) end(a *activity, status, message string) {
	p := a.progress.now()
	if p.over() {
		return
	}
	p.description = strings.TrimSuffix(p.description, drainingSuffix)
	p.status, p.percent, p.end, p.message = status, 100, r.now, message
	become(r, &a.progress, p)
}

// recordPastLaunch writes the activity of a launch that was over long before the test began.
func (r *Region) recordPastLaunch(g *group, in *instance, from, to int) {
	r.recordPast(g, in, in.launched.Add(-r.timing.LaunchTime), r.timing.LaunchTime,
		"Launching a new EC2 instance: "+in.id, launchCause(from, to))
}

func (r *Region) recordPast(g *group, in *instance, start time.Time, took time.Duration, description string, cause string) {
	a := r.newActivity(g, in, joinCauses(start, []string{cause}))
	a.start, a.seq = start, nextSeq(g.feed)
	a.progress = always(progress{status: statusSuccessful, description: description, percent: 100, end: start.Add(took)})
	g.feed = append(g.feed, a)
}

// listed is the feed as DescribeScalingActivities orders it at a moment: what still runs first, then
// the newest start first.
func listed(feed []*activity, moment time.Time) []*activity {
	var running, over []*activity
	for i := len(feed) - 1; i >= 0; i-- {
		p, begun := feed[i].progress.at(moment)
		switch {
		case !begun:
		case p.over():
			over = append(over, feed[i])
		default:
			running = append(running, feed[i])
		}
	}
	return append(running, over...)
}

func launchCause(from, to int) string {
	return fmt.Sprintf("an instance was started in response to a difference between desired and actual capacity, increasing the capacity from %d to %d.", from, to)
}

// subnet is the one subnet of a zone.
func subnet(zone string) string { return "subnet-" + zone }

// wholeSeconds is how EndTime and the moments inside a Cause are written.
func wholeSeconds(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// milliseconds is how StartTime is written.
func milliseconds(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
