package rehearsal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// binDir is the folder with the programs that a rehearsal puts on the PATH.
type binDir struct{ path string }

// noopBalanced takes the place of balanced in a naive rehearsal. It moves nothing, and its
// run only runs COMMAND.
const noopBalanced = `#!/bin/sh
[ "$1" = run ] || exit 0
while [ $# -gt 0 ] && [ "$1" != -- ]; do shift; done
shift
exec "$@"
`

func newBinDir(p Plan) (d binDir, err error) {
	tmp, err := filepath.Abs(os.TempDir()) // TMPDIR may be relative, and the command may change the directory
	if err == nil {
		d.path, err = os.MkdirTemp(tmp, "balanced-rehearsal-")
	}
	if err != nil {
		return d, fmt.Errorf("make a folder for programs in TMPDIR: %w", err)
	}
	agent := filepath.Join(d.path, "balanced")
	if p.Naive {
		err = os.WriteFile(agent, []byte(noopBalanced), 0o755)
	} else {
		err = os.Symlink(p.Balanced, agent)
	}
	if err == nil {
		err = os.Symlink(p.Lab, filepath.Join(d.path, "balanced-lab"))
	}
	if err != nil {
		err = errors.Join(err, d.remove())
	}
	return d, err
}

func (d binDir) remove() error { return os.RemoveAll(d.path) }
