//go:build unix

package cli

import (
	"syscall"
	"testing"
)

func TestTheCommandLeadsAGroupOfItsOwn(t *testing.T) {
	for _, shares := range []bool{false, true} {
		tr := play1(t, "for ever")
		tr.child.shares = shares
		if err := tr.child.start(); err != nil {
			t.Fatal(err)
		}
		group, err := syscall.Getpgid(tr.child.cmd.Process.Pid)
		if err != nil || (group == syscall.Getpgrp()) != shares {
			t.Errorf("shares %v: group %d, ours %d, %v", shares, group, syscall.Getpgrp(), err)
		}
		if err := tr.child.cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = tr.child.cmd.Wait() // killed
	}
}
