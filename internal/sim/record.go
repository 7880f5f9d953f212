package sim

import (
	"net/url"
	"strings"
	"time"
)

// Call is one request as the Region has seen it.
type Call struct {
	N       int       // 1 for the first request
	At      time.Time // of arrival
	Service string    // autoscaling, elasticloadbalancing, elasticloadbalancingv2, sts or imds
	Action  string    // for imds the method and path: "GET /latest/meta-data/instance-id"
	Caller  string    // id of the instance whose credentials signed it or whose metadata it asks for; ""
	Params  url.Values
	Status  int    // HTTP status of the answer; 0: not answered yet, or never served
	Code    string // error code; "" on success
	Effect  bool   // a mutating call that took effect
	Lost    bool   // the answer never reached the caller
}

// Mutating says whether the call would change something if it took effect.
func (c Call) Mutating() bool {
	return c.Service != "imds" && !strings.HasPrefix(c.Action, "Describe") && !strings.HasPrefix(c.Action, "Get")
}

// Calls are all requests so far, in the order of arrival.
func (r *Region) Calls() []Call {
	r.lock()
	defer r.unlock()
	calls := make([]Call, len(r.calls))
	for i, c := range r.calls {
		calls[i] = *c
	}
	return calls
}

// arrive puts a request on record.
func (r *Region) arrive(c Call) *Call {
	r.lock()
	defer r.unlock()
	c.N, c.At = len(r.calls)+1, r.now
	r.calls = append(r.calls, &c)
	return &c
}

// served puts the outcome on record. The Region is locked.
func (c *Call) served(status int, code string) {
	c.Status, c.Code = status, code
	c.Effect = code == "" && c.Mutating()
}

// lose puts on record that the caller has no answer.
func (r *Region) lose(c *Call) {
	r.lock()
	defer r.unlock()
	c.Lost = true
}
