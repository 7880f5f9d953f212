package page

import (
	"fmt"
	"regexp"
	"slices"

	"balanced/internal/lab/record"
)

// instanceID matches the IDs that EC2 gives to instances.
var instanceID = regexp.MustCompile(`^i-[0-9a-f]{4,17}$`)

// links has the id of each instance's row, by instance ID.
type links map[string]string

// newLinks uses the instance ID itself as the id of its row, so that people can write links to
// it. A text in the record that is no instance ID gets a number instead.
func newLinks(prefix string, all []record.Instance) links {
	l := links{}
	for n, i := range all {
		l[i.ID] = prefix + i.ID
		if !instanceID.MatchString(i.ID) {
			l[i.ID] = numberedID(prefix+"instance", n)
		}
	}
	return l
}

// exitCode is an exit code that occurred, in words.
type exitCode struct {
	Code      int
	Meaning   string
	Instances []link // on which the command ended with it
	Lost      int    // requests at these instances
}

// link is a text that leads to an id; the id is "" if there is nothing to lead to.
type link struct{ Text, ID string }

// row leads to the row of an instance.
func (l links) row(instance string) link { return link{truncate(instance, 60), l[instance]} }

// exitCodes returns the codes with which the command ended, in order. A code is red if requests
// were lost at its instances, whatever it is.
func exitCodes(r record.Rehearsal, to links) []exitCode {
	lost := map[string]int{}
	for _, l := range r.Traffic.Losses {
		lost[l.Instance]++
	}
	by := map[int]*exitCode{}
	for _, i := range r.Instances {
		if i.Exit == nil {
			continue
		}
		e := by[*i.Exit]
		if e == nil {
			e = &exitCode{Code: *i.Exit, Meaning: exitMeaning(*i.Exit)}
			by[*i.Exit] = e
		}
		e.Instances = append(e.Instances, to.row(i.ID))
		e.Lost += lost[i.ID]
	}
	var all []exitCode
	for _, e := range by {
		all = append(all, *e)
	}
	slices.SortFunc(all, func(a, b exitCode) int { return a.Code - b.Code })
	return all
}

// Class is the style sheet's class for the colour.
func (e exitCode) Class() string {
	switch {
	case e.Lost > 0:
		return "bad"
	case e.Code != 0:
		return "warn"
	}
	return "good"
}

// exitMeanings are the exit codes of balanced in a few words; docs/exit-codes.md has more.
var exitMeanings = map[int]string{
	0:   "success",
	1:   "internal error",
	64:  "wrong command line",
	69:  "AWS or the instance metadata service did not answer",
	73:  "a report or metrics file could not be written",
	75:  "not now; try again later",
	77:  "a permission or credentials are missing",
	78:  "a setting has to be changed first",
	80:  "the instance does not pass its load balancers' checks; it was not moved",
	81:  "the instance is about to be terminated or detached; it was not moved",
	82:  "a move was begun and is not finished; run it again",
	83:  "the instance did not become healthy in time",
	84:  "rolled back: the instance is in service again",
	85:  "the state is unknown",
	86:  "the instance was terminated or detached during the run",
	126: "a command could not be started",
	127: "a command was not found",
	129: "stopped by SIGHUP",
	130: "stopped by SIGINT",
	137: "killed by SIGKILL",
	143: "stopped by SIGTERM",
}

// exitMeaning is an exit code in words. The command line may end with any code, so a code that
// is not one of balanced's is that of another command.
func exitMeaning(code int) string {
	if m, known := exitMeanings[code]; known {
		return m
	}
	if code > 128 && code < 160 {
		return fmt.Sprintf("stopped by signal %d", code-128)
	}
	return "not an exit code of balanced, but of another command in the command line"
}

// numberedID is the id of the n-th element of a kind, counted from 1 in the id.
func numberedID(kind string, n int) string { return fmt.Sprintf("%s-%d", kind, n+1) }
