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

	mu          sync.Mutex
	rows        []row
	passed      bool
	notImitated *NotImitatedError
}

type row struct {
	*question
	last   answer
	passes int // in a row
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

// note takes an answer to question i. What comes after the end of ctx is not an answer:
// the attempt was broken off.
func (t *tally) note(ctx context.Context, i int, a answer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if over(ctx) {
		return
	}
	r := &t.rows[i]
	r.last = a
	r.passes++
	if !a.pass {
		r.passes = 0
	}
	t.progress(r.String() + ": " + r.shown())
	switch {
	case a.notImitated:
		t.notImitated = &NotImitatedError{Check: r.Check, Asked: r.asked(), Reason: a.text}
		t.stop()
	case t.failing() == nil:
		t.passed = true
		t.stop()
	}
}

// over looks at the clock too: a connection notices that its time is over before its
// context does.
func over(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(end)
}

// shown is the last answer, and the count if it was a pass.
func (r *row) shown() string {
	if !r.last.pass {
		return r.last.text
	}
	return fmt.Sprintf("%s, passed %d of %d", r.last.text, min(r.passes, r.needed()), r.needed())
}

// failing is the first check whose last attempt failed, else the first that has not
// passed often enough, else nil.
func (t *tally) failing() *row {
	var found *row
	for i := range t.rows {
		switch r := &t.rows[i]; {
		case !r.last.pass:
			return r
		case r.passes < r.needed() && found == nil:
			found = r
		}
	}
	return found
}

// verdict is what Run returns, once no attempt is under way. ctx is the one whose end
// stopped them.
func (t *tally) verdict(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.passed:
		return nil
	case t.notImitated != nil:
		return t.notImitated
	}
	r := t.failing()
	return &FailedError{
		Check: r.Check, Asked: r.asked(), Answer: r.shown(), After: time.Since(t.start),
		ended: ctx.Err(), cause: context.Cause(ctx),
	}
}
