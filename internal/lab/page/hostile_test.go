package page_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"balanced/internal/lab/record"
)

// hostile is a text that tries to end every context that it may be in.
const hostile = `</script></title></style></svg>"'><script>alert(1)</script><img src=http://evil.test/x onerror=alert(1)>` + "`${alert(1)}`\x1b[2J{{.}}&lt;"

func hostileRecord() record.Rehearsal {
	r := makeRecord(naiveRun)
	r.Command, r.Summary, r.Scenario, r.Group.Name, r.Sources[0].Name, r.Sources[0].Kind = hostile, hostile, hostile, hostile, hostile, hostile
	for n := range r.Events {
		r.Events[n].Text, r.Events[n].Instance = hostile, hostile
	}
	r.Events[1].Kind, r.Events[2].Kind = hostile, record.Fault
	for n := range r.Traffic.Losses {
		l := &r.Traffic.Losses[n]
		l.Request, l.Cause, l.Source, l.Instance, l.Version = hostile, hostile, hostile, hostile, hostile
	}
	for n := range r.Traffic.Seconds {
		r.Traffic.Seconds[n].Versions[hostile] = 7
	}
	i := &r.Instances[0]
	i.ID, i.Zone, i.Before, i.After = hostile, hostile, hostile, hostile
	for n := range i.Spans {
		s := &i.Spans[n]
		s.State, s.Version, s.Running, s.Targets = hostile, hostile, hostile, []record.TargetState{{Source: hostile, State: hostile}}
	}
	return r
}

func TestHostileTextStaysText(t *testing.T) {
	doc := parsePage(t, hostileRecord())
	if got := doc.one(t, "id", "command").text(); !strings.HasPrefix(got, "</script></title>") {
		t.Errorf("the command is shown as %.40q", got)
	}
	if got := len(doc.all("script", "")); got != 1 {
		t.Errorf("%d scripts", got)
	}
	for _, element := range []string{"img", "iframe", "object", "link", "base", "form", "image", "use", "foreignObject"} {
		if len(doc.all(element, "")) > 0 {
			t.Errorf("there is a <%s>", element)
		}
	}
	for n := range doc.Descendants() {
		for _, a := range n.Attr {
			inside := n.Data == "a" && regexp.MustCompile(`^#[a-z0-9-]+$|^data:application/json;base64,[A-Za-z0-9+/=]+$`).MatchString(a.Val)
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "src" || a.Key == "href" && !inside {
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			}
		}
	}
}

// The policy allows only the page's own style and script, and these contain no address.
func TestPageFetchesNothing(t *testing.T) {
	doc := parsePage(t, makeRecord(goodRun))
	csp := doc.one(t, "http-equiv", "Content-Security-Policy").attr("content")
	want := fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; base-uri 'none'; form-action 'none'",
		digest(doc.all("style", "")[0].FirstChild.Data), digest(doc.all("script", "")[0].FirstChild.Data))
	if csp != want {
		t.Errorf("the policy is\n%s, want\n%s", csp, want)
	}
	for _, place := range []string{"http:", "https:", "//", "@import", "url("} {
		for _, line := range strings.Split(renderPage(t, makeRecord(goodRun)), "\n") {
			inside := strings.Contains(line, "url(#") || strings.HasPrefix(strings.TrimSpace(line), "//")
			if strings.Contains(line, place) && !inside {
				t.Errorf("%q in %.100s", place, line)
			}
		}
	}
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}
