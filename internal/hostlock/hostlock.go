// Package hostlock takes this host for one balanced at a time: as long as the work lives,
// and not longer.
//
// The work of out and in is the process itself. The work of run is also its COMMAND: when
// run is killed, the host stays taken until COMMAND ends. What COMMAND started and left
// behind does not keep it taken.
//
// # Where
//
// Every run of a user has to use the same folder, or two of them do not see each other.
// So there is exactly one for each, and no second choice when it cannot be used:
//
//   - root: /run/balanced, made with mode 0755.
//   - anybody else: .balanced in the home folder that the password database names, mode
//     0700. Not $XDG_RUNTIME_DIR: a shell has it and cron does not, and it is deleted
//     with the user's last session while a run goes on. Only a user without a home of
//     their own gets $XDG_RUNTIME_DIR/balanced.
//
// A container that brings its own /run has its own lock. To share the host's, mount
// /run/balanced into it: the locks hold across PID namespaces. Where /run is read-only,
// mount a tmpfs there (docker run --tmpfs /run), or let the systemd unit write to it
// (ReadWritePaths=/run).
//
// # What is in it
//
// INSTANCE.lock, mode 0600, is empty; who holds flock(2) on it has the host. Nobody else
// can open it, so nobody else can lock it. INSTANCE.holder, mode 0644, says who that is.
// It is written before others can open it, and locked by its writer from then on
// (F_OFD_SETLK); the text counts only while that lock is held. Others can read the text
// and ask for the lock but, without write access, never take one that looks like it.
//
// # Who waits for whom
//
// A run waits for runs of its own user and, if it is not root's, for root's. Root waits
// for nobody else, and never looks into the folders of others: whoever could make root
// wait could stop every deployment.
//
// Links are never followed, and a folder or file that others could change is refused:
// [PlaceError].
package hostlock

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"balanced/internal/failure"
)

// maxCommand is how many bytes of a command line are kept: a long one in full, and little
// enough that no holder fills the tmpfs.
const maxCommand = 512

// Holder is who has the host. The texts are the holder's own words: escape them wherever
// they are shown.
type Holder struct {
	PID     int       // of the balanced that took the host; 0: it was killed, and only Work goes on
	UID     int       // as the kernel says
	Command string    // as given to Take, cut after 512 bytes
	Since   time.Time // zero: not known, the holder is just starting or its note is damaged
	Work    Work      // run's COMMAND; zero before it starts and for other commands
	// Elsewhere: the PIDs count in another PID namespace, as in a container.
	Elsewhere bool
}

// Work is the COMMAND of a run.
type Work struct {
	PID  int
	Name string // the base name of the program, without its arguments
}

// String is one line for people. The texts in it are quoted, so that it is safe to print.
func (h Holder) String() string {
	if h.Since.IsZero() {
		return fmt.Sprintf("another balanced of uid %d", h.UID)
	}
	var b strings.Builder
	switch {
	case h.PID == 0:
		fmt.Fprintf(&b, "%+q (pid %d), left by a killed %+q", h.Work.Name, h.Work.PID, h.Command)
	case h.Work.PID != 0:
		fmt.Fprintf(&b, "%+q (pid %d) and its %+q (pid %d)", h.Command, h.PID, h.Work.Name, h.Work.PID)
	default:
		fmt.Fprintf(&b, "%+q (pid %d)", h.Command, h.PID)
	}
	fmt.Fprintf(&b, " of uid %d, since %s", h.UID, h.Since.UTC().Format(time.RFC3339))
	if h.Elsewhere {
		b.WriteString(", in another PID namespace")
	}
	return b.String()
}

// BusyError: another run has the host. It passes by itself.
type BusyError struct {
	Instance string
	Holder   Holder
}

func (e *BusyError) Error() string { return e.Instance + " is taken by " + e.Holder.String() }

// FailureClass and FailureHint meet package failure.
func (e *BusyError) FailureClass() failure.Class { return failure.NotNow }
func (e *BusyError) FailureHint() string         { return "wait for it to end" }

// PlaceError: the lock cannot be kept safely, or not at all. Somebody has to change
// something first; Hint says what.
type PlaceError struct {
	Path   string
	Reason string
	Hint   string
	Err    error // the cause, if another error is
}

func (e *PlaceError) Error() string {
	text := fmt.Sprintf("lock of this host: %s %s", e.Path, e.Reason)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *PlaceError) Unwrap() error { return e.Err }

// FailureClass and FailureHint meet package failure.
func (e *PlaceError) FailureClass() failure.Class { return failure.Setup }
func (e *PlaceError) FailureHint() string         { return e.Hint }

// bounded cuts text after at most limit bytes, and not within a character.
func bounded(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}

// checkName makes sure that an instance ID is a file name like any other.
func checkName(instance string) error {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.'
	}
	bad := strings.ContainsFunc(instance, func(r rune) bool { return !safe(r) })
	if bad || instance == "" || len(instance) > 128 || instance[0] == '.' {
		return fmt.Errorf("lock of this host: %+q is not an instance ID", bounded(instance, maxCommand))
	}
	return nil
}
