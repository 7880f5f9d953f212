// Package page writes a rehearsal as one HTML page. The page works from disk and fetches
// nothing; its Content-Security-Policy forbids the network. Everything on it can be read
// without the script, which only zooms, shows details at the pointer or the focus, and opens
// what a link leads to.
package page

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"

	"balanced/internal/lab/record"
)

var (
	//go:embed page.html
	layout string
	//go:embed page.css
	style string
	//go:embed page.js
	script string
)

// document is the data of the template.
type document struct {
	Style      template.CSS
	Script     template.JS
	Policy     string
	Rehearsal  record.Rehearsal
	Title      string
	Command    string
	Verdict    verdict
	Figures    []figure
	Comparison []record.Compared
	Views      []view // the rehearsal, and the one without balanced if there is one
	Exits      []exitCode
	Events     events
	Facts      []fact
	Download   download
}

// view is the timeline, the tracks below it, lost requests and latency of one rehearsal.
type view struct {
	Prefix       string // begins the ids of all its elements
	Without      bool   // without balanced, beside one with it
	Group        record.Group
	Timeline     timeline
	Traffic      traffic
	LatencyTrack latencyTrack
	Losses       losses
	Latency      histogram
}

// Write writes the page. Every text in the record, such as a version or the output of a
// command, is treated as hostile: it cannot become markup, style or script.
func Write(w io.Writer, r record.Rehearsal) error {
	page, err := template.New("page").Parse(layout)
	if err != nil {
		return fmt.Errorf("parse the template of the page: %w", err)
	}
	b := bufio.NewWriter(w)
	if err := page.Execute(b, newDocument(r)); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

func newDocument(r record.Rehearsal) document {
	to := newLinks("", r.Instances)
	d := document{
		Style:     template.CSS(style),
		Script:    template.JS(script),
		Policy:    policy(),
		Rehearsal: r,
		Title:     title(r),
		Command:   truncate(r.Command, 4000),
		Verdict:   newVerdict(r),
		Figures:   figures(r),
		Views:     []view{newView("", r, to)},
		Exits:     exitCodes(r, to),
		Events:    newEvents(r.Events, to),
		Facts:     facts(r),
		Download:  newDownload(r),
	}
	if r.Without != nil {
		const prefix = "without-"
		without := newView(prefix, *r.Without, newLinks(prefix, r.Without.Instances))
		without.Without = true
		d.Views = append(d.Views, without)
		d.Comparison = record.Compare(r, *r.Without)
	}
	return d
}

func newView(prefix string, r record.Rehearsal, to links) view {
	scale := newScale(r)
	palette := newPalette(r)
	traffic := newTraffic(prefix, r, scale, palette)
	return view{
		Prefix: prefix, Group: r.Group,
		Timeline: newTimeline(r, scale, palette, to), Traffic: traffic, LatencyTrack: newLatencyTrack(traffic.Bins),
		Losses: newLosses(prefix, r, to), Latency: newHistogram(r.Traffic.Latency),
	}
}

// policy allows the page's own style and script and nothing else.
func policy() string {
	return fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; base-uri 'none'; form-action 'none'",
		digest(style), digest(script))
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}
