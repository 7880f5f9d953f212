package probe

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFromURL(t *testing.T) {
	base := Check{Source: "--probe", Matcher: "200-399", Timeout: 5 * time.Second, Healthy: 2, Interval: time.Second}
	with := func(protocol, host string, port int, path string) Check {
		c := base
		c.Protocol, c.Host, c.Port, c.Path = protocol, host, port, path
		return c
	}
	for raw, want := range map[string]Check{
		"http://localhost:8080/health?deep=1": with("HTTP", "localhost", 8080, "/health?deep=1"),
		"http://:8080/health":                 with("HTTP", "", 8080, "/health"),
		"http://app.local":                    with("HTTP", "app.local", 80, "/"),
		"https://[::1]/a%20b#part":            with("HTTPS", "::1", 443, "/a%20b"),
		"HTTPS:///health":                     with("HTTPS", "", 443, "/health"),
	} {
		got, err := FromURL(raw)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", raw, err, diff)
		}
	}
}

func TestFromURLRefusesWithoutQuotingIt(t *testing.T) {
	none, port := "not an http or https URL, such as http://:8080/health", "port of the URL is not from 1 to 65535"
	for raw, want := range map[string]string{
		"":                         none,
		"auto":                     none,
		"/health":                  none,
		"localhost:8080/health":    none,
		"ftp://host/":              none,
		"http:health":              none,
		"http://user:pa#ss@host/":  none,
		"http://h/%zz?secret":      none,
		"http://[fe80::1%25eth0]/": "the address in the URL must not have a zone",
		"http://u:secret@host/":    "a URL to probe must not hold a user or a password",
		"http://host:0/":           port,
		"http://host:65536/secret": port,
	} {
		_, err := FromURL(raw)
		if err == nil || err.Error() != want || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", raw, err)
		}
	}
}
