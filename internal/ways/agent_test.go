//go:build unix

package ways

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"gopkg.in/yaml.v3"
)

// appspec is what a bundle asks of CodeDeploy.
type appspec struct {
	Version float64
	OS      string
	Files   []struct{ Source, Destination string }
	Hooks   map[string][]hook
}

type hook struct {
	Location string
	Timeout  int // seconds
	RunAs    string
}

// What the agent of CodeDeploy calls a script that did not end well.
const (
	scriptTimedOut  = "ScriptTimedOut"
	scriptFailed    = "ScriptFailed"
	outputsLeftOpen = "OUTPUTS_LEFT_OPEN"
)

// agent is CodeDeploy's on one instance: lib/instance_agent/plugins/codedeploy of
// aws/aws-codedeploy-agent at 800eb28, as far as a hook can tell.
type agent struct {
	*stage
	id       string
	previous string // the archive of the last revision that was installed
	deployed int
	cut      string // where set, the time of a hook is over as soon as it has said this
}

// failure is a deployment that failed on an instance.
type failure struct {
	event, script, why string
	code               int
	tail               string // what CodeDeploy shows of the output
}

func (f *failure) String() string {
	if f == nil {
		return "deployed"
	}
	return fmt.Sprintf("%s: %s: %s, exit %d\n%s", f.event, f.script, f.why, f.code, f.tail)
}

// deploy goes through the lifecycle events of an in-place deployment without a load
// balancer. It returns nil when all went well.
func (a *agent) deploy(bundle string) *failure {
	a.Helper()
	a.deployed++
	archive := a.file(a.id, fmt.Sprintf("deployment-root/d-%d/archive", a.deployed))
	for _, event := range []string{"ApplicationStop", "DownloadBundle", "BeforeInstall", "Install", "AfterInstall", "ApplicationStart", "ValidateService"} {
		var f *failure
		switch event {
		case "DownloadBundle":
			a.copy(bundle, archive)
		case "Install":
			a.install(archive)
			a.previous = archive
		case "ApplicationStop": // of the revision before; a first deployment has none
			if a.previous != "" {
				f = a.event(event, a.previous)
			}
		default:
			f = a.event(event, archive)
		}
		if f != nil {
			a.Logf("%s: %v", a.id, f)
			return f
		}
	}
	return nil
}

func (a *agent) copy(from, to string) {
	a.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		a.Fatal(err)
	}
}

// install copies the files below the instance's own folder.
func (a *agent) install(archive string) {
	for _, f := range readAppspec(a.stage, archive).Files {
		from, to := filepath.Join(archive, f.Source), a.file(a.id, "root"+f.Destination)
		if info, err := os.Stat(from); err == nil && !info.IsDir() {
			a.write(filepath.Join(to, filepath.Base(from)), a.read(from))
			continue
		}
		if err := os.RemoveAll(to); err != nil {
			a.Fatal(err)
		}
		a.copy(from, to)
	}
}

func readAppspec(s *stage, dir string) appspec {
	s.Helper()
	var spec appspec
	if err := yaml.Unmarshal([]byte(s.read(filepath.Join(dir, "appspec.yml"))), &spec); err != nil {
		s.Fatalf("appspec.yml: %v", err)
	}
	return spec
}

func (a *agent) event(event, archive string) *failure {
	for _, h := range readAppspec(a.stage, archive).Hooks[event] {
		if f := a.script(event, filepath.Join(archive, h.Location), h); f != nil {
			return f
		}
	}
	return nil
}

// script runs one as the agent does: in a process group of its own, with its standard
// input closed and its outputs piped. At the timeout the whole group gets SIGTERM and
// nothing worse, nobody reads the outputs any longer, and the script itself is waited
// for. Who leaves the outputs open after its end is waited for until the timeout too.
func (a *agent) script(event, path string, h hook) *failure {
	cmd := a.command(event, path)
	stdout, stderr, err := a.pipes(cmd)
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		a.Fatal(err)
	}
	cmd.Stdout.(io.Closer).Close()
	cmd.Stderr.(io.Closer).Close()
	limit, cancel := context.WithTimeout(context.Background(), time.Duration(h.Timeout)*time.Second)
	defer cancel()
	log := &logTail{cut: a.cut, said: cancel}
	read := log.read(map[string]*os.File{"[stdout]": stdout, "[stderr]": stderr})
	f := &failure{event: event, script: h.Location}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err = <-ended:
	case <-limit.Done():
		f.why = scriptTimedOut
		syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		stdout.Close()
		stderr.Close()
		err = <-ended
	}
	if err != nil && !asExit(err) {
		a.Fatal(err)
	}
	f.code = exitCode(cmd.ProcessState)
	if f.why == "" {
		f.why = outcome(f.code, read, limit.Done())
	}
	stdout.Close()
	stderr.Close()
	<-read
	if f.tail = log.String(); f.why == "" {
		return nil
	}
	return f
}

// outcome is what becomes of a script that has ended by itself.
func outcome(code int, read, limit <-chan struct{}) (why string) {
	select {
	case <-read:
	case <-limit:
		return outputsLeftOpen
	}
	if code != 0 {
		return scriptFailed
	}
	return ""
}

// command is a script with the environment that the agent gives it.
func (a *agent) command(event, path string) *exec.Cmd {
	cmd := exec.Command(path)
	cmd.Dir = filepath.Dir(path)
	cmd.Env = append(append([]string{}, a.env[a.id]...),
		"LIFECYCLE_EVENT="+event, fmt.Sprintf("DEPLOYMENT_ID=d-%d", a.deployed),
		"APPLICATION_NAME=web", "DEPLOYMENT_GROUP_NAME=web", "DEPLOYMENT_GROUP_ID=6f2b")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

func asExit(err error) bool {
	_, is := errors.AsType[*exec.ExitError](err)
	return is
}

// pipes are the script's outputs, its own ends open in cmd, and a standard input that
// is at its end.
func (a *agent) pipes(cmd *exec.Cmd) (stdout, stderr *os.File, err error) {
	stdin, end, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	end.Close()
	a.Cleanup(func() { stdin.Close() })
	cmd.Stdin = stdin
	stdout, o, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	stderr, e, err := os.Pipe()
	cmd.Stdout, cmd.Stderr = o, e
	return stdout, stderr, err
}

// logTail keeps the newest whole lines, 2,048 bytes of them.
type logTail struct {
	mu    sync.Mutex
	lines []string
	bytes int
	cut   string // a line that has it is told to said
	said  func()
}

const tailLimit = 2048

func (l *logTail) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines, l.bytes = append(l.lines, line), l.bytes+len(line)
	if l.cut != "" && strings.Contains(line, l.cut) {
		l.said()
	}
	for l.bytes > tailLimit {
		l.bytes -= len(l.lines[0])
		l.lines = l.lines[1:]
	}
}

// read takes lines until the outputs are at their end, which it says.
func (l *logTail) read(outputs map[string]*os.File) (done <-chan struct{}) {
	var reading sync.WaitGroup
	for label, from := range outputs {
		reading.Go(func() {
			for in := bufio.NewScanner(from); in.Scan(); {
				l.add(label + in.Text() + "\n")
			}
		})
	}
	end := make(chan struct{})
	go func() {
		reading.Wait()
		close(end)
	}()
	return end
}

func (l *logTail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "")
}
