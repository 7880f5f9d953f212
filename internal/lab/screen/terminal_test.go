package screen_test

import (
	"fmt"
	"strings"
	"testing"
)

// terminal interprets what a Screen writes, and fails the test if it does not know a sequence.
type terminal struct {
	t             *testing.T
	columns, rows int
	cells         [][]rune // what the terminal shows
	gone          []string // lines that have scrolled away
	row, column   int
	hidden        bool
	nowrap        bool
	inFrame       bool
	colours       int
	writes        int
}

func newTerminal(t *testing.T, columns, rows int) *terminal {
	term := &terminal{t: t, columns: columns, rows: rows}
	for range rows {
		term.cells = append(term.cells, nil)
	}
	return term
}

func (s *terminal) size() (columns, rows int) { return s.columns, s.rows }

func (s *terminal) Write(p []byte) (int, error) {
	s.writes++
	text := string(p)
	for text != "" {
		if text[0] == '\x1b' {
			text = s.escape(text)
			continue
		}
		r := []rune(text)[0]
		text = text[len(string(r)):]
		s.put(r)
	}
	if s.inFrame {
		s.t.Errorf("synchronized output that does not end: %q", p)
	}
	return len(p), nil
}

func (s *terminal) put(r rune) {
	switch {
	case r == '\r':
		s.column = 0
	case r == '\n':
		s.down()
	case r < ' ' || r == '\x7f':
		s.t.Errorf("the terminal gets %q", r)
	default:
		if s.column == s.columns {
			if s.nowrap {
				s.t.Errorf("a line of the table is too long by %q", r)
				return
			}
			s.column = 0
			s.down()
		}
		for len(s.cells[s.row]) <= s.column {
			s.cells[s.row] = append(s.cells[s.row], ' ')
		}
		s.cells[s.row][s.column] = r
		s.column++
	}
}

func (s *terminal) down() {
	if s.row++; s.row < s.rows {
		return
	}
	s.row--
	s.gone = append(s.gone, strings.TrimRight(string(s.cells[0]), " "))
	s.cells = append(s.cells[1:], nil)
}

func (s *terminal) escape(text string) string {
	var sequence string
	for n, r := range text {
		if n > 1 && r >= '@' && r <= '~' {
			sequence, text = text[:n+1], text[n+1:]
			break
		}
	}
	var up int
	switch {
	case sequence == "\x1b[K":
		s.erase()
	case sequence == "\x1b[J":
		s.erase()
		for n := s.row + 1; n < s.rows; n++ {
			s.cells[n] = nil
		}
	case sequence == "\x1b[?25l" || sequence == "\x1b[?25h":
		s.hidden = strings.HasSuffix(sequence, "l")
	case sequence == "\x1b[?7l" || sequence == "\x1b[?7h":
		s.nowrap = strings.HasSuffix(sequence, "l")
	case sequence == "\x1b[?2026h" || sequence == "\x1b[?2026l":
		s.inFrame = strings.HasSuffix(sequence, "h")
	case strings.HasSuffix(sequence, "m"):
		s.colours++
	case strings.HasSuffix(sequence, "A"):
		if _, err := fmt.Sscanf(sequence, "\x1b[%dA", &up); err != nil || up < 1 {
			s.t.Fatalf("%q: %v", sequence, err)
		}
		s.row = max(s.row-up, 0)
	default:
		s.t.Fatalf("the terminal does not know %q", sequence)
	}
	return text
}

// erase erases the rest of the line. After a full line the cursor is still on its last
// character, which is erased too.
func (s *terminal) erase() {
	at := min(s.column, s.columns-1)
	s.cells[s.row] = s.cells[s.row][:min(at, len(s.cells[s.row]))]
}

// seen is what the terminal shows, without empty lines at its end.
func (s *terminal) seen() string {
	var all []string
	for _, line := range s.cells {
		all = append(all, strings.TrimRight(string(line), " "))
	}
	return strings.TrimRight(strings.Join(all, "\n"), "\n")
}
