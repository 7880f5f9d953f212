package balanced_test

import (
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

const architecture = "docs/architecture.md"

// TestArchitectureNamesEveryPackage: each in the table, by its path or, beside others of its folder, by its name.
func TestArchitectureNamesEveryPackage(t *testing.T) {
	_, after, _ := strings.Cut(read(t, architecture), "## The packages\n")
	table, _, _ := strings.Cut(after, "\n## ")
	for name := range ours(t) {
		outside := !strings.HasPrefix(name, "internal/") && !strings.HasPrefix(name, "cmd/")
		if !outside && !regexp.MustCompile("[`/]"+regexp.QuoteMeta(path.Base(name))+"`").MatchString(table) {
			t.Errorf("the table of packages in %s does not name %s", architecture, name)
		}
	}
}

// TestArchitectureListsTheGuardsInOrder compares the page with the tables of guards in the source.
func TestArchitectureListsTheGuardsInOrder(t *testing.T) {
	page := strings.Join(strings.Fields(read(t, architecture)), " ")
	for _, table := range []string{"outGuards", "inGuards"} {
		_, after, _ := strings.Cut(read(t, "internal/rotation/guards.go"), "var "+table+" = []guard{\n")
		rows, _, _ := strings.Cut(after, "\n}")
		var names []string
		for _, row := range regexp.MustCompile(`\{"([^"]+)"`).FindAllStringSubmatch(rows, -1) {
			names = append(names, row[1])
		}
		if list := strings.Join(names, ", ") + "."; len(names) == 0 || !strings.Contains(page, list) {
			t.Errorf("%s does not list the %d %s: %s", architecture, len(names), table, list)
		}
	}
}

// TestDocumentsNameFilesThatAreThere: every path of the sources that a document has in code.
func TestDocumentsNameFilesThatAreThere(t *testing.T) {
	named := regexp.MustCompile("`((?:internal|cmd|scripts|packaging|docs)/[A-Za-z0-9_./-]+)`")
	seen := 0
	for _, page := range pages(t) {
		for _, m := range named.FindAllStringSubmatch(read(t, page), -1) {
			seen++
			if _, err := os.Stat(m[1]); err != nil {
				t.Errorf("%s names %s: %v", page, m[1], err)
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d paths found: they are not looked for in the right way", seen)
	}
}
