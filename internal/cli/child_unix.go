//go:build unix

package cli

import (
	"os"

	"golang.org/x/sys/unix"
)

// foreground: this process may use the terminal, and what is typed there reaches it.
func foreground() bool {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer tty.Close()
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
