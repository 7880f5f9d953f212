package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documents are the pages, and what there is to copy, by path.
func documents(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, root := range []string{"../../README.md", "../../docs", "../../scripts"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			texts[path] = strings.ReplaceAll(string(text), "\\\n", " ")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return texts
}

// TestWhatIsWrittenDownCanBeCalled: every `balanced …` in code has a command that is
// there, and every flag after it is one of that command.
func TestWhatIsWrittenDownCanBeCalled(t *testing.T) {
	flags := map[string][]string{}
	for _, c := range (&program{}).app().Commands {
		for _, f := range c.Flags {
			flags[c.Name] = append(flags[c.Name], f.Names()...)
		}
	}
	var (
		page = regexp.MustCompile("(?m)(?:`|^    [^#\n]*?\\b)balanced ([a-z][a-z-]*)([^`\"'|&;)\n]*)")
		file = regexp.MustCompile("(?m)(?:`|[\"']|^\\s*(?:exec )?)balanced ([a-z][a-z-]*)([^`\"'|&;)\n]*)")
		flag = regexp.MustCompile(`(?:^| )--([a-z-]+)`)
		seen int
	)
	for path, text := range documents(t) {
		call := file
		if filepath.Ext(path) == ".md" {
			call = page
		}
		for _, m := range call.FindAllStringSubmatch(text, -1) {
			command, rest := m[1], m[2]
			known, there := flags[command]
			if !there {
				t.Errorf("%s: there is no balanced %s", path, command)
			}
			rest, _, _ = strings.Cut(rest, " -- ")
			for _, f := range flag.FindAllStringSubmatch(rest, -1) {
				seen++
				if there && !slices.Contains(known, f[1]) {
					t.Errorf("%s: balanced %s has no --%s", path, command, f[1])
				}
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d flags of balanced in the documents: they are not looked for in the right way", seen)
	}
}
