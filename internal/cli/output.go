package cli

import (
	"fmt"
	"strings"
	"time"

	"balanced/internal/fleet"
	"balanced/internal/format"
	"balanced/internal/rotation"
)

// result is a successful run of out or in, in one line.
func result(r *rotation.Report) string { return format.OneLine(outcome(r)) + "\n" }

// dryRunResult is that of a dry run.
func dryRunResult(r *rotation.Report) string { return "dry run, nothing changed: " + result(r) }

func outcome(r *rotation.Report) string {
	id := r.Instance.ID
	if would, ok := rotation.IsDryRun(r.Outcome); ok {
		limit := format.Duration(seconds(r.TimeLimitSeconds - r.ThrottlingLimitSeconds))
		if r.ThrottlingLimitSeconds > 0 {
			limit += ", and " + format.Duration(seconds(r.ThrottlingLimitSeconds)) + " where AWS throttles"
		}
		return would + "; time limit " + limit
	}
	switch r.Outcome {
	case "out":
		return fmt.Sprintf("%s out of service: %s (%s)", id, deregisteredBy(r), format.Duration(seconds(r.ElapsedSeconds)))
	case "already out":
		return fmt.Sprintf("%s already out of service: %s", id, deregisteredBy(r))
	case "in":
		return fmt.Sprintf("%s in service%s (%s)", id, healthyAt(r), format.Duration(seconds(r.ElapsedSeconds)))
	case "already in":
		return fmt.Sprintf("%s already in service%s", id, healthyAt(r))
	case "nothing to do":
		return fmt.Sprintf("nothing to do: %s is %s", id, r.Instance.State)
	case "warm pool":
		return fmt.Sprintf("%s passed its launch hook into the warm pool", id)
	case "not a member":
		return "not a member of any Auto Scaling group: nothing to do"
	}
	return r.Outcome
}

func deregisteredBy(r *rotation.Report) string {
	names := sources(r, func(t rotation.TrafficReport) bool { return t.State == string(fleet.Unregistered) })
	switch {
	case names == "":
		return r.Instance.State
	case r.Instance.State == string(fleet.Deregistered):
		return "deregistered by " + names
	}
	return r.Instance.State + ", deregistered by " + names
}

func healthyAt(r *rotation.Report) string {
	names := sources(r, func(t rotation.TrafficReport) bool { return t.State == string(fleet.Healthy) })
	if names == "" {
		return ""
	}
	return ": healthy at " + names
}

// sources names the load balancers that fit, for people.
func sources(r *rotation.Report, fits func(rotation.TrafficReport) bool) string {
	var names []string
	for _, t := range r.Traffic {
		if fits(t) {
			names = append(names, t.Name)
		}
	}
	switch n := len(names); {
	case n == 0:
		return ""
	case n == 1:
		return names[0]
	case n > 4:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), n-3)
	default:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// wrap breaks a text into lines of at most so many characters, at spaces; below 20 it
// stays in one piece.
func wrap(text string, most int) []string {
	if most < 20 {
		return []string{text}
	}
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) > most:
			lines, line = append(lines, line), word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
