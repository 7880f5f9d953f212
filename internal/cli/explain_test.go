package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestExplainSaysWhatACodeMeansAndWhatToDo(t *testing.T) {
	for _, args := range []string{"explain 75", "exit-codes 75"} {
		code, stdout, stderr := call(nil, strings.Fields(args)...)
		for _, part := range []string{"75\n", "meaning:     not now: ", "moved:       no\n", "retry:       yes\n", "cause:       ", "what to do:  Wait"} {
			if code != 0 || stderr != "" || !strings.Contains(stdout, part) {
				t.Errorf("balanced %s: %d, stderr %q, no %q in\n%s", args, code, stderr, part, stdout)
			}
		}
	}
	for args, want := range map[string]string{
		"explain 126": "could not start COMMAND", "explain 3": "`doctor`", "explain 137": "128+n where signal n ended it", "explain 0": "Go on.",
	} {
		if code, stdout, _ := call(nil, strings.Fields(args)...); code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("balanced %s: %d, no %q in\n%s", args, code, want, stdout)
		}
	}
	for args, want := range map[string]string{
		"explain": `""`, "explain x": `"x"`, "explain 256": `"256"`, "explain -1": "unknown flag", "explain 75 80": `"75 80"`, "explain 75 --output json": "after the flags", "exit-codes 1000": `"1000"`,
	} {
		if code, _, stderr := call(nil, strings.Fields(args)...); code != 64 || !strings.Contains(stderr, want) {
			t.Errorf("balanced %s: %d %s", args, code, stderr)
		}
	}
}

func TestExplainAsJSON(t *testing.T) {
	_, stdout, _ := call(nil, "explain", "--output", "json", "80")
	var got struct {
		Code                              int
		Meaning, Moved, Retry, Cause, Fix string
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || got.Code != 80 || got.Moved != "no" || got.Cause == "" || got.Fix == "" {
		t.Errorf("%v: %s", err, stdout)
	}
}

func TestEveryCodeIsExplained(t *testing.T) {
	all := slices.Concat(codes(), otherCodes())
	if len(explanations()) != len(all) {
		t.Errorf("%d explanations of %d codes", len(explanations()), len(all))
	}
	for _, c := range all {
		if e := explanations()[c.Code]; e.short == "" || e.cause == "" || e.fix == "" || len(e.short) > 62 {
			t.Errorf("%d: %+v", c.Code, e)
		}
	}
}

// docs/exit-codes.md explains each code in the same words, wrapped.
func TestTheDocumentExplainsInTheSameWords(t *testing.T) {
	text, err := os.ReadFile("../../docs/exit-codes.md")
	if err != nil {
		t.Fatal(err)
	}
	page := strings.Join(strings.Fields(string(text)), " ")
	for _, c := range codes() {
		e := explanations()[c.Code]
		said := regexp.QuoteMeta(strings.ReplaceAll(e.cause+" "+e.fix, "iam.md", "[iam.md](iam.md)"))
		if !regexp.MustCompile(fmt.Sprintf(`\*\*(\d+, )*%d(, \d+)*\.\*\* %s`, c.Code, said)).MatchString(page) {
			t.Errorf("docs/exit-codes.md has no paragraph:\n**%d.** %s %s", c.Code, e.cause, e.fix)
		}
	}
}

func TestExitCodesFitEveryTerminal(t *testing.T) {
	for width := 28; width <= 200; width++ {
		var b bytes.Buffer
		printCodes(&b, width)
		explanationOf(83).print(&b, width)
		for line := range strings.Lines(b.String()) {
			if n := len(strings.TrimSuffix(line, "\n")); n > width && width >= 40 {
				t.Errorf("%d columns on a terminal of %d: %s", n, width, line)
			}
		}
		for _, c := range codes() {
			if !strings.Contains(b.String(), fmt.Sprintf("\n%d ", c.Code)) && c.Code != 0 {
				t.Errorf("no %d on a terminal of %d", c.Code, width)
			}
		}
	}
}
