package probe

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// tally counts the answers to all questions.
type tally struct {
	start    time.Time
	progress func(string)
	stop     func() // ends the asking

	mu     sync.Mutex
	rows   []row
	passed bool
}

type row struct {
	*question
	last answer
	runs int // passes in a row
}

func newTally(questions []*question, progress func(string), stop func()) *tally {
	t := &tally{start: time.Now(), progress: progress, stop: stop}
	if t.progress == nil {
		t.progress = func(string) {}
	}
	for _, q := range questions {
		t.rows = append(t.rows, row{question: q, last: answer{text: "no answer"}})
	}
	return t
}

// note takes an answer to question i. What comes after the end of ctx is not an answer
// but the question given up.
func (t *tally) note(ctx context.Context, i int, a answer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if over(ctx) {
		return
	}
	r := &t.rows[i]
	r.last = a
	r.runs++
	if !a.pass {
		r.runs = 0
	}
	t.progress(r.String() + ": " + r.answered())
	if t.worst() == nil {
		t.passed = true
		t.stop()
	}
}

// over looks at the clock too: a connection notices that its time has come before its
// context does.
func over(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(end)
}

func (r *row) well() bool { return r.runs >= r.needed() }

// answered is the last answer, and the count where it was a pass.
func (r *row) answered() string {
	if !r.last.pass {
		return r.last.text
	}
	return fmt.Sprintf("%s, passed %d of %d", r.last.text, min(r.runs, r.needed()), r.needed())
}

// worst is the first check that fails, else the first that has not passed often enough,
// else nil.
func (t *tally) worst() *row {
	var found *row
	for i := range t.rows {
		switch r := &t.rows[i]; {
		case !r.last.pass:
			return r
		case !r.well() && found == nil:
			found = r
		}
	}
	return found
}

// verdict is what Run returns, once nobody asks any more. ctx is the one whose end they
// saw.
func (t *tally) verdict(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.passed {
		return nil
	}
	r := t.worst()
	return &FailedError{
		Check: r.Check, Answer: r.answered(), After: time.Since(t.start),
		ended: ctx.Err(), cause: context.Cause(ctx),
	}
}

// FailedError says that a check had not passed when the time was over, or when somebody
// asked to stop: errors.Is and errors.As find why the context ended.
type FailedError struct {
	Check  Check         // one that did not pass
	Answer string        // the last one to it: "503", "connection refused", "timed out after 5s"
	After  time.Duration // from the first question

	ended, cause error
}

// Error is one line: "GET :8080/health: 503 after 42 s".
func (e *FailedError) Error() string {
	return fmt.Sprintf("%s: %s after %.0f s", e.Check, e.Answer, e.After.Seconds())
}

// Unwrap returns the cause of the context's end, and its plain error.
func (e *FailedError) Unwrap() []error { return []error{e.cause, e.ended} }
