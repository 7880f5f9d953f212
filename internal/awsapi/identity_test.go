package awsapi

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	awsasg "github.com/aws/aws-sdk-go-v2/service/autoscaling"

	"balanced/internal/failure"
)

func TestWhereTheRegionComesFrom(t *testing.T) {
	for name, c := range map[string]struct {
		env         map[string]string
		config      string
		credentials string
		region      string
		from        string // CONFIG and CREDENTIALS stand for the files
	}{
		"the instance":         {nil, "", "", "eu-west-1", "the instance's identity document"},
		"AWS_REGION":           {map[string]string{"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-2"}, "[default]\nregion = us-west-1\n", "", "us-east-1", "AWS_REGION"},
		"AWS_DEFAULT_REGION":   {map[string]string{"AWS_DEFAULT_REGION": "us-east-2"}, "[default]\nregion = us-west-1\n", "", "us-east-2", "AWS_DEFAULT_REGION"},
		"the default profile":  {nil, "[default]\nregion = us-west-1\n", "", "us-west-1", "profile default in CONFIG"},
		"a profile":            {map[string]string{"AWS_PROFILE": "web"}, "[profile web]\nregion = us-west-2\n", "", "us-west-2", "profile web in CONFIG"},
		"the credentials file": {nil, "[default]\n", "[default]\nregion = sa-east-1\n", "sa-east-1", "profile default in CREDENTIALS"},
		"beside keys":          {nil, "[default]\nregion = us-west-1\n", "[default]\naws_access_key_id = AKIA\naws_secret_access_key = hush\n", "us-west-1", "profile default in CONFIG"},
		"both files":           {nil, "[default]\nregion = us-west-1\n", "[default]\nregion = sa-east-1\n", "sa-east-1", "profile default in CREDENTIALS"},
		"another profile":      {nil, "[profile web]\nregion = us-west-2\n", "", "eu-west-1", "the instance's identity document"},
	} {
		t.Run(name, func(t *testing.T) {
			hermetic(t)
			t.Setenv("AWS_DEFAULT_PROFILE", "")
			for key, value := range c.env {
				t.Setenv(key, value)
			}
			from := c.from
			for variable, text := range map[string]string{"AWS_CONFIG_FILE": c.config, "AWS_SHARED_CREDENTIALS_FILE": c.credentials} {
				path := filepath.Join(t.TempDir(), "file")
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				t.Setenv(variable, path)
				from = strings.ReplaceAll(from, map[string]string{"AWS_CONFIG_FILE": "CONFIG", "AWS_SHARED_CREDENTIALS_FILE": "CREDENTIALS"}[variable], path)
			}
			if s := load(t, &region{}, nil); s.Config().Region != c.region || s.RegionSource() != from {
				t.Errorf("%s from %q, want %s from %q", s.Config().Region, s.RegionSource(), c.region, from)
			}
		})
	}
}

func TestWhoseCredentialsTheseAre(t *testing.T) {
	const caller = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:sts::123456789012:assumed-role/web/i-1</Arn>" +
		"<UserId>AROA:i-1</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
	who := func(ctx context.Context, s *Session) error {
		account, arn, err := s.Identity(ctx)
		if err == nil && (account != "123456789012" || arn != "arn:aws:sts::123456789012:assumed-role/web/i-1") {
			return errors.New(account + " " + arn)
		}
		return err
	}
	for name, script := range map[string][]step{
		"at once": {plain(200, caller)}, "after a throttled answer": {slow, plain(200, caller)}, "after an empty one": {plain(200, ""), plain(200, caller)},
		"after one without the account": {plain(200, strings.Replace(caller, "<Account>123456789012</Account>", "", 1)), plain(200, caller)},
		"after one without the ARN":     {plain(200, strings.Replace(caller, "<Arn>arn:aws:sts::123456789012:assumed-role/web/i-1</Arn>", "", 1)), plain(200, caller)},
		"after a page":                  {plain(200, proxyPage), plain(200, caller)},
	} {
		if r, _, err := within(t, time.Minute, who, script...); err != nil || len(r.requests) != len(script) {
			t.Errorf("%s: %v after %q", name, err, r.requests)
		}
	}
	for name, c := range map[string]struct {
		says step
		want failure.Class
	}{
		"never an account": {plain(200, strings.Replace(caller, "<Account>123456789012</Account>", "", 1)), failure.Unreachable},
		"silence":          {hangs, failure.Unreachable},
		"keys of nobody":   {says(403, "SignatureDoesNotMatch", "differs"), failure.Denied},
	} {
		if _, _, err := within(t, time.Minute, who, c.says); failure.Of(err) != c.want {
			t.Errorf("%s: %v, class %v", name, err, failure.Of(err))
		}
	}
}

// Settings that the SDK reads in the shared file count as those in the environment do.
func TestEndpointsFromEveryPlace(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		file string
		host string
		dual bool
	}{
		"the SDK's own":              {nil, "", "autoscaling.eu-west-1.amazonaws.com", false},
		"dual stack, in the file":    {nil, "use_dualstack_endpoint = true\n", "autoscaling.eu-west-1.api.aws", true},
		"dual stack, in a variable":  {map[string]string{"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "", "autoscaling.eu-west-1.api.aws", true},
		"off in a variable":          {map[string]string{"AWS_USE_DUALSTACK_ENDPOINT": "false"}, "use_dualstack_endpoint = true\n", "autoscaling.eu-west-1.amazonaws.com", false},
		"FIPS, in the file":          {nil, "use_fips_endpoint = true\n", "autoscaling-fips.eu-west-1.amazonaws.com", false},
		"an endpoint, in the file":   {nil, "endpoint_url = http://file.example\n", "file.example", true},
		"an endpoint, in a variable": {map[string]string{"AWS_ENDPOINT_URL_AUTO_SCALING": "http://env.example"}, "endpoint_url = http://file.example\n", "env.example", true},
	} {
		t.Run(name, func(t *testing.T) {
			keysIn(t, "environment")
			for _, variable := range []string{"AWS_USE_DUALSTACK_ENDPOINT", "AWS_USE_FIPS_ENDPOINT", "AWS_ENDPOINT_URL_AUTO_SCALING"} {
				t.Setenv(variable, "")
			}
			path := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(path, []byte("[default]\n"+c.file), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("AWS_CONFIG_FILE", path)
			for key, value := range c.env {
				t.Setenv(key, value)
			}
			asked := ""
			synctest.Test(t, func(t *testing.T) {
				client := doer(func(r *http.Request) (*http.Response, error) { asked = r.URL.Host; return fine(r) })
				s, err := Load(t.Context(), Options{Region: "eu-west-1", HTTP: client})
				if err != nil {
					t.Fatal(err)
				}
				if s.DualStack() != c.dual {
					t.Errorf("dual stack is %v, want %v", s.DualStack(), c.dual)
				}
				if _, err := awsasg.NewFromConfig(s.Config()).DescribeAutoScalingGroups(t.Context(), &awsasg.DescribeAutoScalingGroupsInput{}); err != nil {
					t.Error(err)
				}
			})
			if asked != c.host {
				t.Errorf("asked %s, want %s", asked, c.host)
			}
		})
	}
}
