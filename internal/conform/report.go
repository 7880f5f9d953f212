package conform

import (
	"encoding/json"
	"io"
)

// Report is what a run found. Its JSON holds no account id and no credentials, and ARNs are shortened.
type Report struct {
	Facts        []Result     `json:"facts"`
	Measurements Measurements `json:"measurements"`
	Recording    []Exchange   `json:"recording"`
}

// Result is what was found about one fact.
type Result struct {
	ID        string  `json:"id"`
	Statement string  `json:"statement"`
	Verdict   Verdict `json:"verdict"`
	Observed  string  `json:"observed"`
	Source    string  `json:"source"`
	Modelled  string  `json:"modelled,omitempty"` // where it is not what was observed
	Knob      string  `json:"knob,omitempty"`     // the Region's setting that does what was observed
	Reason    string  `json:"reason,omitempty"`   // why it was not tried
}

// report is the report so far.
func (s *session) report() *Report {
	r := &Report{Measurements: s.measured.summary(), Recording: s.calls.recorded()}
	for _, f := range s.selected(Reads, OnInstance, Moves, Moves|OnInstance) {
		result, tried := s.results[f.ID]
		if !tried {
			result = Result{Verdict: NotTried, Reason: s.untriedReason(f)}
		}
		result.ID, result.Statement, result.Source = f.ID, f.Statement, f.Source
		if result.Verdict == Different || result.Verdict == New {
			result.Modelled = f.Modelled
		}
		r.Facts = append(r.Facts, result)
	}
	return r
}

func (s *session) untriedReason(f Fact) string {
	switch {
	case f.Needs&Moves != 0 && !s.o.Moves:
		return "needs --moves"
	case f.Needs&OnInstance != 0 && s.o.Metadata == nil:
		return "needs --on-instance"
	}
	return "the run ended before it"
}

// Count is the number of facts with a verdict.
func (r *Report) Count(v Verdict) int {
	n := 0
	for _, f := range r.Facts {
		if f.Verdict == v {
			n++
		}
	}
	return n
}

// Write writes the report as JSON.
func (r *Report) Write(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(r)
}
