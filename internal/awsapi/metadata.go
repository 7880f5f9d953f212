package awsapi

import (
	"net"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsimds "github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
)

// Metadata is the SDK's metadata client as balanced wants it: version 2 only, never
// through a proxy, one retry. A nil client waits 1 s for a connection and 2 s for an
// answer; an empty endpoint is the SDK's own.
func Metadata(client aws.HTTPClient, endpoint string, opts ...func(*awsimds.Options)) *awsimds.Client {
	if client == nil {
		// Wrapped, since the SDK gives a client that it knows 250 ms to connect and 500 ms
		// to answer. On a busy host that is too little, and a token that is late would be
		// taken for one that never arrives.
		client = struct{ aws.HTTPClient }{direct()}
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
	return awshttp.NewBuildableClient().
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = time.Second }).
		WithTransportOptions(func(t *http.Transport) { t.Proxy, t.ResponseHeaderTimeout = nil, 2*time.Second })
}
