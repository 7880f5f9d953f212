package screen

import (
	"slices"
	"strings"
	"testing"
)

func TestLinesAreWrappedBetweenWords(t *testing.T) {
	for text, want := range map[string][]string{
		"short":                     {"short"},
		"one two three four five s": {"one two three", "        four", "        five s"},
		"0123456789abcdefghij":      {"0123456789abcdef", "        ghij"},
	} {
		if got := wrap(text, 16); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestWrappingLosesNoWord(t *testing.T) {
	text := "  12.3s  i-0123456789abcdef0 | balanced: the instance is out of service; app drained for 2s, legacy for 3s"
	for columns := 1; columns < 120; columns++ {
		lines := wrap(text, columns)
		for _, l := range lines {
			if len(l) > max(columns, 16) {
				t.Errorf("%d columns: a line of %d: %q", columns, len(l), l)
			}
		}
		if got := strings.Join(strings.Fields(strings.Join(lines, " ")), ""); got != strings.Join(strings.Fields(text), "") {
			t.Errorf("%d columns: %q", columns, got)
		}
	}
}
