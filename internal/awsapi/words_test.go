package awsapi

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"balanced/internal/failure"
)

// api is an error that AWS answered with.
func api(code, message string) error { return &smithy.GenericAPIError{Code: code, Message: message} }

// withStatus is an error with the status of the answer that it is about.
func withStatus(status int, err error) error {
	return &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: err}}
}

func TestWhatErrorsSay(t *testing.T) {
	keysIn(t, "nowhere")
	t.Setenv("HTTP_PROXY", "http://proxy.example")
	x := errors.New("x")
	const network, env = "check the network path to the AWS APIs, then run it again", "HTTP_PROXY"
	for _, c := range []struct {
		err        error
		text, hint string
	}{
		{&strangeAnswer{status: 200}, "HTTP 200 without an AWS document", ""},
		{&strangeAnswer{status: 302, content: "text/html", to: "elsewhere"}, "HTTP 302 without an AWS document (text/html), a redirect to elsewhere", ""},
		{&UnreachableError{Why: NoAnswer, Err: x}, "no answer: x", network},
		{&UnreachableError{Why: NoAnswer, Attempts: 1, Err: x}, "no answer: x", network},
		{&UnreachableError{Why: NoAnswer, Attempts: 2, Err: x}, "no answer, 2 attempts, last: x", network},
		{&UnreachableError{Why: NoAnswer}, "no answer: nothing", network},
		{&UnreachableError{Why: Throttled, Err: x}, "throttled: x", "run it again when fewer calls are made in this account and Region"},
		{&UnreachableError{Why: Expired, Err: x}, "expired credentials: x", "check the role's credentials, then run it again"},
		{&UnreachableError{Why: ClockOff, Err: x, ahead: -90 * time.Second}, "this host's clock is off by 1m30s: x", "set this host's clock (timedatectl, chronyc tracking), then run it again"},
		{&UnreachableError{Why: NotAWS, Err: x}, "an answer that is not from AWS: x", "find out what answers in place of AWS (a proxy, a firewall), then run it again"},
		{&UnreachableError{Why: NoAnswer, Err: syscall.ENFILE}, "no answer: " + syscall.ENFILE.Error(), "raise the limit of open files (ulimit -n), then run it again"},
		{&UnreachableError{Why: NoAnswer, Err: errors.New("accept: too many open files")}, "no answer: accept: too many open files", "raise the limit of open files (ulimit -n), then run it again"},
		{&UnreachableError{Why: NoAnswer, Err: &net.OpError{Op: "proxyconnect", Err: x}}, "no answer: proxyconnect: x", "check the proxy that " + env + " names, then run it again"},
		{&UnreachableError{Why: NoAnswer, Err: &net.OpError{Op: "dial", Err: x}}, "no answer: dial: x", network},
		{&UnreachableError{Why: NoAnswer, Err: x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}}, "no answer: " + x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}.Error(), network},
		{&DeniedError{Action: "ec2:Do", Err: api("AccessDenied", "no")}, "ec2:Do denied: no", "allow ec2:Do to the instance's role"},
		{&DeniedError{Action: "ec2:Do", Err: api("AccessDenied", "you may not because no session policy allows it")}, "ec2:Do denied because no session policy allows it: you may not because no session policy allows it", "allow ec2:Do in the session policy that the role was assumed with"},
		{&DeniedError{Action: "ec2:Do", Err: api("AccessDenied", "a session policy is in the way")}, "ec2:Do denied session policy: a session policy is in the way", "allow ec2:Do in the session policy that the role was assumed with"},
		{&NoCredentialsError{Err: x}, "no usable credentials: x", instanceRole.fix},
		{&NoCredentialsError{Source: "a file", Fix: "fix it", Err: x}, "no usable credentials from a file: x", "fix it"},
		{&NoCredentialsError{Source: "a file", Err: &NoRoleYetError{Err: x}}, "no usable credentials: the instance has no role", instanceRole.fix},
		{&NoRoleYetError{Err: api("AssumeRoleUnauthorizedAccess", "ask")}, "EC2 cannot assume the instance's role: AssumeRoleUnauthorizedAccess ask", ""},
		{&SettingsError{Err: x}, "AWS settings: x", "fix the AWS settings of this user and environment"},
		{&SettingsError{Err: x, Fix: "set it"}, "AWS settings: x", "set it"},
		{&RefusedError{Code: "Validation", Message: "no"}, "Validation: no", ""},
		{&proxyError{"proxy:3128", 403}, "the proxy proxy:3128 answered HTTP 403 Forbidden", ""},
		{&silence{after: 10 * time.Second, text: "x"}, "no answer within 10s: x", ""},
	} {
		hint := ""
		if h, ok := c.err.(interface{ FailureHint() string }); ok {
			hint = h.FailureHint()
		}
		if c.err.Error() != c.text || hint != c.hint {
			t.Errorf("%T\n%s (%s), want\n%s (%s)", c.err, c.err, hint, c.text, c.hint)
		}
	}
	if got := awsText(api("Code", "")); got != "api error Code: " {
		t.Errorf("an error of AWS without a word: %q", got)
	}
	if got := awsText(fmt.Errorf("around: %w", &smithyhttp.RequestSendError{Err: x})); got != "x" {
		t.Errorf("a request that was not sent: %q", got)
	}
}

