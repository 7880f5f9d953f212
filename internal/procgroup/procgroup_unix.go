//go:build unix

// Package procgroup starts a command in a process group of its own and signals all of
// it, where there are such groups.
package procgroup

import (
	"os"
	"syscall"
)

// Attr is for a command that leads a group of its own, or stays in its parent's.
func Attr(leads bool) *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: leads} }

// Signal signals the group that p leads. It fails when none of it is left.
func Signal(p *os.Process, sig syscall.Signal) error { return syscall.Kill(-p.Pid, sig) }
