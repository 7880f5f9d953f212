package sim

import (
	"fmt"
	"strings"
	"time"
)

// StatusCodes of an activity (API reference, Activity). Successful, Failed and Cancelled end it.
const (
	statusPreInService   = "PreInService"
	statusInProgress     = "InProgress"
	statusDraining       = "WaitingForELBConnectionDraining"
	statusMidLaunching   = "MidLifecycleAction"
	statusMidTerminating = "MidTerminatingLifecycleAction" // recorded, and in no API reference
	statusInPlaceStart   = "WaitingForInPlaceUpdateToStart"
	statusInPlace        = "InPlaceUpdateInProgress"
	statusInPlaceFinish  = "WaitingForInPlaceUpdateToFinalize"
	statusSuccessful     = "Successful"
	statusFailed         = "Failed"
	statusCancelled      = "Cancelled"
)

const drainingSuffix = " - Waiting For ELB Connection Draining."

// activity is a scaling activity, one entry of a group's feed.
type activity struct {
	id, group, arn string
	seq            int // position in the feed; older entries have smaller numbers
	cause, details string
	instance       string
	start          time.Time
	progress       history[activityProgress]
}

// activityProgress is the part of an activity that changes.
type activityProgress struct {
	status, description string
	percent             int
	end                 time.Time // zero while it runs
	message             string
}

func (p activityProgress) over() bool { return !p.end.IsZero() }

// startActivity adds a running activity about an instance to the group's feed.
func (r *Region) startActivity(g *group, in *instance, description, status string, percent int, causes ...string) *activity {
	a := r.newActivity(g, in, joinCauses(r.now, causes))
	a.start, a.seq = r.now, nextSeq(g.feed)
	setNow(r, &a.progress, activityProgress{status: status, description: description, percent: percent})
	g.feed = append(g.feed, a)
	return a
}

func (r *Region) newActivity(g *group, in *instance, cause string) *activity {
	return &activity{
		id: r.names.uuid(), group: g.Name, arn: g.arn, instance: in.id, cause: cause,
		details: fmt.Sprintf(`{"Availability Zone ID":"%s","Subnet ID":"%s","Availability Zone":"%s"}`, zoneID(in.zone), subnet(in.zone), in.zone),
	}
}

func nextSeq(feed []*activity) int {
	if len(feed) == 0 {
		return 0
	}
	return feed[len(feed)-1].seq + 1
}

// joinCauses joins the sentences of a Cause. Each begins "At <time> ", and two spaces separate
// them.
func joinCauses(at time.Time, causes []string) string {
	var sentences []string
	for _, c := range causes {
		if c != "" {
			sentences = append(sentences, "At "+wholeSeconds(at)+" "+c)
		}
	}
	return strings.Join(sentences, "  ")
}

// setWaiting changes an activity's status to waiting for load balancers.
func (r *Region) setWaiting(a *activity, status string, suffix bool) {
	if suffix {
		p := a.progress.current()
		p.description += drainingSuffix
		setNow(r, &a.progress, p)
	}
	r.setStatus(a, status, 50)
}

// setStatus changes the status of a running activity. With a terminating hook the description no
// longer mentions load balancers.
func (r *Region) setStatus(a *activity, status string, percent int) {
	if a == nil || a.progress.current().over() {
		return
	}
	p := a.progress.current()
	if status == statusMidTerminating {
		p.description = strings.TrimSuffix(p.description, drainingSuffix)
	}
	p.status, p.percent = status, percent
	setNow(r, &a.progress, p)
}

// endActivity ends an activity. It does nothing if the activity has ended. The message of a Failed or
// Cancelled one is in its description too.
func (r *Region) endActivity(a *activity, status, message string) {
	p := a.progress.current()
	if p.over() {
		return
	}
	p.description = strings.TrimSuffix(p.description, drainingSuffix)
	if message != "" {
		p.description += ".  Status Reason: " + message
	}
	p.status, p.percent, p.end, p.message = status, 100, r.now, message
	setNow(r, &a.progress, p)
}

// recordPastLaunch adds the activity of a launch that ended long ago.
func (r *Region) recordPastLaunch(g *group, in *instance, from, to int) {
	r.recordEnded(g, in, in.launched.Add(-r.config.Timing.LaunchTime), r.config.Timing.LaunchTime,
		"Launching a new EC2 instance: "+in.id, launchCause(from, to))
}

func (r *Region) recordEnded(g *group, in *instance, start time.Time, took time.Duration, description string, cause string) {
	a := r.newActivity(g, in, joinCauses(start, []string{cause}))
	a.start, a.seq = start, nextSeq(g.feed)
	a.progress = newHistory(activityProgress{status: statusSuccessful, description: description, percent: 100, end: start.Add(took)})
	g.feed = append(g.feed, a)
}

// feedOrder is the feed as DescribeScalingActivities orders it: running activities first, then the
// newest start first.
func feedOrder(feed []*activity, moment time.Time) []*activity {
	var running, over []*activity
	for i := len(feed) - 1; i >= 0; i-- {
		p, begun := feed[i].progress.asOf(moment)
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

// wholeSeconds formats EndTime and the times inside a Cause.
func wholeSeconds(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// milliseconds formats StartTime.
func milliseconds(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
