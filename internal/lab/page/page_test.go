package page_test

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"balanced/internal/lab/page"
	"balanced/internal/lab/record"
)

var (
	goodRun  = madeUp{size: 4, deploy: 4, rate: 200}
	naiveRun = madeUp{size: 4, deploy: 4, rate: 200, naive: true}
	badRun   = madeUp{size: 8, deploy: 4, rate: 200, bad: 3}
)

func renderPage(t *testing.T, r record.Rehearsal) string {
	t.Helper()
	var b strings.Builder
	if err := page.Write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func parsePage(t *testing.T, r record.Rehearsal) node {
	t.Helper()
	n, err := html.Parse(strings.NewReader(renderPage(t, r)))
	if err != nil {
		t.Fatal(err)
	}
	return node{n}
}

func TestDrawingMatchesTheRecord(t *testing.T) {
	for name, p := range map[string]madeUp{"whole": goodRun, "naive": naiveRun, "bad": badRun} {
		t.Run(name, func(t *testing.T) {
			r := makeRecord(p)
			doc := parsePage(t, r)
			for _, i := range r.Instances {
				row := doc.one(t, "data-row", i.ID)
				bars := row.all("rect", "s")
				if len(bars) != len(i.Spans) {
					t.Fatalf("%s: %d bars for %d spans", i.ID, len(bars), len(i.Spans))
				}
				for n, s := range i.Spans {
					assertNear(t, i.ID+" begins", bars[n].percent(t, "x"), 100*s.From/r.Elapsed)
					assertNear(t, i.ID+" lasts", bars[n].percent(t, "width"), 100*(s.To-s.From)/r.Elapsed)
					if s.Healthy != bars[n].has("healthy") {
						t.Errorf("%s at %.1f: healthy %v, drawn as %q", i.ID, s.From, s.Healthy, bars[n].attr("class"))
					}
					details := bars[n].text()
					for _, want := range []string{i.ID, s.State, s.Version, s.Targets[0].Source + " " + s.Targets[0].State, s.Running} {
						if !strings.Contains(details, want) {
							t.Errorf("%s at %.1f: no %q in %q", i.ID, s.From, want, details)
						}
					}
				}
			}
			lost := 0
			for _, column := range doc.one(t, "data-row", "lost").all("rect", "hit") {
				lost += column.number(t, "data-count")
			}
			if lost != r.Traffic.Lost {
				t.Errorf("%d lost in the track, %d in the record", lost, r.Traffic.Lost)
			}
		})
	}
}

func TestConditionsOfAnInstance(t *testing.T) {
	r := makeRecord(badRun)
	doc := parsePage(t, r)
	drawn := func(n int) string {
		var all []string
		for _, bar := range doc.one(t, "data-row", r.Instances[n].ID).all("rect", "s") {
			class := strings.TrimPrefix(bar.attr("class"), "hit s ")
			if len(all) == 0 || all[len(all)-1] != class {
				all = append(all, class)
			}
		}
		return strings.Join(all, " ")
	}
	if got, want := drawn(0), "healthy draining standby returning healthy"; got != want {
		t.Errorf("the upgraded instance is drawn as %s, want %s", got, want)
	}
	if got, want := drawn(2), "healthy draining standby"; got != want {
		t.Errorf("the instance with a bad version is drawn as %s, want %s", got, want)
	}
	r.Instances[0].Spans[len(r.Instances[0].Spans)-1].State = "gone"
	r.Instances[0].Spans[len(r.Instances[0].Spans)-1].Healthy = false
	r.Instances[3].Spans = []record.Span{
		{From: 0, To: 1, State: "Terminating:Wait"},
		{From: 1, To: 2, State: "Pending"},
		{From: 2, To: 9, State: "InService", Targets: []record.TargetState{{Source: "a", State: "unhealthy"}}},
		{From: 9, To: r.Elapsed, State: "gone"},
	}
	doc = parsePage(t, r)
	if got, want := drawn(0), "healthy draining standby returning healthy gone"; got != want {
		t.Errorf("drawn as %s, want %s", got, want)
	}
	if got, want := drawn(3), "leaving returning unhealthy gone"; got != want {
		t.Errorf("an instance that came back and never became healthy is drawn as %s, want %s", got, want)
	}
}

// In the long record several seconds are merged into one bin.
func TestTablesMatchTheRecord(t *testing.T) {
	long := naiveRun
	long.elapsed = 1500
	for name, p := range map[string]madeUp{"short": naiveRun, "long": long} {
		t.Run(name, func(t *testing.T) { tables(t, makeRecord(p)) })
	}
}

func tables(t *testing.T, r record.Rehearsal) {
	t.Helper()
	doc := parsePage(t, r)
	rows, spans := doc.one(t, "id", "spans").all("tr", ""), 0
	for _, i := range r.Instances {
		spans += len(i.Spans)
	}
	if len(rows) != spans+1 {
		t.Errorf("%d rows in the table of spans, want %d and the head", len(rows), spans)
	}
	if got := len(doc.one(t, "id", "spans").all("th", "")) - 8; got != len(r.Instances) {
		t.Errorf("%d instances in the table of spans, want %d", got, len(r.Instances))
	}
	answered, lost := 0, 0
	for _, row := range doc.one(t, "id", "seconds").all("tr", "")[1:] {
		cells := row.all("td", "")
		answered, lost = answered+count(t, cells[2].text()), lost+count(t, cells[3].text())
	}
	if answered != r.Traffic.OK || lost != r.Traffic.Lost {
		t.Errorf("the table of the traffic says %d and %d lost, the record %d and %d", answered, lost, r.Traffic.OK, r.Traffic.Lost)
	}
	causes := 0
	for _, row := range doc.one(t, "id", "causes").all("tr", "")[1:] {
		causes += count(t, row.all("td", "")[0].text())
	}
	if causes != r.Traffic.Lost {
		t.Errorf("the causes count %d, the record %d", causes, r.Traffic.Lost)
	}
	if got := len(doc.one(t, "id", "losses").all("tr", "")) - 1; got != r.Traffic.Lost {
		t.Errorf("%d losses are listed, want all %d", got, r.Traffic.Lost)
	}
	if got := len(doc.one(t, "id", "events").all("tr", "")) - 1; got != len(r.Events) {
		t.Errorf("%d events are listed, want %d", got, len(r.Events))
	}
	buckets := 0
	for _, row := range doc.one(t, "id", "buckets").all("tr", "")[1:] {
		buckets += count(t, row.all("td", "")[1].text())
	}
	if buckets != r.Traffic.OK {
		t.Errorf("the histogram counts %d, want %d", buckets, r.Traffic.OK)
	}
}

// An element with a label needs a role, and one that Tab stops at needs both.
func TestFocusableElementsHaveRoleAndLabel(t *testing.T) {
	doc := parsePage(t, makeRecord(naiveRun))
	for _, name := range []string{"pre", "p", "div", "span"} {
		for _, n := range doc.all(name, "") {
			role, label, stop := n.attr("role"), n.attr("aria-label"), n.attr("tabindex")
			if label != "" && role == "" || stop != "" && (role == "" || label == "") {
				t.Errorf("%s class=%q: role %q, label %q, tabindex %q", name, n.attr("class"), role, label, stop)
			}
		}
	}
}

func TestFiguresMatchTheRecord(t *testing.T) {
	r := makeRecord(badRun)
	r.Group.FewestHealthy = 6
	doc := parsePage(t, r)
	for id, want := range map[string]string{"lost": "0", "exit": "80", "healthy": "6 of 8", "requests": grouped(r.Traffic.Requests)} {
		if got := doc.one(t, "id", "figure-"+id).text(); got != want {
			t.Errorf("%s is %q, want %q", id, got, want)
		}
	}
	if got := doc.one(t, "id", "summary").text(); got != r.Summary {
		t.Errorf("the summary is %q", got)
	}
	if got := doc.text(); !strings.Contains(got, "below the minimum of 7") {
		t.Error("6 healthy, below a minimum of 7, is not reported")
	}
	if got := doc.one(t, "data-row", r.Instances[2].ID).all("text", "end"); len(got) != 1 || got[0].text() != "✕ 80" {
		t.Errorf("the command failed with 80, and there are %d marks for it, want 1 with ✕ 80", len(got))
	}
}

// 200 instances over half an hour; then the same with constant changes and very long texts.
func TestPageOfALargeRehearsalStaysSmall(t *testing.T) {
	r := makeRecord(madeUp{size: 200, deploy: 2, rate: 400, elapsed: 1800})
	if got := len(renderPage(t, r)); got > 3e6 {
		t.Errorf("%d bytes", got)
	}
	long := strings.Repeat("x", 4000)
	for n := range r.Instances {
		i := &r.Instances[n]
		i.Spans = nil
		for at := range 1800 {
			i.Spans = append(i.Spans, record.Span{From: float64(at), To: float64(at + 1), State: "InService", Version: long, Healthy: at%2 == 0})
		}
	}
	for n := range 10_000 {
		r.Events = append(r.Events, record.Event{At: float64(n) / 100, Kind: record.Output, Text: long})
		r.Traffic.Losses = append(r.Traffic.Losses, record.Loss{At: float64(n) / 100, Cause: strconv.Itoa(n) + long})
	}
	r.Traffic.Lost = len(r.Traffic.Losses)
	text := renderPage(t, r)
	if len(text) > 4e6 {
		t.Errorf("%d bytes for a rehearsal with too many changes to draw", len(text))
	}
	for _, want := range []string{"are not drawn", "lines of output are left out first", "The first 2000 of 10000 lost requests", "too large for this page"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

func TestEmptyRecordAndImpossibleTimes(t *testing.T) {
	parsePage(t, record.Rehearsal{})
	r := makeRecord(goodRun)
	r.Elapsed = math.Inf(1)
	r.Instances[0].Spans[0].From, r.Instances[1].Spans = math.NaN(), nil
	r.Events[0].At, r.Traffic.Seconds[0].At, r.Traffic.Seconds[1].At = -5, -1, 1e9
	doc := parsePage(t, r)
	for n := range doc.Descendants() {
		for _, a := range n.Attr {
			if strings.Contains(a.Val, "NaN") || strings.Contains(a.Val, "Inf") {
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			}
		}
	}
}

func TestErrorOfTheWriterIsReturned(t *testing.T) {
	full := errors.New("full")
	if err := page.Write(failing{full}, makeRecord(goodRun)); !errors.Is(err, full) {
		t.Errorf("err = %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
