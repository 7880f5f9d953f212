package targets

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	const arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/app/0123456789abcdef"
	got, err := Parse([]string{"web", "api:8081", "classic/legacy", arn, arn + ":9090"})
	if err != nil {
		t.Fatal(err)
	}
	want := []Name{{ID: "web"}, {ID: "api", Port: 8081}, {ID: "legacy", Classic: true}, {ID: arn}, {ID: arn, Port: 9090}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	var texts []string
	for _, n := range got {
		texts = append(texts, n.String())
	}
	if text := strings.Join(texts, " "); text != "web api:8081 classic/legacy app app:9090" {
		t.Errorf("as text: %s", text)
	}
}

func TestParseRefuses(t *testing.T) {
	for item, why := range map[string]string{
		"":                    "want NAME",
		"web:":                "want a port",
		"web:0":               "want a port",
		"web:65536":           "want a port",
		"web:http":            "want a port",
		"a b":                 "want NAME",
		"classic/":            "want classic/NAME",
		"classic/old:80":      "want classic/NAME",
		"classic/a/b":         "want classic/NAME",
		"app/front/0123":      "want NAME",
		"arn:aws:s3:::bucket": "want NAME",
		"arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/front/01": "want NAME",
	} {
		if names, err := Parse([]string{item}); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v, %v; want %s", item, names, err, why)
		}
	}
	if _, err := Parse([]string{"web", "api", "web"}); err == nil || !strings.Contains(err.Error(), "named twice") {
		t.Errorf("a name twice: %v", err)
	}
}
