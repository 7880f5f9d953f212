package rehearsal

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// becomeSubreaper makes this process the parent of orphaned descendants, in place of init,
// so that killDescendants finds them.
func becomeSubreaper() error { return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// procTree has the children of each process at one moment, by process ID.
type procTree map[int][]int

// readProcTree reads the parents of all processes from /proc. It leaves out zombies.
func readProcTree() procTree {
	tree := procTree{}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return tree
	}
	for _, file := range stats {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the process has ended since the listing
		}
		// The fields after the name: state, parent (proc(5)). The name is in parentheses and may
		// itself contain spaces and parentheses.
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil || len(fields) < 2 || fields[0] == "Z" {
			continue
		}
		if parent, err := strconv.Atoi(fields[1]); err == nil {
			tree[parent] = append(tree[parent], pid)
		}
	}
	return tree
}

// descendants returns the children of a process, then their children, and so on.
func (t procTree) descendants(pid int) []int {
	all := t[pid]
	for n := 0; n < len(all); n++ {
		all = append(all[:len(all):len(all)], t[all[n]]...)
	}
	return all
}

// argv returns the command line of a process, or nil if it has ended.
func argv(pid int) []string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil || len(text) == 0 {
		return nil
	}
	return strings.Split(strings.TrimRight(string(text), "\x00"), "\x00")
}

// killDescendants kills all descendants of this process and waits until they have ended.
func killDescendants() {
	for {
		left := readProcTree().descendants(os.Getpid())
		if len(left) == 0 {
			return
		}
		for _, pid := range left {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		for _, pid := range left {
			syscall.Wait4(pid, nil, 0, nil) // ECHILD for grandchildren, until their parent is gone
		}
	}
}
