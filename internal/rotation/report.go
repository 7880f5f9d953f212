package rotation

import (
	"errors"
	"slices"
	"time"

	"balanced/internal/imds"
)

// Report is one run in full. Its JSON keys are a promise: keys are added, never
// changed. The command line fills in what only it knows: version, exit code, calls.
type Report struct {
	Version        string          `json:"version"`
	Command        string          `json:"command"`
	Outcome        string          `json:"outcome"`
	ExitCode       int             `json:"exit_code"`
	Moved          bool            `json:"moved"` // a move took effect, or may have
	Reason         string          `json:"reason"`
	Hint           string          `json:"hint"`
	StartedAt      time.Time       `json:"started_at"`
	ElapsedSeconds float64         `json:"elapsed_seconds"`
	Instance       InstanceReport  `json:"instance"`
	Group          GroupReport     `json:"group"`
	Traffic        []TrafficReport `json:"traffic"`
	Steps          []StepReport    `json:"steps"`
	BoundSeconds   float64         `json:"bound_seconds"`
	// BoundThrottledSeconds is the part of the bound that only AWS's throttling can take,
	// ThrottledSeconds what it took.
	BoundThrottledSeconds float64        `json:"bound_throttled_seconds"`
	ThrottledSeconds      float64        `json:"throttled_seconds"`
	APICalls              map[string]int `json:"api_calls"`
	Warnings              []string       `json:"warnings"`
	Members               []MemberReport `json:"members,omitempty"` // status only
	Findings              []Finding      `json:"findings,omitzero"` // doctor only
	Facts                 *Facts         `json:"facts,omitempty"`   // doctor only
	Parts                 []PartReport   `json:"parts,omitempty"`   // run only
}

// InstanceReport is this instance.
type InstanceReport struct {
	ID     string `json:"id"`
	Zone   string `json:"zone"`
	Region string `json:"region"`
	State  string `json:"state"`
}

// GroupReport is its group, counted.
type GroupReport struct {
	Name      string `json:"name"`
	Min       int    `json:"min"`
	Max       int    `json:"max"`
	Desired   int    `json:"desired"`
	Members   int    `json:"members"`
	Strength  int    `json:"strength"`
	Serving   int    `json:"serving"`
	Floor     int    `json:"floor"`
	FloorRule string `json:"floor_rule"`
	Places    int    `json:"places"`
}

// TrafficReport is what one load balancer says of this instance.
type TrafficReport struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	State  string `json:"state"`
	Reason string `json:"reason"`
}

// StepReport is one row of the command's table, as far as it got.
type StepReport struct {
	Name           string  `json:"name"`
	State          string  `json:"state"` // done, or the state it stopped in: unsettled
	ElapsedSeconds float64 `json:"elapsed_seconds"`
	Detail         string  `json:"detail"`
	began          time.Time
}

func newReport(command string, now time.Time, self imds.Identity) *Report {
	return &Report{
		Command:   command,
		StartedAt: now.UTC(),
		Instance:  InstanceReport{ID: self.Instance, Zone: self.Zone, Region: self.Region},
		Traffic:   []TrafficReport{},
		Steps:     []StepReport{},
		Warnings:  []string{},
	}
}

// at notes that the run is at a row, and what it waits for there. It says whether the
// run has only now come to it.
func (p *Report) at(row *step, stop *Stop) (arrived bool) {
	n := len(p.Steps)
	arrived = n == 0 || p.Steps[n-1].Name != row.name
	if arrived {
		p.done()
		p.Steps = append(p.Steps, StepReport{Name: row.name, State: "unsettled", began: time.Now()})
	}
	if !stop.due {
		p.Steps[len(p.Steps)-1].Detail = stop.Reason
	}
	return arrived
}

// done closes the row the run was at.
func (p *Report) done() {
	if n := len(p.Steps); n > 0 {
		p.Steps[n-1].State = "done"
		p.stamp()
	}
}

func (p *Report) stamp() {
	if n := len(p.Steps); n > 0 {
		last := &p.Steps[n-1]
		last.ElapsedSeconds = seconds(time.Since(last.began))
	}
}

// warn adds a warning, and says whether it is a new one.
func (p *Report) warn(text string) bool {
	if slices.Contains(p.Warnings, text) {
		return false
	}
	p.Warnings = append(p.Warnings, text)
	return true
}

// close writes down how the run ended and what was last seen.
func (p *Report) close(r *run, outcome string, err error) {
	if err == nil {
		p.done()
	} else {
		p.stamp()
	}
	p.Outcome, p.Moved = outcome, r.ever || r.doubt != nil
	p.ElapsedSeconds = seconds(time.Since(p.StartedAt))
	p.BoundSeconds, p.BoundThrottledSeconds, p.ThrottledSeconds = seconds(r.bound()), seconds(r.budgets.throttled), seconds(r.held())
	p.see(r.seen, r.min)
	if err == nil {
		return
	}
	p.Outcome, p.Reason = "failed", err.Error()
	var stop *Stop
	if errors.As(err, &stop) {
		p.Outcome, p.Hint = stop.Class.String(), stop.Hint
	}
}

// see fills in the instance, the group and its load balancers from a look.
func (p *Report) see(o Observed, min MinHealthy) {
	p.Instance.State = string(o.State)
	if o.Zone != "" {
		p.Instance.Zone = o.Zone
	}
	if o.Group.Name != "" {
		n := o.numbers(min)
		p.Group = GroupReport{
			Name: o.Group.Name, Min: o.Group.Min, Max: o.Group.Max, Desired: o.Group.Desired,
			Members: len(o.Group.Members), Strength: n.Strength, Serving: n.Serving,
			Floor: n.Floor, FloorRule: min.String(), Places: n.Places,
		}
	}
	p.Traffic = []TrafficReport{}
	for _, t := range o.Traffic {
		mine := t.saysOfMe(o.ID)
		p.Traffic = append(p.Traffic, TrafficReport{Kind: string(t.Kind), Name: t.Name, State: string(mine.Health), Reason: mine.Reason})
	}
}

func seconds(d time.Duration) float64 {
	return float64(d.Round(time.Millisecond)) / float64(time.Second)
}
