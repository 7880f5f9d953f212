package awsapi

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"balanced/internal/failure"
)

// keysIn sets up one place that the SDK takes keys from, and says what the error must name.
func keysIn(t *testing.T, where string) (names []string) {
	t.Helper()
	hermetic(t)
	for _, name := range []string{"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"} {
		t.Setenv(name, "")
	}
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "aws")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	switch where {
	case "environment":
		t.Setenv("AWS_ACCESS_KEY_ID", "AKIA")
		t.Setenv("AWS_SECRET_ACCESS_KEY", "hush")
		return []string{"environment", "AWS_ACCESS_KEY_ID"}
	case "credentials file":
		path := file("[web]\naws_access_key_id = AKIA\naws_secret_access_key = hush\n")
		t.Setenv("AWS_SHARED_CREDENTIALS_FILE", path)
		t.Setenv("AWS_PROFILE", "web")
		return []string{"profile web", path}
	case "config file":
		path := file("[profile web]\naws_access_key_id = AKIA\naws_secret_access_key = hush\n")
		t.Setenv("AWS_CONFIG_FILE", path)
		t.Setenv("AWS_PROFILE", "web")
		return []string{"profile web", path}
	case "process":
		path := file("[profile web]\ncredential_process = printf '{\"Version\":1,\"AccessKeyId\":\"AKIA\",\"SecretAccessKey\":\"hush\"}'\n")
		t.Setenv("AWS_CONFIG_FILE", path)
		t.Setenv("AWS_PROFILE", "web")
		return []string{"credential_process", "profile web", path}
	case "container":
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"AccessKeyId":"ASIA","SecretAccessKey":"hush","Token":"t","Expiration":"` + time.Now().Add(6*time.Hour).UTC().Format(time.RFC3339) + `"}`))
		}))
		t.Cleanup(s.Close)
		t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", s.URL)
		return []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI"}
	}
	return nil
}

// Keys that stand somewhere and are wrong stay wrong: no waiting, and the place is named.
func TestWrongKeysOutsideTheRoleEndAtOnceAndAreNamed(t *testing.T) {
	for _, where := range []string{"environment", "credentials file", "config file", "process", "container"} {
		for name, says := range map[string]step{
			"deleted":        says(403, "InvalidClientTokenId", "The security token included in the request is invalid."),
			"of nobody":      says(400, "UnrecognizedClientException", "The security token included in the request is invalid."),
			"another secret": says(403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided."),
			"malformed":      says(400, "IncompleteSignature", "Credential must have exactly 5 slash-delimited elements"),
		} {
			t.Run(where+", "+name, func(t *testing.T) {
				named := keysIn(t, where)
				r := &region{script: []step{says}}
				s := load(t, r, nil)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				err := describe(ctx, s)
				if failure.Of(err) != failure.Denied || ctx.Err() != nil || len(r.requests) > 2 {
					t.Errorf("%v, class %v, %d requests", err, failure.Of(err), len(r.requests))
				}
				for _, name := range named {
					if !strings.Contains(err.Error(), name) {
						t.Errorf("%q does not name %q", err, name)
					}
				}
				if !strings.Contains(failure.Hint(err), named[len(named)-1]) {
					t.Errorf("the hint %q does not name the place", failure.Hint(err))
				}
			})
		}
	}
}

func TestAnExpiredTokenInTheEnvironmentEndsAtOnce(t *testing.T) {
	keysIn(t, "environment")
	t.Setenv("AWS_SESSION_TOKEN", "old")
	r := &region{script: []step{says(403, "ExpiredToken", "The security token included in the request is expired")}}
	if err := describe(t.Context(), load(t, r, nil)); failure.Of(err) != failure.Denied || len(r.requests) != 1 {
		t.Errorf("%v after %d requests", err, len(r.requests))
	}
}

// The SDK cannot even send a key with a line break in it, which an environment file makes easily.
func TestAKeyWithALineBreakIsNamed(t *testing.T) {
	keysIn(t, "environment")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIA\n")
	s, err := Load(t.Context(), Options{Region: "eu-west-1", Endpoint: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	err = describe(t.Context(), s)
	if failure.Of(err) != failure.Denied || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID") || strings.Contains(err.Error(), "AKIA") {
		t.Errorf("got %v", err)
	}
}

// The role's own keys are rotated, and a new role takes its time: those are waited for.
func TestTheRolesKeysAreWaitedFor(t *testing.T) {
	for _, code := range []string{"InvalidClientTokenId", "UnrecognizedClientException", "ExpiredToken"} {
		bad := says(403, code, "invalid")
		if _, _, err := within(t, time.Minute, describe, bad, bad, bad, fine); err != nil {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func TestARoleThatIsNotThereYetIsTold(t *testing.T) {
	hermetic(t)
	for name, c := range map[string]struct {
		list string // of roles; empty: 404
		role string
		yet  bool
		want failure.Class
	}{
		"no profile":               {"", "", true, failure.Denied},
		"an empty list":            {" ", "", true, failure.Denied},
		"a role that is not there": {"web", "", true, failure.Denied},
		"a role EC2 may not take":  {"web", `{"Code":"AssumeRoleUnauthorizedAccess","Message":"EC2 cannot assume the role web."}`, true, failure.Denied},
		"a page":                   {"web", proxyPage, false, failure.Unreachable},
		"an empty document":        {"web", " ", false, failure.Unreachable},
	} {
		synctest.Test(t, func(t *testing.T) {
			client := doer(func(req *http.Request) (*http.Response, error) {
				resp := reply(http.StatusNotFound, "")
				switch path := req.URL.Path; {
				case strings.HasSuffix(path, "/token"):
					resp = reply(200, "token")
					resp.Header.Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "60")
				case strings.HasSuffix(path, "/security-credentials/") && c.list != "":
					resp = reply(200, strings.TrimSpace(c.list))
				case strings.HasSuffix(path, "/web") && c.role != "":
					resp = reply(200, strings.TrimSpace(c.role))
				}
				return resp, nil
			})
			s, err := Load(t.Context(), Options{Region: "eu-west-1", HTTP: client, Endpoint: "http://api", MetadataEndpoint: "http://imds"})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			ctx, look := Together(ctx)
			err = describe(ctx, s)
			if began := look.Began(); !began.IsZero() {
				t.Errorf("%s: AWS answered at %s, though nothing was sent", name, began)
			}
			_, yet := errors.AsType[*NoRoleYetError](err)
			_, none := errors.AsType[*NoCredentialsError](err)
			if yet != c.yet || none != c.yet || failure.Of(err) != c.want {
				t.Errorf("%s: %v, not yet %v, class %v", name, err, yet, failure.Of(err))
			}
		})
	}
}

// AWS names the policy that denies a call, and only its owner can change it.
func TestADenialNamesItsPolicy(t *testing.T) {
	const who = "User: arn:aws:sts::123456789012:assumed-role/web/i-0abc is not authorized to perform: autoscaling:DescribeAutoScalingGroups "
	for says1, want := range map[string]struct{ text, hint string }{
		"with an explicit deny in a service control policy":                                         {"explicit deny in a service control policy", "organization"},
		"with an explicit deny in a service control policy: arn:aws:organizations::1:policy/o/p":    {"policy/o/p", "organization"},
		"with an explicit deny in a resource control policy":                                        {"resource control policy", "organization"},
		"because no service control policy allows the autoscaling:DescribeAutoScalingGroups action": {"no service control policy allows", "organization"},
		"with an explicit deny in a permissions boundary":                                           {"permissions boundary", "boundary of the role"},
		"because no permissions boundary allows the autoscaling:DescribeAutoScalingGroups action":   {"no permissions boundary allows", "boundary of the role"},
		"with an explicit deny in a session policy":                                                 {"session policy", "session policy"},
		"because no VPC endpoint policy allows the autoscaling:DescribeAutoScalingGroups action":    {"no VPC endpoint policy allows", "VPC endpoint"},
		"with an explicit deny in a VPC endpoint policy":                                            {"VPC endpoint policy", "VPC endpoint"},
		"with an explicit deny in an identity-based policy":                                         {"identity-based policy", "explicit deny"},
		"because no identity-based policy allows the autoscaling:DescribeAutoScalingGroups action":  {"no identity-based policy allows", "to the instance's role"},
	} {
		_, _, err := within(t, time.Minute, describe, says(403, "AccessDenied", who+says1))
		begin := err.Error()[:min(len(err.Error()), 190)]
		if failure.Of(err) != failure.Denied || !strings.Contains(failure.Hint(err), want.hint) || !strings.Contains(failure.Hint(err), "autoscaling:DescribeAutoScalingGroups") {
			t.Errorf("%q: class %v, hint %q", says1, failure.Of(err), failure.Hint(err))
		}
		if !strings.Contains(err.Error(), want.text) || want.hint != "to the instance's role" && !strings.Contains(begin, want.text) {
			t.Errorf("%q: AWS's words about the policy do not come first in %q", says1, err)
		}
		if want.hint != "to the instance's role" && strings.Contains(failure.Hint(err), "to the instance's role") {
			t.Errorf("%q: the hint %q is about the role", says1, failure.Hint(err))
		}
	}
}

func TestAClockThatIsOffIsSaid(t *testing.T) {
	for name, says1 := range map[string]step{
		"too late":   says(400, "RequestExpired", "Request has expired."),
		"expired":    says(403, "SignatureDoesNotMatch", "Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z"),
		"too early":  says(403, "SignatureDoesNotMatch", "Signature not yet current: 20260101T000000Z is still later than 20251231T000000Z"),
		"skewed":     says(403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large."),
		"of the CRT": says(403, "InvalidSignatureException", "Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z"),
	} {
		off := func(req *http.Request) (*http.Response, error) {
			resp, err := says1(req)
			resp.Header.Set("Date", time.Now().Add(-20*time.Minute).UTC().Format(http.TimeFormat))
			return resp, err
		}
		_, _, err := within(t, time.Minute, describe, off)
		if u, ok := errors.AsType[*UnreachableError](err); !ok || u.Why != ClockOff || !strings.Contains(err.Error(), "clock is off by 20m") || !strings.Contains(failure.Hint(err), "clock") {
			t.Errorf("%s: %v; %s", name, err, failure.Hint(err))
		}
	}
}

func TestAProfileThatDoesNotExistIsNamed(t *testing.T) {
	keysIn(t, "config file")
	t.Setenv("AWS_PROFILE", "wbe")
	_, err := Load(t.Context(), Options{Region: "eu-west-1"})
	if failure.Of(err) != failure.Setup || !strings.Contains(err.Error(), "wbe") || !strings.Contains(failure.Hint(err), "AWS_PROFILE") {
		t.Errorf("%v, class %v; %s", err, failure.Of(err), failure.Hint(err))
	}
}

func TestABundleThatCannotBeReadIsNamed(t *testing.T) {
	keysIn(t, "environment")
	bundle := filepath.Join(t.TempDir(), "none.pem")
	t.Setenv("AWS_CA_BUNDLE", bundle)
	for range 2 {
		if _, err := Load(t.Context(), Options{Region: "eu-west-1"}); failure.Of(err) != failure.Setup || !strings.Contains(err.Error()+failure.Hint(err), bundle) {
			t.Errorf("%v, class %v; %s", err, failure.Of(err), failure.Hint(err))
		}
		if err := os.WriteFile(bundle, []byte("no certificate"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A process that may open no more files reaches nobody; that is no fault of its own.
func TestNoMoreFilesIsNamed(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE} {
		full := func(*http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "Post", URL: "https://api", Err: &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", errno)}}
		}
		r, _, err := within(t, time.Minute, describe, full)
		if failure.Of(err) != failure.Unreachable || !strings.Contains(err.Error(), errno.Error()) || !strings.Contains(failure.Hint(err), "ulimit") || len(r.requests) < 3 {
			t.Errorf("%v after %d requests; %s", err, len(r.requests), failure.Hint(err))
		}
	}
	if err := unloadable(&os.PathError{Op: "open", Path: "/root/.aws/config", Err: syscall.EMFILE}); failure.Of(err) != failure.Unreachable {
		t.Errorf("settings that cannot be opened: %v", err)
	}
}
