package awsapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsimds "github.com/aws/aws-sdk-go-v2/feature/ec2/imds"

	"balanced/internal/failure"
)

// proxyPage is what proxies, firewalls and login pages of networks answer with.
const proxyPage = "<html><head><title>Blocked</title></head><body>Access denied by policy.</body></html>"

func TestWhatIsNotAWSIsNoAnswer(t *testing.T) {
	bodies := map[string]string{
		"HTML": proxyPage, "nothing": "", "text": "no", "JSON": `{"error":"blocked"}`, "XML": "<Response><Status>denied</Status></Response>",
		"an error without a code": "<ErrorResponse><Error><Message>no</Message></Error></ErrorResponse>",
		"a code that is none":     "<ErrorResponse><Error><Code>&lt;b&gt; no </Code></Error></ErrorResponse>",
	}
	for _, status := range []int{204, 300, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 410, 413, 418, 451, 500, 502, 503, 511} {
		for name, body := range bodies {
			if status != 302 && status != 403 && name != "HTML" && name != "nothing" {
				continue // the bodies that there are most of are enough for the others
			}
			if testing.Short() && status%3 > 0 && name != "HTML" {
				continue
			}
			t.Run(fmt.Sprintf("%d with %s", status, name), func(t *testing.T) {
				strange := func(*http.Request) (*http.Response, error) {
					resp := reply(status, body)
					resp.Header.Set("Location", "http://elsewhere.example/")
					return resp, nil
				}
				r, _, err := within(t, 20*time.Second, describe, strange)
				u, ok := errors.AsType[*UnreachableError](err)
				if !ok || u.Why != NotAWS && u.Why != ServerError || failure.Of(err) != failure.Unreachable {
					t.Errorf("%v, class %v", err, failure.Of(err))
				}
				if n := len(r.requests); n < 3 || n > 20 {
					t.Errorf("asked %d times in 20 s", n)
				}
				if _, _, err := within(t, time.Minute, describe, strange, fine); err != nil {
					t.Errorf("not asked again: %v", err)
				}
				r, _, err = within(t, time.Minute, enter, strange)
				if len(r.requests) != 1 || !Doubtful(err) || failure.Of(err) != failure.Unreachable {
					t.Errorf("a move: sent %d times, %v", len(r.requests), err)
				}
			})
		}
	}
}

func TestASuccessThatIsNotAWSIsNoAnswer(t *testing.T) {
	for name, body := range map[string]string{
		"HTML": proxyPage, "nothing": "", "JSON": "{}", "text": "OK", "another action's result": "<R><DescribeTargetHealthResult/></R>",
		"half": "<R><DescribeAutoScalingGroupsResult><AutoScalingGroups>", "a number that is none": "<R><DescribeAutoScalingGroupsResult>" +
			"<AutoScalingGroups><member><MinSize>many</MinSize></member></AutoScalingGroups></DescribeAutoScalingGroupsResult></R>",
		"no list": "<R><DescribeAutoScalingGroupsResult/></R>",
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := within(t, time.Minute, describe, plain(200, body), fine); err != nil {
				t.Errorf("not asked again: %v", err)
			}
			r, _, err := within(t, time.Minute, describe, plain(200, body))
			if failure.Of(err) != failure.Unreachable || len(r.requests) > 20 {
				t.Errorf("asked %d times: %v, class %v", len(r.requests), err, failure.Of(err))
			}
			if r, _, err := within(t, time.Minute, enter, plain(200, body)); len(r.requests) != 1 || !Doubtful(err) {
				t.Errorf("a move: sent %d times, %v", len(r.requests), err)
			}
		})
	}
}

// elsewhere counts what it is asked, and redirects to itself or to another host.
func elsewhere(t *testing.T, status int, to func(self string) string) (url string, asked, leaked *atomic.Int32) {
	t.Helper()
	asked, leaked = new(atomic.Int32), new(atomic.Int32)
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { leaked.Add(1) }))
	t.Cleanup(other.Close)
	var self *httptest.Server
	self = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		target := other.URL
		if to != nil {
			target = to(self.URL)
		}
		w.Header().Set("Location", target)
		w.WriteHeader(status)
	}))
	t.Cleanup(self.Close)
	return self.URL, asked, leaked
}

// The SDK's own client on real sockets: it would follow 307 and 308 without an end, with the move in the body.
func TestARedirectIsNeverFollowed(t *testing.T) {
	hermetic(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hush")
	for _, status := range []int{301, 302, 303, 307, 308} {
		for name, to := range map[string]func(string) string{"to itself": func(self string) string { return self }, "to another host": nil} {
			t.Run(fmt.Sprint(status, " ", name), func(t *testing.T) {
				url, asked, leaked := elsewhere(t, status, to)
				s, err := Load(t.Context(), Options{Region: "eu-west-1", Endpoint: url})
				if err != nil {
					t.Fatal(err)
				}
				err = enter(t.Context(), s)
				if !Doubtful(err) || failure.Of(err) != failure.Unreachable {
					t.Errorf("got %v", err)
				}
				if asked.Load() != 1 || leaked.Load() != 0 {
					t.Errorf("the move was sent %d times, and %d times to another host", asked.Load(), leaked.Load())
				}
			})
		}
	}
}

func TestTheTokenOfTheMetadataServiceStaysThere(t *testing.T) {
	hermetic(t)
	for _, status := range []int{301, 302, 307, 308} {
		url, _, leaked := elsewhere(t, status, nil)
		for name, client := range map[string]*http.Client{"our own client": nil, "a client that is given": {}} {
			c := Metadata(aws.Config{}, nil, url)
			if client != nil {
				c = Metadata(aws.Config{}, client, url)
			}
			if _, err := c.GetMetadata(t.Context(), &awsimds.GetMetadataInput{Path: "instance-id"}); err == nil || leaked.Load() != 0 {
				t.Errorf("%d, %s: %v, sent %d times to another host", status, name, err, leaked.Load())
			}
		}
	}
}

// endless is a body that never ends.
type endless struct {
	text string
	read *atomic.Int64
}

func (e endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		n += copy(p[n:], e.text)
	}
	e.read.Add(int64(n))
	return n, nil
}
func (endless) Close() error { return nil }

