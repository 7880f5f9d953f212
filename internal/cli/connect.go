package cli

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"balanced/internal/asg"
	"balanced/internal/awsapi"
	"balanced/internal/elb"
	"balanced/internal/hostlock"
	"balanced/internal/imds"
	"balanced/internal/probe"
	"balanced/internal/rotation"
)

// connect finds out from the metadata service which instance this is, and makes its agent with AWS as the SDK is set up.
// counts says how many API calls went out since.
func (p *program) connect(ctx context.Context, log *zap.Logger, at lockAt) (agent *rotation.Agent, counts func() map[string]int, err error) {
	return p.connectBy(ctx, log, at, func(metadata *imds.Client) (imds.Identity, error) { return metadata.Identity(ctx) })
}

// connectBy is connect with a way to ask which instance this is.
func (p *program) connectBy(ctx context.Context, log *zap.Logger, at lockAt, who func(*imds.Client) (imds.Identity, error)) (
	agent *rotation.Agent, counts func() map[string]int, err error,
) {
	metadata := imds.New(imds.Options{})
	self, err := who(metadata)
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
		Gate:      groups,
		Balancers: balancers,
		Metadata:  metadata,
		Prober:    probe.New(self.PrivateIP, probe.Options{}),
		Log:       log,
		Throttled: aws.Throttled,
		Caller:    aws,
	}
	if err := at.attach(agent, aws, len(p.outside) > 0); err != nil {
		return nil, nil, err
	}
	outsideGroup(agent, self, p.outside, groups, balancers)
	return agent, func() map[string]int { return maps.Clone(aws.Counts()) }, nil
}

const (
	// startUpPause is the time between two tries, which take seconds themselves.
	startUpPause = 5 * time.Second
	// askTime is the most that asking the metadata service once takes.
	askTime = 30 * time.Second
)

// startUp is how long the metadata service of a starting instance is waited for: no longer than the command waits for
// anything.
func (v *values) startUp() time.Duration {
	switch {
	case v.has("wait"):
		return most(v.budget("wait"), rotation.StartUp)
	case v.has("timeout"):
		return most(v.budget("timeout"), rotation.StartUpLaunch)
	}
	return 0
}

// most is a budget of at most so much.
func most(given, limit time.Duration) time.Duration {
	if given == rotation.Auto {
		return limit
	}
	return min(given, limit)
}

// identify asks the metadata service which instance this is, again where it may only not be there yet.
func (j *job) identify(ctx context.Context, metadata *imds.Client) (imds.Identity, error) {
	began := time.Now()
	waits := func() {
		j.progress(rotation.Progress{Step: "metadata", Waiting: "the metadata service does not answer yet", Elapsed: time.Since(began), Limit: j.startUp + askTime})
	}
	silence := time.AfterFunc(rotation.ReportSilence, waits)
	defer silence.Stop()
	for {
		self, err := metadata.Identity(ctx)
		if err == nil || !imds.MayStillStart(err) || time.Since(began) >= j.startUp {
			return self, err
		}
		waits()
		select {
		case <-ctx.Done():
			return self, context.Cause(ctx)
		case <-time.After(startUpPause):
		}
	}
}

// takeHost makes this process the only balanced at work on its host until release.
func (j *job) takeHost(instance string) (release func(), err error) {
	j.host, err = hostlock.Take(instance, j.lockNote())
	if err != nil {
		return nil, err
	}
	return j.host.Release, nil
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
