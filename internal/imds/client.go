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

	"github.com/aws/aws-sdk-go-v2/aws"
	awsimds "github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/smithy-go/middleware"

	"balanced/internal/awsapi"
)

// patience is how long each try of a request may take. A busy host's service takes seconds at times: only a token that
// does not arrive in any of them never will.
var patience = []time.Duration{3 * time.Second, 4 * time.Second, 6 * time.Second}

// Options replaces the SDK's own settings, in tests. The zero value is theirs, from the environment and the shared
// files (AWS_EC2_METADATA_SERVICE_ENDPOINT, …_MODE, AWS_EC2_METADATA_DISABLED; ec2_metadata_service_endpoint, …_mode).
type Options struct {
	HTTP     *http.Client
	Endpoint string
}

// Client asks the instance metadata service, with tokens only. Tokens stay inside the
// SDK. It is safe for concurrent use.
type Client struct {
	api      api
	settings error // the SDK's settings cannot be read; nobody is asked
	patience []time.Duration
	host     host
}

type api interface {
	GetInstanceIdentityDocument(context.Context, *awsimds.GetInstanceIdentityDocumentInput, ...func(*awsimds.Options)) (*awsimds.GetInstanceIdentityDocumentOutput, error)
	GetMetadata(context.Context, *awsimds.GetMetadataInput, ...func(*awsimds.Options)) (*awsimds.GetMetadataOutput, error)
}

// New calls nothing yet. Settings that cannot be read show at the first request.
func New(o Options) *Client {
	c := &Client{patience: patience, host: unknownHost}
	cfg, err := awsapi.MetadataSettings(context.Background())
	if err != nil {
		c.settings = err
		return c
	}
	follow := func(m *awsimds.Options) {
		m.APIOptions = append(m.APIOptions, func(s *middleware.Stack) error {
			return s.Deserialize.Add(middleware.DeserializeMiddlewareFunc("balancedTrail", followRequest), middleware.After)
		})
		if m.Endpoint == "" && os.Getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT") == "" {
			c.host = hostOf("/")
		}
	}
	var client aws.HTTPClient
	if o.HTTP != nil { // a nil *http.Client in the interface would not be nil
		client = o.HTTP
	}
	c.api = awsapi.Metadata(cfg, client, o.Endpoint, follow)
	return c
}

// Identity reads the instance identity document, and the IPv6 address, which it lacks. It answers within 30 s whatever
// happens; its errors are those of this package, an awsapi.SettingsError, or the cause of a cancelled context.
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
	if err != nil {
		return Identity{}, err
	}
	id.IPv6, err = c.item(ctx, "ipv6")
	if err != nil && id.PrivateIP != "" {
		return id, nil // it is not needed
	}
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
		body, err := io.ReadAll(out.Content)
		text = strings.TrimSpace(string(body))
		return err
	})
	return text, err
}

// ask runs one request until it is answered: again with more patience where a connection was made and stays silent. It
// says what a failure means.
func (c *Client) ask(ctx context.Context, what string, request func(context.Context) error) error {
	if c.settings != nil {
		return c.settings
	}
	for i, most := range c.patience {
		err, silent := c.try(ctx, most, request, i == len(c.patience)-1)
		if err == nil {
			return nil
		}
		if !silent || ctx.Err() != nil || i == len(c.patience)-1 {
			return fmt.Errorf("read %s from the metadata service: %w", what, err)
		}
	}
	return nil
}

// try runs one request once and follows how far it comes. silent: the service took it and did not answer in time.
func (c *Client) try(ctx context.Context, most time.Duration, request func(context.Context) error, last bool) (err error, silent bool) {
	inner, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	inner, t := newTrail(inner)
	if err = request(inner); err == nil || errors.Is(err, ErrBadAnswer) {
		return err, false
	}
	silent = t.silent(err)
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, context.DeadlineExceeded) && silent:
		return fmt.Errorf("%w: %w", ErrSlow, cause), true
	case errors.Is(cause, context.DeadlineExceeded): // however far it came by then
		return fmt.Errorf("%w: %w", ErrNoAnswer, cause), false
	case cause != nil: // told to stop
		return cause, false
	}
	return t.meaning(err, c.host, silent, last), silent
}
