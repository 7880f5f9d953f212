package conform

import (
	"context"
	"fmt"
	"strings"
)

// Need is what a check has to do to the endpoint. Needs combine.
type Need uint8

// What checks need.
const (
	Reads      Need = 0 // describe calls only
	Moves      Need = 1 // calls that change a disposable group
	OnInstance Need = 2 // the metadata service of the instance that the check runs on
)

func (n Need) String() string {
	return map[Need]string{Reads: "reads", Moves: "moves", OnInstance: "on-instance", Moves | OnInstance: "moves, on-instance"}[n]
}

// Certainty is how well a fact is known.
type Certainty string

// From the best known to the least.
const (
	Recorded   Certainty = "recorded"   // seen in public recordings or transcripts of AWS
	Documented Certainty = "documented" // AWS's documentation or API model says so
	Inferred   Certainty = "inferred"   // follows from the documentation, and nobody has shown it
	Open       Certainty = "open"       // AWS is silent or contradicts itself; the Region guesses
)

// Fact is one thing that the simulated Region takes for true of AWS.
type Fact struct {
	ID        string
	Statement string
	Source    string // where in AWS's documentation, or which recordings
	Sure      Certainty
	Needs     Need
	Modelled  string    // what the check observes of the Region by default
	Settings  []Setting // what else the Region can be set to
	passive   bool      // noticed in the course of the run, and so checked at its end
	check     func(context.Context, *session) (string, error)
}

// Setting is an observation that a field of the Region's configuration mirrors. Observed may end with
// an asterisk, which stands for any text.
type Setting struct{ Observed, Knob string }

// Verdict is the outcome of a check.
type Verdict string

// What a check can end with.
const (
	AsModelled Verdict = "as-modelled" // as the Region does by default
	Different  Verdict = "different"   // the Region cannot do this
	New        Verdict = "new"         // a setting of the Region does this, and so it is known which is right
	NotTried   Verdict = "not-tried"
)

// Facts are all facts, in the order of the report.
func Facts() []Fact {
	var all []Fact
	for _, s := range sections() {
		all = append(all, s.facts...)
	}
	return all
}

// section is facts about one thing.
type section struct {
	title string
	facts []Fact
}

func sections() []section {
	return []section{
		{"Groups and their members", groupFacts()},
		{"Activities", feedFacts()},
		{"Requests and answers", wireFacts()},
		{"Target groups", targetFacts()},
		{"Classic Load Balancers", classicFacts()},
		{"The metadata service", metadataFacts()},
		{"What is refused", refusalFacts()},
		{"Into Standby", enterFacts()},
		{"In Standby", standbyFacts()},
		{"Drains", drainFacts()},
		{"Back into service", returnFacts()},
		{"Two moves at once", pairFacts()},
		{"Moves that are replaced", surplusFacts()},
	}
}

// judge gives the verdict on what was observed.
func (f Fact) judge(observed string) Result {
	if observed == f.Modelled {
		return Result{Verdict: AsModelled, Observed: observed}
	}
	for _, s := range f.Settings {
		prefix, wild := strings.CutSuffix(s.Observed, "*")
		if observed == s.Observed || wild && strings.HasPrefix(observed, prefix) {
			return Result{Verdict: New, Observed: observed, Knob: s.Knob}
		}
	}
	return Result{Verdict: Different, Observed: observed}
}

// untried is why a check could not be made.
type untried string

func (u untried) Error() string { return string(u) }

func cannot(format string, args ...any) error { return untried(fmt.Sprintf(format, args...)) }
