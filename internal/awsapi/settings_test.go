package awsapi

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"balanced/internal/failure"
)

func TestPartitions(t *testing.T) {
	for region, want := range map[string]string{
		"eu-west-1": "aws", "": "aws", "cn-north-1": "aws-cn", "us-gov-east-1": "aws-us-gov", "eusc-de-east-1": "aws-eusc", "us-iso-east-1": "aws-iso",
		"us-isob-east-1": "aws-iso-b", "eu-isoe-west-1": "aws-iso-e", "us-isof-south-1": "aws-iso-f",
	} {
		if got := Partition(region); got != want {
			t.Errorf("%q is in %s, want %s", region, got, want)
		}
	}
}

// What of a profile the SDK takes credentials from, in its order.
func TestWhatAProfileTakesKeysFrom(t *testing.T) {
	keys := aws.Credentials{AccessKeyID: "AKIA", SecretAccessKey: "hush"}
	for want, p := range map[string]config.SharedConfig{
		"":                        {},
		"role_arn":                {RoleARN: "arn:1", Credentials: keys},
		"the access keys":         {Credentials: keys, CredentialSource: "Environment"},
		"credential_source":       {CredentialSource: "Environment", WebIdentityTokenFile: "/token"},
		"web_identity_token_file": {RoleARN: "arn:1", WebIdentityTokenFile: "/token", SSOAccountID: "1"},
		"the single sign-on":      {SSOSession: &config.SSOSession{}, LoginSession: "x"},
		"login_session":           {LoginSession: "x", CredentialProcess: "run"},
		"credential_process":      {CredentialProcess: "run"},
	} {
		if got := profileKeys(p); got != want {
			t.Errorf("%+v: %q, want %q", p, got, want)
		}
	}
	if got := profileKeys(config.SharedConfig{SSOAccountID: "1"}); got != "the single sign-on" {
		t.Errorf("of an older profile: %q", got)
	}
}

// Which keys AWS may take later, when it calls them expired or unknown now.
func TestKeysThatHeal(t *testing.T) {
	file := keySource{name: "a file"}
	for name, c := range map[string]struct {
		from    keySource
		kind    codeKind
		unknown int
		renewed bool
		want    bool
	}{
		"a role's": {instanceRole, codeUnknownKeys, 9, false, true}, "a role's, expired": {instanceRole, codeExpired, 0, false, true},
		"expired": {file, codeExpired, 0, false, false}, "expired, and renewed": {file, codeExpired, 9, true, true},
		"unknown": {file, codeUnknownKeys, 1, false, false}, "unknown once, and renewed": {file, codeUnknownKeys, 1, true, true}, "unknown twice": {file, codeUnknownKeys, 2, true, false},
	} {
		if got := c.from.heal(c.kind, c.unknown, c.renewed); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Whether keys end by themselves is known of the last ones that were used.
func TestKeysThatEnd(t *testing.T) {
	var keys aws.Credentials
	var failed error
	k := &keyring{CredentialsProvider: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return keys, failed })}
	for i, c := range []struct {
		ends   bool
		failed error
		want   bool
	}{{false, nil, false}, {true, nil, true}, {false, errors.New("none"), true}, {false, nil, false}, {true, errors.New("none"), false}} {
		keys.CanExpire, failed = c.ends, c.failed
		if _, err := k.Retrieve(t.Context()); err != c.failed || k.renews() != c.want {
			t.Errorf("%d: %v, they end %v", i, err, k.renews())
		}
	}
	k.Invalidate() // of a provider that keeps none, nothing
}

