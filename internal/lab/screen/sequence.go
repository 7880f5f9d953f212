package screen

import "strings"

// sequenceLength is the length of the control sequence at the beginning of a text (ECMA-48):
// CSI up to its final byte, a control string such as OSC up to its terminator, else the escape
// and the character after it.
func sequenceLength(text string) int {
	rest, csi := strings.CutPrefix(text, "\u009b")
	if !csi {
		rest, csi = strings.CutPrefix(text, "\x1b[")
	}
	start := len(text) - len(rest)
	if csi {
		for n, c := range []byte(rest) {
			if c >= 0x40 && c <= 0x7e {
				return start + n + 1
			}
			if c < 0x20 || c > 0x7e {
				return start + n
			}
		}
		return len(text)
	}
	if len(text) > 1 && strings.IndexByte("]P_^X", text[1]) >= 0 {
		return controlStringLength(text)
	}
	return min(2, len(text))
}

// controlStringLength is the length up to BEL or ESC \, or of the whole text if neither is in
// it.
func controlStringLength(text string) int {
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
