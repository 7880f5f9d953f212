package host

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"

	"balanced/internal/procgroup"
)

// Host is the place of one instance's server process. Its methods may be called from
// several goroutines; Start and Stop take turns.
type Host struct {
	program []string // that runs Main
	listen  string

	turn sync.Mutex // of Start and Stop

	mu      sync.Mutex // guards all below
	release Release    // the newest one started
	running *exec.Cmd  // nil: none
	ended   chan struct{}
	gone    bool
}

// New is a host whose server will listen at an address. program, with the arguments of
// Main added, is run for it.
func New(program []string, listen string) *Host { return &Host{program: program, listen: listen} }

// Release is the one that runs, or that ran last.
func (h *Host) Release() Release {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.release
}

// Up says whether the server process runs, healthy or not.
func (h *Host) Up() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.running != nil
}

// errGone: nothing is started on a host that is gone.
var errGone = errors.New("the instance is gone")

// Start runs a release in place of what runs now, and returns when it listens.
func (h *Host) Start(r Release) error {
	h.turn.Lock()
	defer h.turn.Unlock()
	h.stop()
	if err := h.start(r); err != nil {
		return fmt.Errorf("start the server of %s: %w", h.listen, err)
	}
	return nil
}

// Stop kills the server, as a restart or a crash does: its connections are cut. It
// returns when the process is gone.
func (h *Host) Stop() {
	h.turn.Lock()
	defer h.turn.Unlock()
	h.stop()
}

// Leave is Stop for good.
func (h *Host) Leave() {
	h.mu.Lock()
	h.gone = true
	h.mu.Unlock()
	h.Stop()
}

// start is Start, h.turn held.
func (h *Host) start(r Release) error {
	cmd := exec.Command(h.program[0], append(h.program[1:len(h.program):len(h.program)], r.args(h.listen)...)...)
	cmd.SysProcAttr = procgroup.Attr(true) // Ctrl-C is not for it
	cmd.Env = []string{"GOMAXPROCS=2"}
	cmd.Stderr = os.Stderr
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	said, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	h.mu.Lock()
	if h.gone {
		h.mu.Unlock()
		return errGone
	}
	if err := cmd.Start(); err != nil {
		h.mu.Unlock()
		return err
	}
	ended := make(chan struct{})
	h.running, h.release, h.ended = cmd, r, ended
	h.mu.Unlock()
	line, err := bufio.NewReader(said).ReadString('\n')
	go h.bury(cmd, lifeline, ended)
	if err != nil || strings.TrimSpace(line) != ready {
		<-ended
		return fmt.Errorf("it ended at once: %s", cmd.ProcessState)
	}
	return nil
}

// bury waits for the end of a server process, whoever ended it.
func (h *Host) bury(cmd *exec.Cmd, lifeline io.Closer, ended chan struct{}) {
	cmd.Wait()
	lifeline.Close()
	h.mu.Lock()
	if h.running == cmd {
		h.running = nil
	}
	h.mu.Unlock()
	close(ended)
}

// stop is Stop, h.turn held.
func (h *Host) stop() {
	h.mu.Lock()
	cmd, ended := h.running, h.ended
	h.mu.Unlock()
	if cmd != nil {
		cmd.Process.Kill()
		<-ended
	}
}
