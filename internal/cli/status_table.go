package cli

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"balanced/internal/fleet"
	"balanced/internal/format"
	"balanced/internal/rotation"
)

// statusTable is how status looks: plain text in columns, and on a terminal in colour and within its width.
type statusTable struct {
	color bool
	width int    // columns of the terminal; 0: none
	above string // the line above each of several; "": this is the only one
	clear bool   // the screen before it
}

const clearScreen = "\x1b[H\x1b[2J"

func (p statusTable) text(r *rotation.Report) string {
	var b strings.Builder
	if p.clear {
		b.WriteString(clearScreen)
	}
	if p.above != "" {
		p.sentence(&b, "", "", p.above)
		b.WriteString("\n")
	}
	p.sentence(&b, bold, "", verdict(r))
	if r.Group.Name != "" {
		p.sentence(&b, "", "", groupLine(r.Group))
		b.WriteString("\n")
		p.table(&b, r)
	}
	p.list(&b, "", objections(r))
	if r.HostTakenBy != "" {
		p.list(&b, "", []string{r.Instance.ID + " is taken by " + r.HostTakenBy})
	}
	if r.Lock != nil {
		p.list(&b, "", []string{lockLine(r.Lock, time.Now())})
	}
	p.list(&b, "warning: ", r.Warnings)
	if p.above != "" && !p.clear {
		b.WriteString("\n")
	}
	return b.String()
}

func groupLine(g rotation.GroupReport) string {
	if g.Declared {
		return fmt.Sprintf("%s: %d of %d healthy at each, minimum %d (%s): %d may be out",
			g.Name, g.Healthy, g.Capacity, g.MinHealthy, g.MinHealthyRule, g.Slots)
	}
	return fmt.Sprintf("%s: min %d, desired %d, max %d; %d of %d healthy, minimum %d (%s): %d may be out",
		g.Name, g.Min, g.Desired, g.Max, g.Healthy, g.Capacity, g.MinHealthy, g.MinHealthyRule, g.Slots)
}

// list writes a paragraph for each text, after an empty line.
func (p statusTable) list(b *strings.Builder, label string, texts []string) {
	if len(texts) > 0 {
		b.WriteString("\n")
	}
	for _, text := range texts {
		p.sentence(b, yellow, label, text)
	}
}

// sentence writes one text, after its label, in lines that fit. The label is coloured or, without one, the text.
func (p statusTable) sentence(b *strings.Builder, color, label, text string) {
	text = format.OneLine(text)
	lines := fold(label+text, p.width)
	for i, line := range lines {
		switch {
		case i == 0 && label != "":
			line = p.paint(color, label) + strings.TrimPrefix(line, label)
		case label == "" && color == bold:
			line = p.paint(color, line)
		}
		b.WriteString(line + "\n")
	}
}

// fold breaks a text into lines of at most so many bytes, at spaces where it can; 0: it stays in one piece.
func fold(text string, width int) []string {
	if width < 20 {
		return []string{text}
	}
	var lines []string
	for _, line := range wrap(text, width) {
		for len(line) > width {
			end := width
			for !utf8.RuneStart(line[end]) {
				end--
			}
			lines, line = append(lines, line[:end]), line[end:]
		}
		lines = append(lines, line)
	}
	return lines
}

// table writes one row a member, by zone. Load balancers for which there is no room are named below it.
func (p statusTable) table(b *strings.Builder, r *rotation.Report) {
	rows := [][]cell{{{}, {text: "INSTANCE"}, {text: "ZONE"}, {text: "STATE"}}}
	for _, t := range r.Traffic {
		rows[0] = append(rows[0], cell{text: strings.ToUpper(string(t.Kind)) + " " + t.Name})
	}
	rows[0] = append(rows[0], cell{text: "HEALTHY"})
	for _, m := range byZone(r.Members) {
		rows = append(rows, row(m))
	}
	for _, cells := range rows {
		for i := range cells {
			cells[i].text = format.OneLine(cells[i].text)
		}
	}
	hidden := fit(rows, len(r.Traffic), p.width)
	p.write(b, rows)
	if len(hidden) > 0 {
		p.list(b, "", []string{"no room for " + strings.Join(hidden, ", ")})
	}
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

// Columns that fit leaves out where there is no room: the zone, and load balancers from the first to the last.
const (
	zoneColumn    = 2
	firstBalancer = 4
)

// fit removes columns until the rows fit the width, the last load balancers first and then the zone; 0: all fit. It
// returns the titles of the load balancers that it removed.
func fit(rows [][]cell, balancers, width int) (hidden []string) {
	remove := func(column int) {
		for i, cells := range rows {
			rows[i] = append(cells[:column:column], cells[column+1:]...)
		}
	}
	for width > 0 && balancers > 0 && total(widths(rows)) > width {
		balancers--
		hidden = append([]string{rows[0][firstBalancer+balancers].text}, hidden...)
		remove(firstBalancer + balancers)
	}
	if width > 0 && total(widths(rows)) > width {
		remove(zoneColumn)
	}
	return hidden
}

// widths are those of the widest cell of each column.
func widths(rows [][]cell) []int {
	all := make([]int, len(rows[0]))
	for _, cells := range rows {
		for i, c := range cells {
			all[i] = max(all[i], utf8.RuneCountInString(c.text))
		}
	}
	return all
}

// gap is the room before a column: none before the mark, one character after it.
func gap(column int) int { return min(column, 2) }

func total(widths []int) int {
	sum := 0
	for i, w := range widths {
		sum += gap(i) + w
	}
	return sum
}

// write pads the columns to their widest cell; colours take no room. A row that is too long even so is cut.
func (p statusTable) write(b *strings.Builder, rows [][]cell) {
	columns := widths(rows)
	for _, cells := range rows {
		line, used, pending := "", 0, 0
		for i, c := range cells {
			pending += gap(i)
			if c.text != "" {
				text := c.text
				if p.width > 0 {
					text = cutRow(text, p.width-used-pending)
				}
				line += strings.Repeat(" ", pending) + p.paint(c.color, text)
				used, pending = used+pending+utf8.RuneCountInString(text), 0
				if text != c.text {
					break
				}
			}
			pending += columns[i] - utf8.RuneCountInString(c.text)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

// cutRow cuts a cell at the right edge of the terminal.
func cutRow(text string, room int) string {
	runes := []rune(text)
	switch {
	case len(runes) <= room:
		return text
	case room < 1:
		return ""
	}
	return string(runes[:room-1]) + "…"
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
