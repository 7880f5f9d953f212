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

// adopt makes orphans below this process its own children, so that none gets away.
func adopt() error { return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// kin is who descends from whom at one moment.
type kin map[int][]int

// family looks at all processes.
func family() kin {
	k := kin{}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return k
	}
	for _, file := range stats {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended since
		}
		// The name in parentheses may hold anything.
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil || len(fields) < 2 || fields[0] == "Z" {
			continue
		}
		if parent, err := strconv.Atoi(fields[1]); err == nil {
			k[parent] = append(k[parent], pid)
		}
	}
	return k
}

// below lists the descendants of a process, those nearest to it first.
func (k kin) below(pid int) []int {
	all := k[pid]
	for n := 0; n < len(all); n++ {
		all = append(all[:len(all):len(all)], k[all[n]]...)
	}
	return all
}

// argv is what a process was started with; nil when it has ended.
func argv(pid int) []string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil || len(text) == 0 {
		return nil
	}
	return strings.Split(strings.TrimRight(string(text), "\x00"), "\x00")
}

// sweep kills whatever still descends from this process and waits for its end.
func sweep() {
	for {
		left := family().below(os.Getpid())
		if len(left) == 0 {
			return
		}
		for _, pid := range left {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		for _, pid := range left {
			syscall.Wait4(pid, nil, 0, nil) // ECHILD for those that are not our children yet
		}
	}
}
