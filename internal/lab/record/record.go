// Package record is what a rehearsal leaves behind: who was in which state when, what
// was run, and what users felt. It is the JSON of --json and the data of the page of
// --html. Keys are added, never changed.
package record

import "time"

// Format is the number of the format, raised when a key changes its meaning.
const Format = 1

// Rehearsal is one rollout under traffic. Instants are seconds since Started.
type Rehearsal struct {
	Format      int       `json:"format"`
	Command     string    `json:"command"`     // as given
	Naive       bool      `json:"naive"`       // run without balanced
	Concurrency int       `json:"concurrency"` // instances at a time
	Speed       float64   `json:"speed"`       // by which the control plane was faster than given
	Scenario    string    `json:"scenario,omitempty"`
	Started     time.Time `json:"started_at"`
	Elapsed     float64   `json:"elapsed_seconds"`
	Exit        int       `json:"exit_code"` // the rollout's
	Summary     string    `json:"summary"`   // in one sentence

	Group     Group      `json:"group"`
	Sources   []Source   `json:"sources"`
	Instances []Instance `json:"instances"`
	Events    []Event    `json:"events"` // in order
	Traffic   Traffic    `json:"traffic"`
}

// Group is the Auto Scaling group as it was at the start, and the fewest of its members
// that served at any moment.
type Group struct {
	Name          string `json:"name"`
	Min           int    `json:"min"`
	Max           int    `json:"max"`
	Desired       int    `json:"desired"`
	Floor         int    `json:"floor"` // all but those that are out at a time, one at least
	FewestServing int    `json:"fewest_serving"`
}

// Source is a load balancer of the group.
type Source struct {
	Name  string  `json:"name"`
	Kind  string  `json:"kind"` // application, network or classic
	Drain float64 `json:"drain_seconds"`
}

// Instance is one that was a member at any time.
type Instance struct {
	ID     string  `json:"id"`
	Zone   string  `json:"zone"`
	Before string  `json:"version_before"`
	After  string  `json:"version_after"`
	Exit   *int    `json:"exit_code"` // the command's; null where it was not run
	Out    float64 `json:"out_of_service_seconds"`
	Spans  []Span  `json:"spans"` // in order, each beginning where the one before ends
}

// Span is a time in which nothing changed about an instance.
type Span struct {
	From    float64 `json:"from"`
	To      float64 `json:"to"`
	State   string  `json:"state"` // lifecycle state, or gone
	Serves  bool    `json:"serves"`
	Views   []View  `json:"views"`
	Version string  `json:"version"`
	Doing   string  `json:"doing"` // what runs there, "" for nothing
}

// View is how one load balancer treats an instance.
type View struct {
	Source string `json:"source"`
	State  string `json:"state"` // healthy, unhealthy, initial, draining, unused
}

// Kinds of events.
const (
	Began   = "began"   // the command, on an instance
	Ended   = "ended"   // the command, on an instance
	Output  = "output"  // a line of the command's
	Changed = "changed" // what the Region says of an instance
	Fault   = "fault"   // of the scenario's making
	Lost    = "lost"    // a request, the first of its kind in a second
)

// Event is one thing that happened. Instance may be empty.
type Event struct {
	At       float64 `json:"at"`
	Instance string  `json:"instance,omitempty"`
	Kind     string  `json:"kind"`
	Text     string  `json:"text"`
}

// Traffic is what users felt.
type Traffic struct {
	Requests int            `json:"requests"`
	OK       int            `json:"ok"`
	Lost     int            `json:"lost"` // failed, reset or cut
	Versions map[string]int `json:"versions"`
	Latency  Latency        `json:"latency"`
	Seconds  []Second       `json:"seconds"` // one for each second of the rehearsal, in order
	Losses   []Loss         `json:"losses"`  // each lost request, in order
}

// Latency of the requests that were answered whole, long ones left out; in milliseconds.
type Latency struct {
	P50     float64  `json:"p50_ms"`
	P90     float64  `json:"p90_ms"`
	P99     float64  `json:"p99_ms"`
	Max     float64  `json:"max_ms"`
	Buckets []Bucket `json:"buckets"`
}

// Bucket counts the requests that took at most so long and longer than the bucket before.
type Bucket struct {
	AtMost float64 `json:"at_most_ms"`
	Count  int     `json:"count"`
}

// Second is the requests that began within one second.
type Second struct {
	At       int            `json:"at"`
	OK       int            `json:"ok"`
	Lost     int            `json:"lost"`
	Versions map[string]int `json:"versions"`
}

// Loss is one lost request. Instance and Version are those it was routed to, if any.
type Loss struct {
	At       float64 `json:"at"`
	Source   string  `json:"source"`
	Instance string  `json:"instance,omitempty"`
	Version  string  `json:"version,omitempty"`
	Cause    string  `json:"cause"`
}

// Now is a rehearsal at one moment, for a screen.
type Now struct {
	At        float64       `json:"at"`
	Doing     string        `json:"doing"` // the rollout as a whole
	Group     Group         `json:"group"` // sizes as they are now
	Serving   int           `json:"serving"`
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
