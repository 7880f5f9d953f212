// Package awsapi is the one way balanced calls AWS: deadlines, retries, counts, and
// what an error means.
//
// A call goes on until AWS answers, says no, or the caller's deadline ends it, so
// every caller gives one. The two calls that move an instance are made under Once.
package awsapi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
	"go.uber.org/zap"
)

// Options says where AWS is and who is told about the calls. The zero value is
// whatever the SDK finds in the environment.
type Options struct {
	// Region is the instance's own; AWS_REGION and a shared config file win over it.
	Region string
	// HTTP carries API calls and the credentials' metadata calls; nil: the SDK's own.
	HTTP aws.HTTPClient
	// Log gets one debug line per attempt; nil: nobody.
	Log *zap.Logger
	// Endpoint and MetadataEndpoint replace the SDK's own settings (AWS_ENDPOINT_URL,
	// AWS_EC2_METADATA_SERVICE_ENDPOINT) in tests.
	Endpoint, MetadataEndpoint string
	// Rand jitters the waits between attempts, in [0,1); nil: math/rand/v2.
	Rand func() float64
}

// Session is how one run of balanced talks to AWS. It is safe for concurrent use.
type Session struct {
	cfg  aws.Config
	log  *zap.Logger
	keys keySource
	ring *keyring
	// regionFrom is where the Region was set, as people say it.
	regionFrom string

	mu     sync.Mutex
	counts map[string]int
	pacer  pacer
}

// Load reads the SDK's own settings (environment, shared config files, role of the
// instance) and calls nothing yet: missing credentials show at the first call. Its errors
// are SettingsErrors.
func Load(ctx context.Context, o Options) (*Session, error) {
	s := &Session{log: o.Log, counts: map[string]int{}, pacer: pacer{random: o.random}}
	if s.log == nil {
		s.log = zap.NewNop()
	}
	role := &roleMetadata{}
	cfg, err := config.LoadDefaultConfig(ctx, o.sdk(s.log, role)...)
	if err != nil {
		return nil, unloadable(err)
	}
	if cfg.Region == "" {
		return nil, &SettingsError{Err: errors.New("no region"), Fix: "set AWS_REGION"}
	}
	if end := aws.ToString(cfg.BaseEndpoint); end != "" && !strings.HasPrefix(end, "http://") && !strings.HasPrefix(end, "https://") {
		return nil, &SettingsError{Err: fmt.Errorf("the endpoint %q is not an http or https URL", end)}
	}
	// Set after loading, so that the credential providers, which take a copy of the
	// settings as they load, keep the SDK's own three attempts.
	cfg.Retryer = o.retryer
	cfg.RetryMaxAttempts = 0 // AWS_MAX_ATTEMPTS would end calls before their deadline
	cfg.APIOptions = append(cfg.APIOptions, s.instrument)
	if o.HTTP != nil { // loading refuses a client of ours where AWS_CA_BUNDLE is set
		cfg.HTTPClient = withoutRedirects(o.HTTP)
	}
	role.client = Metadata(cfg, o.HTTP, o.MetadataEndpoint)
	s.regionFrom = regionSource(cfg)
	s.keys, s.ring = keysFrom(cfg), &keyring{CredentialsProvider: cfg.Credentials}
	cfg.Credentials = s.ring
	cfg.HTTPClient = inMemory{cfg.HTTPClient}
	s.cfg = cfg
	return s, nil
}

// unloadable says what is wrong with settings that cannot be read.
func unloadable(err error) error {
	if OutOfFiles(err) {
		return &UnreachableError{Why: NoAnswer, Err: err}
	}
	if _, ok := errors.AsType[config.SharedConfigProfileNotExistError](err); ok {
		for _, name := range []string{"AWS_PROFILE", "AWS_DEFAULT_PROFILE"} {
			if profile := os.Getenv(name); profile != "" {
				return &SettingsError{Err: fmt.Errorf("no profile %s in the shared files", profile), Fix: "unset " + name + ", or add the profile to " + profileFile(profile)}
			}
		}
	}
	fix := ""
	if bundle := os.Getenv("AWS_CA_BUNDLE"); strings.Contains(err.Error(), "CA bundle") && bundle != "" {
		fix = "fix the file " + bundle + ", or unset AWS_CA_BUNDLE"
	}
	return &SettingsError{Err: err, Fix: fix}
}

func (o Options) sdk(log *zap.Logger, role *roleMetadata) []func(*config.LoadOptions) error {
	opts := []func(*config.LoadOptions) error{
		config.WithDefaultRegion(o.Region),
		config.WithLogger(logging.LoggerFunc(func(_ logging.Classification, format string, v ...any) {
			log.Debug("sdk", zap.String("text", fmt.Sprintf(format, v...)))
		})),
		config.WithEC2RoleCredentialOptions(func(r *ec2rolecreds.Options) {
			r.Client = role
		}),
		// Renewed early, so that a call that is sent once is not the one to find them expired.
		config.WithCredentialsCacheOptions(func(c *aws.CredentialsCacheOptions) {
			c.ExpiryWindow = 5 * time.Minute
		}),
	}
	if o.Endpoint != "" {
		opts = append(opts, config.WithBaseEndpoint(o.Endpoint))
	}
	// One client for all: both ELB services live on one host and share its connections.
	return append(opts, config.WithHTTPClient(newClient()), config.WithAPIOptions([]func(*middleware.Stack) error{boundAnswers}))
}

func (o Options) random() float64 {
	if o.Rand != nil {
		return o.Rand()
	}
	return rand.Float64()
}

// Config is what the SDK's clients are built from, once each.
func (s *Session) Config() aws.Config { return s.cfg }

// Counts says how many requests went out per operation, each attempt counted, by
// keys like "autoscaling.DescribeAutoScalingGroups".
func (s *Session) Counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}
