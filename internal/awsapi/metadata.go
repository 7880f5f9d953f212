package awsapi

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	awsimds "github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/smithy-go/middleware"
)

// MetadataSettings are the SDK's own that say where the metadata service is, from the environment and the shared files.
// Its errors are those of Load. It reads them as LoadDefaultConfig does, but for the certificates of AWS_CA_BUNDLE:
// the service speaks plain HTTP, and 140 of them take 5 ms of a run's 30.
func MetadataSettings(ctx context.Context) (aws.Config, error) {
	env, err := config.NewEnvConfig()
	if err != nil {
		return aws.Config{}, unloadable(err)
	}
	paths, profile := sharedFiles(), cmp.Or(env.SharedConfigProfile, config.DefaultSharedConfigProfile)
	shared, err := config.LoadSharedConfigProfile(ctx, profile, func(o *config.LoadSharedConfigOptions) {
		o.ConfigFiles, o.CredentialsFiles = []string{paths[0]}, []string{paths[1]}
	})
	// As in the SDK, AWS_PROFILE has to be there, and the others need not.
	if _, none := errors.AsType[config.SharedConfigProfileNotExistError](err); err != nil && (!none || os.Getenv("AWS_PROFILE") != "") {
		return aws.Config{}, unloadable(err)
	}
	return aws.Config{ConfigSources: []any{env, shared}}, nil
}

// Metadata is the SDK's metadata client as balanced wants it: version 2 only, never through a proxy, without redirects,
// with bounded answers and one retry. Where endpoint is empty, the SDK's settings say where the service is
// (ec2_metadata_service_endpoint, ec2_metadata_service_endpoint_mode, and their variables, which win).
func Metadata(cfg aws.Config, client aws.HTTPClient, endpoint string, opts ...func(*awsimds.Options)) *awsimds.Client {
	if client == nil {
		// Wrapped, since the SDK gives a client that it knows 250 ms to connect and 500 ms
		// to answer. On a busy host that is too little, and a token that is late would be
		// taken for one that never arrives.
		client = struct{ aws.HTTPClient }{direct()}
	}
	own := func(o *awsimds.Options) {
		o.HTTPClient = withoutRedirects(client)
		o.EnableFallback = aws.FalseTernary
		o.Retryer = retry.AddWithMaxAttempts(retry.NewStandard(), 2)
		o.APIOptions = append(o.APIOptions, boundMetadata)
		if endpoint != "" {
			o.Endpoint = endpoint
		}
	}
	return awsimds.NewFromConfig(aws.Config{ConfigSources: cfg.ConfigSources}, append([]func(*awsimds.Options){own}, opts...)...)
}

// roleMetadata fetches the role's credentials. Its client is made of settings that are only known once all are loaded.
type roleMetadata struct{ client *awsimds.Client }

func (r *roleMetadata) GetMetadata(ctx context.Context, in *awsimds.GetMetadataInput, opts ...func(*awsimds.Options)) (*awsimds.GetMetadataOutput, error) {
	return r.client.GetMetadata(ctx, in, opts...)
}

// metadataPatience is the longest that the metadata service may take to begin an answer; callers wait for less.
const metadataPatience = 10 * time.Second

func boundMetadata(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("balancedBound", boundAnswer(metadataLimit)), middleware.After)
}

// direct ignores HTTP_PROXY: the address is link-local, so a proxy would ask about its
// own host, or nobody.
func direct() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = time.Second }).
		WithTransportOptions(func(t *http.Transport) {
			t.Proxy = noRedirect(func(*url.URL) (*url.URL, error) { return nil, nil })
			t.ResponseHeaderTimeout, t.MaxResponseHeaderBytes = metadataPatience, headerLimit
		})
}
