package elb

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv1 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	v1types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	v2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"balanced/internal/awsapi"
	"balanced/internal/fleet"
)

// Register asks a load balancer to take a target, once, whatever becomes of ctx (see awsapi.Once). The id is that of the
// instance or, in a target group of addresses, its address; the port is the source's.
func (c *Client) Register(ctx context.Context, s fleet.Source, id string) error {
	ctx, cancel := awsapi.Once(ctx)
	defer cancel()
	var err error
	if s.Kind == fleet.Classic {
		_, err = c.classic.register(ctx, &elbv1.RegisterInstancesWithLoadBalancerInput{LoadBalancerName: aws.String(s.ID), Instances: instance(id)})
	} else {
		_, err = c.targets.register(ctx, &elbv2.RegisterTargetsInput{TargetGroupArn: aws.String(s.ID), Targets: named(s, id)})
	}
	return awsapi.Wrap(err, "register %s with %s", id, s.Name)
}

// Deregister asks a load balancer to drain a target, once, as Register does. The port is always named: AWS answers 200
// where a target that is registered on another port is named without it, and does nothing.
func (c *Client) Deregister(ctx context.Context, s fleet.Source, id string) error {
	ctx, cancel := awsapi.Once(ctx)
	defer cancel()
	var err error
	if s.Kind == fleet.Classic {
		_, err = c.classic.deregister(ctx, &elbv1.DeregisterInstancesFromLoadBalancerInput{LoadBalancerName: aws.String(s.ID), Instances: instance(id)})
	} else {
		_, err = c.targets.deregister(ctx, &elbv2.DeregisterTargetsInput{TargetGroupArn: aws.String(s.ID), Targets: named(s, id)})
	}
	return awsapi.Wrap(err, "deregister %s from %s", id, s.Name)
}

func instance(id string) []v1types.Instance { return []v1types.Instance{{InstanceId: aws.String(id)}} }

func named(s fleet.Source, id string) []v2types.TargetDescription {
	return []v2types.TargetDescription{{Id: aws.String(id), Port: aws.Int32(int32(s.Port))}}
}

// Find looks target groups up by their names or ARNs. fleet.ErrNoSource where one does not exist. Their attributes are not
// among what is known of them then.
func (c *Client) Find(ctx context.Context, namesOrARNs []string) ([]fleet.Source, error) {
	isARN := func(s string) bool { return strings.HasPrefix(s, "arn:") }
	arns := slices.DeleteFunc(slices.Clone(namesOrARNs), func(s string) bool { return !isARN(s) })
	names := slices.DeleteFunc(slices.Clone(namesOrARNs), isARN)
	byARN, err := inBatches(ctx, arns, c.targetGroupsByARN)
	if err != nil {
		return nil, err
	}
	byName, err := inBatches(ctx, names, c.targetGroupsByName)
	if err != nil {
		return nil, err
	}
	var all []fleet.Source
	for _, t := range slices.Concat(byARN, byName) {
		all = append(all, t.Source)
	}
	return all, nil
}

// controllerTag is on a target group that the AWS Load Balancer Controller of a Kubernetes cluster owns: it registers and
// deregisters targets by itself (its documentation, "Resource tags").
const controllerTag = "elbv2.k8s.aws/cluster"

// Controllers are the clusters whose controller owns a target group, by its ARN.
func (c *Client) Controllers(ctx context.Context, arns []string) (map[string]string, error) {
	owners := map[string]string{}
	for batch := range slices.Chunk(arns, perCall) {
		tagged, err := complete(ctx, c, "DescribeTags", func(ctx context.Context) ([]v2types.TagDescription, error) {
			out, err := c.targets.tags(ctx, &elbv2.DescribeTagsInput{ResourceArns: batch})
			if err != nil {
				return nil, err
			}
			var found []string
			for _, d := range out.TagDescriptions {
				found = append(found, aws.ToString(d.ResourceArn))
			}
			return out.TagDescriptions, unanswered(batch, found)
		})
		if err != nil {
			return nil, wrap(err, "describe tags of target group", strings.Join(batch, ", "))
		}
		for _, d := range tagged {
			for _, tag := range d.Tags {
				if aws.ToString(tag.Key) == controllerTag {
					owners[aws.ToString(d.ResourceArn)] = aws.ToString(tag.Value)
				}
			}
		}
	}
	return owners, nil
}
