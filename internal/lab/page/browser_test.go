package page_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"balanced/internal/lab/record"
)

var (
	shots = flag.String("shots", "", "write screenshots to this `directory`")
	given = flag.String("record", "", "of this `file` of balanced-lab rehearse --json")
)

func savePage(t *testing.T, r record.Rehearsal) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(file, []byte(renderPage(t, r)), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// The browser draws what is in the record, fetches only the page itself, and reports nothing
// on its console.
func TestBrowserShowsTheRecordAndFetchesNothing(t *testing.T) {
	b := openBrowser(t)
	large := madeUp{size: 200, deploy: 2, rate: 400, elapsed: 1800}
	for name, r := range map[string]record.Rehearsal{
		"whole": makeRecord(goodRun), "naive": makeRecord(naiveRun), "bad": makeRecord(badRun), "large": makeRecord(large), "compared": compared(), "hostile": hostileRecord(), "empty": {},
	} {
		t.Run(name, func(t *testing.T) {
			b.t = t
			file := savePage(t, r)
			fetched, complaints := b.open(file)
			if len(fetched) != 1 || fetched[0] != "file://"+file {
				t.Errorf("fetched %q", fetched)
			}
			for _, c := range complaints {
				t.Error(c)
			}
			if name != "hostile" {
				compare(t, b, r, "")
			}
			if r.Without != nil {
				compare(t, b, *r.Without, "without-")
			}
			if got := b.text(`document.getElementById("figure-lost").innerText`); got != grouped(r.Traffic.Lost) {
				t.Errorf("lost: %s", got)
			}
		})
	}
	b.t = t
}

// compare measures the rows of a chart, and reads its lost requests. prefix is that of its ids.
func compare(t *testing.T, b *browser, r record.Rehearsal, prefix string) {
	t.Helper()
	rows := eval[map[string][][2]float64](b, `Object.fromEntries([...document.getElementById("`+prefix+`timeline-h").closest("section").querySelectorAll(".instance .plot")].map((row) => {
		const all = row.getBoundingClientRect();
		return [row.dataset.row, [...row.querySelectorAll("rect.s")].map((bar) => {
			const at = bar.getBoundingClientRect();
			return [(at.left - all.left) / all.width, (at.right - all.left) / all.width];
		})];
	}))`)
	if len(rows) != len(r.Instances) {
		t.Errorf("%d rows for %d instances", len(rows), len(r.Instances))
	}
	for _, i := range r.Instances {
		bars := rows[prefix+i.ID]
		if len(bars) != len(i.Spans) {
			t.Fatalf("%s: %d bars for %d spans", i.ID, len(bars), len(i.Spans))
		}
		for n, s := range i.Spans {
			if math.Abs(bars[n][0]-s.From/r.Elapsed) > 0.002 || math.Abs(bars[n][1]-s.To/r.Elapsed) > 0.002 {
				t.Errorf("%s: a span from %.4f to %.4f is drawn from %.4f to %.4f", i.ID, s.From/r.Elapsed, s.To/r.Elapsed, bars[n][0], bars[n][1])
			}
		}
	}
	lost := eval[int](b, `[...document.querySelectorAll("svg[data-row=`+prefix+`lost] .hit")].reduce((sum, bar) => sum + Number(bar.dataset.count), 0)`)
	caused := eval[int](b, `[...document.querySelectorAll("#`+prefix+`causes tbody .n")].reduce((sum, cell) => sum + Number(cell.textContent), 0)`)
	if lost != r.Traffic.Lost || caused != r.Traffic.Lost {
		t.Errorf("%d lost in the track, %d among the causes, %d in the record", lost, caused, r.Traffic.Lost)
	}
}

const (
	details = `(() => { const tip = document.getElementById("tip"); return tip.checkVisibility() ? tip.textContent : ""; })()`
	focused = `document.activeElement.closest("[data-row]")?.dataset.row ?? ""`
)

// Tab reaches the timeline, the arrow keys move in it, and every item shows its details.
func TestTimelineWorksWithTheKeyboard(t *testing.T) {
	b := openBrowser(t)
	r := makeRecord(naiveRun)
	b.window(1280, 900, "light")
	b.open(savePage(t, r))
	for n := 0; b.text(focused) == ""; n++ {
		if n == 20 {
			t.Fatal("20 times Tab do not reach the timeline")
		}
		b.press(kb.Tab)
	}
	if got := b.text(details); !strings.HasPrefix(got, "Fault at 0:11.0") {
		t.Errorf("the first stop has the details %q", got)
	}
	walk(t, b, r)
	if *shots != "" {
		b.shoot(filepath.Join(*shots, "focus.png"), false)
	}
	b.press(kb.Escape)
	if got := b.text(details); got != "" {
		t.Errorf("after Escape there are details: %q", got)
	}
	b.press(kb.Tab)
	if got := b.text(focused); got == r.Instances[0].ID {
		t.Error("Tab does not leave the timeline")
	}
	if _, complaints := b.heard(); len(complaints) > 0 {
		t.Error(complaints)
	}
}

// walk moves in the rows of two instances.
func walk(t *testing.T, b *browser, r record.Rehearsal) {
	t.Helper()
	first := r.Instances[0]
	for _, step := range []struct {
		key, row string
		want     []string
	}{
		{kb.ArrowDown, first.ID, []string{first.ID, "0:09.6 – 0:37.0"}},
		{kb.Home, first.ID, []string{"0:00.0 – 0:02.0", "InService, v1", "web-alb healthy, web-clb healthy"}},
		{kb.ArrowRight, first.ID, []string{"0:02.0 – 0:02.8", "running: ./deploy.sh v2", "0:02.0 began: ./deploy.sh v2"}},
		{kb.ArrowRight, first.ID, []string{"unhealthy: InService, v1", "requests lost here"}},
		{kb.ArrowDown, r.Instances[1].ID, []string{r.Instances[1].ID, "0:00.0"}},
		{kb.End, r.Instances[1].ID, []string{"– " + clock(r.Elapsed)}},
		{kb.ArrowLeft, r.Instances[1].ID, []string{"web-clb unhealthy"}},
		{kb.ArrowUp, first.ID, []string{first.ID}},
	} {
		b.press(step.key)
		got := b.text(details)
		for _, want := range step.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: the details are %q, without %q", step.key, got, want)
			}
		}
		if row := b.text(focused); row != step.row {
			t.Errorf("%s: the focus is in %s, want %s", step.key, row, step.row)
		}
		if label := b.text(`document.activeElement.getAttribute("aria-label")`); label != got {
			t.Errorf("%s: read out is %q, shown %q", step.key, label, got)
		}
	}
}

