package rotation

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"strings"

	"balanced/internal/failure"
)

// held: the hold file exists. It is looked for again before every move, since it may be made while a run waits.
func held(v view) verdict {
	if refusal := heldBy(v.hold); refusal != nil {
		return verdict{kind: blocked, refusal: refusal, final: true}
	}
	return verdict{}
}

// heldBy reads the hold file: its first line is the reason. One that is there but cannot be read still holds.
func heldBy(path string) *failure.Refusal {
	if path == "" {
		return nil
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	hint := "ask who made it, then remove " + path
	if err != nil {
		return &failure.Refusal{Class: failure.NotNow, Reason: "held", Hint: hint, Err: err}
	}
	defer f.Close()
	line := bufio.NewScanner(f)
	line.Scan()
	why := strings.TrimSpace(line.Text())
	if why == "" {
		why = "no reason given"
	}
	return failure.New(failure.NotNow, hint, "held by %s: %s", path, why)
}
