package screen

import "strings"

// sequence is the length of the terminal sequence with which a text begins (ECMA-48):
// CSI up to its final byte, a string such as OSC up to its terminator, else the escape
// and the character after it.
func sequence(text string) int {
	rest, csi := strings.CutPrefix(text, "\u009b")
	if !csi {
		rest, csi = strings.CutPrefix(text, "\x1b[")
	}
	begun := len(text) - len(rest)
	if csi {
		for n, c := range []byte(rest) {
			if c >= 0x40 && c <= 0x7e {
				return begun + n + 1
			}
			if c < 0x20 || c > 0x7e {
				return begun + n
			}
		}
		return len(text)
	}
	if len(text) > 1 && strings.IndexByte("]P_^X", text[1]) >= 0 {
		return controlString(text)
	}
	return min(2, len(text))
}

// controlString ends with BEL or ESC \; one that does not end takes the whole line.
func controlString(text string) int {
	for n := 2; n < len(text); n++ {
		if text[n] == '\a' {
			return n + 1
		}
		if strings.HasPrefix(text[n:], "\x1b\\") {
			return n + 2
		}
	}
	return len(text)
}
