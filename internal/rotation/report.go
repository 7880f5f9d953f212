package rotation

import (
	"slices"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/imds"
	"balanced/internal/lock"
)

// Report is one run in full. Its JSON keys are a promise: keys are added, never changed. The command line fills in what
// only it knows: version, exit code, calls.
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
	Lock           *lock.State     `json:"lock,omitempty"` // with --lock only
	Traffic        []TrafficReport `json:"traffic"`
	Steps          []StepReport    `json:"steps"`
	Limits
	APICalls map[string]int `json:"api_calls"`
	Warnings []string       `json:"warnings"`
	Members  []MemberReport `json:"members,omitempty"` // status only
	// HostTakenBy is the balanced, or the command of one, that is at work on this host: status and doctor only.
	HostTakenBy string       `json:"host_taken_by,omitempty"`
	Parts       []PartReport `json:"parts,omitempty"` // run only

	everMoved bool // a move took effect at some time, also one rolled back since
}

// Limits are the times of a run.
type Limits struct {
	// TimeLimitSeconds is the most that the run could take.
	TimeLimitSeconds float64 `json:"time_limit_seconds"`
	// ThrottlingLimitSeconds is the part of it that only AWS's throttling can take, ThrottledSeconds what it took.
	ThrottlingLimitSeconds float64 `json:"throttling_limit_seconds"`
	ThrottledSeconds       float64 `json:"throttled_seconds"`
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
	Name           string `json:"name"`
	Min            int    `json:"min"`
	Max            int    `json:"max"`
	Desired        int    `json:"desired"`
	Members        int    `json:"members"`
	Capacity       int    `json:"capacity"`
	Healthy        int    `json:"healthy"`
	MinHealthy     int    `json:"min_healthy"`
	MinHealthyRule string `json:"min_healthy_rule"`
	Slots          int    `json:"slots"`
	// Declared: there is no group. It is what --targets names, and has no sizes.
	Declared bool `json:"declared,omitempty"`
}

// TrafficReport is what one load balancer says of this instance.
type TrafficReport struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	State  string `json:"state"`
	Reason string `json:"reason"`
	// Shifted: a zonal shift keeps new traffic from it.
	Shifted bool `json:"shifted,omitempty"`
}

// StepReport is one row of the command's table, as far as it got.
type StepReport struct {
	Name           string  `json:"name"`
	State          string  `json:"state"` // done, or unsettled: the run ended at this row
	ElapsedSeconds float64 `json:"elapsed_seconds"`
	Detail         string  `json:"detail"`
	began          time.Time
}

// PartReport is how one part of `balanced run` ended: out, command or in.
type PartReport struct {
	Name           string  `json:"name"`
	ExitCode       int     `json:"exit_code"` // as the part alone would have exited
	Outcome        string  `json:"outcome"`
	ElapsedSeconds float64 `json:"elapsed_seconds"`
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

// NewReport is the report of a run that ended before it knew which instance it is on.
func NewReport(command string, began time.Time, err error) *Report {
	p := newReport(command, began, imds.Identity{})
	p.ElapsedSeconds = seconds(time.Since(began))
	p.fail(err)
	return p
}

// at notes that the run is at a row, and what it waits for there. It says whether the run has only now come to it.
func (p *Report) at(row *step, judged verdict) (arrived bool) {
	n := len(p.Steps)
	arrived = n == 0 || p.Steps[n-1].Name != row.name
	if arrived {
		p.done()
		p.Steps = append(p.Steps, StepReport{Name: row.name, State: "unsettled", began: time.Now()})
	}
	if judged.kind == blocked {
		p.Steps[len(p.Steps)-1].Detail = judged.reason()
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
	p.stamp()
	p.Outcome, p.Moved = outcome, p.everMoved || r.doubt != nil
	p.ElapsedSeconds = seconds(time.Since(p.StartedAt))
	p.Limits = Limits{seconds(r.timeLimit()), seconds(r.still), seconds(r.heldBack())}
	p.see(r.seen.Snapshot, r.min)
	if r.Lock != nil && p.Lock == nil {
		known := r.Lock.Known(r.seen.Group)
		p.Lock = &known
	}
	if err == nil {
		p.done()
		return
	}
	p.fail(err)
}

// fail notes the class, the reason and the hint of an error.
func (p *Report) fail(err error) {
	p.Outcome, p.Reason, p.Hint = failure.Of(err).String(), err.Error(), failure.Hint(err)
}

// see fills in the instance, the group and its load balancers from a look.
func (p *Report) see(s fleet.Snapshot, min fleet.MinHealthy) {
	p.Instance.State = string(s.State)
	if s.Zone != "" {
		p.Instance.Zone = s.Zone
	}
	if s.Group.Name != "" {
		n := s.Count(min)
		p.Group = GroupReport{
			Name: s.Group.Name, Min: s.Group.Min, Max: s.Group.Max, Desired: s.Group.Desired,
			Members: len(s.Group.Members), Capacity: n.Capacity, Healthy: n.Healthy,
			MinHealthy: n.Minimum, MinHealthyRule: min.String(), Slots: n.Slots, Declared: s.Group.Declared(),
		}
	}
	p.Traffic = []TrafficReport{}
	for _, t := range s.Traffic {
		p.Traffic = append(p.Traffic, trafficReport(t, t.Own(s.ID)))
	}
}

func trafficReport(t fleet.Traffic, x fleet.Target) TrafficReport {
	return TrafficReport{Kind: string(t.Kind), Name: t.Name, State: string(x.Health), Reason: x.Reason, Shifted: x.Shifted}
}

func seconds(d time.Duration) float64 {
	return float64(d.Round(time.Millisecond)) / float64(time.Second)
}
