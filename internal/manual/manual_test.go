package manual_test

import (
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"balanced/internal/manual"
)

func written(t *testing.T, app *cli.App, sections ...manual.Section) string {
	t.Helper()
	var b strings.Builder
	page := manual.Page{App: app, Version: "1.2-3", Date: time.Unix(86400, 0), Sections: sections}
	if err := page.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWhatRoffWouldMisreadIsEscaped(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"--dry-run", `\-\-dry\-run`},
		{".hidden", `\&.hidden`},
		{"'tis", `\(aqtis`},
		{`C:\x`, `C:\ex`},
		{`say "so"`, `say \(dqso\(dq`},
		{"`code` ~ ^", `\(gacode\(ga \(ti \(ha`},
	} {
		page := written(t, &cli.App{Name: "x", Usage: "y"}, manual.Section{Title: "T", Text: c.text})
		if _, got, _ := strings.Cut(page, ".SH T\n"); got != c.want+"\n" {
			t.Errorf("%q became %q, want %q", c.text, got, c.want)
		}
	}
}

func TestParagraphsAreFilledAndListsAreNot(t *testing.T) {
	page := written(t, &cli.App{Name: "x", Usage: "y", Description: "one\ntwo\n\nbash: a\nzsh: b"})
	if !strings.Contains(page, "one\ntwo\n.PP\nbash: a\n.br\nzsh: b\n") {
		t.Error(page)
	}
}

// A line that was wrapped before a word with a colon is no entry.
func TestAWrappedLineIsNoEntryOfAList(t *testing.T) {
	page := written(t, &cli.App{Name: "x", Usage: "y", Description: "Start: in. Any other\nevent: 64.\n\nbash: a\n b\nzsh: c"})
	if !strings.Contains(page, "Any other\nevent: 64.\n.PP\nbash: a\n.br\n b\n.br\nzsh: c\n") {
		t.Error(page)
	}
}

func TestWhatStandsInColumnsStaysLines(t *testing.T) {
	page := written(t, &cli.App{Name: "x", Usage: "y", Description: "Kinds:\n\none    first\nlonger second"})
	if !strings.Contains(page, "Kinds:\n.PP\none    first\n.br\nlonger second\n") {
		t.Error(page)
	}
}

func TestACallThatIsGivenIsPrinted(t *testing.T) {
	page := written(t, &cli.App{Name: "x", Usage: "y", Commands: []*cli.Command{{Name: "go", Usage: "leave", UsageText: "x go [options] -- 'a && b'"}}})
	if !strings.Contains(page, ".SS \\fBx go\\fR [options] \\-\\- \\(aqa && b\\(aq\nLeave.\n") {
		t.Error(page)
	}
}

func TestEachCommandHasItsOwnFlagsAndTheGlobalOnesOnce(t *testing.T) {
	global := &cli.StringFlag{Name: "report", Usage: "write to `FILE`"}
	page := written(t, &cli.App{
		Name: "x", Usage: "y", Flags: []cli.Flag{global},
		Commands: []*cli.Command{
			{Name: "go", Usage: "leave", ArgsUsage: "WHERE", Flags: []cli.Flag{
				&cli.StringFlag{Name: "wait", Aliases: []string{"w"}, Value: "auto", Usage: "`TIME` to wait"}, global,
			}},
			{Name: "secret", Usage: "hidden", Hidden: true},
		},
	})
	for _, want := range []string{
		".TH X 1 1970-01-02 \"x 1.2\\-3\" \"User Commands\"\n",
		".SS \\fBx go\\fR [options] \\fIWHERE\\fR\nLeave.\n",
		".TP\n\\fB\\-\\-wait\\fR \\fITIME\\fR, \\fB\\-w\\fR \\fITIME\\fR\nTIME to wait. Default: auto.\n",
		".SH GLOBAL OPTIONS\n.TP\n\\fB\\-\\-report\\fR \\fIFILE\\fR\nWrite to FILE.\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
	if n := strings.Count(page, "report"); n != 1 {
		t.Errorf("a global flag is there %d times", n)
	}
	if strings.Contains(page, "secret") {
		t.Error("a hidden command is in the page")
	}
}
