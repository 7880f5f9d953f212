package sim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
)

// Recording is what a check of the real AWS found (balanced-lab check-aws --json), as far as a Region
// can be set to it.
type Recording struct {
	Facts        []RecordedFact `json:"facts"`
	Measurements struct {
		ReadLag   map[string]RecordedLag `json:"read_lag"`
		Drains    []struct{}             `json:"drains"`
		Standby   []float64              `json:"standby"`    // seconds that moves to Standby took
		InService []float64              `json:"in_service"` // seconds that moves back took
	} `json:"measurements"`
}

// RecordedFact is a fact, what was observed of it, and how that compares with the Region's default.
type RecordedFact struct {
	ID       string `json:"id"`
	Verdict  string `json:"verdict"`
	Observed string `json:"observed"`
}

// RecordedLag is the read lag of a describe call, in seconds.
type RecordedLag struct {
	Max float64 `json:"max"`
}

// Verdicts of a recorded fact that concern a Region.
const (
	recordedNew       = "new"
	recordedDifferent = "different"
)

// ReadRecording reads a recording.
func ReadRecording(from io.Reader) (*Recording, error) {
	rec := &Recording{}
	if err := json.NewDecoder(from).Decode(rec); err != nil {
		return nil, fmt.Errorf("read the recording: %w", err)
	}
	if len(rec.Facts) == 0 {
		return nil, fmt.Errorf("read the recording: it has no facts")
	}
	for call, lag := range rec.Measurements.ReadLag {
		if lag.Max < 0 || lag.Max > maxRecordedLag.Seconds() || math.IsNaN(lag.Max) {
			return nil, fmt.Errorf("read the recording: a read lag of %g s of %s, want 0 to %s", lag.Max, call, maxRecordedLag)
		}
	}
	return rec, nil
}

// maxRecordedLag is more than any read lag that was ever told of. All history younger than the lag is
// kept.
const maxRecordedLag = time.Hour

// Configure sets what a Region's configuration can mirror of the recording.
func (rec *Recording) Configure(c *Config) {
	b, m := &c.Behaviour, rec.Measurements
	for _, knob := range []struct {
		fact, observed string
		set            func(rest string) // what follows observed
	}{
		{"order-kept", "another order", func(string) { b.UnstableOrder = true }},
		{"throttling-code", "ThrottlingException", func(string) { b.ThrottlingExceptionCode = true }},
		{"ids-none", "accepted", func(string) { b.EmptyIDsAccepted = true }},
		{"operator-refusal", "400 ", func(code string) { b.OperatorCode = code }},
		{"enter-weight", "by one", func(string) { b.DecrementByOne = true }},
		{"min-size", "400 ValidationError: AutoScalingGroup NAME", func(rest string) { b.AlwaysPlural = strings.Contains(rest, "1 instances") }},
		{"drains-together", "in turn", func(string) { b.SerialDrains = true }},
		{"standby-after-drain", "by a timer of its own", func(string) { b.DrainTimer = typical(m.Standby) }},
		{"drain-status", "", func(status string) { b.DrainCode = status }},
		{"drain-description", "Moving EC2 instance to Standby: ID - ", func(string) { b.DrainSuffix = true }},
		{"imds-target-state-moving", "InService", func(string) { b.TargetStateLags = true }},
		{"pair-loser", "500 ResourceContention", func(string) { b.ContentionOnConcurrentMove = true }},
		{"undecremented-back", "back at the size before", func(string) { b.SurplusTerminated = true }},
	} {
		if rest, ok := strings.CutPrefix(rec.observed(knob.fact), knob.observed); ok && rec.is(knob.fact, recordedNew) {
			knob.set(rest)
		}
	}
	rec.configureTimes(c)
}

// configureTimes sets what was measured.
func (rec *Recording) configureTimes(c *Config) {
	m := rec.Measurements
	c.Timing.ReturnTime = cmp.Or(typical(m.InService), c.Timing.ReturnTime)
	if len(m.Drains) == 0 { // otherwise the load balancers took most of it
		c.Timing.MoveTime = cmp.Or(typical(m.Standby), c.Timing.MoveTime)
	}
	for call := range m.ReadLag {
		c.MaxLag = max(c.MaxLag, rec.lag(call))
	}
}

// Prepare sets what concerns a Region whose groups are there: the read lag of every call and the
// metadata service of every instance. The lag is set by SetFaults; call Lagged from a function of one's
// own instead.
func (rec *Recording) Prepare(r *Region) {
	r.SetFaults(rec.Lagged)
	if !rec.is("imds-without-token", recordedNew) {
		return
	}
	r.lock()
	defer r.unlock()
	for _, in := range r.instances {
		in.metadata.V1Allowed = true
	}
}

// Lagged is the fault of a call whose answers lag, or nil.
func (rec *Recording) Lagged(c Call) *Fault {
	if lag := rec.lag(c.Action); lag > 0 {
		return &Fault{Lag: lag}
	}
	return nil
}

// Differences are the ids of the facts that the Region cannot follow.
func (rec *Recording) Differences() []string {
	var ids []string
	for _, f := range rec.Facts {
		if f.Verdict == recordedDifferent {
			ids = append(ids, f.ID)
		}
	}
	return ids
}

func (rec *Recording) lag(call string) time.Duration {
	return time.Duration(rec.Measurements.ReadLag[call].Max * float64(time.Second))
}

func (rec *Recording) find(id string) RecordedFact {
	i := slices.IndexFunc(rec.Facts, func(f RecordedFact) bool { return f.ID == id })
	if i < 0 {
		return RecordedFact{}
	}
	return rec.Facts[i]
}

func (rec *Recording) observed(id string) string         { return rec.find(id).Observed }
func (rec *Recording) is(id string, verdict string) bool { return rec.find(id).Verdict == verdict }

// typical is the median of recorded seconds, rounded up: EndTime, of which they are made, is cut to
// whole seconds. It is 0 where there are none.
func typical(recorded []float64) time.Duration {
	if len(recorded) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(recorded))
	return time.Duration(math.Ceil(sorted[len(sorted)/2])) * time.Second
}