func clock(s float64) string { return fmt.Sprintf("%d:%04.1f", int(s)/60, math.Mod(s, 60)) }

func TestDetailsFollowThePointerAndZoomWidensTheTimeline(t *testing.T) {
	b := openBrowser(t)
	r := makeRecord(goodRun)
	b.window(1280, 1000, "light")
	b.open(savePage(t, r))
	at := func() (x, y float64) {
		p := eval[[2]float64](b, `(() => { const at = document.querySelectorAll(`+quoted(`[data-row="`+r.Instances[1].ID+`"] .s`)+`)[3].getBoundingClientRect(); return [(at.left + at.right) / 2, (at.top + at.bottom) / 2]; })()`)
		return p[0], p[1]
	}
	before, y := at()
	b.point(before, y)
	if got := b.text(details); !strings.Contains(got, "Standby") || !strings.Contains(got, r.Instances[1].ID) {
		t.Errorf("over a span the details are %q", got)
	}
	b.press(kb.Escape)
	if got := b.text(details); got != "" {
		t.Errorf("after Escape there are details: %q", got)
	}
	b.point(before+1, y)
	if got := b.text(details); got == "" {
		t.Error("the pointer moved within the bar, and there are no details")
	}
	b.point(before, 5)
	if got := b.text(details); got != "" {
		t.Errorf("outside the timeline there are details: %q", got)
	}
	widths := eval[[2]float64](b, `(() => {
		const width = () => document.querySelector(".inner").getBoundingClientRect().width, before = width();
		document.querySelector(".zoom button:last-child").click();
		return [before, width()];
	})()`)
	if math.Abs(widths[1]-2*widths[0]) > 2 {
		t.Errorf("zoomed from %.0f to %.0f", widths[0], widths[1])
	}
	if got := b.text(`document.querySelector(".zoom output").textContent`); got != "2×" {
		t.Errorf("zoomed %s", got)
	}
}

func TestPageFitsWindowsAndHasContrastInBothColourSchemes(t *testing.T) {
	b := openBrowser(t)
	r := makeRecord(naiveRun)
	if *given != "" {
		text, err := os.ReadFile(*given)
		if err != nil {
			t.Fatal(err)
		}
		r = record.Rehearsal{}
		if err := json.Unmarshal(text, &r); err != nil {
			t.Fatal(err)
		}
	}
	file := savePage(t, r)
	for _, w := range []struct {
		name, scheme  string
		width, height int
	}{{"light", "light", 1280, 900}, {"dark", "dark", 1280, 900}, {"narrow", "light", 400, 740}, {"narrow-dark", "dark", 360, 740}} {
		b.window(w.width, w.height, w.scheme)
		b.open(file)
		wide := eval[float64](b, `document.scrollingElement.scrollWidth`)
		if wide > float64(w.width) {
			t.Errorf("%s: the page is %.0f pixels wide", w.name, wide)
		}
		wide = eval[float64](b, `document.querySelector(".instance .plot").getBoundingClientRect().width`)
		if wide < float64(w.width)*0.7 {
			t.Errorf("%s: the timeline is %.0f pixels wide", w.name, wide)
		}
		for _, of := range []string{"#summary", ".kicker", ".verdict", ".figure b", ".figure span", ".label b", ".exit", "summary", ".legend", "#exits a", "#exits .tag", "#events a", "#losses a"} {
			if ratio := eval[float64](b, fmt.Sprintf(contrast, of)); ratio < 4.5 {
				t.Errorf("%s: the contrast of %s is %.1f", w.name, of, ratio)
			}
		}
		if *shots != "" {
			b.shoot(filepath.Join(*shots, w.name+".png"), false)
			b.shoot(filepath.Join(*shots, w.name+"-all.png"), true)
		}
	}
}

// contrast is the contrast ratio of an element's text and its background (WCAG 2.2).
const contrast = `(() => {
	const numbers = (color) => color.match(/[\d.]+/g).map(Number);
	const light = (color) => {
		const [r, g, b] = numbers(color).map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const element = document.querySelector(%q);
	let behind = element;
	while (numbers(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
	const [low, high] = [light(getComputedStyle(element).color), light(getComputedStyle(behind).backgroundColor)].sort((a, b) => a - b);
	return (high + 0.05) / (low + 0.05);
})()`
