package screen

import (
	"slices"
	"strings"
)

// wrapIndent begins the second and later lines of a text that is wrapped.
const wrapIndent = "        "

// wrap breaks a text between words into lines of at most so many columns, at least 16. A word
// that is longer than a line is broken anywhere. Only spaces at a break are left out.
func wrap(text string, columns int) []string {
	columns = max(columns, 2*len(wrapIndent))
	var lines []string
	rest := []rune(text)
	for len(rest) > columns {
		at := columns
		for n := columns; n > len(wrapIndent); n-- {
			if rest[n] == ' ' {
				at = n
				break
			}
		}
		lines = append(lines, strings.TrimRight(string(rest[:at]), " "))
		for at < len(rest) && rest[at] == ' ' {
			at++
		}
		rest = slices.Concat([]rune(wrapIndent), rest[at:])
	}
	return append(lines, string(rest))
}
