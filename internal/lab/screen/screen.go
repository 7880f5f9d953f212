// Package screen shows a running rehearsal on a terminal: a table that is redrawn in place, and
// above it lines about what happens, which scroll as usual.
package screen

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/term"

	"balanced/internal/lab/record"
)

// Screen is a terminal. It is safe for concurrent use. Each call does one write, so that
// nothing flickers. After a write that fails nothing more is written, and every call returns
// its error.
type Screen struct {
	size  func() (columns, rows int)
	color bool

	mu          sync.Mutex // guards all below
	w           io.Writer
	now         *record.Now
	drawnWidths []int // of each line of the table that is on the screen
	err         error
}

// New returns a Screen on a terminal whose size may change; 0 is taken for 80 by 24. Close
// shows the cursor again.
func New(w io.Writer, size func() (columns, rows int), color bool) *Screen {
	return &Screen{w: w, size: size, color: color}
}

// On returns a Screen on a file, in colour unless NO_COLOR is set. It returns false if the file
// is not a terminal, or is one that cannot move its cursor.
func On(f *os.File, getenv func(string) string) (*Screen, bool) {
	if !term.IsTerminal(int(f.Fd())) || getenv("TERM") == "dumb" {
		return nil, false
	}
	size := func() (columns, rows int) {
		columns, rows, err := term.GetSize(int(f.Fd()))
		if err != nil {
			return 0, 0
		}
		return columns, rows
	}
	return New(f, size, getenv("NO_COLOR") == ""), true
}

// The control sequences that a Screen writes. While a table is drawn, the cursor is hidden and
// lines do not wrap: a line that is too long, because of characters that are two columns wide,
// ends at the edge.
const (
	hideCursor, showCursor = "\x1b[?25l", "\x1b[?25h"
	wrapOff, wrapOn        = "\x1b[?7l", "\x1b[?7h"
	beginFrame, endFrame   = "\x1b[?2026h", "\x1b[?2026l" // synchronized output; terminals without it ignore this
	clearLine              = "\x1b[K"
	clearBelow             = "\x1b[J"
	cursorUpFormat         = "\x1b[%dA"
)

// Show draws the table.
func (s *Screen) Show(now record.Now) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = &now
	return s.write(beginFrame + s.moveHome() + s.table() + endFrame)
}

// Line prints a line above the table. A line that is wider than the terminal is wrapped between
// words. Control characters are left out.
func (s *Screen) Line(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.moveHome() + clearBelow
	columns, _ := s.measure()
	for _, part := range wrap(printable(text), columns-1) {
		out += part + clearLine + "\r\n"
	}
	s.drawnWidths = nil
	return s.write(beginFrame + out + s.table() + endFrame)
}

// Close leaves the last table on the screen, with the cursor below it.
func (s *Screen) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil {
		return s.err
	}
	s.now, s.drawnWidths = nil, nil
	return s.write(showCursor)
}

func (s *Screen) write(text string) error {
	if s.err == nil {
		_, s.err = io.WriteString(s.w, text)
	}
	return s.err
}

// moveHome moves the cursor to the first line of the table. If the terminal has become
// narrower since it was drawn, each line of it may take several lines now.
func (s *Screen) moveHome() string {
	columns, rows := s.measure()
	up := 0
	for _, width := range s.drawnWidths {
		up += max(1, (width+columns-1)/columns)
	}
	if up = min(up, rows-1); up == 0 {
		return "\r"
	}
	return "\r" + fmt.Sprintf(cursorUpFormat, up)
}

func (s *Screen) measure() (columns, rows int) {
	columns, rows = s.size()
	if columns <= 0 || rows <= 0 {
		return 80, 24
	}
	return columns, rows
}

// table draws the table from the cursor on, and leaves the cursor in the line below.
func (s *Screen) table() string {
	if s.now == nil {
		return ""
	}
	columns, rows := s.measure()
	var out strings.Builder
	out.WriteString(hideCursor + wrapOff)
	s.drawnWidths = nil
	columns = max(columns-1, 1) // clearing the rest of a full line would erase its last character
	for _, l := range tableLines(*s.now, columns, rows-1) {
		text, width := l.fit(columns, s.color)
		s.drawnWidths = append(s.drawnWidths, width)
		out.WriteString(text + clearLine + "\r\n")
	}
	out.WriteString(clearBelow + wrapOn)
	return out.String()
}

// printable removes what could move the cursor or change the terminal: control characters and
// the sequences that begin with one.
func printable(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == '\x1b' || r == '\u009b':
			size = sequenceLength(text)
		case r == '\t':
			b.WriteString("    ")
		case r == utf8.RuneError && size == 1:
			b.WriteRune('\uFFFD')
		case r >= ' ' && (r < '\x7f' || r > '\u009f') && !isBidiControl(r):
			b.WriteRune(r)
		}
		text = text[size:]
	}
	return b.String()
}

// isBidiControl reports whether a character changes the direction of the text after it.
func isBidiControl(r rune) bool {
	return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' || r == '\u200e' || r == '\u200f'
}
