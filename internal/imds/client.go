package imds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	awsimds "github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/smithy-go/middleware"

	"balanced/internal/awsapi"
)

// within bounds each method as a whole.
const within = 5 * time.Second

// Options replaces the SDK's own settings, in tests. The zero value is theirs
// (AWS_EC2_METADATA_SERVICE_ENDPOINT, …_MODE, AWS_EC2_METADATA_DISABLED).
type Options struct {
	HTTP     *http.Client
	Endpoint string
}

// Client asks the instance metadata service, with tokens only. Tokens stay inside the
// SDK. It is safe for concurrent use.
type Client struct{ api api }

type api interface {
	GetInstanceIdentityDocument(context.Context, *awsimds.GetInstanceIdentityDocumentInput, ...func(*awsimds.Options)) (*awsimds.GetInstanceIdentityDocumentOutput, error)
	GetMetadata(context.Context, *awsimds.GetMetadataInput, ...func(*awsimds.Options)) (*awsimds.GetMetadataOutput, error)
}

// New calls nothing yet.
func New(o Options) *Client {
	watch := awsimds.WithAPIOptions(func(s *middleware.Stack) error {
		return s.Deserialize.Add(middleware.DeserializeMiddlewareFunc("balancedTrail", follow), middleware.After)
	})
	if o.HTTP == nil { // a nil *http.Client in the interface would not be nil
		return &Client{api: awsapi.Metadata(nil, o.Endpoint, watch)}
	}
	return &Client{api: awsapi.Metadata(o.HTTP, o.Endpoint, watch)}
}

// Identity reads the instance identity document. It answers within 5 s whatever
// happens; its errors are the five of this package, or the cause of a cancelled context.
func (c *Client) Identity(ctx context.Context) (Identity, error) {
	var id Identity
	err := c.ask(ctx, "identity document", func(ctx context.Context) error {
		out, err := c.api.GetInstanceIdentityDocument(ctx, &awsimds.GetInstanceIdentityDocumentInput{})
		if err != nil {
			return err
		}
		id, err = identity(out.InstanceIdentityDocument)
		return err
	})
	return id, err
}

func identity(d awsimds.InstanceIdentityDocument) (Identity, error) {
	if !strings.HasPrefix(d.InstanceID, "i-") || d.Region == "" {
		return Identity{}, fmt.Errorf("%w: no instance id or no region in the identity document", ErrBadAnswer)
	}
	return Identity{
		Instance: d.InstanceID, Zone: d.AvailabilityZone, Region: d.Region,
		Account: d.AccountID, Type: d.InstanceType, PrivateIP: d.PrivateIP,
	}, nil
}

// item reads one metadata item; empty where there is none (404).
func (c *Client) item(ctx context.Context, path string) (string, error) {
	var text string
	err := c.ask(ctx, path, func(ctx context.Context) error {
		out, err := c.api.GetMetadata(ctx, &awsimds.GetMetadataInput{Path: path})
		if status(err) == http.StatusNotFound {
			return nil
		}
		if err != nil {
			return err
		}
		defer out.Content.Close()
		body, err := io.ReadAll(io.LimitReader(out.Content, 1<<20))
		text = strings.TrimSpace(string(body))
		return err
	})
	return text, err
}

// ask runs one request, follows how far it comes and says what a failure means.
func (c *Client) ask(ctx context.Context, what string, request func(context.Context) error) error {
	inner, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	inner, t := newTrail(inner)
	err := request(inner)
	if err == nil {
		return nil
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, context.DeadlineExceeded): // however far it came by then
		err = fmt.Errorf("%w: %w", ErrNoAnswer, cause)
	case cause != nil: // told to stop
		err = cause
	case !errors.Is(err, ErrBadAnswer):
		err = t.explain(err)
	}
	return fmt.Errorf("read %s from the metadata service: %w", what, err)
}

func disabled() bool { return strings.EqualFold(os.Getenv("AWS_EC2_METADATA_DISABLED"), "true") }
