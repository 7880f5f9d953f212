package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEveryCommandHasExamplesThatRunAsPrinted(t *testing.T) {
	flags := map[string][]string{}
	for _, c := range (&program{}).app().Commands {
		for _, f := range c.Flags {
			flags[c.Name] = append(flags[c.Name], f.Names()...)
		}
		if len(guides()[c.Name].examples) == 0 {
			t.Errorf("%s has no example", c.Name)
		}
	}
	call, flag := regexp.MustCompile(`\bbalanced ([a-z-]+)([^&|;]*)`), regexp.MustCompile(`(?: |^)--([a-z-]+)`)
	for name, g := range guides() {
		for _, e := range g.examples {
			m := call.FindStringSubmatch(e.call)
			if m == nil || flags[m[1]] == nil || name != "" && m[1] != name {
				t.Fatalf("%q is no call of balanced %s", e.call, name)
			}
			own, _, _ := strings.Cut(m[2], " -- ")
			for _, f := range flag.FindAllStringSubmatch(own, -1) {
				if !slices.Contains(flags[m[1]], f[1]) {
					t.Errorf("%q: %s has no --%s", e.call, m[1], f[1])
				}
			}
		}
	}
}

// The help of every command ends with examples, the codes it can end with, and where to read on.
func TestHelpSaysHowItEndsAndWhereToReadOn(t *testing.T) {
	for name, g := range guides() {
		_, stdout, _ := call(nil, strings.Fields("help "+name)...)
		for _, e := range g.examples {
			if !strings.Contains(stdout, "   "+e.call+"\n") {
				t.Errorf("the help of %q lacks its example %q", name, e.call)
			}
		}
		for _, code := range g.codes {
			if explanations()[code].short == "" || !regexp.MustCompile(fmt.Sprintf(`(?m)^   (\d+, )*%d(, \d+)* +\S`, code)).MatchString(stdout) {
				t.Errorf("the help of %q does not say what %d is", name, code)
			}
		}
		for _, page := range g.pages {
			if _, err := os.Stat(filepath.Join("../../docs", page)); err != nil || !strings.Contains(stdout, docFolder+page) {
				t.Errorf("the help of %q: page %s: %v", name, page, err)
			}
		}
	}
}

// The folder is where packaging puts the pages.
func TestThePagesAreWherePackagesPutThem(t *testing.T) {
	text, err := os.ReadFile("../../packaging/stage.sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{`share=$root/usr/share`, `local doc=$share/doc/$program file`, `tracked docs | while read -r file; do put 644 "$file" "$doc/$file"; done`} {
		if !strings.Contains(string(text), line) {
			t.Errorf("packaging/stage.sh has no %q any more: is %s still right?", line, docFolder)
		}
	}
}

func TestACommandOffersOnlyFlagsThatDoSomething(t *testing.T) {
	for command, want := range map[string][]string{
		"version": {"output"}, "exit-codes": {"output"}, "explain": {"output"}, "policy": {"group", "targets", "ready", "lock", "lock-group"}, "completion": nil, "help": nil,
	} {
		var got []string
		for _, f := range (&program{}).app().Command(command).Flags {
			if name := f.Names()[0]; name != "help" {
				got = append(got, name)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", command, diff)
		}
	}
	if strings.Contains(guideHelp(t, "wait"), "--hold-file") {
		t.Error("wait moves nothing, and offers --hold-file")
	}
	if strings.Contains(guideHelp(t, "ready"), "--hold-file") {
		t.Error("ready does not look at hold files, and offers --hold-file")
	}
}

func guideHelp(t *testing.T, command string) string {
	t.Helper()
	code, stdout, stderr := call(nil, command, "--help")
	if code != 0 {
		t.Fatalf("%d %s", code, stderr)
	}
	return stdout
}

func TestAutoIsExplained(t *testing.T) {
	for _, command := range []string{"out", "in", "run", "hook", "ready", "wait"} {
		for line := range strings.Lines(guideHelp(t, command)) {
			if strings.Contains(line, `(default: "auto")`) && !strings.Contains(strings.ReplaceAll(line, `"auto"`, ""), "auto") {
				t.Errorf("%s: auto is not explained: %s", command, line)
			}
		}
	}
}
