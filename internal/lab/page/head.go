package page

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"balanced/internal/lab/record"
)

func title(r record.Rehearsal) string {
	lost := "no request lost"
	if r.Traffic.Lost > 0 {
		lost = plural(r.Traffic.Lost, "request lost", "requests lost")
	}
	return fmt.Sprintf("Rehearsal of %s: %s, exit code %d", cmp.Or(r.Group.Name, "a rollout"), lost, r.Exit)
}

// verdict is the result in a few words and a colour.
type verdict struct{ Class, Mark, Text string }

func newVerdict(r record.Rehearsal) verdict {
	switch {
	case r.Traffic.Lost > 0:
		return verdict{"bad", "✕", plural(r.Traffic.Lost, "request lost", "requests lost")}
	case r.Exit != 0:
		return verdict{"warn", "!", fmt.Sprintf("Exit code %d, no request lost", r.Exit)}
	}
	return verdict{"good", "✓", "No request lost"}
}

// figure is one of the numbers at the top of the page.
type figure struct{ Class, ID, Name, Value, Note string }

func figures(r record.Rehearsal) []figure {
	lost, below := "good", "good"
	if r.Traffic.Lost > 0 {
		lost = "bad"
	}
	minimum := fmt.Sprintf("not below the minimum of %d", r.Group.Minimum)
	if r.Group.FewestHealthy < r.Group.Minimum {
		below, minimum = "bad", fmt.Sprintf("below the minimum of %d", r.Group.Minimum)
	}
	ran, failed := commandCounts(r.Instances)
	meaning, _, _ := strings.Cut(exitMeaning(r.Exit), ";") // the table of exit codes has all of it
	exit := "good"
	switch {
	case r.Traffic.Lost > 0: // whatever the code, the rollout was not good
		exit = "bad"
	case r.Exit != 0:
		exit = "warn"
	}
	return []figure{
		{lost, "lost", "Lost requests", record.Grouped(r.Traffic.Lost), "failed or cut off"},
		{"", "requests", "Requests", record.Grouped(r.Traffic.Requests), fmt.Sprintf("%s successful", record.Grouped(r.Traffic.OK))},
		{below, "healthy", "Fewest healthy", fmt.Sprintf("%d of %d", r.Group.FewestHealthy, r.Group.Desired), minimum},
		{exit, "exit", "Exit code", strconv.Itoa(r.Exit), fmt.Sprintf("%s; run on %d of %d, failed on %d", meaning, ran, len(r.Instances), failed)},
		{"", "elapsed", "Time", record.Duration(r.Elapsed), timeNote(r)},
		{"", "latency", "Latency, median", latencyText(r.Traffic.Latency.P50), "p99 " + latencyText(r.Traffic.Latency.P99)},
	}
}

// timeNote has the estimate for production, if the rehearsal was faster.
func timeNote(r record.Rehearsal) string {
	if cmp.Or(r.Speed, 1) <= 1 {
		return "at the speed of production"
	}
	return fmt.Sprintf("at speed %g; in production about %s", r.Speed, record.Duration(r.Estimate))
}

// commandCounts counts the instances on which the command was run, and on which it failed.
func commandCounts(all []record.Instance) (ran, failed int) {
	for _, i := range all {
		if i.Exit != nil {
			ran++
			if *i.Exit != 0 {
				failed++
			}
		}
	}
	return ran, failed
}

// fact is a name and a value.
type fact struct{ Name, Value string }

func facts(r record.Rehearsal) []fact {
	mode := "with balanced"
	if r.Naive {
		mode = "without balanced (--naive)"
	}
	all := []fact{
		{"Mode", mode + ", " + plural(r.Concurrency, "instance at a time", "instances at a time")},
		{"Group", fmt.Sprintf("%s: min %d, desired %d, max %d", r.Group.Name, r.Group.Min, r.Group.Desired, r.Group.Max)},
	}
	for _, s := range r.Sources {
		all = append(all, fact{"Load balancer", fmt.Sprintf("%s: %s, deregistration delay %s", s.Name, s.Kind, record.Duration(s.Drain))})
	}
	if speed := cmp.Or(r.Speed, 1); speed != 1 {
		all = append(all, fact{"Speed", fmt.Sprintf("the control plane was %g times faster than the flags say; the delays above are those of the rehearsal", speed)})
	}
	if r.Scenario != "" {
		all = append(all, fact{"Scenario", truncate(r.Scenario, 400)})
	}
	return append(all, fact{"Started", date(r.Started)})
}
