package cli

import (
	"context"
	"maps"

	"go.uber.org/zap"

	"balanced/internal/asg"
	"balanced/internal/awsapi"
	"balanced/internal/elb"
	"balanced/internal/imds"
	"balanced/internal/probe"
	"balanced/internal/rotation"
)

// A connector finds out which instance this is and makes its agent. counts says how
// many API calls went out since.
type connector func(ctx context.Context, hold string, log *zap.Logger) (agent *rotation.Agent, counts func() map[string]int, err error)

// connect asks the instance metadata service, and uses AWS as the SDK is set up.
func connect(ctx context.Context, hold string, log *zap.Logger) (agent *rotation.Agent, counts func() map[string]int, err error) {
	metadata := imds.New(imds.Options{})
	self, err := metadata.Identity(ctx)
	if err != nil {
		return nil, nil, err
	}
	aws, err := awsapi.Load(ctx, awsapi.Options{Region: self.Region, Log: log})
	if err != nil {
		return nil, nil, err
	}
	groups := asg.New(aws.Config())
	agent = &rotation.Agent{
		Self:      self,
		Groups:    groups,
		Mover:     groups,
		Balancers: elb.New(aws.Config()),
		Metadata:  metadata,
		Prober:    probe.New(self.PrivateIP, probe.Options{}),
		Log:       log,
		Throttled: aws.Throttled,
		Hold:      hold,
	}
	return agent, func() map[string]int { return maps.Clone(aws.Counts()) }, nil
}