// What a certificate's time is over for is a clock's matter, and only that.
func TestCertificatesThatAreOver(t *testing.T) {
	over := &UnreachableError{Why: NoAnswer, Err: x509.CertificateInvalidError{Reason: x509.Expired}}
	if got := over.FailureHint(); got != "check this host's clock and the certificate, then run it again" {
		t.Errorf("hint %q", got)
	}
}

func TestKindsOfCodes(t *testing.T) {
	for kind, codes := range map[codeKind][]string{
		codeThrottled:   {"Throttling", "ThrottlingException", "RequestLimitExceeded", "DependencyThrottle"},
		codeExpired:     {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"},
		codeUnknownKeys: {"InvalidClientTokenId", "UnrecognizedClientException"},
		codeClock:       {"RequestExpired", "RequestTimeTooSkewed"},
		codeBadKeys:     {"SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "AuthFailure", "MissingAuthenticationToken"},
		codeDenied:      {"UnauthorizedOperation", "OptInRequired", "NotAuthorized", "AccessDenied", "AccessDeniedException"},
		codeRefused:     {"ResourceContention"},
		codeOther:       {"ValidationError", "", "Denied"},
	} {
		for _, code := range codes {
			err := api(code, "")
			if got := kindOf(err.(smithy.APIError)); got != kind {
				t.Errorf("%s is %d, want %d", code, got, kind)
			}
			away := kind != codeOther && kind != codeRefused
			if turnedAway(err) != away || !turnedAway(withStatus(http.StatusTooManyRequests, err)) || throttled(err) != (kind == codeThrottled) || !throttled(withStatus(http.StatusTooManyRequests, err)) {
				t.Errorf("%s: turned away %v, throttled %v", code, turnedAway(err), throttled(err))
			}
		}
	}
	if turnedAway(errors.New("cut")) || throttled(withStatus(http.StatusTooManyRequests, errors.New("a page"))) {
		t.Error("what AWS did not say counts")
	}
}

// Which failures to fetch credentials a later try may lift, and which say that there is no role.
func TestCredentialsThatWereNotFetched(t *testing.T) {
	const role = "no EC2 IMDS role found"
	hermetic(t)
	imds := func(err error) error {
		return fmt.Errorf("%s: %w", role, &smithy.OperationError{ServiceID: "ec2imds", OperationName: "GetMetadata", Err: err})
	}
	for name, c := range map[string]struct {
		err         error
		later, none bool
	}{
		"throttled":                      {api("Throttling", ""), true, false},
		"a server error":                 {withStatus(500, api("InternalFailure", "")), true, false},
		"just below":                     {withStatus(499, api("InternalFailure", "")), false, false},
		"an error without a code":        {withStatus(403, api("UnknownError", "")), true, false},
		"denied":                         {withStatus(403, api("AccessDenied", "")), false, false},
		"a page":                         {withStatus(200, errors.New("html")), true, false},
		"a page with the last such code": {withStatus(299, errors.New("html")), true, false},
		"informed":                       {withStatus(199, errors.New("html")), false, false},
		"several choices":                {withStatus(300, errors.New("html")), false, false},
		"silence":                        {&silence{}, true, false},
		"out of files":                   {syscall.EMFILE, true, false},
		"cancelled":                      {&smithy.CanceledError{Err: errors.New("over")}, true, false},
		"half a document":                {&smithy.DeserializationError{Err: errors.New("eof")}, true, false},
		"not to be decoded":              {errors.New("failed to decode the EC2 IMDS role's credentials"), true, false},
		"something else not decoded":     {errors.New("failed to decode the file"), false, false},
		"no file":                        {errors.New("open: no such file"), false, false},
		"the metadata service, broken":   {imds(withStatus(500, errors.New("busy"))), true, false},
		"the metadata service, 404":      {imds(withStatus(404, errors.New("no"))), false, true},
		"another service":                {&smithy.OperationError{ServiceID: "STS", Err: errors.New("no")}, false, false},
		"a role EC2 may not take":        {fmt.Errorf("%s: %w", role, api("AssumeRoleUnauthorizedAccess", "")), false, true},
		"a role that is throttled":       {fmt.Errorf("%s: %w", role, api("Throttling", "")), true, false},
		"no roles":                       {errors.New("empty EC2 IMDS role list"), false, true},
	} {
		if later, none := fetching(c.err), noRole(c.err); later != c.later || none != c.none {
			t.Errorf("%s: a later try may help %v, no role %v", name, later, none)
		}
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "TRUE")
	for _, err := range []error{imds(withStatus(500, errors.New("busy"))), imds(withStatus(404, errors.New("no")))} {
		if fetching(err) || noRole(err) {
			t.Errorf("with the metadata service turned off: %v", err)
		}
	}
}

func TestShortTexts(t *testing.T) {
	for limit, want := range map[int]string{8: "aéé€", 7: "aéé…", 6: "aéé…", 2: "a…", 1: "a…", 0: "…"} {
		if got := shorten("aéé€", limit); got != want {
			t.Errorf("to %d bytes: %q, want %q", limit, got, want)
		}
	}
}

// What a redirect, a proxy's answer and the proxy of a host are told as.
func TestWordsAboutTheNetwork(t *testing.T) {
	keysIn(t, "nowhere")
	if got := host(&url.Error{URL: "https://api.example:8443/x"}); got != "api.example:8443" {
		t.Errorf("host %q", got)
	}
	for _, err := range []error{errors.New("x"), &url.Error{URL: "::"}} {
		if got := host(err); got != "the endpoint" {
			t.Errorf("host of %v: %q", err, got)
		}
	}
	if got := proxyFix("https"); got != "make the proxy let this host reach the AWS APIs" {
		t.Errorf("no proxy in the environment: %q", got)
	}
	t.Setenv("https_proxy", "http://proxy")
	if got := proxyFix("https"); got != "fix https_proxy, or add the AWS endpoints to NO_PROXY" || proxyVariable("http") != "" {
		t.Errorf("a proxy in the environment: %q", got)
	}
	for status, final := range map[int]bool{399: false, 400: true, 407: true, 408: false, 429: false, 499: true, 500: false} {
		if got := (&proxyError{status: status}).final(); got != final {
			t.Errorf("a proxy's %d: final %v", status, got)
		}
	}
	for _, c := range []struct {
		err  error
		want failure.Class
		says string
	}{
		{&proxyError{"proxy:1", 407}, failure.Setup, "HTTP 407"},
		{&strangeAnswer{status: 407}, failure.Setup, "asks for a login"},
		{&strangeAnswer{status: 406}, failure.Internal, ""},
		{&proxyError{"proxy:1", 502}, failure.Internal, ""},
		{x509.HostnameError{Certificate: &x509.Certificate{}, Host: "api"}, failure.Setup, "a certificate of another name"},
	} {
		got := settingBehind(c.err)
		if (got == nil) != (c.says == "") || got != nil && (failure.Of(got) != c.want || !strings.Contains(got.Error(), c.says)) {
			t.Errorf("%v: %v", c.err, got)
		}
	}
}
