package sim

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Metadata is what the metadata service of one instance answers, beyond the instance's own
// properties, and how it fails. The zero value is an instance with a role and no planned events,
// whose metadata service requires session tokens.
type Metadata struct {
	Off                bool          // the service is disabled: 403
	HopLimited         bool          // the answer to a token request never arrives, as beyond the hop limit
	NoProfile          bool          // no instance profile
	V1Allowed          bool          // requests without a session token are answered (HttpTokens=optional)
	TokenTTL           time.Duration // actual lifetime of session tokens; 0: as the answer says
	TokenTime          time.Duration // time that the answer to a token request takes
	CredentialsExpired bool          // the role's credentials have expired, and the APIs answer ExpiredToken
	CredentialsFrom    time.Time     // the role's credentials are absent (404) before this time; zero: never
	Spot               bool          // instance-life-cycle is spot
	TagsEnabled        bool          // the instance's tags are items below tags/instance

	SpotAction, SpotTime string    // spot/instance-action: "terminate", "stop", "hibernate", and when
	Rebalance            time.Time // events/recommendations/rebalance: noticeTime; zero: absent
	Events               []MaintenanceEvent
	TargetState          *string // autoscaling/target-lifecycle-state; nil: follows the instance's moves; "": absent
}

// MaintenanceEvent is a scheduled event of EC2 (EC2 User Guide, "Scheduled events for your
// instances").
type MaintenanceEvent struct {
	Code, Description, EventID, State string
	NotBefore, NotAfter               time.Time
	Date                              string // NotBefore as text, for a date in an unexpected form; "": NotBefore
}

// SetMetadata replaces an instance's Metadata.
func (r *Region) SetMetadata(instance string, m Metadata) {
	r.UpdateMetadata(instance, func(now *Metadata) { *now = m })
}

// UpdateMetadata changes an instance's Metadata.
func (r *Region) UpdateMetadata(instance string, change func(*Metadata)) {
	r.lock()
	defer r.unlock()
	change(&r.instance(instance).metadata)
}

// Metadata serves the metadata service, version 2, of one instance. An id the Region does not have
// answers 404 to everything.
func (r *Region) Metadata(instance string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		d := &metadataDelivery{r, instance, req}
		if r.swallowsToken(instance, req) {
			c := r.recordArrival(d.call())
			<-req.Context().Done()
			r.recordLost(c)
			panic(http.ErrAbortHandler)
		}
		r.deliver(w, req, d)
	})
}

// swallowsToken says whether the answer is lost to the hop limit, which applies only to tokens.
func (r *Region) swallowsToken(instance string, req *http.Request) bool {
	r.lock()
	defer r.unlock()
	in := r.instances[instance]
	return in != nil && in.metadata.HopLimited && req.Method == http.MethodPut
}

// metadataDelivery is a request to a metadata service.
type metadataDelivery struct {
	r        *Region
	instance string
	req      *http.Request
}

func (d *metadataDelivery) call() Call {
	return Call{Service: "imds", Action: d.req.Method + " " + d.req.URL.Path, Caller: d.instance, Params: url.Values{}}
}

func (d *metadataDelivery) errorAnswer(err error) (answer, string) {
	status := http.StatusServiceUnavailable
	if f := new(refusal); errors.As(err, &f) {
		status = f.status
	}
	return errorPage(status), http.StatusText(status)
}

// serve answers a request with the Region locked (EC2 User Guide, "Use the Instance Metadata
// Service").
func (d *metadataDelivery) serve(*Fault) (answer, string) {
	a := d.answer()
	if a.status != http.StatusOK {
		return a, http.StatusText(a.status)
	}
	return a, ""
}

func (d *metadataDelivery) answer() answer {
	in := d.r.instances[d.instance]
	switch {
	case in == nil:
		return errorPage(http.StatusNotFound)
	case in.metadata.Off:
		return errorPage(http.StatusForbidden)
	case d.req.Method == http.MethodPut:
		return d.r.newToken(in, d.req)
	case d.req.Method != http.MethodGet && d.req.Method != http.MethodHead:
		return errorPage(http.StatusMethodNotAllowed)
	case !d.r.tokenValid(in, d.req.Header.Get(tokenHeader)):
		return errorPage(http.StatusUnauthorized)
	}
	path, known := itemPath(d.req.URL.Path)
	body, found := d.r.item(in, path)
	if !known || !found {
		return errorPage(http.StatusNotFound)
	}
	return answer{http.StatusOK, map[string]string{"Content-Type": "text/plain", "Server": "EC2ws"}, []byte(body)}
}

const (
	tokenPath      = "/latest/api/token"
	tokenHeader    = "X-aws-ec2-metadata-token"
	tokenTTLHeader = "X-aws-ec2-metadata-token-ttl-seconds"
	longestToken   = 6 * 60 * 60 // seconds
)

// token is a metadata session.
type token struct {
	instance string
	expires  time.Time
}

// newToken starts a session. The answer repeats the lifetime in a header, which Go's SDK requires.
// Requests that came through a proxy are refused.
func (r *Region) newToken(in *instance, req *http.Request) answer {
	ttl, err := strconv.Atoi(req.Header.Get(tokenTTLHeader))
	switch {
	case req.URL.Path != tokenPath || req.Header.Get("X-Forwarded-For") != "":
		return errorPage(http.StatusForbidden)
	case err != nil || ttl < 1 || ttl > longestToken:
		return errorPage(http.StatusBadRequest)
	}
	life := time.Duration(ttl) * time.Second
	if in.metadata.TokenTTL > 0 {
		life = min(life, in.metadata.TokenTTL)
	}
	text := r.names.token()
	r.requests.tokens[text] = token{in.id, r.now.Add(life)}
	return answer{http.StatusOK, map[string]string{"Content-Type": "text/plain", tokenTTLHeader: strconv.Itoa(ttl)}, []byte(text)}
}

// tokenValid says whether a request has a valid session token, or needs none.
func (r *Region) tokenValid(in *instance, text string) bool {
	if text == "" {
		return in.metadata.V1Allowed
	}
	t, ok := r.requests.tokens[text]
	return ok && t.instance == in.id && r.now.Before(t.expires)
}

// itemPath is the path below the version, and whether there is such a version:
// "/latest/meta-data/instance-id/" asks for "meta-data/instance-id".
func itemPath(path string) (item string, ok bool) {
	path = strings.Trim(path, "/")
	version, item, _ := strings.Cut(path, "/")
	_, err := time.Parse(time.DateOnly, version)
	return item, item != "" && (err == nil || version == "latest")
}

// errorPage is an error answer with its XHTML page.
func errorPage(status int) answer {
	title := fmt.Sprintf("%d - %s", status, http.StatusText(status))
	body := `<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
 "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>` + title + `</title>
 </head>
 <body>
  <h1>` + title + `</h1>
 </body>
</html>
`
	return answer{status, map[string]string{"Content-Type": "text/html", "Server": "EC2ws"}, []byte(body)}
}
