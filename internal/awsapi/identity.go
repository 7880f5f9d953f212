package awsapi

import (
	"context"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// RegionSource says where the Region in use was set: a variable of the environment, "profile web in /root/.aws/config",
// or "the instance's identity document".
func (s *Session) RegionSource() string { return s.regionFrom }

// regionSource follows the SDK's order: the environment, the profile, our own default.
func regionSource(cfg aws.Config) string {
	env, shared := settings(cfg)
	if env.Region != "" {
		for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
			if os.Getenv(name) != "" {
				return name
			}
		}
	}
	if shared.Region != "" {
		return regionFile(shared.Profile)
	}
	return "the instance's identity document"
}

// regionFile names the profile and the one of the two shared files that has the Region; the credentials file wins.
func regionFile(profile string) string {
	paths := sharedFiles()
	for i := len(paths) - 1; i >= 0; i-- {
		only := func(o *config.LoadSharedConfigOptions) {
			o.ConfigFiles, o.CredentialsFiles = []string{paths[0]}, []string{}
			if i > 0 {
				o.ConfigFiles, o.CredentialsFiles = []string{}, []string{paths[1]}
			}
		}
		if p, err := config.LoadSharedConfigProfile(context.Background(), profile, only); err == nil && p.Region != "" {
			return "profile " + profile + " in " + paths[i]
		}
	}
	return "profile " + profile
}

// DualStack: the APIs are asked at endpoints that have IPv6 addresses too, or at endpoints of the operator's choice.
func (s *Session) DualStack() bool {
	env, shared := settings(s.cfg)
	return aws.ToString(s.cfg.BaseEndpoint) != "" || env.UseDualStackEndpoint == aws.DualStackEndpointStateEnabled ||
		env.UseDualStackEndpoint == aws.DualStackEndpointStateUnset && shared.UseDualStackEndpoint == aws.DualStackEndpointStateEnabled
}

// Region is the Region that is asked.
func (s *Session) Region() string { return s.cfg.Region }

// FromInstanceRole: the credentials are those of the instance's own role, and so of its account.
func (s *Session) FromInstanceRole(ctx context.Context) bool {
	c, err := s.cfg.Credentials.Retrieve(ctx)
	return err == nil && c.Source == ec2rolecreds.ProviderName
}

// Identity asks AWS whose credentials these are: the account and the ARN of the role or user. It needs no permission
// (STS API reference, GetCallerIdentity); a VPC without a way to STS answers it not at all.
func (s *Session) Identity(ctx context.Context) (account, arn string, err error) {
	out, err := Complete(ctx, s.cfg, "sts:GetCallerIdentity", func(ctx context.Context) (*sts.GetCallerIdentityOutput, error) {
		out, err := sts.NewFromConfig(s.cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		if err == nil && (aws.ToString(out.Account) == "" || aws.ToString(out.Arn) == "") {
			return nil, Lacks("account or ARN")
		}
		return out, err
	})
	if err != nil {
		return "", "", Wrap(err, "ask whose credentials these are")
	}
	return *out.Account, *out.Arn, nil
}
