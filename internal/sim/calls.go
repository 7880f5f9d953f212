package sim

import (
	"net/url"
	"strings"
	"time"
)

// Call is a request to the Region.
type Call struct {
	N       int       // 1 for the first request
	At      time.Time // time of arrival
	Service string    // autoscaling, elasticloadbalancing, elasticloadbalancingv2, sts or imds
	Action  string    // for imds the method and path: "GET /latest/meta-data/instance-id"
	Caller  string    // instance whose credentials signed it or whose metadata it asks for, or ""
	Params  url.Values
	Status  int    // HTTP status of the answer; 0: not served
	Code    string // error code; "": none
	Effect  bool   // whether it is a mutating call that took effect
	Lost    bool   // whether the answer did not reach the caller
}

// Mutating says whether the call changes something if it succeeds. A heartbeat does not count: it only puts off a
// time-out.
func (c Call) Mutating() bool {
	return c.Service != "imds" && mutates(c.Action) && c.Action != "RecordLifecycleActionHeartbeat"
}

func mutates(action string) bool {
	return !strings.HasPrefix(action, "Describe") && !strings.HasPrefix(action, "Get")
}

// Calls are all requests so far, in the order of arrival.
func (r *Region) Calls() []Call {
	r.lock()
	defer r.unlock()
	calls := make([]Call, len(r.requests.calls))
	for i, c := range r.requests.calls {
		calls[i] = *c
	}
	return calls
}

// recordArrival records a request.
func (r *Region) recordArrival(c Call) *Call {
	r.lock()
	defer r.unlock()
	c.N, c.At = len(r.requests.calls)+1, r.now
	r.requests.calls = append(r.requests.calls, &c)
	return &c
}

// recordOutcome records the answer. The Region is locked.
func (c *Call) recordOutcome(status int, code string) {
	c.Status, c.Code = status, code
	c.Effect = code == "" && c.Mutating()
}

// recordLost records that the caller got no answer.
func (r *Region) recordLost(c *Call) {
	r.lock()
	defer r.unlock()
	c.Lost = true
}
