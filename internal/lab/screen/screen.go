// Package screen shows a rehearsal on a terminal while it goes on: a table that is drawn
// again in place, and above it the lines of what happens, which scroll as usual.
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

// Screen is a terminal. It is safe for concurrent use. What it writes goes out in one
// piece for each call, so that nothing flickers. The first error of a write is kept,
// and nothing is written after it.
type Screen struct {
	size  func() (columns, rows int)
	color bool

	mu    sync.Mutex // guards all below
	w     io.Writer
	now   *record.Now
	drawn []int // the width of each line of the table that stands there
	err   error
}

// New shows on a terminal of a size that may change. A size of 0 is taken for 80 by 24.
// Call Close at the end: it gives the cursor back.
func New(w io.Writer, size func() (columns, rows int), color bool) *Screen {
	return &Screen{w: w, size: size, color: color}
}

// On shows on a file, in colour unless NO_COLOR is set. False: the file is no terminal,
// or one that cannot move its cursor.
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

// The sequences that are written. While a table is drawn the cursor is hidden and lines
// do not wrap: what is too long, or holds characters of two columns, ends at the edge.
const (
	hide, unhide   = "\x1b[?25l", "\x1b[?25h"
	nowrap, wrap   = "\x1b[?7l", "\x1b[?7h"
	hold, release  = "\x1b[?2026h", "\x1b[?2026l" // terminals that know it show a frame whole
	toLineEnd      = "\x1b[K"
	toScreenEnd    = "\x1b[J"
	cursorUpFormat = "\x1b[%dA"
)

// Show draws the table.
func (s *Screen) Show(now record.Now) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = &now
	return s.write(hold + s.home() + s.table() + release)
}

// Line prints a line above the table. What would move the cursor is left out of it.
func (s *Screen) Line(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.home() + toScreenEnd + plain(text) + toLineEnd + "\r\n"
	s.drawn = nil
	return s.write(hold + out + s.table() + release)
}

// Close leaves the last table where it is, with the cursor below it.
func (s *Screen) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil {
		return s.err
	}
	s.now, s.drawn = nil, nil
	return s.write(unhide)
}

func (s *Screen) write(text string) error {
	if s.err == nil {
		_, s.err = io.WriteString(s.w, text)
	}
	return s.err
}

// home goes to the table's first line. Where the terminal has become narrower since,
// its lines may have been broken into several.
func (s *Screen) home() string {
	columns, rows := s.measure()
	up := 0
	for _, width := range s.drawn {
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

// table draws from where the cursor is, and leaves it in the line below.
func (s *Screen) table() string {
	if s.now == nil {
		return ""
	}
	columns, rows := s.measure()
	var out strings.Builder
	out.WriteString(hide + nowrap)
	s.drawn = nil
	columns = max(columns-1, 1) // clearing the end of a full line takes its last character
	for _, l := range lines(*s.now, columns, rows-1) {
		text, width := l.fit(columns, s.color)
		s.drawn = append(s.drawn, width)
		out.WriteString(text + toLineEnd + "\r\n")
	}
	out.WriteString(toScreenEnd + wrap)
	return out.String()
}

// plain leaves only what stays in its line: no control characters, and none of the
// sequences that begin with one.
func plain(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == '\x1b' || r == '\u009b':
			size = sequence(text)
		case r == '\t':
			b.WriteString("    ")
		case r == utf8.RuneError && size == 1:
			b.WriteRune('\uFFFD')
		case r >= ' ' && (r < '\x7f' || r > '\u009f') && !turns(r):
			b.WriteRune(r)
		}
		text = text[size:]
	}
	return b.String()
}

// turns are the characters that change the direction of what follows.
func turns(r rune) bool {
	return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' || r == '\u200e' || r == '\u200f'
}
