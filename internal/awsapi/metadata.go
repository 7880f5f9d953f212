package awsapi

import (
	"net/http"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsimds "github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
)

// Metadata is the SDK's metadata client as balanced wants it: version 2 only, never
// through a proxy, one retry. A nil client and an empty endpoint are the SDK's own
// (250 ms to connect, 500 ms to answer).
func Metadata(client aws.HTTPClient, endpoint string, opts ...func(*awsimds.Options)) *awsimds.Client {
	if client == nil {
		client = direct()
	}
	var mode awsimds.EndpointModeState
	// A value the SDK does not know leaves the mode unset, which is IPv4.
	_ = mode.SetFromString(os.Getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"))
	return awsimds.New(awsimds.Options{
		HTTPClient:     client,
		Endpoint:       endpoint,
		EndpointMode:   mode,
		EnableFallback: aws.FalseTernary,
		Retryer:        retry.AddWithMaxAttempts(retry.NewStandard(), 2),
	}, opts...)
}

// direct ignores HTTP_PROXY: the address is link-local, so a proxy would ask about its
// own host, or nobody.
func direct() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { t.Proxy = nil })
}
