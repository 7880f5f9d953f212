package appserver

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

// Server is the web server of one instance, which can be stopped and started again. Its
// methods may be called from several goroutines.
type Server struct {
	program []string // that runs Main
	listen  string

	startStop sync.Mutex // held by Start and Stop, so that they take turns

	mu      sync.Mutex    // guards all below
	release Release       // the newest that was started
	cmd     *exec.Cmd     // nil: no process runs
	ended   chan struct{} // closed when cmd has ended
	removed bool
}

// New returns a server that will listen at an address when it is started. program, with the
// arguments of Main after it, is what Start runs.
func New(program []string, listen string) *Server { return &Server{program: program, listen: listen} }

// Release is the release that runs, or that ran last.
func (s *Server) Release() Release {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.release
}

// Up reports whether the process runs, healthy or not.
func (s *Server) Up() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cmd != nil
}

// errRemoved is returned by Start after Remove.
var errRemoved = errors.New("the instance is gone")

// Start stops the process that runs, starts a release, and returns when it listens.
func (s *Server) Start(r Release) error {
	s.startStop.Lock()
	defer s.startStop.Unlock()
	s.stop()
	if err := s.start(r); err != nil {
		return fmt.Errorf("start the server of %s: %w", s.listen, err)
	}
	return nil
}

// Stop kills the process, as a restart or a crash does: open connections are closed. It
// returns when the process has ended.
func (s *Server) Stop() {
	s.startStop.Lock()
	defer s.startStop.Unlock()
	s.stop()
}

// Remove stops the server for good.
func (s *Server) Remove() {
	s.mu.Lock()
	s.removed = true
	s.mu.Unlock()
	s.Stop()
}

// start is called with s.startStop held.
func (s *Server) start(r Release) error {
	cmd := exec.Command(s.program[0], append(s.program[1:len(s.program):len(s.program)], r.args(s.listen)...)...)
	cmd.SysProcAttr = procgroup.Attr(true) // Ctrl-C must not reach it before the lab
	cmd.Env = []string{"GOMAXPROCS=2"}
	cmd.Stderr = os.Stderr
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	s.mu.Lock()
	if s.removed {
		s.mu.Unlock()
		return errRemoved
	}
	if err := cmd.Start(); err != nil {
		s.mu.Unlock()
		return err
	}
	ended := make(chan struct{})
	s.cmd, s.release, s.ended = cmd, r, ended
	s.mu.Unlock()
	line, err := bufio.NewReader(output).ReadString('\n')
	go s.reap(cmd, lifeline, ended)
	if err != nil || strings.TrimSpace(line) != ready {
		<-ended
		return fmt.Errorf("it ended at once: %s", cmd.ProcessState)
	}
	return nil
}

// reap waits until a process has ended, for whatever reason.
func (s *Server) reap(cmd *exec.Cmd, lifeline io.Closer, ended chan struct{}) {
	cmd.Wait()
	lifeline.Close()
	s.mu.Lock()
	if s.cmd == cmd {
		s.cmd = nil
	}
	s.mu.Unlock()
	close(ended)
}

// stop is called with s.startStop held.
func (s *Server) stop() {
	s.mu.Lock()
	cmd, ended := s.cmd, s.ended
	s.mu.Unlock()
	if cmd != nil {
		cmd.Process.Kill()
		<-ended
	}
}
