package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"balanced/internal/fleet"
	"balanced/internal/format"
	"balanced/internal/rotation"
)

// statusTable is how status looks: plain text in columns, and on a terminal in colour.
type statusTable struct {
	color  bool
	redraw bool // from the top of the screen
	again  bool // another one follows
}

const clearScreen = "\x1b[H\x1b[2J"

func (p statusTable) text(r *rotation.Report) string {
	var b strings.Builder
	if p.redraw {
		b.WriteString(clearScreen)
	}
	b.WriteString(p.paint(bold, verdict(r)) + "\n")
	if r.Group.Name != "" {
		g := r.Group
		fmt.Fprintf(&b, "%s: min %d, desired %d, max %d; %d of %d healthy, minimum %d (%s): %d may be out\n\n",
			g.Name, g.Min, g.Desired, g.Max, g.Healthy, g.Capacity, g.MinHealthy, g.MinHealthyRule, g.Slots)
		p.table(&b, r)
	}
	p.list(&b, "", objections(r))
	if r.HostTakenBy != "" {
		p.list(&b, "", []string{r.Instance.ID + " is taken by " + r.HostTakenBy})
	}
	p.list(&b, p.paint(yellow, "warning: "), r.Warnings)
	if p.again && !p.redraw {
		b.WriteString("\n")
	}
	return b.String()
}

// list writes a paragraph of one line each.
func (p statusTable) list(b *strings.Builder, before string, lines []string) {
	if len(lines) > 0 {
		b.WriteString("\n")
	}
	for _, line := range lines {
		b.WriteString(before + format.OneLine(line) + "\n")
	}
}

// objections are the reasons load balancers give for not sending traffic.
func objections(r *rotation.Report) []string {
	var all []string
	for _, m := range byZone(r.Members) {
		for _, t := range m.Traffic {
			if t.Reason != "" && t.State != string(fleet.Healthy) && m.State == "InService" {
				all = append(all, fmt.Sprintf("%s at %s is %s: %s", m.ID, t.Name, t.State, t.Reason))
			}
		}
	}
	return all
}

// verdict is this instance's standing in one line.
func verdict(r *rotation.Report) string {
	id := r.Instance.ID
	switch r.Outcome {
	case rotation.InService.String():
		return id + " is in service and healthy"
	case rotation.NotMember.String():
		return id + " is in no Auto Scaling group"
	}
	for _, m := range r.Members {
		if m.ThisInstance {
			return fmt.Sprintf("%s is %s: %s%s", id, notHealthy(m), state(m), why(m))
		}
	}
	return id + " is out of service"
}

// notHealthy: InService and not healthy, or out of service.
func notHealthy(m rotation.MemberReport) string {
	if m.State == string(fleet.InService) {
		return "not healthy"
	}
	return "out of service"
}

// why an instance that is InService is not healthy.
func why(m rotation.MemberReport) string {
	if m.State != "InService" {
		return ""
	}
	if !m.HealthyForASG {
		return ", Unhealthy for Auto Scaling"
	}
	for _, t := range m.Traffic {
		if t.State != string(fleet.Healthy) {
			return fmt.Sprintf(", %s at %s", t.State, t.Name)
		}
	}
	return ""
}

func state(m rotation.MemberReport) string {
	if m.OutSeconds > 0 {
		return m.State + " for " + format.Duration(seconds(m.OutSeconds))
	}
	return m.State
}

func byZone(members []rotation.MemberReport) []rotation.MemberReport {
	return slices.SortedStableFunc(slices.Values(members), func(x, y rotation.MemberReport) int {
		return cmp.Or(strings.Compare(x.Zone, y.Zone), strings.Compare(x.ID, y.ID))
	})
}

// table writes one row a member, by zone.
func (p statusTable) table(b *strings.Builder, r *rotation.Report) {
	rows := [][]cell{{{}, {text: "INSTANCE"}, {text: "ZONE"}, {text: "STATE"}}}
	for _, t := range r.Traffic {
		rows[0] = append(rows[0], cell{text: strings.ToUpper(string(t.Kind)) + " " + t.Name})
	}
	rows[0] = append(rows[0], cell{text: "HEALTHY"})
	for _, m := range byZone(r.Members) {
		rows = append(rows, row(m))
	}
	p.write(b, rows)
}

// cell is a text in a column, and its colour.
type cell struct{ text, color string }

func row(m rotation.MemberReport) []cell {
	id, mark := cell{text: m.ID}, cell{}
	if m.ThisInstance {
		id.color, mark = bold, cell{"*", bold}
	}
	cells := []cell{mark, id, {text: m.Zone}, lifecycle(m)}
	for _, t := range m.Traffic {
		cells = append(cells, health(t.State))
	}
	if m.Healthy {
		return append(cells, cell{"yes", green})
	}
	return append(cells, cell{"no", red})
}

func lifecycle(m rotation.MemberReport) cell {
	switch {
	case !m.HealthyForASG:
		return cell{state(m) + ", Unhealthy", red}
	case m.State == "InService":
		return cell{text: m.State}
	}
	return cell{state(m), yellow}
}

func health(state string) cell {
	switch fleet.Health(state) {
	case fleet.Healthy:
		return cell{state, green}
	case fleet.Unhealthy:
		return cell{state, red}
	case fleet.Unregistered:
		return cell{text: "-"}
	}
	return cell{state, yellow}
}

// write pads the columns to their widest cell; colours take no room.
func (p statusTable) write(b *strings.Builder, rows [][]cell) {
	widths := make([]int, len(rows[0]))
	for _, cells := range rows {
		for i, c := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	for _, cells := range rows {
		line := ""
		for i, c := range cells {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+2)
			if i == 0 {
				pad = pad[1:]
			}
			line += p.paint(c.color, c.text) + pad
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

// Colours a terminal shows in its own palette.
const (
	bold   = "\x1b[1m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	normal = "\x1b[0m"
)

func (p statusTable) paint(color, text string) string {
	if !p.color || color == "" || text == "" {
		return text
	}
	return color + text + normal
}
