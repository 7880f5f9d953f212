package cli

import (
	"slices"

	"github.com/urfave/cli/v2"

	"balanced/internal/asg"
	"balanced/internal/elb"
	"balanced/internal/fleet"
	"balanced/internal/imds"
	"balanced/internal/lock"
	"balanced/internal/rotation"
	"balanced/internal/targets"
)

func targetsFlag() cli.Flag {
	return list("targets", "outside an Auto Scaling group: the load balancers of this instance, as a `LIST` of NAME, NAME:PORT or ARN of a target group, or classic/NAME")
}

// minHealthyInFlag is that of in, which needs a minimum outside a group only, and only to take a return back.
func minHealthyInFlag() cli.Flag {
	return text("min-healthy", "", "with --targets: deregister an instance again that does not get healthy, if `N` others are healthy at each load balancer")
}

// targets reads --targets of a command that has it.
func (v *values) targets() []targets.Name {
	if !v.has("targets") {
		return nil
	}
	names, err := targets.Parse(v.list("targets"))
	if err != nil {
		_, source := v.raw("targets")
		v.wrong(source, "%v", err)
	}
	return names
}

// areOutside: --targets is given, whatever it names.
func (v *values) areOutside() bool { return v.has("targets") && len(v.list("targets")) > 0 }

// checkOutside notes what a run that takes an instance out needs, or has no use for, where --targets is given: nobody else
// holds a minimum there, and without a lock in a table nobody knows who is out.
func (v *values) checkOutside(min fleet.MinHealthy) {
	if !v.areOutside() {
		return
	}
	given, source := v.raw("min-healthy")
	switch {
	case min.FromPolicy():
		v.wrong(source, "policy: only an Auto Scaling group has one")
	case v.seesHolders():
	case !v.isGiven("min-healthy"):
		v.wrong("--targets", "needs --min-healthy N: how many others must stay healthy at each load balancer")
	case !min.Absolute():
		v.wrong(source, "%q: with --targets it is a number, unless --lock dynamodb:TABLE tells who is out", given)
	}
	if v.has("replace") && v.bool("replace") {
		v.wrong("--replace", "is for Auto Scaling groups, and not for --targets")
	}
}

// seesHolders: there is a lock that tells who is out.
func (v *values) seesHolders() bool {
	if !v.has("lock") {
		return false
	}
	where, err := lock.Parse(v.text("lock"))
	return err == nil && where.Kind() == "dynamodb"
}

// checkLockOutside: no group gives its name to the slots there.
func (v *values) checkLockOutside() {
	if v.has("lock") && v.areOutside() && v.text("lock") != "" && v.text("lock-group") == "" {
		v.wrong("--lock", "with --targets needs --lock-group NAME: the same on every instance of the fleet")
	}
}

// isGiven: on the command line or in the environment.
func (v *values) isGiven(name string) bool {
	return v.given(name) != nil || v.getenv(variable(name)) != ""
}

// takesBack reads --min-healthy for the way in, where it is the minimum under which an unhealthy instance is deregistered
// again. In a group that is the rule of the group.
func (v *values) takesBack(opt *rotation.InOptions) {
	if !v.areOutside() {
		if v.c.Command.Name == "in" && v.given("min-healthy") != nil {
			v.wrong("--min-healthy", "of in is for --targets: in a group all others must be healthy")
		}
		return
	}
	if !v.isGiven("min-healthy") {
		return
	}
	min := v.minHealthy()
	v.checkOutside(min)
	if given, source := v.raw("min-healthy"); !min.Absolute() && v.given("min-healthy") != nil && v.c.Command.Name == "in" {
		v.wrong(source, "%q: for in it is a number", given)
	}
	if min.Absolute() { // in does not ask the lock who is out
		opt.MinHealthy = min
	}
}

// outsideGroup lets the agent work on what --targets names.
func outsideGroup(agent *rotation.Agent, self imds.Identity, names []targets.Name, groups *asg.Client, balancers *elb.Client) {
	if len(names) == 0 {
		return
	}
	adapter := targets.New(targets.Self{Instance: self.Instance, Zone: self.Zone, IPv4: self.PrivateIP, IPv6: self.IPv6}, names, groups, balancers)
	agent.Groups, agent.Mover, agent.Balancers = adapter, adapter, adapter
}

// outsidePolicy allows what balanced calls with --targets, and to change the registrations of these alone.
func outsidePolicy(names []targets.Name, partition string) policyDocument {
	look := statement{Sid: "Look", Effect: "Allow", Resource: "*"}
	for _, r := range targets.Reads(new(asg.Client).Reads(), new(elb.Client)) {
		look.Action = append(look.Action, r.Action)
	}
	p := policyDocument{Version: "2012-10-17", Statement: []statement{look}}
	targetGroups, classic := targetResources(names, partition)
	if len(targetGroups) > 0 {
		p.Statement = append(p.Statement, statement{Sid: "MoveTargets", Effect: "Allow", Action: elb.TargetGroupMoves(), Resource: targetGroups})
	}
	if len(classic) > 0 {
		p.Statement = append(p.Statement, statement{Sid: "MoveInstances", Effect: "Allow", Action: elb.ClassicMoves(), Resource: classic})
	}
	return p
}

// targetResources are the target groups and load balancers of a list, as IAM names them. A name alone is one of any account
// and Region of the partition.
func targetResources(names []targets.Name, partition string) (targetGroups, classic []string) {
	for _, n := range names {
		switch {
		case n.Classic:
			classic = append(classic, "arn:"+partition+":elasticloadbalancing:*:*:loadbalancer/"+n.ID)
		case n.IsARN():
			targetGroups = append(targetGroups, n.ID)
		default:
			targetGroups = append(targetGroups, "arn:"+partition+":elasticloadbalancing:*:*:targetgroup/"+n.ID+"/*")
		}
	}
	slices.Sort(targetGroups)
	return slices.Compact(targetGroups), classic
}
