package screen

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"balanced/internal/lab/record"
)

// line is a line of the table, as pieces that each have one colour.
type line []piece

type piece struct {
	text, color string // SGR parameters; "" for none
}

// fit returns a line cut to a number of columns, and its width.
func (l line) fit(columns int, color bool) (text string, width int) {
	var b strings.Builder
	for _, p := range l {
		t := shorten(p.text, columns-width)
		width += utf8.RuneCountInString(t)
		if color && p.color != "" && t != "" {
			t = "\x1b[" + p.color + "m" + t + "\x1b[0m"
		}
		b.WriteString(t)
	}
	return b.String(), width
}

// shorten cuts a text that is too long and puts an ellipsis at its end.
func shorten(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	if most <= 0 {
		return ""
	}
	return string([]rune(text)[:most-1]) + "…"
}

// Colours, as SGR parameters.
const (
	green, yellow, blue, red, faint, bold = "32", "33", "34", "31", "2", "1"
)

// tableLines returns the table for a terminal of a size.
func tableLines(now record.Now, columns, rows int) []line {
	all := []line{headline(now)}
	shown, folded := chooseShown(now.Instances, rows-len(all)-1)
	all = append(all, layout(shown, now.Instances, columns)...)
	if len(folded) > 0 {
		all = append(all, foldedLine(folded))
	}
	return all[:min(len(all), max(rows, 1))]
}

func headline(now record.Now) line {
	lost, healthy := faint, ""
	if now.Lost > 0 {
		lost = red + ";" + bold
	}
	if now.Healthy < now.Group.Minimum {
		healthy = red
	}
	return line{
		{record.Duration(math.Floor(max(now.At, 0))) + " ", bold},
		{printable(now.Phase), bold},
		{fmt.Sprintf("  %d lost", now.Lost), lost},
		{fmt.Sprintf("  %d healthy, minimum %d", now.Healthy, now.Group.Minimum), healthy},
		{fmt.Sprintf("  %s requests, %.0f/s", record.Grouped(now.Requests), now.Rate), ""},
		{fmt.Sprintf("  min %d, desired %d, max %d", now.Group.Min, now.Group.Desired, now.Group.Max), faint},
		{"  Ctrl-C stops", faint},
	}
}

// chooseShown chooses the instances that get a line each. If there are too many, the last
// line counts the others. Healthy instances on which nothing runs are left out first, from
// the end of the list.
func chooseShown(all []record.InstanceNow, rows int) (shown, folded []record.InstanceNow) {
	if len(all) <= rows {
		return all, nil
	}
	order := make([]int, len(all))
	for n := range all {
		order[n] = n
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(interest(all[a]), interest(all[b])) })
	kept := order[:max(rows-1, 0)]
	for n, i := range all {
		if slices.Contains(kept, n) {
			shown = append(shown, i)
		} else {
			folded = append(folded, i)
		}
	}
	return shown, folded
}

// interest orders instances: 0 are the most interesting ones.
func interest(i record.InstanceNow) int {
	switch {
	case i.Running != "":
		return 0
	case !i.Healthy && i.State != "gone":
		return 1
	case i.State == "gone":
		return 3
	}
	return 2
}

// foldedLine counts the instances that have no line of their own, by state.
func foldedLine(folded []record.InstanceNow) line {
	counts := map[string]int{}
	for _, i := range folded {
		if i.Healthy {
			counts["healthy"]++
		} else {
			counts[printable(i.State)]++
		}
	}
	var parts []string
	for state, n := range counts {
		parts = append(parts, fmt.Sprintf("%d %s", n, state))
	}
	slices.Sort(parts)
	return line{{fmt.Sprintf("and %d more: %s", len(folded), strings.Join(parts, ", ")), faint}}
}

func stateColor(i record.InstanceNow) string {
	switch {
	case i.Healthy:
		return green
	case i.State == "gone":
		return faint
	case record.IsOut(i.State):
		return blue
	case i.State == "InService":
		return red
	}
	return yellow
}

func viewColor(state string) string {
	switch state {
	case "healthy":
		return green
	case "unhealthy":
		return red
	case "draining", "initial":
		return yellow
	}
	return faint
}
