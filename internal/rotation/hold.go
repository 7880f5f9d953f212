package rotation

import (
	"errors"
	"io/fs"

	"balanced/internal/failure"
	"balanced/internal/safefile"
)

// held: a hold file exists. They are looked for again before every move, since one may be made while a run waits.
func held(v view) verdict {
	if refusal := heldBy(v.hold); refusal != nil {
		return verdict{kind: blocked, refusal: refusal, final: true}
	}
	return verdict{}
}

// heldBy reads the first hold file there is: its first line is the reason. One that is there but cannot be read still
// holds, and whatever is not a plain file is named.
func heldBy(paths []string) *failure.Refusal {
	for _, path := range paths {
		if path == "" {
			continue
		}
		line, err := safefile.FirstLine(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		hint := "ask who made it, then remove " + path
		if err != nil {
			return &failure.Refusal{Class: failure.NotNow, Reason: "held by " + path, Hint: hint, Err: err}
		}
		if line == "" {
			line = "no reason given"
		}
		return failure.New(failure.NotNow, hint, "held by %s: %s", path, line)
	}
	return nil
}
