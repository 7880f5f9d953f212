// Package record is the result of a rehearsal: which instance was in which state when,
// which commands ran, and what clients saw. It is what --json writes and what the page of
// --html is made from. Once released, keys are added but never changed or removed.
package record

import "time"

// Format is the version of the format. It is raised when a key changes its meaning.
const Format = 1

// Rehearsal is one rollout under traffic. Every time in it is in seconds since Started.
type Rehearsal struct {
	Format int `json:"format"`
	Setup
	Result
	Group     Group      `json:"group"`
	Sources   []Source   `json:"sources"`
	Instances []Instance `json:"instances"`
	Events    []Event    `json:"events"` // ordered by time
	Traffic   Traffic    `json:"traffic"`
	// Without is the same rehearsal with a balanced that does nothing, from --compare.
	Without *Rehearsal `json:"without_balanced,omitempty"`
}

// Setup says what was rehearsed and how.
type Setup struct {
	Command     string  `json:"command"`           // as given
	Refresh     string  `json:"refresh,omitempty"` // good or bad: an instance refresh to such an AMI, with the command on each new instance
	Naive       bool    `json:"naive"`             // with a balanced that does nothing
	Concurrency int     `json:"concurrency"`       // instances at a time
	Speed       float64 `json:"speed"`             // how many times faster than given the control plane was
	Scenario    string  `json:"scenario,omitempty"`
}

// Result says how the rollout ended.
type Result struct {
	Started  time.Time `json:"started_at"`
	Elapsed  float64   `json:"elapsed_seconds"`
	Estimate float64   `json:"production_estimate_seconds"` // see rehearsal.estimate
	Exit     int       `json:"exit_code"`                   // of the rollout
	Summary  string    `json:"summary"`                     // one sentence
}

// Group is the Auto Scaling group at the start of the rehearsal.
type Group struct {
	Name          string `json:"name"`
	Min           int    `json:"min"`
	Max           int    `json:"max"`
	Desired       int    `json:"desired"`
	Minimum       int    `json:"minimum"`        // the size less the instances out at a time, at least 1
	FewestHealthy int    `json:"fewest_healthy"` // the lowest number of healthy members at any moment
}

// Source is a load balancer of the group: a target group or a Classic Load Balancer, which
// Auto Scaling calls a traffic source.
type Source struct {
	Name  string  `json:"name"`
	Kind  string  `json:"kind"` // application, network or classic
	Drain float64 `json:"drain_seconds"`
}

// Instance is an instance that was a member of the group at any time.
type Instance struct {
	ID     string  `json:"id"`
	Zone   string  `json:"zone"`
	Before string  `json:"version_before"`
	After  string  `json:"version_after"`
	Exit   *int    `json:"exit_code"` // of the command; null if the command was not run here
	Out    float64 `json:"out_of_service_seconds"`
	Spans  []Span  `json:"spans"` // ordered; each begins where the one before it ends
}

// Span is a period in which nothing about an instance changed.
type Span struct {
	From    float64       `json:"from"`
	To      float64       `json:"to"`
	State   string        `json:"state"`   // the lifecycle state, or "gone"
	Healthy bool          `json:"healthy"` // InService, and healthy at every source
	Targets []TargetState `json:"targets"`
	Version string        `json:"version"`
	Running string        `json:"running"` // the command that runs there, "" if none
}

// TargetState is an instance as one source sees it.
type TargetState struct {
	Source string `json:"source"`
	State  string `json:"state"` // healthy, unhealthy, initial, draining or unused
}

// Kinds of events.
const (
	Began   = "began"   // the command began on an instance
	Ended   = "ended"   // the command ended on an instance
	Output  = "output"  // a line that the command printed
	Changed = "changed" // the lifecycle state of an instance, or its health at a source, changed
	Fault   = "fault"   // the rehearsal injected a fault
	Lost    = "lost"    // a request was lost; only the first of its kind within a second
)

// Event is something that happened at one moment. Instance may be empty.
type Event struct {
	At       float64 `json:"at"`
	Instance string  `json:"instance,omitempty"`
	Kind     string  `json:"kind"`
	Text     string  `json:"text"`
}

// Traffic is what clients saw.
type Traffic struct {
	Requests int            `json:"requests"`
	OK       int            `json:"ok"`
	Lost     int            `json:"lost"` // not connected, cut off, or not answered with a 2xx status
	Versions map[string]int `json:"versions"`
	Latency  Latency        `json:"latency"`
	Seconds  []Second       `json:"seconds"` // one for each second of the rehearsal, in order
	Losses   []Loss         `json:"losses"`  // every lost request, ordered by time
}

// Latency is that of the successful requests, without the long ones, in milliseconds.
type Latency struct {
	P50     float64  `json:"p50_ms"`
	P90     float64  `json:"p90_ms"`
	P99     float64  `json:"p99_ms"`
	Max     float64  `json:"max_ms"`
	Buckets []Bucket `json:"buckets"`
}

// Bucket counts the requests that took longer than the bucket before it allows, and at
// most AtMost.
type Bucket struct {
	AtMost float64 `json:"at_most_ms"`
	Count  int     `json:"count"`
}

// Second counts the requests that began within one second. The percentiles are those of
// the successful ones, without the long ones, in milliseconds; 0 if there are none.
type Second struct {
	At       int            `json:"at"`
	OK       int            `json:"ok"`
	Lost     int            `json:"lost"`
	Versions map[string]int `json:"versions"`
	P50      float64        `json:"p50_ms"`
	P99      float64        `json:"p99_ms"`
}

// Loss is one lost request. Instance and Version are those the request was routed to, if
// it was.
type Loss struct {
	Request  string  `json:"request"` // its name: the source, the kind of request, a number
	At       float64 `json:"at"`      // when it began
	Source   string  `json:"source"`
	Instance string  `json:"instance,omitempty"`
	Version  string  `json:"version,omitempty"`
	Cause    string  `json:"cause"`
}

// Now is a rehearsal at one moment, as a screen shows it.
type Now struct {
	At        float64       `json:"at"`
	Phase     string        `json:"phase"` // of the rollout as a whole
	Group     Group         `json:"group"` // with the sizes of this moment
	Healthy   int           `json:"healthy"`
	Rate      float64       `json:"requests_per_second"`
	Requests  int           `json:"requests"`
	Lost      int           `json:"lost"`
	Instances []InstanceNow `json:"instances"`
}

// InstanceNow is one instance at that moment. Span.To is not set.
type InstanceNow struct {
	ID   string  `json:"id"`
	Zone string  `json:"zone"`
	Rate float64 `json:"requests_per_second"`
	Lost int     `json:"lost"`
	Span
}
