package cli

import (
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
