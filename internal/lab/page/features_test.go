package page_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"balanced/internal/lab/record"
)

func TestEveryLostRequestHasNameTimeAndLinks(t *testing.T) {
	r := makeRecord(naiveRun)
	doc := parsePage(t, r)
	for n, l := range r.Traffic.Losses {
		cells := doc.one(t, "id", "lost-"+grouped(n+1)).all("td", "")
		if got := cells[1].text(); got != l.Request {
			t.Errorf("lost request %d has the name %q, want %q", n+1, got, l.Request)
		}
		if got := cells[0].all("a", "")[0].attr("href"); got != "#lost-"+grouped(n+1) {
			t.Errorf("the time of lost request %d links to %q", n+1, got)
		}
		if got := cells[3].all("a", "")[0].attr("href"); got != "#"+l.Instance {
			t.Errorf("the instance of lost request %d links to %q, want #%s", n+1, got, l.Instance)
		}
	}
}

func TestEveryLinkLeadsToOneElement(t *testing.T) {
	doc := parsePage(t, compared())
	targets := 0
	for n := range doc.Descendants() {
		for _, a := range n.Attr {
			if id, isLink := strings.CutPrefix(a.Val, "#"); isLink && a.Key == "href" || a.Key == "data-to" {
				if a.Key == "data-to" {
					id = a.Val
				}
				doc.one(t, "id", id)
				targets++
			}
		}
	}
	if targets < 100 {
		t.Errorf("only %d links", targets)
	}
	for _, i := range compared().Instances {
		doc.one(t, "id", i.ID)
		doc.one(t, "id", "without-"+i.ID)
	}
}

func TestNoIDOccursTwice(t *testing.T) {
	seen := map[string]bool{}
	for n := range parsePage(t, compared()).Descendants() {
		for _, a := range n.Attr {
			if a.Key == "id" && seen[a.Val] {
				t.Errorf("id %q occurs twice", a.Val)
			}
			if a.Key == "id" {
				seen[a.Val] = true
			}
		}
	}
}

func TestPageContainsTheRecord(t *testing.T) {
	r := compared()
	text, isJSON := strings.CutPrefix(parsePage(t, r).one(t, "id", "download").attr("href"), "data:application/json;base64,")
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || !isJSON {
		t.Fatalf("the link begins with %.40q, %v", text, err)
	}
	var got record.Rehearsal
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if got.Traffic.Requests != r.Traffic.Requests || got.Without == nil || got.Without.Traffic.Lost != r.Without.Traffic.Lost {
		t.Errorf("the record in the page has %d requests, want %d, and those without balanced", got.Traffic.Requests, r.Traffic.Requests)
	}
}

func TestExitCodesAreInWords(t *testing.T) {
	r := makeRecord(badRun)
	doc := parsePage(t, r)
	rows := doc.one(t, "id", "exits").all("tr", "")[1:]
	if len(rows) != 2 || !strings.Contains(rows[1].text(), "does not pass its load balancers' checks") {
		t.Errorf("%d rows, want one for 0 and one that explains 80", len(rows))
	}
	nine := 9
	r.Instances[0].Exit = &nine
	if got := parsePage(t, r).one(t, "id", "exits").text(); !strings.Contains(got, "of another command") {
		t.Errorf("code 9 is explained as %q", got)
	}
}

// The documented codes are a promise; each must be explained on the page.
func TestDocumentedExitCodesAreExplained(t *testing.T) {
	text, err := os.ReadFile("../../../docs/exit-codes.md")
	if err != nil {
		t.Fatal(err)
	}
	codes := regexp.MustCompile(`(?m)^\| (\d+) \|`).FindAllStringSubmatch(string(text), -1)
	if len(codes) < 15 {
		t.Fatalf("only %d codes in docs/exit-codes.md", len(codes))
	}
	for _, c := range codes {
		code := count(t, c[1])
		r := record.Rehearsal{Instances: []record.Instance{{ID: "i-0", Exit: &code}}}
		if got := parsePage(t, r).one(t, "id", "exits").text(); strings.Contains(got, "of another command") {
			t.Errorf("code %d is not explained", code)
		}
	}
}

func TestLostRequestsAreRedWhateverTheExitCode(t *testing.T) {
	r := makeRecord(naiveRun) // exit code 0
	doc := parsePage(t, r)
	for d := range doc.Descendants() {
		n := node{d}
		if n.has("figure") && len(n.all("b", "")) == 1 && n.all("b", "")[0].attr("id") == "figure-exit" && !n.has("bad") {
			t.Errorf("the exit code %d after %d lost requests has the class %q", r.Exit, r.Traffic.Lost, n.attr("class"))
		}
	}
	if tags := doc.one(t, "id", "exits").all("span", "tag"); len(tags) != 1 || !tags[0].has("bad") {
		t.Errorf("%d tags in the table of exit codes, want one, red", len(tags))
	}
	labels := doc.all("span", "exit")
	if i := slices.IndexFunc(labels, func(n node) bool { return n.has("failed") && strings.Contains(n.text(), "exit 0, ") }); i < 0 {
		t.Error("no row says in red that its instance lost requests")
	}
}

