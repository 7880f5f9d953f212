package page

import (
	"cmp"
	"fmt"
	"strconv"

	"balanced/internal/lab/record"
)

func title(r record.Rehearsal) string {
	lost := "none lost"
	if r.Traffic.Lost > 0 {
		lost = number(r.Traffic.Lost) + " lost"
	}
	return fmt.Sprintf("Rehearsal of %s: %s, exit code %d", cmp.Or(r.Group.Name, "a rollout"), lost, r.Exit)
}

// verdict is the rehearsal in a word and a colour.
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

// figure is a number that one looks for first.
type figure struct{ Class, ID, Name, Value, Note string }

func figures(r record.Rehearsal) []figure {
	lost, below := "good", "good"
	if r.Traffic.Lost > 0 {
		lost = "bad"
	}
	floor := fmt.Sprintf("the floor of %d held", r.Group.Floor)
	if r.Group.FewestServing < r.Group.Floor {
		below, floor = "bad", fmt.Sprintf("below the floor of %d", r.Group.Floor)
	}
	ran, failed := ran(r.Instances)
	exit := "good"
	if r.Exit != 0 {
		exit = "warn"
	}
	return []figure{
		{lost, "lost", "Lost requests", number(r.Traffic.Lost), "failed, reset or cut"},
		{"", "requests", "Requests", number(r.Traffic.Requests), fmt.Sprintf("%s answered whole", number(r.Traffic.OK))},
		{below, "serving", "Fewest serving", fmt.Sprintf("%d of %d", r.Group.FewestServing, r.Group.Desired), floor},
		{exit, "exit", "Exit code", strconv.Itoa(r.Exit), fmt.Sprintf("%d of %d run, %d failed", ran, len(r.Instances), failed)},
		{"", "elapsed", "Elapsed", lasting(r.Elapsed), "at speed " + strconv.FormatFloat(cmp.Or(r.Speed, 1), 'g', 4, 64)},
		{"", "latency", "Latency, median", millis(r.Traffic.Latency.P50), "p99 " + millis(r.Traffic.Latency.P99)},
	}
}

// ran counts the instances on which the command ended, and on which it failed.
func ran(all []record.Instance) (ran, failed int) {
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

// fact is a line about how it was rehearsed.
type fact struct{ Name, Value string }

func facts(r record.Rehearsal) []fact {
	mode := "with balanced"
	if r.Naive {
		mode = "naive: without balanced"
	}
	all := []fact{
		{"Mode", mode + ", " + plural(r.Concurrency, "instance at a time", "instances at a time")},
		{"Group", fmt.Sprintf("%s: min %d, desired %d, max %d", r.Group.Name, r.Group.Min, r.Group.Desired, r.Group.Max)},
	}
	for _, s := range r.Sources {
		all = append(all, fact{"Load balancer", fmt.Sprintf("%s: %s, drains for %s", s.Name, s.Kind, lasting(s.Drain))})
	}
	if speed := cmp.Or(r.Speed, 1); speed != 1 {
		all = append(all, fact{"Speed", fmt.Sprintf("the control plane %g times as fast as given; the drains are those of the rehearsal", speed)})
	}
	if r.Scenario != "" {
		all = append(all, fact{"Scenario", cut(r.Scenario, 400)})
	}
	return append(all, fact{"Started", date(r.Started)})
}
