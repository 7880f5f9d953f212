package hostlock

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// gate holds a started process back. The process is this program, which waits for one byte
// and then becomes COMMAND: PID, group, streams and environment are COMMAND's from the
// start. If the byte never comes, because we were killed, it ends.
type gate struct {
	goAhead *os.File // our end
	failure *os.File // our end: the error number of exec, or nothing
}

// startGated starts cmd behind a gate. cmd looks as before afterwards.
func startGated(cmd *exec.Cmd) (*gate, error) {
	program, err := self()
	if err != nil {
		return nil, err
	}
	waits, goAhead, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	failure, tells, err := os.Pipe()
	if err != nil {
		closeAll([]*os.File{waits, goAhead})
		return nil, err
	}
	path, args, files := cmd.Path, cmd.Args, cmd.ExtraFiles
	first := 3 + len(files)
	cmd.ExtraFiles = append(files[:len(files):len(files)], waits, tells)
	cmd.Args = append([]string{"balanced", gateArg, strconv.Itoa(first), path}, args...)
	cmd.Path = program
	err = cmd.Start()
	cmd.Path, cmd.Args, cmd.ExtraFiles = path, args, files
	closeAll([]*os.File{waits, tells})
	g := &gate{goAhead, failure}
	if err != nil {
		g.close()
		return nil, err
	}
	return g, nil
}

// open lets the process become COMMAND, and says why it could not.
func (g *gate) open() error {
	if _, err := g.goAhead.Write([]byte{'g'}); err != nil {
		return nil // it was killed before it began: its state says so
	}
	var errno [8]byte
	n, _ := g.failure.Read(errno[:])
	code, err := strconv.Atoi(string(errno[:n]))
	if err != nil {
		return nil // closed by exec
	}
	return syscall.Errno(code)
}

// close without open: the process ends.
func (g *gate) close() { closeAll([]*os.File{g.goAhead, g.failure}) }

// passGate is the other side: args are the first of two descriptors, the program, and its
// argv.
func passGate(args []string) int {
	if len(args) < 3 {
		return notByHand()
	}
	waits, err := strconv.Atoi(args[0])
	if err != nil || waits < 3 {
		return notByHand()
	}
	tells := waits + 1
	unix.CloseOnExec(waits)
	unix.CloseOnExec(tells)
	var word [1]byte
	var n int
	err = retried(func() (err error) { n, err = unix.Read(waits, word[:]); return err })
	if err != nil || n == 0 {
		return exitNotStarted
	}
	err = syscall.Exec(args[1], args[2:], os.Environ())
	if errno, ok := err.(syscall.Errno); ok {
		_, _ = unix.Write(tells, []byte(strconv.Itoa(int(errno))))
	}
	return exitNotStarted
}
