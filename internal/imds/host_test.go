package imds

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"balanced/internal/failure"
)

func TestWhatTheFirmwareSays(t *testing.T) {
	const dmi = "sys/devices/virtual/dmi/id/"
	for name, c := range map[string]struct {
		files map[string]string
		want  host
	}{
		"Nitro":                     {map[string]string{dmi + "sys_vendor": "Amazon EC2\n", dmi + "board_asset_tag": "i-0123456789abcdef0\n"}, host{true, true, "i-0123456789abcdef0"}},
		"Nitro, no tag":             {map[string]string{dmi + "sys_vendor": "Amazon EC2\n"}, host{true, true, ""}},
		"Nitro, a tag that is none": {map[string]string{dmi + "sys_vendor": "Amazon EC2\n", dmi + "board_asset_tag": "i-…; rm -rf /"}, host{true, true, ""}},
		"Xen":                       {map[string]string{dmi + "sys_vendor": "Xen\n", "sys/hypervisor/uuid": "EC2abcde-1111\n"}, host{true, true, ""}},
		"another cloud":             {map[string]string{dmi + "sys_vendor": "QEMU\n", dmi + "board_asset_tag": "i-0123456789abcdef0"}, host{true, false, ""}},
		"Xen elsewhere":             {map[string]string{dmi + "sys_vendor": "Xen\n", "sys/hypervisor/uuid": "1111\n"}, host{true, false, ""}},
		"nothing to read":           {nil, host{}},
	} {
		root := t.TempDir()
		for path, text := range c.files {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(root, path)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, path), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := hostOf(root); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// Off EC2 nobody is told to change an instance, and no command has a gap where its id should be.
func TestHintsAreForThisHost(t *testing.T) {
	nitro, nobody, laptop := host{true, true, "i-0123456789abcdef0"}, host{}, host{known: true}
	forbidden := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	silent := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	for _, c := range []struct {
		name       string
		on         host
		service    http.Handler // nil: nobody listens
		is         error
		says, hint string
	}{
		{"403 on an instance", nitro, forbidden, ErrDisabled, "turned off for this instance", "--instance-id i-0123456789abcdef0 --http-endpoint enabled"},
		{"403 somewhere", nobody, forbidden, ErrDisabled, "turned off", "HttpEndpoint=enabled"},
		{"403 off EC2", laptop, forbidden, ErrDisabled, "not an EC2 instance", "on an EC2 instance"},
		{"a hop limit on an instance", nitro, silent, ErrHopLimit, "hop limit", "--instance-id i-0123456789abcdef0 --http-put-response-hop-limit 2"},
		{"a hop limit somewhere", nobody, silent, ErrHopLimit, "hop limit", "HttpPutResponseHopLimit=2"},
		{"nobody on an instance", nitro, nil, ErrNoAnswer, "firewall", "169.254.169.254"},
		{"nobody somewhere", nobody, nil, ErrNoAnswer, "not an EC2 instance, or", "on an EC2 instance"},
		{"nobody off EC2", laptop, nil, ErrNoAnswer, "does not look like an EC2 instance", "on an EC2 instance"},
	} {
		synctest.Test(t, func(t *testing.T) {
			client := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
				return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
			}}}
			if c.service != nil {
				client = pipe(t, c.service)
			}
			asked := New(Options{HTTP: client, Endpoint: "http://imds"})
			asked.host = c.on
			_, err := asked.Identity(t.Context())
			if hint := failure.Hint(err); !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) || !strings.Contains(hint, c.hint) || strings.Contains(hint, "…") {
				t.Errorf("%s: %v; %s", c.name, err, hint)
			}
		})
	}
}

func TestTurnedOffByTheEnvironmentHasAHintOfItsOwn(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	_, err := New(Options{Endpoint: "http://imds"}).Identity(t.Context())
	if hint := failure.Hint(err); !strings.Contains(hint, "unset AWS_EC2_METADATA_DISABLED") || failure.Of(err) != failure.Setup {
		t.Errorf("%v; %s", err, hint)
	}
}

// The settings of the service are honoured wherever the SDK reads them, and the environment wins.
func TestSettingsFromEveryPlace(t *testing.T) {
	here := func(id string) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: service{"dynamic/instance-identity/document": strings.Replace(document, "i-0abc", id, 1)}}
		go func() { _ = s.Serve(l) }()
		t.Cleanup(func() { _ = s.Close() })
		return "http://" + l.Addr().String()
	}
	inFile, inEnvironment := here("i-0file"), here("i-0env")
	file := filepath.Join(t.TempDir(), "config")
	text := fmt.Sprintf("[default]\nec2_metadata_service_endpoint = %s\n[profile bad]\nec2_metadata_service_endpoint_mode = IPv5\n", inFile)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_CONFIG_FILE": file, "AWS_PROFILE": "", "AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "",
	} {
		t.Setenv(name, value)
	}
	identity := func() (string, error) {
		id, err := New(Options{}).Identity(t.Context())
		return id.Instance, err
	}
	if id, err := identity(); id != "i-0file" || err != nil {
		t.Errorf("in the file: %q, %v", id, err)
	}
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", inEnvironment)
	if id, err := identity(); id != "i-0env" || err != nil {
		t.Errorf("in the environment: %q, %v", id, err)
	}
	for name, value := range map[string]string{"AWS_PROFILE": "bad", "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv5"} {
		t.Setenv(name, value)
		if _, err := identity(); failure.Of(err) != failure.Setup || !strings.Contains(err.Error(), "endpoint mode") {
			t.Errorf("%s: %v, class %v", name, err, failure.Of(err))
		}
		t.Setenv(name, "")
	}
	t.Setenv("AWS_PROFILE", "nobody")
	if _, err := identity(); failure.Of(err) != failure.Setup || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("an unknown profile: %v", err)
	}
}
