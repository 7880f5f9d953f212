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

// connect finds out from the metadata service which instance this is, and makes its agent with AWS as the SDK is set up.
// counts says how many API calls went out since.
func (p *program) connect(ctx context.Context, hold string, log *zap.Logger) (agent *rotation.Agent, counts func() map[string]int, err error) {
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
