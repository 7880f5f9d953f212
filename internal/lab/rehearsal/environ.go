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

// settle is what balanced waits by default for answers that lag. Those of a simulated
// Region do not, so a faster control plane settles faster.
const settle = 10 * time.Second

func (r *rehearsal) newCommand(s stage) *command {
	c := &command{line: r.Command, dir: r.Dir, environ: r.environ(s.dir)}
	if r.Trace {
		c.line = "PS4='$ '; set -x\n" + c.line
	}
	c.output = func(id string) io.Writer {
		return &lines{each: func(text string) { r.event(id, record.Output, text) }}
	}
	return c
}

// environ puts the lab's programs first on the PATH.
func (p Plan) environ(dir string) []string {
	env := []string{"PATH=" + dir + string(os.PathListSeparator) + os.Getenv("PATH")}
	if p.Speed > 1 {
		env = append(env, fmt.Sprintf("BALANCED_SETTLE=%s", time.Duration(float64(settle)/p.Speed).Round(time.Millisecond)))
	}
	for _, v := range p.Environ {
		if !strings.HasPrefix(v, "PATH=") {
			env = append(env, v) // a setting of the operator's own wins, since it comes later
		}
	}
	return env
}

// lines hands on what is written, line by line.
type lines struct {
	each func(string)

	mu   sync.Mutex
	part []byte // a line that is not finished
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

// Close hands on what came last, if it did not end its line.
func (l *lines) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.part) > 0 {
		l.each(string(l.part))
		l.part = nil
	}
	return nil
}
