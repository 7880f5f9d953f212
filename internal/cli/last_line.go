package cli

import (
	"fmt"
	"unicode/utf8"

	"balanced/internal/format"
)

// hookLineLimit is the most bytes that the last line of a hook has, its newline not counted: CodeDeploy keeps a tail of
// 2,048 and drops an entry that does not fit.
const hookLineLimit = 199 - len("\n")

// hookError is how a hook failed. Its last line has to be short.
type hookError struct{ error }

func (h hookError) Unwrap() error { return h.error }

// lastLine is the line a failed run ends with: why, then what to do. It is one line of valid UTF-8, whole, and for a
// hook under 200 bytes.
func lastLine(err error) string {
	reason, hint := lastWords(err)
	return fmt.Sprintf("balanced: %s; %s", reason, hint)
}

// lastWords are the reason and the hint, as long as they may be.
func lastWords(err error) (reason, hint string) {
	e := endOf(err)
	reason, hint = format.OneLine(e.reason), format.OneLine(e.hint)
	if as[hookError](err) {
		room := hookLineLimit - len("balanced: ; ")
		hint = cutEnd(hint, room-min(len(reason), 64))
		reason = cutEnd(reason, room-len(hint)) // the cause of a cause goes first, the fix stays
	}
	return reason, hint
}

// cutEnd cuts a text at its end, at a whole character.
func cutEnd(s string, most int) string {
	const gap = "..."
	if len(s) <= most {
		return s
	}
	end := max(most-len(gap), 0)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + gap
}
