package host

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

// TestMain lets this binary be the server too.
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

// newHost has an address of its own: on 127.0.0.1 somebody's connection might get the port
// before the server does.
func newHost(t *testing.T) *Host {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.91.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	h := New([]string{os.Args[0], "app"}, ln.Addr().String())
	t.Cleanup(h.Stop)
	return h
}

func start(t *testing.T, h *Host, r Release) {
	t.Helper()
	if err := h.Start(r); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, h *Host, path string) (code int, version string) {
	t.Helper()
	resp, err := http.Get("http://" + h.listen + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get(VersionHeader)
}

func TestAServerAnswersByItsState(t *testing.T) {
	h := newHost(t)
	for _, c := range []struct {
		release Release
		code    int
	}{
		{Release{Version: "v1"}, http.StatusOK},
		{Release{Version: "v2", Bad: true}, http.StatusInternalServerError},
		{Release{Version: "v3", WarmUp: time.Hour}, http.StatusServiceUnavailable},
	} {
		start(t, h, c.release)
		for _, path := range []string{"/", HealthPath, SlowPath + "?seconds=0"} {
			if code, version := get(t, h, path); code != c.code || version != c.release.Version {
				t.Errorf("%s of %+v: %d, %s; want %d", path, c.release, code, version, c.code)
			}
		}
	}
}

func TestAStopCutsWhatIsOpen(t *testing.T) {
	h := newHost(t)
	start(t, h, Release{Version: "v1"})
	resp, err := http.Get("http://" + h.listen + SlowPath + "?seconds=3600")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	h.Stop()
	if _, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Error("an hour's answer ended well")
	}
	if conn, err := net.Dial("tcp", h.listen); err == nil {
		conn.Close()
		t.Error("something still listens")
	}
	if h.Up() {
		t.Error("it is up after the stop")
	}
}

func TestAServerThatCannotListenIsAnError(t *testing.T) {
	h := newHost(t)
	ln, err := net.Listen("tcp", h.listen)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if err := h.Start(Release{Version: "v1"}); err == nil {
		t.Error("started on a port that is taken")
	}
}

func TestNothingStartsOnAHostThatIsGone(t *testing.T) {
	h := newHost(t)
	start(t, h, Release{Version: "v1"})
	h.Leave()
	if err := h.Start(Release{Version: "v2"}); err == nil || h.Up() {
		t.Errorf("started: %v", err)
	}
}

// TestAServerDoesNotOutliveItsLab: the end of stdin is all that a kill -9 leaves behind.
func TestAServerDoesNotOutliveItsLab(t *testing.T) {
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
