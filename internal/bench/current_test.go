package bench

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// figures are those of one machine: they are not compared.
var figures = regexp.MustCompile(`[0-9.]+ (ms|MB)`)

// TestThePageIsCurrent holds docs/benchmarks.md to what would be written now: to the calls of an
// out and an in, which are the same on every machine, and to its own drains. One call more or
// less, and make bench has to be run again.
func TestThePageIsCurrent(t *testing.T) {
	text, err := os.ReadFile("../../docs/benchmarks.md")
	if err != nil {
		t.Fatal(err)
	}
	b := budget{noticed: drainsOf(t, string(text)), returned: returnsOf(t, string(text))}
	there := figures.ReplaceAllString(string(text), "#")
	for _, section := range []func(*page){
		func(p *page) { p.say("%s", preface) },
		(*page).calls,
		func(p *page) { p.noticed(b.noticed) },
		func(p *page) { p.returned(b.returned) },
		func(p *page) { p.say("%s", manyHosts) },
		func(p *page) { p.say("%s", secondBySecond) },
		func(p *page) { p.say("%s", leftOut) },
		func(p *page) { p.budgets(b) },
	} {
		p := &page{T: t}
		section(p)
		want := figures.ReplaceAllString(p.text.String(), "#")
		if strings.Contains(there, want) {
			continue
		}
		t.Error("docs/benchmarks.md is not what make bench would write now")
		for line := range strings.Lines(want) {
			if !strings.Contains(there, line) {
				t.Log("missing: " + line)
			}
		}
	}
}

// returnsOf reads the table of returns.
func returnsOf(t *testing.T, text string) []lateness {
	t.Helper()
	var all []lateness
	for _, c := range comebacks {
		var median, most float64
		_, row, _ := strings.Cut(text, "| "+c.name()+" | ")
		if _, err := fmt.Sscanf(row, "%f s | %f s |", &median, &most); err != nil {
			t.Fatalf("docs/benchmarks.md: %s: %v", c.name(), err)
		}
		all = append(all, lateness{median: seconds(median), most: seconds(most)})
	}
	return all
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// drainsOf reads the table of drains.
func drainsOf(t *testing.T, text string) []lateness {
	t.Helper()
	var all []lateness
	for _, e := range endings {
		var median, most float64
		var got lateness
		_, row, _ := strings.Cut(text, "| "+e.name()+" | ")
		if _, err := fmt.Sscanf(row, "%f s | %f s | %d |", &median, &most, &got.polls); err != nil {
			t.Fatalf("docs/benchmarks.md: %s: %v", e.name(), err)
		}
		got.median, got.most = seconds(median), seconds(most)
		all = append(all, got)
	}
	return all
}
