package screen

import (
	"bytes"
	"io"
	"os"

	"golang.org/x/term"
)

// Columns is the width of a terminal, 0 if the file is no terminal.
func Columns(f *os.File) int {
	if !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return columns
}

// CutRows returns a writer that passes on lines. A row of a table, which is a line with several
// spaces in a row between words, is cut at the edge; any other line that is too long is wrapped
// between words.
func CutRows(w io.Writer, columns int) io.Writer { return &cutter{w: w, columns: columns} }

type cutter struct {
	w       io.Writer
	columns int
	part    []byte // of a line whose end has not been written yet
}

func (c *cutter) Write(p []byte) (int, error) {
	c.part = append(c.part, p...)
	for {
		line, rest, whole := bytes.Cut(c.part, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		var out bytes.Buffer
		for _, part := range c.fit(string(line)) {
			out.WriteString(part + "\n")
		}
		c.part = bytes.Clone(rest)
		if _, err := c.w.Write(out.Bytes()); err != nil {
			return 0, err
		}
	}
}

func (c *cutter) fit(line string) []string {
	text := printable(line)
	if bytes.Contains(bytes.TrimSpace([]byte(text)), []byte("   ")) {
		return []string{shorten(text, c.columns)}
	}
	return wrap(text, c.columns)
}
