package page_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser is a headless Chromium.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	fetched    []string // URLs, since the last call of heard
	complaints []string
}

// chromiumNames are the names under which systems install Chromium.
var chromiumNames = []string{"chromium", "chromium-browser", "google-chrome"}

// openBrowser skips the test if there is no Chromium.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	var program string
	for _, name := range chromiumNames {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Skipf("needs Chromium; none of %s is on the PATH", strings.Join(chromiumNames, ", "))
	}
	dir := t.TempDir()
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(program), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.UserDataDir(filepath.Join(dir, "profile")), chromedp.Env("HOME=" + dir), // Chromium writes to HOME as well
	}
	for _, flag := range []string{"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage"} {
		options = append(options, chromedp.Flag(flag, true))
	}
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, _ = chromedp.NewContext(ctx)
	b := &browser{t: t, ctx: ctx}
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil { // closes the browser and waits until it has ended
			t.Errorf("close Chromium: %v", err)
		}
	})
	if err := chromedp.Listen(ctx, b.listen); err != nil { // starts the browser
		t.Fatal(err)
	}
	send(b, network.Enable, network.EnableParams{})
	send(b, log.Enable, cdp.Empty{})
	send(b, cdppage.Enable, cdppage.EnableParams{})
	send(b, cdpruntime.Enable, cdp.Empty{})
	return b
}

// send sends one command of the DevTools protocol.
func send[P, R any](b *browser, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	result, err := chromedp.Call(b.ctx, command, params)
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// do runs an action that chromedp offers.
func do[T any](b *browser, action chromedp.Action[T]) T {
	b.t.Helper()
	result, err := chromedp.Run(b.ctx, action)
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// listen sorts the browser's events into what it fetches and what it complains about.
func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.fetched = append(b.fetched, e.Request.URL)
	case *cdpruntime.EventConsoleAPICalled, *cdpruntime.EventExceptionThrown, *log.EventEntryAdded,
		*cdppage.EventJavascriptDialogOpening, *cdppage.EventFrameAttached, *cdppage.EventWindowOpen:
		text, err := json.Marshal(e)
		b.complaints = append(b.complaints, fmt.Sprintf("%T %s %v", e, text, err))
	}
}

// heard returns what the browser fetched and complained about since the last call.
func (b *browser) heard() (fetched, complaints []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fetched, complaints = b.fetched, b.complaints
	b.fetched, b.complaints = nil, nil
	return fetched, complaints
}

// open loads a file, lets it be drawn, and returns what it fetched and complained about.
func (b *browser) open(file string) (fetched, complaints []string) {
	b.t.Helper()
	b.heard()
	do(b, chromedp.Navigate("file://"+file))
	b.drawn()
	return b.heard()
}

// drawn waits until the page has been drawn as it is now.
func (b *browser) drawn() {
	b.t.Helper()
	eval[bool](b, "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
}

// eval returns the value of an expression; that of a promise, once it is fulfilled.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

func (b *browser) text(expression string) string {
	b.t.Helper()
	return eval[string](b, expression)
}

// press presses a key; kb has their names.
func (b *browser) press(key string) {
	b.t.Helper()
	do(b, chromedp.KeyEvent(key))
}

// point moves the pointer.
func (b *browser) point(x, y float64) {
	b.t.Helper()
	do(b, chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, x, y))
}

// window sets the size of the window and the colour scheme.
func (b *browser) window(width, height int, scheme string) {
	b.t.Helper()
	do(b, chromedp.EmulateViewport(int64(width), int64(height)))
	send(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
}

// shoot writes a picture of what the window shows, or of the whole page.
func (b *browser) shoot(file string, whole bool) {
	b.t.Helper()
	shot := send(b, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{CaptureBeyondViewport: &whole})
	if err := os.WriteFile(file, shot.Data, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func quoted(s string) string {
	text, _ := json.Marshal(s) // a string always marshals
	return strings.ReplaceAll(string(text), "</", `<\/`)
}

// media sets the medium, print or screen, and keeps the colour scheme dark.
func (b *browser) media(medium string) {
	b.t.Helper()
	send(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: medium, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}},
	})
	b.drawn()
}

// download runs a script that starts a download, waits until it has ended, and returns the
// folder of the file.
func (b *browser) download(script string) (dir string) {
	b.t.Helper()
	dir = b.t.TempDir()
	ended := make(chan cdpbrowser.DownloadProgressState, 10)
	err := chromedp.ListenBrowser(b.ctx, func(event any) {
		if e, ok := event.(*cdpbrowser.EventDownloadProgress); ok && e.State != cdpbrowser.DownloadProgressStateInProgress {
			ended <- e.State
		}
	})
	if err != nil {
		b.t.Fatal(err)
	}
	report := true
	_, err = chromedp.CallBrowser(b.ctx, cdpbrowser.SetDownloadBehavior, cdpbrowser.SetDownloadBehaviorParams{
		Behavior: cdpbrowser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir, EventsEnabled: &report,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	eval[bool](b, "("+script+", true)")
	if state := <-ended; state != cdpbrowser.DownloadProgressStateCompleted {
		b.t.Errorf("the download is %s", state)
	}
	return dir
}
