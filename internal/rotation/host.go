package rotation

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// held: a person made the hold file. It is looked for again before every move, since
// it may be made while a run waits for its turn.
func held(v view) *Stop {
	if stop := heldBy(v.hold); stop != nil {
		return stop
	}
	return nil
}

// heldBy reads the hold file: its first line is the reason. One that is there but
// cannot be read still holds.
func heldBy(path string) *Stop {
	if path == "" {
		return nil
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	hint := "ask who made it, then remove " + path
	if err != nil {
		return (&Stop{Class: NotNow, Reason: "held", Hint: hint, Err: err}).atOnce()
	}
	defer f.Close()
	line := bufio.NewScanner(f)
	line.Scan()
	why := strings.TrimSpace(line.Text())
	if why == "" {
		why = "no reason given"
	}
	return stopf(NotNow, hint, "held by %s: %s", path, why).atOnce()
}

// errBusy is the answer to a second run on the same host.
func errBusy(instance string) error {
	return stopf(NotNow, "wait for it to end", "another balanced is at work on %s", instance).atOnce()
}

// socketName is what makes a run the only one on its host: a name the kernel gives
// away once and takes back when the process ends, however it ends.
func socketName(instance string) string { return fmt.Sprintf("@balanced/%s", instance) }
