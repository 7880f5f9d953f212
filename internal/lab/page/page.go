// Package page makes one HTML page of a rehearsal. The page asks for nothing: it works
// from disk, and its policy forbids the network. All that it says is there without
// scripts too; the script zooms and shows details under the pointer or the focus.
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

// document is what the template is made from.
type document struct {
	Style     template.CSS
	Script    template.JS
	Policy    string
	Rehearsal record.Rehearsal
	Title     string
	Command   string
	Verdict   verdict
	Figures   []figure
	Facts     []fact
	Timeline  timeline
	Traffic   traffic
	Losses    losses
	Latency   histogram
	Events    events
}

// Write writes the page. What a rehearsal holds is taken for hostile text: a command's
// output or a version cannot become markup, style or script.
func Write(w io.Writer, r record.Rehearsal) error {
	page, err := template.New("page").Parse(layout)
	if err != nil {
		return fmt.Errorf("parse the page's layout: %w", err)
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
	scale := newScale(r)
	palette := newPalette(r)
	return document{
		Style:     template.CSS(style),
		Script:    template.JS(script),
		Policy:    policy(),
		Rehearsal: r,
		Title:     title(r),
		Command:   cut(r.Command, 4000),
		Verdict:   newVerdict(r),
		Figures:   figures(r),
		Facts:     facts(r),
		Timeline:  newTimeline(r, scale, palette),
		Traffic:   newTraffic(r, scale, palette),
		Losses:    newLosses(r),
		Latency:   newHistogram(r.Traffic.Latency),
		Events:    newEvents(r.Events),
	}
}

// policy lets the page's own style and script work and nothing else, wherever the page
// is served from.
func policy() string {
	return fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; base-uri 'none'; form-action 'none'",
		digest(style), digest(script))
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}
