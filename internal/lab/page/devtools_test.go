package page_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// browser is a headless Chromium, spoken to in the DevTools protocol through pipes.
type browser struct {
	t       *testing.T
	in      io.WriteCloser
	out     *bufio.Reader
	last    int
	session string
	events  []message // since the last look
}

type message struct {
	ID        int                       `json:"id,omitempty"`
	SessionID string                    `json:"sessionId,omitempty"`
	Method    string                    `json:"method,omitempty"`
	Params    json.RawMessage           `json:"params,omitempty"`
	Result    json.RawMessage           `json:"result,omitempty"`
	Error     *struct{ Message string } `json:"error,omitempty"`
}

// openBrowser skips the test where there is none.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	name, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("needs Chromium: no program named chromium on the PATH")
	}
	dir := t.TempDir()
	cmd := exec.Command(name, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe", "--user-data-dir="+filepath.Join(dir, "profile"))
	cmd.Env = append(os.Environ(), "HOME="+dir) // where some of it goes whatever the profile is
	ours, theirs := pipe(t), pipe(t)            // its descriptors 3 and 4
	cmd.ExtraFiles = []*os.File{ours.r, theirs.w}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ours.r.Close()
	theirs.w.Close()
	b := &browser{t: t, in: ours.w, out: bufio.NewReaderSize(theirs.r, 1<<20)}
	t.Cleanup(func() {
		defer cmd.Process.Kill() // where it does not close
		b.t, b.session = t, ""
		b.call("Browser.close", nil)
		io.Copy(io.Discard, b.out) // until all of it has ended, the profile's writers among it
		cmd.Wait()
	})
	b.attach()
	return b
}

type ends struct{ r, w *os.File }

func pipe(t *testing.T) ends {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return ends{r, w}
}

func (b *browser) attach() {
	var target struct{ TargetID string }
	b.result(&target, "Target.createTarget", args{"url": "about:blank"})
	var session struct{ SessionID string }
	b.result(&session, "Target.attachToTarget", args{"targetId": target.TargetID, "flatten": true})
	b.session = session.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.call(domain+".enable", nil)
	}
}

type args map[string]any

// call waits for the answer, and keeps the events that come before it.
func (b *browser) call(method string, params args) json.RawMessage {
	b.t.Helper()
	b.last++
	raw, err := json.Marshal(params)
	if err != nil {
		b.t.Fatal(err)
	}
	if params == nil {
		raw = []byte("{}")
	}
	text, err := json.Marshal(message{ID: b.last, SessionID: b.session, Method: method, Params: raw})
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.in.Write(append(text, 0)); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	for {
		m, err := b.read()
		switch {
		case method == "Browser.close" && errors.Is(err, io.EOF):
			return nil
		case err != nil:
			b.t.Fatalf("%s: %v", method, err)
		case m.ID == b.last && m.Error != nil:
			b.t.Fatalf("%s: %s", method, m.Error.Message)
		case m.ID == b.last:
			return m.Result
		}
		b.events = append(b.events, m)
	}
}

func (b *browser) read() (m message, err error) {
	text, err := b.out.ReadBytes(0)
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(text[:len(text)-1], &m)
}

func (b *browser) result(into any, method string, params args) {
	b.t.Helper()
	if err := json.Unmarshal(b.call(method, params), into); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
}

// open loads a file, and says what it fetched and what it complained about.
func (b *browser) open(file string) (fetched, complaints []string) {
	b.t.Helper()
	b.events = nil
	b.call("Page.navigate", args{"url": "file://" + file})
	for !b.loaded() {
		m, err := b.read()
		if err != nil {
			b.t.Fatal(err)
		}
		b.events = append(b.events, m)
	}
	b.eval(new(bool), "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
	return b.heard()
}

func (b *browser) loaded() bool {
	for _, e := range b.events {
		if e.Method == "Page.loadEventFired" {
			return true
		}
	}
	return false
}

// heard sorts the events since the last look.
func (b *browser) heard() (fetched, complaints []string) {
	for _, e := range b.events {
		switch e.Method {
		case "Network.requestWillBeSent":
			var p struct{ Request struct{ URL string } }
			if err := json.Unmarshal(e.Params, &p); err != nil {
				b.t.Fatal(err)
			}
			fetched = append(fetched, p.Request.URL)
		case "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded", "Page.javascriptDialogOpening", "Page.frameAttached", "Page.windowOpen":
			complaints = append(complaints, e.Method+" "+string(e.Params))
		}
	}
	b.events = nil
	return fetched, complaints
}

// eval is the value of an expression, of a promise's once it is kept.
func (b *browser) eval(into any, expression string) {
	b.t.Helper()
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	b.result(&r, "Runtime.evaluate", args{"expression": expression, "returnByValue": true, "awaitPromise": true})
	if r.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s %s", expression, r.ExceptionDetails.Text, r.ExceptionDetails.Exception.Description)
	}
	if err := json.Unmarshal(r.Result.Value, into); err != nil {
		b.t.Fatalf("%s: %v in %s", expression, err, r.Result.Value)
	}
}

func (b *browser) text(expression string) string {
	b.t.Helper()
	var s string
	b.eval(&s, expression)
	return s
}

var keyCodes = map[string]int{"Tab": 9, "Escape": 27, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}

func (b *browser) press(key string) {
	b.t.Helper()
	for _, kind := range []string{"rawKeyDown", "keyUp"} {
		b.call("Input.dispatchKeyEvent", args{"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": keyCodes[key]})
	}
}

func (b *browser) point(x, y float64) {
	b.t.Helper()
	b.call("Input.dispatchMouseEvent", args{"type": "mouseMoved", "x": x, "y": y})
}

// window is a size and a colour scheme.
func (b *browser) window(width, height int, scheme string) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", args{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false})
	b.call("Emulation.setEmulatedMedia", args{"features": []args{{"name": "prefers-color-scheme", "value": scheme}}})
}

// shoot writes a picture of the window's upper part, or of all of the page.
func (b *browser) shoot(file string, all bool) {
	b.t.Helper()
	var r struct{ Data []byte }
	b.result(&r, "Page.captureScreenshot", args{"format": "png", "captureBeyondViewport": all})
	if err := os.WriteFile(file, r.Data, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func quoted(s string) string {
	text, _ := json.Marshal(s)
	return strings.ReplaceAll(string(text), "</", `<\/`)
}
