package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"
	"go.uber.org/zap"

	"balanced/internal/asg"
	"balanced/internal/awsapi"
	"balanced/internal/elb"
	"balanced/internal/format"
)

// policyDocument is an IAM policy, its keys in the order in which people write them.
type policyDocument struct {
	Version   string
	Statement []statement
}

type statement struct {
	Sid, Effect string
	Action      []string
	Resource    any                            // an ARN, or several
	Condition   map[string]map[string][]string `json:",omitempty"`
}

// anyGroup stands for a group whose name is not known.
const anyGroup = "NAME"

// leastPrivilege allows what balanced calls and nothing else. The describe actions
// accept no narrower resource than all (Service Authorization Reference, "Actions,
// resources, and condition keys for Amazon EC2 Auto Scaling").
func leastPrivilege(group string) policyDocument {
	return policyDocument{
		Version: "2012-10-17",
		Statement: []statement{
			{Sid: "Look", Effect: "Allow", Action: reads(), Resource: "*"},
			{Sid: "Move", Effect: "Allow", Action: asg.Moves(), Resource: group},
		},
	}
}

// gateStatements are what `balanced ready` needs besides.
func gateStatements(group string) []statement {
	var reads []string
	for _, r := range new(asg.Client).GateReads() {
		reads = append(reads, r.Action)
	}
	return []statement{
		{Sid: "LookAtHooks", Effect: "Allow", Action: reads, Resource: "*"},
		{Sid: "PassHooks", Effect: "Allow", Action: asg.GateActions(), Resource: group},
	}
}

// reads are the actions that change nothing, as the adapters name them.
func reads() []string {
	var names []string
	for _, r := range slices.Concat(new(asg.Client).Reads(), new(elb.Client).Reads()) {
		names = append(names, r.Action)
	}
	return names
}

// groupNamed is every group of a name, in any account and any Region of the same
// partition.
func groupNamed(name, region string) string {
	return "arn:" + awsapi.Partition(region) + ":autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/" + name
}

// settledRegion is the Region that the SDK's settings name. It asks nobody.
func settledRegion(ctx context.Context) string {
	aws, err := awsapi.Load(ctx, awsapi.Options{})
	if err != nil { // none is named, or by what cannot be read: no reason to print no policy
		return ""
	}
	return aws.Config().Region
}

func (p *program) policyCommand() *cli.Command {
	return p.command(cli.Command{
		Name:  "policy",
		Usage: "print the IAM policy balanced needs, least privilege",
		Description: "The moves are allowed for one group: the one given, else that of this instance. Where neither\n" +
			"is known, replace NAME with the group's name. With --group nothing is asked, and no AWS is needed;\n" +
			"for China, GovCloud and other partitions set AWS_REGION to one of their Regions. With --targets the\n" +
			"registrations of these load balancers alone may be changed, and nothing is asked.",
		Flags: append([]cli.Flag{
			text("group", "", "`NAME` of the Auto Scaling group"),
			targetsFlag(),
			toggle("ready", "also allow what balanced ready needs"),
		}, lockFlags()...),
	}, p.policy)
}

func (p *program) policy(c *cli.Context) error {
	v := p.values(c)
	name, outside, ready, at := v.text("group"), v.targets(), v.bool("ready"), v.lockAt()
	if name != "" && len(outside) > 0 {
		v.wrong("--group", "and --targets: an instance is in a group, or outside of one")
	}
	if ready && len(outside) > 0 {
		v.wrong("--ready", "and --targets: a launch hook is a group's")
	}
	v.checkLockOutside()
	if err := v.err(); err != nil {
		return err
	}
	if len(outside) > 0 {
		partition := awsapi.Partition(settledRegion(c.Context))
		document := outsidePolicy(outside, partition)
		document.Statement = append(document.Statement, at.statements("arn:"+partition)...)
		return ignore(writeJSON(p.stdout, document))
	}
	group := ""
	if name == "" {
		group = p.ownGroupOrAny(c.Context)
	} else {
		group = groupNamed(name, settledRegion(c.Context))
	}
	if c.Context.Err() != nil {
		return context.Cause(c.Context)
	}
	document := leastPrivilege(group)
	if ready {
		document.Statement = append(document.Statement, gateStatements(group)...)
	}
	document.Statement = append(document.Statement, at.statements(group)...)
	return ignore(writeJSON(p.stdout, document))
}

// ownGroupOrAny says so where the group is not known: the policy then needs an editor.
func (p *program) ownGroupOrAny(ctx context.Context) string {
	group, err := p.ownGroup(ctx)
	if err == nil {
		return group
	}
	p.remark(format.OneLine(fmt.Sprintf("replace %s with the group's name, which is not known: %v", anyGroup, err)))
	return groupNamed(anyGroup, settledRegion(ctx))
}

// ownGroupWithin is how long AWS may take to say which group this is.
const ownGroupWithin = 10 * time.Second

// ownGroup is the ARN of the group of this instance or, where a permission is missing
// (that is what the policy is for), the pattern of its name.
func (p *program) ownGroup(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, ownGroupWithin)
	defer cancel()
	agent, _, err := p.connect(ctx, zap.NewNop(), lockAt{})
	if err != nil {
		return "", err
	}
	m, err := agent.Groups.Membership(ctx, agent.Self.Instance)
	if err != nil {
		return "", err
	}
	if m.Group == "" {
		return "", fmt.Errorf("%s is in no Auto Scaling group", agent.Self.Instance)
	}
	g, err := agent.Groups.Group(ctx, m.Group)
	if as[*awsapi.DeniedError](err) {
		return groupNamed(m.Group, agent.Self.Region), nil
	}
	return g.ARN, err
}