func TestAnswersAreBounded(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		limit  int64
	}{{"a success", 200, answerLimit}, {"a failure", 400, errorLimit}, {"a redirect", 302, errorLimit}} {
		t.Run(c.name, func(t *testing.T) {
			var read atomic.Int64
			_, _, err := within(t, 10*time.Second, enter, func(*http.Request) (*http.Response, error) {
				resp := reply(c.status, "")
				resp.Body, resp.ContentLength = endless{strings.Repeat("<a><b>c</b></a>", 1<<10), &read}, -1
				return resp, nil
			})
			if failure.Of(err) != failure.Unreachable || !Doubtful(err) {
				t.Errorf("got %v", err)
			}
			if n := read.Load(); n > c.limit+64<<10 {
				t.Errorf("read %d bytes, more than %d", n, c.limit)
			}
		})
	}
}

func TestTheMetadataServiceIsBounded(t *testing.T) {
	hermetic(t)
	var read atomic.Int64
	long := doer(func(req *http.Request) (*http.Response, error) {
		resp := reply(200, "token")
		resp.Header.Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "60")
		if req.Method == http.MethodGet {
			resp.Body, resp.ContentLength = endless{strings.Repeat("i-0abc ", 1<<10), &read}, -1
		}
		return resp, nil
	})
	if _, err := Metadata(aws.Config{}, long, "http://imds").GetMetadata(t.Context(), &awsimds.GetMetadataInput{Path: "instance-id"}); err == nil {
		t.Error("an answer without an end is taken")
	}
	if n := read.Load(); n > 2*(metadataLimit+64<<10) { // two tries
		t.Errorf("read %d bytes", n)
	}
}

func TestTextsOfErrorsAreBounded(t *testing.T) {
	long := strings.Repeat("é", 20_000)
	for name, says := range map[string]step{
		"refused": says(400, "ValidationError", long), "denied": says(403, "AccessDenied", long), "throttled": says(400, "Throttling", long),
		"unknown to us": says(500, "Whatever", long), "keys": says(403, "IncompleteSignature", long), "no code": says(400, long, "no"),
		"the network": func(*http.Request) (*http.Response, error) { return nil, errors.New(long) },
	} {
		_, _, err := within(t, time.Second, describe, says)
		if n := len(err.Error()); n > textLimit+200 {
			t.Errorf("%s: a text of %d bytes", name, n)
		}
		if strings.ContainsRune(err.Error(), '\uFFFD') {
			t.Errorf("%s: a character is cut in two", name)
		}
	}
}

// Failures that come at once do not make a loop without a pause.
func TestQuickFailuresArePaced(t *testing.T) {
	for name, trouble := range map[string]step{
		"cut": cut, "a page": plain(403, proxyPage), "nothing": plain(200, ""), "a server error": says(500, "InternalFailure", "no"),
		"expired": says(403, "ExpiredToken", "expired"), "a clock": says(400, "RequestExpired", "late"),
		"half": plain(200, "<R><DescribeAutoScalingGroupsResult>"), "no list": plain(200, "<R><DescribeAutoScalingGroupsResult/></R>"),
	} {
		r, _, err := within(t, 10*time.Minute, describe, trouble)
		if n := len(r.requests); err == nil || n > 70 {
			t.Errorf("%s: %d requests in ten minutes, %v", name, n, err)
		}
	}
}

// A token service that redirects must not see the keys, either, nor be asked for ever.
func TestCredentialsAreFetchedWithoutRedirects(t *testing.T) {
	hermetic(t)
	url, asked, leaked := elsewhere(t, 307, func(self string) string { return self })
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("token"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", token)
	t.Setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/web")
	t.Setenv("AWS_ENDPOINT_URL_STS", url)
	s, err := Load(t.Context(), Options{Region: "eu-west-1", Endpoint: url})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	s.pacer.random = func() float64 { return 0 }
	cancelAfterFirst := Options{Rand: func() float64 { cancel(context.DeadlineExceeded); return 0 }}
	s.cfg.Retryer = cancelAfterFirst.retryer
	if err := describe(ctx, s); failure.Of(err) != failure.Unreachable {
		t.Errorf("got %v, class %v", err, failure.Of(err))
	}
	if n := asked.Load(); n < 1 || n > 3 || leaked.Load() > 0 { // the SDK's three attempts
		t.Errorf("asked %d times", asked.Load())
	}
}

func TestHeadersAreBounded(t *testing.T) {
	keysIn(t, "environment")
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := range 100 {
			w.Header().Set(fmt.Sprint("X-", i), strings.Repeat("x", 1<<10))
		}
		_, _ = w.Write([]byte("<R><DescribeAutoScalingGroupsResult><AutoScalingGroups/></DescribeAutoScalingGroupsResult></R>"))
	}))
	defer api.Close()
	if err := firstFailure(t, api.URL); failure.Of(err) != failure.Unreachable {
		t.Errorf("100 KB of headers are taken: %v", err)
	}
}
