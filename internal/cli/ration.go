package cli

import (
	"io"
	"sync"
)

// logRation is what the log of a hook may take, its last line not counted. CodeDeploy
// puts a few bytes before each line, and stdout into the same 2,048.
const logRation = 1400

// ration lets whole lines through as long as they fit. It is safe for concurrent use.
type ration struct {
	mu   sync.Mutex
	w    io.Writer
	left int
	over bool
}

const moreOmitted = "... more is left out; --report FILE keeps all of it\n"

// Write never fails for want of room: a log that is full ends no run.
func (r *ration) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return len(line), nil
	}
	if len(line)+len(moreOmitted) > r.left {
		r.over = true
		_, err := io.WriteString(r.w, moreOmitted)
		return len(line), err
	}
	r.left -= len(line)
	return r.w.Write(line)
}
