package cli

import (
	"context"
	"maps"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"balanced/internal/asg"
	"balanced/internal/awsapi"
	"balanced/internal/elb"
	"balanced/internal/hostlock"
	"balanced/internal/imds"
	"balanced/internal/probe"
	"balanced/internal/rotation"
	"balanced/internal/targets"
)

// connect finds out from the metadata service which instance this is, and makes its agent with AWS as the SDK is set up.
// With targets it works outside a group. counts says how many API calls went out since.
func (p *program) connect(ctx context.Context, log *zap.Logger, outside []targets.Name) (agent *rotation.Agent, counts func() map[string]int, err error) {
	metadata := imds.New(imds.Options{})
	self, err := metadata.Identity(ctx)
	if err != nil {
		return nil, nil, err
	}
	aws, err := awsapi.Load(ctx, awsapi.Options{Region: self.Region, Log: log})
	if err != nil {
		return nil, nil, err
	}
	groups, balancers := asg.New(aws.Config()), elb.New(aws.Config())
	agent = &rotation.Agent{
		Self:      self,
		Groups:    groups,
		Mover:     groups,
		Balancers: balancers,
		Metadata:  metadata,
		Prober:    probe.New(self.PrivateIP, probe.Options{}),
		Log:       log,
		Throttled: aws.Throttled,
		Caller:    aws,
	}
	outsideGroup(agent, self, outside, groups, balancers)
	return agent, func() map[string]int { return maps.Clone(aws.Counts()) }, nil
}

// takeHost makes this process the only balanced at work on its host until release.
func (j *job) takeHost(instance string) (release func(), err error) {
	j.lock, err = hostlock.Take(instance, j.lockNote())
	if err != nil {
		return nil, err
	}
	return j.lock.Release, nil
}

// lockNote is how others on this host see this run: without the arguments of COMMAND, which may hold secrets.
func (j *job) lockNote() string {
	note := filepath.Base(os.Args[0]) + " " + j.command
	if j.child != "" {
		note += " -- " + j.child
	}
	return note
}

// hostTakenBy names what is at work on this host; empty where nothing is, or where it cannot be told.
func hostTakenBy(instance string) string {
	holder, taken, err := hostlock.HolderOf(instance)
	if err != nil || !taken {
		return ""
	}
	return holder.String()
}
