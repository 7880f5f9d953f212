package conform

import (
	"maps"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Exchange is one request and its answer. Nothing of a request's header is in it, so no key and no
// signature.
type Exchange struct {
	At     float64           `json:"at"`   // seconds since the start of the run
	Took   float64           `json:"took"` // seconds
	Action string            `json:"action"`
	Params map[string]string `json:"params,omitempty"`
	Status int               `json:"status,omitempty"` // HTTP status; 0: no answer
	Error  string            `json:"error,omitempty"`  // code
	Body   string            `json:"body,omitempty"`
}

// fill adds the parameters and the answer, without what a reader has no business with. Answers about
// the whole account keep no body: they name what other people own.
func (e *Exchange) fill(form url.Values, body string) {
	e.Params = map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(form)) {
		if name != "Action" && name != "Version" {
			e.Params[name] = redact(form.Get(name))
		}
	}
	if m := errorCode.FindStringSubmatch(body); m != nil {
		e.Error = m[1]
	}
	if e.Error != "" || e.names() {
		e.Body = redact(body)
	}
}

// names says whether a request was about something that it named.
func (e *Exchange) names() bool {
	for name := range e.Params {
		if strings.Contains(name, "Name") || strings.Contains(name, "Arn") || strings.HasPrefix(name, "InstanceIds") {
			return true
		}
	}
	return false
}

var (
	errorCode = regexp.MustCompile(`<Error>(?:.|\n)*?<Code>([^<]*)</Code>`)
	arn       = regexp.MustCompile(`arn:[a-z-]+:([a-z0-9-]+):[a-z0-9-]*:\d*:([A-Za-z0-9:/_.*+=,@-]+)`)
	account   = regexp.MustCompile(`\b\d{12}\b`)
	tagList   = regexp.MustCompile(`<Tags>(?:.|\n)*?</Tags>`)
)

// redact shortens ARNs to their last part, and removes account ids and tags.
func redact(text string) string {
	text = tagList.ReplaceAllString(text, "<Tags/>")
	text = arn.ReplaceAllStringFunc(text, func(found string) string {
		m := arn.FindStringSubmatch(found)
		path := m[2]
		if i := strings.LastIndexAny(path, "/"); i >= 0 && !strings.HasPrefix(path, "targetgroup/") && !strings.HasPrefix(path, "loadbalancer/") {
			path = path[i+1:]
		}
		return "arn:" + m[1] + ":" + path
	})
	return account.ReplaceAllString(text, "ACCOUNT")
}

// seconds is a duration for people and for JSON, to the hundredth.
func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*100) / 100 }

// distinct are the texts without repeats, in the order of their first appearance.
func distinct(texts []string) []string {
	var all []string
	for _, text := range texts {
		if !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}
