package rehearsal

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestDocumentedScenariosAreThoseOfTheFiles(t *testing.T) {
	text, err := os.ReadFile("../../../docs/rehearsal.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "<!-- scenarios -->")
	table, _, _ := strings.Cut(after, "<!-- end -->")
	rows := regexp.MustCompile(`(?m)^\| \[.*$`).FindAllString(table, -1)
	names := Scenarios()
	if len(rows) != len(names) {
		t.Errorf("%d rows for %d scenarios", len(rows), len(names))
	}
	for _, name := range names {
		s, err := ReadScenario(name)
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("| [%s](../scripts/rehearsals/%s.yaml) | %s | %d | %s |\n", name, name, s.About, s.Expect.Exit, s.Expect.Lost)
		if !strings.Contains(table, want) {
			t.Errorf("docs/rehearsal.md has no row\n%s", want)
		}
	}
}
