package rehearsal

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"balanced/internal/lab/record"
)

// defaultSettle is the default of balanced's --settle, the time it allows for AWS's reads to
// catch up. The reads of a simulated Region do not lag, so --speed shortens it too.
const defaultSettle = 10 * time.Second

func (r *rehearsal) newCommand(dir binDir) *command {
	c := &command{line: r.Command, dir: r.Dir, environ: r.environ(dir.path)}
	if r.Trace {
		c.line = "PS4='$ '; set -x\n" + c.line
	}
	c.output = func(id string) io.Writer {
		return &lines{each: func(text string) { r.event(id, record.Output, text) }}
	}
	return c
}

// environ puts the folder with the lab's programs first on the PATH.
func (p Plan) environ(dir string) []string {
	env := []string{"PATH=" + dir + string(os.PathListSeparator) + os.Getenv("PATH")}
	if p.Speed > 1 {
		env = append(env, fmt.Sprintf("BALANCED_SETTLE=%s", time.Duration(float64(defaultSettle)/p.Speed).Round(time.Millisecond)))
	}
	for _, v := range p.Environ {
		if !strings.HasPrefix(v, "PATH=") {
			env = append(env, v) // the last value of a variable wins, so the operator's own setting does
		}
	}
	return env
}

// lines is an io.Writer that passes on what is written to it line by line.
type lines struct {
	each func(string)

	mu   sync.Mutex
	part []byte // the beginning of a line whose end has not been written yet
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.part = append(l.part, p...)
	for {
		line, rest, whole := bytes.Cut(l.part, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		l.each(strings.TrimRight(string(line), "\r"))
		l.part = bytes.Clone(rest)
	}
}

// Close passes on a last line that has no newline at its end.
func (l *lines) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.part) > 0 {
		l.each(string(l.part))
		l.part = nil
	}
	return nil
}
