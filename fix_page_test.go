package balanced_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const fixPage = "docs/fix-a-failed-rollout.md"

func TestEveryExitCodeHasACommandToRun(t *testing.T) {
	table := regexp.MustCompile(`(?m)^\| (\d+) \|`).FindAllStringSubmatch(read(t, "docs/exit-codes.md"), -1)
	if len(table) == 0 {
		t.Fatal("no table in docs/exit-codes.md")
	}
	for _, row := range table {
		if !regexp.MustCompile(`(?m)^\| (\d+, )*` + row[1] + `(, \d+)* \|.*\| \S.* \|$`).MatchString(read(t, fixPage)) {
			t.Errorf("%s has no row for %s", fixPage, row[1])
		}
	}
}

// TestEveryCommandOfThePageIsRun: by the scripts of cmd/balanced, against a simulated
// Region in the trouble that the commands are for.
func TestEveryCommandOfThePageIsRun(t *testing.T) {
	scripts, err := filepath.Glob("cmd/balanced/testdata/script/fix-*.txt")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("scripts that run the page: %d, %v", len(scripts), err)
	}
	var ran strings.Builder
	for _, s := range scripts {
		ran.WriteString(read(t, s))
	}
	for _, page := range []string{fixPage, "docs/from-other-tools.md"} {
		names := regexp.MustCompile(`(?m)^<!-- run: (\S+) -->\n    \S`).FindAllStringSubmatch(read(t, page), -1)
		if len(names) == 0 {
			t.Errorf("%s has no commands to run", page)
		}
		for _, name := range names {
			if !regexp.MustCompile(`(?m)^page ` + name[1] + `( |$)`).MatchString(ran.String()) {
				t.Errorf("no script runs %s of %s", name[1], page)
			}
		}
	}
	for block := range strings.SplitSeq(read(t, fixPage), "\n\n") {
		if strings.HasPrefix(block, "    ") && !strings.HasPrefix(block, "    GROUP=") {
			t.Errorf("%s has a command without a name to run it by:\n%s", fixPage, block)
		}
	}
}
