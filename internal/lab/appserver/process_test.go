package appserver

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"
)

// TestMain makes this binary the server process if its first argument is app.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "app" {
		if err := Main(os.Args[2:], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// newServer uses an address of its own: on 127.0.0.1 the port could become the local port of
// another connection before the server listens.
func newServer(t *testing.T) *Server {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.91.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	s := New([]string{os.Args[0], "app"}, ln.Addr().String())
	t.Cleanup(s.Stop)
	return s
}

func start(t *testing.T, s *Server, r Release) {
	t.Helper()
	if err := s.Start(r); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, s *Server, path string) (code int, version string) {
	t.Helper()
	resp, err := http.Get("http://" + s.listen + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get(VersionHeader)
}

func TestAnswersDependOnTheRelease(t *testing.T) {
	s := newServer(t)
	for _, c := range []struct {
		release Release
		code    int
	}{
		{Release{Version: "v1"}, http.StatusOK},
		{Release{Version: "v2", Bad: true}, http.StatusInternalServerError},
		{Release{Version: "v3", WarmUp: time.Hour}, http.StatusServiceUnavailable},
	} {
		start(t, s, c.release)
		for _, path := range []string{"/", HealthPath, SlowPath + "?seconds=0"} {
			if code, version := get(t, s, path); code != c.code || version != c.release.Version {
				t.Errorf("%s of %+v: %d, %s; want %d", path, c.release, code, version, c.code)
			}
		}
	}
}

func TestStopClosesOpenConnections(t *testing.T) {
	s := newServer(t)
	start(t, s, Release{Version: "v1"})
	resp, err := http.Get("http://" + s.listen + SlowPath + "?seconds=3600")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	s.Stop()
	if _, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Error("an answer that takes an hour was complete")
	}
	if conn, err := net.Dial("tcp", s.listen); err == nil {
		conn.Close()
		t.Error("a process still listens")
	}
	if s.Up() {
		t.Error("Up is true after Stop")
	}
}

func TestStartFailsIfThePortIsTaken(t *testing.T) {
	s := newServer(t)
	ln, err := net.Listen("tcp", s.listen)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if err := s.Start(Release{Version: "v1"}); err == nil {
		t.Error("started on a port that is taken")
	}
}

func TestStartFailsAfterRemove(t *testing.T) {
	s := newServer(t)
	start(t, s, Release{Version: "v1"})
	s.Remove()
	if err := s.Start(Release{Version: "v2"}); err == nil || s.Up() {
		t.Errorf("started: %v", err)
	}
}

// After a kill -9 of the lab, the end of stdin is all that the server notices.
func TestServerEndsWithItsStdin(t *testing.T) {
	cmd := exec.Command(os.Args[0], "app")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}
