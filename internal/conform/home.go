package conform

import (
	"context"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// home is the group that is looked at, as it was found.
type home struct {
	name     string
	group    asgtypes.AutoScalingGroup
	classics []string // names of Classic Load Balancers
	targets  []targetGroup
	delays   map[string]time.Duration // by the name of the load balancer: how long it may drain
	current  map[string]int32         // the sizes as the run has changed them, for the texts of refusals
}

type targetGroup struct {
	arn, name  string
	port       int32
	described  elbv2types.TargetGroup
	attributes map[string]string
}

// readHome reads what the group is attached to. Load balancers that cannot be read are left out: the
// facts about them are not tried.
func (s *session) readHome(ctx context.Context, g asgtypes.AutoScalingGroup) (*home, error) {
	h := &home{name: aws.ToString(g.AutoScalingGroupName), group: g, delays: map[string]time.Duration{}}
	h.current = h.sizes()
	arns := g.TargetGroupARNs
	h.classics = g.LoadBalancerNames
	for _, source := range g.TrafficSources {
		switch id := aws.ToString(source.Identifier); aws.ToString(source.Type) {
		case "elb":
			h.classics = distinct(append(h.classics, id))
		case "elbv2":
			arns = distinct(append(arns, id))
		}
	}
	for _, name := range h.classics {
		if err := s.readClassic(ctx, h, name); err != nil {
			return nil, s.classify(ctx, err)
		}
	}
	for _, arn := range arns {
		if err := s.readTargetGroup(ctx, h, arn); err != nil {
			return nil, s.classify(ctx, err)
		}
	}
	return h, nil
}

func (s *session) readClassic(ctx context.Context, h *home, name string) error {
	out, err := s.calls.classic.DescribeLoadBalancerAttributes(ctx, &elb.DescribeLoadBalancerAttributesInput{LoadBalancerName: &name})
	if err != nil {
		return onlyWhat(err)
	}
	if draining := out.LoadBalancerAttributes.ConnectionDraining; draining != nil && draining.Enabled {
		h.delays[name] = time.Duration(aws.ToInt32(draining.Timeout)) * time.Second
	}
	return nil
}

func (s *session) readTargetGroup(ctx context.Context, h *home, arn string) error {
	out, err := s.calls.targets.DescribeTargetGroups(ctx, &elbv2.DescribeTargetGroupsInput{TargetGroupArns: []string{arn}})
	if err != nil || len(out.TargetGroups) == 0 {
		return onlyWhat(err)
	}
	t := targetGroup{arn: arn, described: out.TargetGroups[0], attributes: map[string]string{}}
	t.name, t.port = aws.ToString(t.described.TargetGroupName), aws.ToInt32(t.described.Port)
	attributes, err := s.calls.targets.DescribeTargetGroupAttributes(ctx, &elbv2.DescribeTargetGroupAttributesInput{TargetGroupArn: &arn})
	if err != nil {
		return onlyWhat(err)
	}
	for _, a := range attributes.Attributes {
		t.attributes[aws.ToString(a.Key)] = aws.ToString(a.Value)
	}
	delay, err := strconv.Atoi(t.attributes["deregistration_delay.timeout_seconds"])
	if err == nil {
		h.delays[t.name] = time.Duration(delay) * time.Second
	}
	h.targets = append(h.targets, t)
	return nil
}

// onlyWhat lets a refusal pass that keeps one thing from being read, and nothing else.
func onlyWhat(err error) error {
	if status := statusOf(err); status >= 400 && status < 500 && !denied(err) {
		return nil
	}
	return err
}

// members are the ids of the members as found.
func (h *home) members() []string {
	var ids []string
	for _, in := range h.group.Instances {
		ids = append(ids, aws.ToString(in.InstanceId))
	}
	return ids
}

// sizes are the group's sizes by the words of Auto Scaling's refusals.
func (h *home) sizes() map[string]int32 {
	return map[string]int32{"min": aws.ToInt32(h.group.MinSize), "max": aws.ToInt32(h.group.MaxSize), "desired": aws.ToInt32(h.group.DesiredCapacity)}
}

// expect notes what the sizes are now.
func (h *home) expect(low, high, desired int32) {
	h.current = map[string]int32{"min": low, "max": high, "desired": desired}
}

func (h *home) min() int32     { return h.sizes()["min"] }
func (h *home) max() int32     { return h.sizes()["max"] }
func (h *home) desired() int32 { return h.sizes()["desired"] }

func (h *home) tag(key string) string {
	for _, tag := range h.group.Tags {
		if aws.ToString(tag.Key) == key {
			return aws.ToString(tag.Value)
		}
	}
	return ""
}

// longestDelay is the longest that one load balancer may drain.
func (h *home) longestDelay() time.Duration {
	longest := time.Duration(0)
	for _, d := range h.delays {
		longest = max(longest, d)
	}
	return longest
}

// allDelays is how long they may drain in turn.
func (h *home) allDelays() time.Duration {
	sum := time.Duration(0)
	for _, d := range h.delays {
		sum += d
	}
	return sum
}

// asTarget is a member as Auto Scaling registers it.
func asTarget(t targetGroup, id string) elbv2types.TargetDescription {
	return elbv2types.TargetDescription{Id: &id, Port: &t.port}
}

// now reads the group again.
func (s *session) now(ctx context.Context) (asgtypes.AutoScalingGroup, error) {
	out, err := s.calls.groups.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{s.home.name}})
	if err != nil {
		return asgtypes.AutoScalingGroup{}, err
	}
	if len(out.AutoScalingGroups) != 1 {
		return asgtypes.AutoScalingGroup{}, cannot("group %s is not listed", s.home.name)
	}
	return out.AutoScalingGroups[0], nil
}

// member finds an instance in a group, or nil.
func member(g asgtypes.AutoScalingGroup, id string) *asgtypes.Instance {
	for i := range g.Instances {
		if aws.ToString(g.Instances[i].InstanceId) == id {
			return &g.Instances[i]
		}
	}
	return nil
}
