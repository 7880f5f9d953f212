package procgroup

import (
	"os"
	"syscall"
)

// Attr asks for nothing: Windows has no such groups.
func Attr(bool) *syscall.SysProcAttr { return nil }

// Signal ends p alone, whatever the signal: nothing else can be said to a process.
func Signal(p *os.Process, _ syscall.Signal) error { return p.Kill() }
