package awsapi

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	awsasg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"go.uber.org/zap"
)

// region is a script of answers behind the SDK's HTTP client: the nth API request gets
// the nth, the last one repeats. It serves role credentials too, new ones each time.
type region struct {
	mu       sync.Mutex
	script   []func(*http.Request) (*http.Response, error)
	requests []string // "Action keyN" of each API request
	keys     int      // credentials handed out
	profile  int      // HTTP status of the list of roles
	flaky    int      // credentials calls to fail before one succeeds
}

func (r *region) Do(req *http.Request) (*http.Response, error) {
	if req.URL.Host == "imds" {
		return r.metadata(req)
	}
	body, _ := io.ReadAll(req.Body)
	form, _ := url.ParseQuery(string(body))
	_, key, _ := strings.Cut(req.Header.Get("Authorization"), "Credential=")
	key, _, _ = strings.Cut(key, "/")
	r.mu.Lock()
	r.requests = append(r.requests, form.Get("Action")+" "+key)
	step := r.script[min(len(r.requests), len(r.script))-1]
	r.mu.Unlock()
	return step(req)
}

func (r *region) metadata(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.flaky > 0:
		r.flaky--
		return reply(http.StatusServiceUnavailable, "busy"), nil
	case strings.HasSuffix(req.URL.Path, "/token"):
		resp := reply(200, "secret-token")
		resp.Header.Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
		return resp, nil
	case strings.HasSuffix(req.URL.Path, "/security-credentials/"):
		if r.profile != 0 {
			return reply(r.profile, ""), nil
		}
		return reply(200, "web"), nil
	}
	r.keys++
	return reply(200, fmt.Sprintf(`{"Code":"Success","AccessKeyId":"key%d","SecretAccessKey":"hush","Token":"hush",
		"Expiration":%q}`, r.keys, time.Now().Add(6*time.Hour).Format(time.RFC3339))), nil
}

func reply(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

type step = func(*http.Request) (*http.Response, error)

func says(status int, code, message string) step {
	return func(*http.Request) (*http.Response, error) {
		return reply(status, "<ErrorResponse><Error><Type>Sender</Type><Code>"+code+"</Code><Message>"+message+
			"</Message></Error><RequestId>req-1</RequestId></ErrorResponse>"), nil
	}
}

func plain(status int, body string) step {
	return func(*http.Request) (*http.Response, error) { return reply(status, body), nil }
}

func hangs(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, &url.Error{Op: "Post", URL: req.URL.String(), Err: req.Context().Err()}
}

func cut(*http.Request) (*http.Response, error) {
	return nil, &url.Error{Op: "Post", URL: "http://api", Err: io.ErrUnexpectedEOF}
}

var (
	fine = plain(200, "<R><DescribeAutoScalingGroupsResult><AutoScalingGroups/></DescribeAutoScalingGroupsResult>"+
		"<EnterStandbyResult/><DescribeTargetHealthResult><TargetHealthDescriptions/></DescribeTargetHealthResult></R>")
	slow = says(400, "Throttling", "Rate exceeded")
)

func load(t *testing.T, r *region, log *zap.Logger) *Session {
	t.Helper()
	s, err := Load(t.Context(), Options{
		Region: "eu-west-1", HTTP: r, Log: log, Endpoint: "http://api", MetadataEndpoint: "http://imds",
		Rand: func() float64 { return 1 },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func describe(ctx context.Context, s *Session) error {
	_, err := awsasg.NewFromConfig(s.Config()).DescribeAutoScalingGroups(ctx, &awsasg.DescribeAutoScalingGroupsInput{})
	return Wrap(err, "describe group %s", "web")
}

func targetHealth(ctx context.Context, s *Session) error {
	arn := "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/web/1"
	_, err := elbv2.NewFromConfig(s.Config()).DescribeTargetHealth(ctx, &elbv2.DescribeTargetHealthInput{TargetGroupArn: &arn})
	return Wrap(err, "describe health in target group %s", "web")
}

func enter(ctx context.Context, s *Session) error {
	ctx, cancel := Once(ctx)
	defer cancel()
	group, yes := "web", true
	_, err := awsasg.NewFromConfig(s.Config()).EnterStandby(ctx, &awsasg.EnterStandbyInput{
		AutoScalingGroupName: &group, ShouldDecrementDesiredCapacity: &yes,
	})
	return Wrap(err, "enter standby %s in %s", "i-1", "web")
}

// hermetic keeps the machine's own AWS settings out of a test.
func hermetic(t *testing.T) {
	for _, name := range []string{
		"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_PROFILE",
		"AWS_ENDPOINT_URL", "AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_MAX_ATTEMPTS",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE",
	} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
}
