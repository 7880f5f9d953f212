package cli

import (
	"io"
	"sync"
)

// hookLogLimit is what the log of a hook may take, its last line not counted. CodeDeploy
// puts a few bytes before each line, and stdout into the same 2,048.
const hookLogLimit = 1400

// limitWriter lets whole lines through as long as they fit. It is safe for concurrent use.
type limitWriter struct {
	mu   sync.Mutex
	w    io.Writer
	left int
	more string // the line that says that there is more
	over bool
}

// moreOmitted is that line for people, moreOmittedJSON for machines.
const (
	moreOmitted     = "... more is left out; --report FILE keeps all of it\n"
	moreOmittedJSON = `{"level":"warn","msg":"more is left out; --report FILE keeps all of it"}` + "\n"
)

// Write never fails for want of room: a log that is full ends no run.
func (l *limitWriter) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return len(line), nil
	}
	if len(line)+len(l.more) > l.left {
		l.over = true
		_, err := io.WriteString(l.w, l.more)
		return len(line), err
	}
	l.left -= len(line)
	return l.w.Write(line)
}
