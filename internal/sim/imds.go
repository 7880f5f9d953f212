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

// Metadata is what the metadata service of one instance says beyond what follows from the instance,
// and how it misbehaves. The zero value is a plain instance with a role, nothing planned for it, and
// session tokens required.
type Metadata struct {
	Off                bool          // the service is turned off: 403
	HopLimited         bool          // the answer to a token PUT never arrives: it hangs until the caller gives up
	NoProfile          bool          // no instance profile
	V1Allowed          bool          // requests without a session token are answered (HttpTokens=optional)
	TokenTTL           time.Duration // session tokens die after this, whatever they promised; 0: as promised
	CredentialsExpired bool          // the role's credentials have expired; the APIs answer ExpiredToken

	SpotAction, SpotTime string    // spot/instance-action: "terminate", "stop", "hibernate", and when
	Rebalance            time.Time // events/recommendations/rebalance: noticeTime; zero: absent
	Events               []MaintenanceEvent
	TargetState          *string // autoscaling/target-lifecycle-state; nil: as the instance moves; "": absent
}

// MaintenanceEvent is a scheduled event of EC2 (EC2 User Guide, "Scheduled events for your instances").
type MaintenanceEvent struct {
	Code, Description, EventID, State string
	NotBefore, NotAfter               time.Time
}

// SetMetadata replaces what an instance's metadata service says.
func (r *Region) SetMetadata(instance string, m Metadata) {
	r.UpdateMetadata(instance, func(now *Metadata) { *now = m })
}

// UpdateMetadata changes part of what an instance's metadata service says.
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
		if r.hangs(instance, req) {
			c := r.arrive(d.call())
			<-req.Context().Done()
			r.lose(c)
			panic(http.ErrAbortHandler)
		}
		r.deliver(w, req, d)
	})
}

// hangs says whether the hop limit swallows the answer: only tokens are sent with one.
func (r *Region) hangs(instance string, req *http.Request) bool {
	r.lock()
	defer r.unlock()
	in := r.instances[instance]
	return in != nil && in.metadata.HopLimited && req.Method == http.MethodPut
}

// metadataDelivery is a request on its way to a metadata service.
type metadataDelivery struct {
	r        *Region
	instance string
	req      *http.Request
}

func (d *metadataDelivery) call() Call {
	return Call{Service: "imds", Action: d.req.Method + " " + d.req.URL.Path, Caller: d.instance, Params: url.Values{}}
}

func (d *metadataDelivery) refuse(err error) (answer, string) {
	status := http.StatusServiceUnavailable
	if f := new(refusal); errors.As(err, &f) {
		status = f.status
	}
	return errorPage(status), http.StatusText(status)
}

// serve answers a request, Region locked (EC2 User Guide, "Use the Instance Metadata Service").
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
	case !d.r.tokenHolds(in, d.req.Header.Get(tokenHeader)):
		return errorPage(http.StatusUnauthorized)
	}
	body, found := d.r.item(in, itemPath(d.req.URL.Path))
	if !found {
		return errorPage(http.StatusNotFound)
	}
	return answer{http.StatusOK, map[string]string{"Content-Type": "text/plain", "Server": "EC2ws"}, []byte(body)}
}

const (
	tokenHeader    = "X-aws-ec2-metadata-token"
	tokenTTLHeader = "X-aws-ec2-metadata-token-ttl-seconds"
	longestToken   = 6 * 60 * 60 // seconds
)

// token is a metadata session.
type token struct {
	instance string
	dies     time.Time
}

// newToken opens a session. The answer repeats the time to live in a header: Go's SDK cannot do
// without. Requests that came through a proxy are refused.
func (r *Region) newToken(in *instance, req *http.Request) answer {
	ttl, err := strconv.Atoi(req.Header.Get(tokenTTLHeader))
	switch {
	case req.URL.Path != "/latest/api/token" || req.Header.Get("X-Forwarded-For") != "":
		return errorPage(http.StatusForbidden)
	case err != nil || ttl < 1 || ttl > longestToken:
		return errorPage(http.StatusBadRequest)
	}
	life := time.Duration(ttl) * time.Second
	if in.metadata.TokenTTL > 0 {
		life = min(life, in.metadata.TokenTTL)
	}
	text := r.names.token()
	r.tokens[text] = token{in.id, r.now.Add(life)}
	return answer{http.StatusOK, map[string]string{"Content-Type": "text/plain", tokenTTLHeader: strconv.Itoa(ttl)}, []byte(text)}
}

// tokenHolds says whether a request may be answered.
func (r *Region) tokenHolds(in *instance, text string) bool {
	if text == "" {
		return in.metadata.V1Allowed
	}
	t, ok := r.tokens[text]
	return ok && t.instance == in.id && r.now.Before(t.dies)
}

// itemPath is the item below the version: "/latest/meta-data/instance-id/" asks for "meta-data/instance-id".
func itemPath(path string) string {
	path = strings.Trim(path, "/")
	version, item, _ := strings.Cut(path, "/")
	if _, err := time.Parse(time.DateOnly, version); err != nil && version != "latest" {
		return ""
	}
	return item
}

// errorPage is the XHTML page that comes with an error.
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
