package conform

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// What is asked about a moving instance.
const (
	opInstances   = "DescribeAutoScalingInstances"
	opGroups      = "DescribeAutoScalingGroups"
	opActivities  = "DescribeScalingActivities"
	opTargets     = "DescribeTargetHealth"
	opClassic     = "DescribeInstanceHealth"
	opTargetState = "autoscaling/target-lifecycle-state"
)

// denseTicks is how many looks come a tick apart; later ones are four ticks apart. 60 of 500 ms cover
// any read lag that is worth a name.
const denseTicks = 60

// passage is one move of one instance as all describe calls showed it.
type passage struct {
	id       string
	activity asgtypes.Activity // the answer
	answered time.Time
	desired  int32 // before
	tracks   []*track
	spoilt   bool      // another call ended it early
	ended    time.Time // EndTime of the activity

	shown, arrived time.Duration // when opInstances first showed the move, and its end
	again          time.Duration // when the move was asked for again
}

// track is what one call showed of the instance over time, each text once where it changed.
type track struct {
	op     string
	of     string // the load balancer; "": none
	before string // before the move
	read   func(context.Context) (string, error)
	goal   func(string) bool
	marks  []mark
}

type mark struct {
	at   time.Duration // since the answer to the move; when the request was sent
	text string
}

// last is the newest text.
func (t *track) last() string {
	if len(t.marks) == 0 {
		return t.before
	}
	return t.marks[len(t.marks)-1].text
}

// add adds what was read.
func (t *track) add(at time.Duration, text string) {
	if len(t.marks) == 0 || t.last() != text {
		t.marks = append(t.marks, mark{at, text})
	}
}

// first is when a text was first shown, and whether it was.
func (t *track) first(is func(string) bool) (time.Duration, bool) {
	if t == nil {
		return 0, false
	}
	i := slices.IndexFunc(t.marks, func(m mark) bool { return is(m.text) })
	if i < 0 {
		return 0, false
	}
	return t.marks[i].at, true
}

// changed is when something else than before the move was first shown.
func (t *track) changed() (time.Duration, bool) {
	return t.first(func(text string) bool { return text != t.before })
}

// track is the first track of a call, or nil.
func (p *passage) track(op string) *track {
	i := slices.IndexFunc(p.tracks, func(t *track) bool { return t.op == op })
	if i < 0 {
		return nil
	}
	return p.tracks[i]
}

// balancers are the tracks of load balancers.
func (p *passage) balancers() []*track {
	return slices.DeleteFunc(slices.Clone(p.tracks), func(t *track) bool { return t.of == "" })
}

// text is what a load balancer's list shows of an instance that it does not list.
const gone = "not listed"

// follow makes the tracks of an instance and reads what they show before the move. The end of a move is
// when all reach their goal: Standby and not listed, or InService and as the load balancers showed it
// before.
func (s *session) follow(ctx context.Context, id, end string, healthy map[string]string) (*passage, error) {
	p := &passage{id: id, desired: s.home.desired()}
	inState := func(text string) bool { return strings.HasPrefix(text, end+"/") }
	p.tracks = []*track{
		{op: opInstances, goal: inState, read: func(ctx context.Context) (string, error) { return s.instanceView(ctx, id) }},
		{op: opGroups, goal: inState, read: func(ctx context.Context) (string, error) { return s.groupView(ctx, id) }},
		{op: opActivities, goal: ended, read: func(ctx context.Context) (string, error) { return s.activityView(ctx, p) }},
	}
	atBalancer := func(name string) func(string) bool {
		return func(text string) bool {
			return text == gone && end == "Standby" || end != "Standby" && text == healthy[name]
		}
	}
	for _, t := range s.home.targets {
		p.tracks = append(p.tracks, &track{op: opTargets, of: t.name, goal: atBalancer(t.name), read: func(ctx context.Context) (string, error) { return s.targetView(ctx, t, id) }})
	}
	for _, name := range s.home.classics {
		p.tracks = append(p.tracks, &track{op: opClassic, of: name, goal: atBalancer(name), read: func(ctx context.Context) (string, error) { return s.classicView(ctx, name, id) }})
	}
	if self, err := s.o.Metadata.self(ctx); err == nil && self == id {
		p.tracks = append(p.tracks, &track{op: opTargetState, goal: func(string) bool { return true }, read: s.targetState})
	}
	return p, p.readAll(ctx, func(t *track, text string) { t.before = text })
}

// healthyAt is what the load balancers showed before the move, by name.
func (p *passage) healthyAt() map[string]string {
	healthy := map[string]string{}
	for _, t := range p.balancers() {
		healthy[t.of] = t.before
	}
	return healthy
}