func TestEstimateIsShownOnlyWithASpeed(t *testing.T) {
	r := makeRecord(goodRun)
	if got := renderPage(t, r); !strings.Contains(got, "at speed 10; in production about 5m12s") {
		t.Error("no estimate of 5m12s for production")
	}
	r.Speed = 1
	if got := renderPage(t, r); strings.Contains(got, "in production about") {
		t.Error("an estimate although the rehearsal had the speed of production")
	}
}

// Latency over time has a step for each second, and a gap where no request succeeded.
func TestLatencyOverTime(t *testing.T) {
	r := makeRecord(goodRun)
	r.Traffic.Seconds[5].P50, r.Traffic.Seconds[5].P99 = 0, 0
	doc := parsePage(t, r)
	track := doc.one(t, "data-row", "latency-over-time")
	if got := len(track.all("rect", "hit")); got != len(r.Traffic.Seconds) {
		t.Errorf("%d details for %d seconds", got, len(r.Traffic.Seconds))
	}
	for _, class := range []string{"p50", "p99"} {
		d := track.all("path", class)[0].attr("d")
		if strings.Count(d, "M") != 2 || strings.Count(d, "H") != len(r.Traffic.Seconds)-1 {
			t.Errorf("%s: %d parts, %d steps; want 2 and %d", class, strings.Count(d, "M"), strings.Count(d, "H"), len(r.Traffic.Seconds)-1)
		}
	}
	if got := track.all("rect", "hit")[5].text(); !strings.Contains(got, "no successful request") {
		t.Errorf("the details of the gap are %q", got)
	}
	if !strings.Contains(doc.one(t, "id", "seconds").text(), "p99") {
		t.Error("the table of seconds has no p99")
	}
}

// hash opens the page at an id.
func (b *browser) hash(id string) {
	b.t.Helper()
	eval[bool](b, `(location.hash = `+quoted(id)+`, true)`)
	b.drawn()
}

const visible = `(() => {
	const at = document.activeElement.getBoundingClientRect();
	const frame = document.activeElement.closest(".scroll")?.getBoundingClientRect() ?? { top: 0, bottom: innerHeight };
	return document.activeElement.id + " " + (at.height > 0 && at.top >= frame.top && at.bottom <= frame.bottom && at.top >= 0 && at.bottom <= innerHeight);
})()`

// A link may lead into a closed list, to the end of a list that scrolls, and to an event of a
// kind that is not shown.
func TestLinksRevealWhatTheyLeadTo(t *testing.T) {
	b := openBrowser(t)
	r := makeRecord(naiveRun)
	b.window(1280, 900, "light")
	b.open(savePage(t, r))
	eval[bool](b, `(document.getElementById("show-changed").click(), true)`)
	changed := slices.IndexFunc(r.Events, func(e record.Event) bool { return e.Kind == record.Changed })
	for _, id := range []string{"lost-" + grouped(r.Traffic.Lost), "event-" + grouped(len(r.Events)), "event-" + grouped(changed+1), r.Instances[3].ID} {
		b.hash(id)
		if got := b.text(visible); got != id+" true" {
			t.Errorf("after a link to %s the focus and its visibility are %q", id, got)
		}
	}
	if fetched, complaints := b.heard(); len(complaints) > 0 {
		t.Errorf("fetched %q, complaints %q", fetched, complaints)
	}
}

func TestEnterOnARedBarLeadsToItsLostRequests(t *testing.T) {
	b := openBrowser(t)
	b.window(1280, 900, "light")
	b.open(savePage(t, makeRecord(naiveRun)))
	eval[bool](b, `(document.querySelector("svg[data-row=lost] .hit").focus(), true)`)
	b.press(kb.Enter)
	b.drawn()
	if got := b.text(visible); got != "lost-1 true" {
		t.Errorf("the focus and its visibility are %q, want the first lost request", got)
	}
}

func TestPrintShowsAllEventsInLightColours(t *testing.T) {
	b := openBrowser(t)
	r := compared()
	b.window(1280, 900, "dark")
	b.open(savePage(t, r))
	b.media("print")
	if got := eval[int](b, `document.getElementById("events").closest(".scroll").clientHeight - document.getElementById("events").scrollHeight`); got < 0 {
		t.Errorf("the list of events is cut off by %d pixels", -got)
	}
	if got := b.text(`getComputedStyle(document.body).backgroundColor`); got != "rgb(255, 255, 255)" {
		t.Errorf("the background is %s", got)
	}
	if got := eval[int](b, `[...document.querySelectorAll(".zoom, .filter, summary, #download")].filter((e) => e.checkVisibility()).length`); got > 0 {
		t.Errorf("%d controls are printed", got)
	}
	if *shots != "" {
		pdf := do(b, chromedp.PrintToPDF())
		if err := os.WriteFile(filepath.Join(*shots, "print.pdf"), pdf, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// The page's policy must not keep the browser from saving the record.
func TestDownloadSavesTheRecord(t *testing.T) {
	b := openBrowser(t)
	r := makeRecord(goodRun)
	b.window(1280, 900, "light")
	b.open(savePage(t, r))
	file := filepath.Join(b.download(`document.getElementById("download").click()`), "rehearsal.json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got record.Rehearsal
	if err := json.Unmarshal(text, &got); err != nil || got.Traffic.Requests != r.Traffic.Requests {
		t.Errorf("saved %d requests, %v; want %d", got.Traffic.Requests, err, r.Traffic.Requests)
	}
	if _, complaints := b.heard(); len(complaints) > 0 {
		t.Errorf("complaints %q", complaints)
	}
}
