package cli

import (
	"fmt"
	"unicode/utf8"

	"balanced/internal/format"
)

// lineLimit is the most bytes that the last line has, its newline not counted: CodeDeploy keeps a tail of 2,048 and
// drops an entry that does not fit.
const lineLimit = 199 - len("\n")

// lastLine is the line a failed run ends with: why, then what to do. It is always one line of valid UTF-8 under 200
// bytes; what is too long is cut in its middle, the reason before the hint.
func lastLine(e end) string {
	reason, hint := format.OneLine(e.reason), format.OneLine(e.hint)
	room := lineLimit - len("balanced: ; ")
	hint = shorten(hint, room-min(len(reason), 64)) // a command cut short is of no use
	return fmt.Sprintf("balanced: %s; %s", shorten(reason, room-len(hint)), hint)
}

// shorten cuts a text in its middle: the beginning says what failed, the end why.
func shorten(s string, most int) string {
	const gap = "..."
	if len(s) <= most {
		return s
	}
	room := max(most-len(gap), 0)
	head, tail := room*3/5, len(s)-(room-room*3/5)
	for head > 0 && !utf8.RuneStart(s[head]) {
		head--
	}
	for tail < len(s) && !utf8.RuneStart(s[tail]) {
		tail++
	}
	return s[:head] + gap + s[tail:]
}