// readAll reads all tracks at the same time. An answer of AWS that is an error is a text too.
func (p *passage) readAll(ctx context.Context, keep func(*track, string)) error {
	errs := make([]error, len(p.tracks))
	var reading sync.WaitGroup
	for i, t := range p.tracks {
		reading.Go(func() {
			text, err := t.read(ctx)
			var not untried
			if errors.As(err, &not) {
				text, err = not.Error(), nil
			}
			if err == nil {
				keep(t, text)
			}
			errs[i] = err
		})
	}
	reading.Wait()
	return errors.Join(errs...)
}

// watch looks until the move is over, or patience is. each is called after every look.
func (s *session) watch(ctx context.Context, p *passage, each func() error) error {
	limit := s.o.Times.Patience + s.home.allDelays()
	next := p.answered
	for look := 1; ; look++ {
		at := time.Since(p.answered)
		if err := p.readAll(ctx, func(t *track, text string) { t.add(at, text) }); err != nil {
			return err
		}
		if err := each(); err != nil {
			return err
		}
		if p.over() || p.spoilt || at > limit {
			return nil
		}
		if s.silent() {
			s.progress("%s", p.describe(at))
		}
		step := s.o.Times.Tick
		if look > denseTicks {
			step *= 4
		}
		next = next.Add(step)
		if err := sleep(ctx, time.Until(next)); err != nil {
			return err
		}
	}
}

func (p *passage) over() bool {
	return !slices.ContainsFunc(p.tracks, func(t *track) bool { return !t.goal(t.last()) })
}

// describe says how far a move is.
func (p *passage) describe(at time.Duration) string {
	state, _, _ := strings.Cut(p.track(opInstances).last(), "/")
	parts := []string{fmt.Sprintf("%s is %s after %s", p.id, state, at.Round(time.Second))}
	for _, t := range p.balancers() {
		health, _, _ := strings.Cut(t.last(), ",")
		parts = append(parts, t.of+" "+health)
	}
	return strings.Join(parts, ", ")
}

// note fills in the times of the passage once it is over.
func (p *passage) note(end string) {
	t := p.track(opInstances)
	p.shown, _ = t.changed()
	p.arrived, _ = t.first(func(text string) bool {
		return strings.HasPrefix(text, end+"/") && text != t.before || strings.HasPrefix(text, end+"/") && len(t.marks) == 1
	})
}

func (s *session) instanceView(ctx context.Context, id string) (string, error) {
	list, err := s.instances(ctx, id)
	return s.saw(err, func() string {
		if len(list) != 1 {
			return gone
		}
		return aws.ToString(list[0].LifecycleState) + "/" + aws.ToString(list[0].HealthStatus)
	})
}

func (s *session) groupView(ctx context.Context, id string) (string, error) {
	g, err := s.now(ctx)
	if err != nil {
		return s.said(err)
	}
	m := member(g, id)
	if m == nil {
		return gone, nil
	}
	return fmt.Sprintf("%s/%s/%d", m.LifecycleState, aws.ToString(m.HealthStatus), aws.ToInt32(g.DesiredCapacity)), nil
}

// activityView is the activity of the move: status, progress, description.
func (s *session) activityView(ctx context.Context, p *passage) (string, error) {
	out, err := s.calls.groups.DescribeScalingActivities(ctx, &autoscaling.DescribeScalingActivitiesInput{AutoScalingGroupName: &s.home.name, MaxRecords: aws.Int32(20)})
	return s.saw(err, func() string {
		for _, a := range out.Activities {
			if aws.ToString(a.ActivityId) == aws.ToString(p.activity.ActivityId) && a.ActivityId != nil {
				p.ended = aws.ToTime(a.EndTime)
				return fmt.Sprintf("%s|%d|%s", a.StatusCode, aws.ToInt32(a.Progress), s.plain(aws.ToString(a.Description)))
			}
		}
		return gone
	})
}

func ended(text string) bool {
	status, _, _ := strings.Cut(text, "|")
	return slices.Contains([]string{"Successful", "Failed", "Cancelled"}, status)
}

func (s *session) targetView(ctx context.Context, t targetGroup, id string) (string, error) {
	list, err := s.targetHealth(ctx, t.arn)
	return s.saw(err, func() string {
		mine := slices.DeleteFunc(list, func(d elbv2types.TargetHealthDescription) bool {
			return aws.ToString(d.Target.Id) != id || aws.ToInt32(d.Target.Port) != t.port
		})
		if len(mine) == 0 {
			return gone
		}
		return healthOf(mine)
	})
}

func (s *session) classicView(ctx context.Context, name, id string) (string, error) {
	list, err := s.instanceHealth(ctx, name)
	return s.saw(err, func() string {
		i := slices.IndexFunc(list, func(state elbtypes.InstanceState) bool { return aws.ToString(state.InstanceId) == id })
		if i < 0 {
			return gone
		}
		return classicState(list[i])
	})
}

func (s *session) targetState(ctx context.Context) (string, error) {
	a, err := s.o.Metadata.item(ctx, "meta-data/autoscaling/target-lifecycle-state")
	return a.body, err
}
