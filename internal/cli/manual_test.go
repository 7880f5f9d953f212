package cli

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestTheManPageHasEveryCommandFlagAndExitCode(t *testing.T) {
	var b strings.Builder
	if err := Manual(&b, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	page := strings.ReplaceAll(b.String(), `\-`, "-")
	all := treeOf((&program{}).app())
	for _, c := range all.commands {
		if !strings.Contains(page, `.SS \fBbalanced `+c.name+`\fR`) {
			t.Errorf("no command %s", c.name)
		}
		for _, f := range c.flags {
			if !strings.Contains(page, `\fB--`+f.long+`\fR`) {
				t.Errorf("no --%s, which %s takes", f.long, c.name)
			}
		}
	}
	for _, c := range codes() {
		if !strings.Contains(page, ".TP\n\\fB"+strconv.Itoa(c.Code)+"\\fR\n") {
			t.Errorf("no exit code %d", c.Code)
		}
	}
}

func TestTheManPageHasExamplesAndPagesThatAreThere(t *testing.T) {
	var b strings.Builder
	if err := Manual(&b, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(strings.ReplaceAll(b.String(), `\-`, "-"), ".SH EXAMPLES\n")
	examples, seeAlso, found := strings.Cut(rest, ".SH SEE ALSO\n")
	for name, g := range guides() {
		for _, e := range g.examples {
			call, _, _ := strings.Cut(e.call, "'") // roff has quotes of its own
			if !strings.Contains(examples, call) {
				t.Errorf("no example of %q: %s", name, e.call)
			}
		}
	}
	if !found || !strings.Contains(seeAlso, "balanced-lab(1)") {
		t.Errorf("SEE ALSO: %s", seeAlso)
	}
	for _, page := range pages() {
		name := strings.TrimPrefix(page.Term, docFolder)
		if _, err := os.Stat("../../docs/" + name); err != nil || !strings.Contains(seeAlso, page.Term) {
			t.Errorf("page %s: %v", page.Term, err)
		}
	}
}