// The file that has a section for a profile is named; where none can be read, the config file.
func TestTheFileOfAProfile(t *testing.T) {
	keysIn(t, "nowhere")
	paths := map[string]string{}
	for name, text := range map[string]string{"AWS_CONFIG_FILE": "[default]\nshop\nprofile  api\n", "AWS_SHARED_CREDENTIALS_FILE": "# [old]\n[shop]\n [ profile  web ] \nregion = x\n[profile api"} {
		paths[name] = filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(paths[name], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv(name, paths[name])
	}
	for profile, want := range map[string]string{
		"default": "AWS_CONFIG_FILE", "web": "AWS_SHARED_CREDENTIALS_FILE", "api": "AWS_SHARED_CREDENTIALS_FILE", "shop": "AWS_SHARED_CREDENTIALS_FILE", "old": "AWS_CONFIG_FILE", "nowhere": "AWS_CONFIG_FILE",
	} {
		if got := profileFile(profile); got != paths[want] {
			t.Errorf("%s is in %s, want %s", profile, got, want)
		}
	}
	for source, want := range map[string]string{"SharedConfigCredentials: /keys": "/keys", "SharedConfigCredentials: ": paths["AWS_SHARED_CREDENTIALS_FILE"], "SharedConfigCredentials": paths["AWS_SHARED_CREDENTIALS_FILE"]} {
		if got := place(config.SharedConfig{Profile: "web", Credentials: aws.Credentials{Source: source}}); got != "profile web in "+want {
			t.Errorf("%q: %s", source, got)
		}
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	if got := profileFile("shop"); got != paths["AWS_SHARED_CREDENTIALS_FILE"] {
		t.Errorf("beside a file that is not there: %s", got)
	}
}

// Sources that are named by their variables, in the order of the SDK.
func TestVariablesThatNameKeys(t *testing.T) {
	for _, variable := range []string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE"} {
		keysIn(t, "nowhere")
		t.Setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/web")
		t.Setenv(variable, "http://127.0.0.1/x")
		got := load(t, &region{}, nil).keys
		if got.role || got.name != "the environment ("+variable+")" || got.fix != "fix or unset "+variable+", so that the instance's role is used" {
			t.Errorf("%s: %+v", variable, got)
		}
	}
}

func TestDualStack(t *testing.T) {
	for name, c := range map[string]struct {
		endpoint, env, file string
		want                bool
	}{
		"not asked for": {"", "", "", false}, "an endpoint of one's own": {"http://api", "", "", true}, "by the environment": {"", "true", "", true},
		"by the profile": {"", "", "true", true}, "not by the environment": {"", "false", "true", false}, "not by either": {"", "false", "false", false},
		"not by the profile": {"", "", "false", false}, "by the environment, not by the profile": {"", "true", "false", true},
	} {
		t.Run(name, func(t *testing.T) {
			keysIn(t, "nowhere")
			path := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(path, []byte("[default]\nuse_dualstack_endpoint = "+c.file+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if c.file != "" {
				t.Setenv("AWS_CONFIG_FILE", path)
			}
			t.Setenv("AWS_USE_DUALSTACK_ENDPOINT", c.env)
			s, err := Load(t.Context(), Options{Region: "eu-west-1", Endpoint: c.endpoint})
			if err != nil || s.DualStack() != c.want || s.Region() != "eu-west-1" {
				t.Errorf("%v, %v", err, s.DualStack())
			}
		})
	}
}

func TestWhoseRoleItIs(t *testing.T) {
	for where, want := range map[string]bool{"nowhere": true, "environment": false} {
		keysIn(t, where)
		synctest.Test(t, func(t *testing.T) {
			if got := load(t, &region{}, nil).FromInstanceRole(t.Context()); got != want {
				t.Errorf("keys of %s: the instance's role %v", where, got)
			}
		})
	}
	keysIn(t, "nowhere")
	synctest.Test(t, func(t *testing.T) {
		if load(t, &region{profile: http.StatusNotFound}, nil).FromInstanceRole(t.Context()) {
			t.Error("an instance without a role has its own")
		}
	})
}

// Settings that cannot work are told with what to change.
func TestSettingsThatMakeNoSense(t *testing.T) {
	for name, c := range map[string]struct {
		env        map[string]string
		options    Options
		text, hint string
	}{
		"no region":   {nil, Options{}, "AWS settings: no region", "set AWS_REGION"},
		"an endpoint": {nil, Options{Region: "eu-west-1", Endpoint: "api.example"}, `AWS settings: the endpoint "api.example" is not an http or https URL`, "fix the AWS settings of this user and environment"},
		"a profile":   {map[string]string{"AWS_PROFILE": "web"}, Options{}, "AWS settings: no profile web in the shared files", "unset AWS_PROFILE, or add the profile to /dev/null"},
	} {
		t.Run(name, func(t *testing.T) {
			keysIn(t, "nowhere")
			t.Setenv("AWS_DEFAULT_PROFILE", "")
			for key, value := range c.env {
				t.Setenv(key, value)
			}
			_, err := Load(t.Context(), c.options)
			if failure.Of(err) != failure.Setup || c.text != "" && err.Error() != c.text || failure.Hint(err) != c.hint {
				t.Errorf("%v (%s)", err, failure.Hint(err))
			}
			if c.env != nil {
				if _, other := MetadataSettings(t.Context()); other == nil || other.Error() != err.Error() {
					t.Errorf("of the metadata service: %v", other)
				}
			}
		})
	}
	for _, endpoint := range []string{"http://api", "https://api"} {
		keysIn(t, "nowhere")
		if _, err := Load(t.Context(), Options{Region: "eu-west-1", Endpoint: endpoint}); err != nil {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}

// Credentials that end within five minutes are fetched anew first; the SDK keeps those of a role for an hour at most.
func TestCredentialsAreRenewedEarly(t *testing.T) {
	hermetic(t)
	synctest.Test(t, func(t *testing.T) {
		r := &region{script: []step{fine}}
		s := load(t, r, nil)
		for _, wait := range []time.Duration{0, 54 * time.Minute, 2 * time.Minute} {
			<-time.After(wait)
			if err := describe(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
		if got := strings.ReplaceAll(strings.Join(r.requests, ", "), "DescribeAutoScalingGroups ", ""); got != "key1, key1, key2" {
			t.Errorf("asked with %s", got)
		}
	})
}

// A page that says it is enough ends the list, as the last one does; a page may be empty, and a token may not come twice.
func TestPages(t *testing.T) {
	for name, c := range map[string]struct {
		tokens []string // what each page gives
		enough int      // at this page; 0: never
		want   string   // the tokens asked with
		lacks  bool
	}{
		"one": {[]string{""}, 0, "", false}, "three": {[]string{"a", "b", ""}, 0, ",a,b", false}, "enough": {[]string{"a", "b", ""}, 2, ",a", false},
		"round in circles": {[]string{"a", "b", "a"}, 0, ",a,b", true}, "the same at once": {[]string{"a", "a"}, 0, ",a", true},
	} {
		var asked []string
		err := Pages(func(token string) (string, bool, error) {
			asked = append(asked, token)
			return c.tokens[len(asked)-1], len(asked) == c.enough, nil
		})
		if got := strings.Join(asked, ","); got != c.want || (err != nil) != c.lacks {
			t.Errorf("%s: asked with %q, %v", name, got, err)
		}
	}
	failed := errors.New("cut")
	if err := Pages(func(token string) (string, bool, error) {
		if token == "" {
			return "a", false, failed
		}
		return "", false, nil
	}); err != failed {
		t.Errorf("a page that failed: %v", err)
	}
	n := 0
	err := Pages(func(string) (string, bool, error) { n++; return strings.Repeat("x", n), false, nil })
	if n != 1000 || err == nil || err.Error() != "the answer has no end: it goes on after 1000 pages" {
		t.Errorf("%v after %d pages", err, n)
	}
}

// An answer that lacks something is asked for again at the pace of attempts.
func TestTheWaitsForAWholeAnswer(t *testing.T) {
	hermetic(t)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var at []float64
		s := load(t, &region{}, nil)
		_, err := Complete(t.Context(), s.Config(), "ec2:Ask", func(context.Context) (int, error) {
			if at = append(at, time.Since(began).Seconds()); len(at) == 5 {
				return 7, nil
			}
			return 0, Lacks("it")
		})
		if want := []float64{0, 0.5, 1.5, 3.5, 7.5}; err != nil || !slices.Equal(at, want) {
			t.Errorf("%v, asked at %v, want %v", err, at, want)
		}
	})
}
