package screen

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"balanced/internal/lab/record"
)

// line is a line of the table, in pieces of one colour each.
type line []piece

type piece struct {
	text, color string // SGR parameters; "" for none
}

// fit writes a line into so many columns.
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

// shorten ends a text with a sign that there was more.
func shorten(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	if most <= 0 {
		return ""
	}
	return string([]rune(text)[:most-1]) + "…"
}

// Colours.
const (
	green, yellow, blue, red, faint, bold = "32", "33", "34", "31", "2", "1"
)

// lines are the table, which has so much room.
func lines(now record.Now, columns, rows int) []line {
	all := []line{headline(now)}
	shown, folded := fold(now.Instances, rows-len(all)-1)
	all = append(all, layout(shown, now.Instances, columns)...)
	if len(folded) > 0 {
		all = append(all, rest(folded))
	}
	return all[:min(len(all), max(rows, 1))]
}

func headline(now record.Now) line {
	whole := int(max(now.At, 0))
	lost, serving := faint, ""
	if now.Lost > 0 {
		lost = red + ";" + bold
	}
	if now.Serving < now.Group.Floor {
		serving = red
	}
	return line{
		{fmt.Sprintf("%d:%02d ", whole/60, whole%60), bold},
		{plain(now.Doing), bold},
		{fmt.Sprintf("  %d serve, floor %d", now.Serving, now.Group.Floor), serving},
		{fmt.Sprintf("  %d lost", now.Lost), lost},
		{fmt.Sprintf("  %d requests, %.0f/s", now.Requests, now.Rate), ""},
		{fmt.Sprintf("  desired %d, min %d, max %d", now.Group.Desired, now.Group.Min, now.Group.Max), faint},
	}
}

// fold chooses the instances that have a line each. Where there are too many, one line
// is for those left out: first those that serve and run nothing, from the end.
func fold(all []record.InstanceNow, rows int) (shown, folded []record.InstanceNow) {
	if len(all) <= rows {
		return all, nil
	}
	places := make([]int, len(all))
	for n := range all {
		places[n] = n
	}
	slices.SortStableFunc(places, func(a, b int) int { return cmp.Compare(dull(all[a]), dull(all[b])) })
	kept := places[:max(rows-1, 0)]
	for n, i := range all {
		if slices.Contains(kept, n) {
			shown = append(shown, i)
		} else {
			folded = append(folded, i)
		}
	}
	return shown, folded
}

// dull orders instances by how little there is to see of them.
func dull(i record.InstanceNow) int {
	switch {
	case i.Doing != "":
		return 0
	case !i.Serves && i.State != "gone":
		return 1
	case i.State == "gone":
		return 3
	}
	return 2
}

// rest is the line of those left out, counted.
func rest(folded []record.InstanceNow) line {
	counts := map[string]int{}
	for _, i := range folded {
		if i.Serves {
			counts["serving"]++
		} else {
			counts[plain(i.State)]++
		}
	}
	var said []string
	for state, n := range counts {
		said = append(said, fmt.Sprintf("%d %s", n, state))
	}
	slices.Sort(said)
	return line{{fmt.Sprintf("and %d more: %s", len(folded), strings.Join(said, ", ")), faint}}
}

func stateColor(i record.InstanceNow) string {
	switch {
	case i.Serves:
		return green
	case i.State == "gone":
		return faint
	case i.State == "Standby":
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
