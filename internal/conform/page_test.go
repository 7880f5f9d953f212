package conform_test

import (
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"balanced/internal/conform"
)

var page = flag.String("page", "", "write docs/fidelity.md to this file")

func TestPageIsTheTable(t *testing.T) {
	want := conform.Page()
	if *page != "" {
		if err := os.WriteFile(*page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("../../docs/fidelity.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("docs/fidelity.md (-) is not the table (+); write it with -args -page:\n%s", diff)
	}
}

func TestEveryFactIsWhole(t *testing.T) {
	var ids []string
	for _, f := range conform.Facts() {
		if slices.Contains(ids, f.ID) || !regexp.MustCompile(`^[a-z0-9-]+$`).MatchString(f.ID) {
			t.Errorf("id %q", f.ID)
		}
		ids = append(ids, f.ID)
		if !strings.HasSuffix(f.Statement, ".") || f.Source == "" || f.Sure == "" || f.Modelled == "" {
			t.Errorf("%s: %+v", f.ID, f)
		}
		if f.Sure == conform.Open && len(f.Settings) == 0 {
			t.Errorf("%s is open, and the Region has no setting for the other answer", f.ID)
		}
	}
}

// TestEverySettingIsAField: what a report names can be found in the Region.
func TestEverySettingIsAField(t *testing.T) {
	for file, prefix := range map[string]string{"../sim/behaviour.go": "Behaviour.", "../sim/imds.go": "Metadata."} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range conform.Facts() {
			for _, s := range f.Settings {
				field, ours := strings.CutPrefix(s.Knob, prefix)
				if ours && !regexp.MustCompile(`(?m)^\t`+field+`\s`).Match(source) {
					t.Errorf("%s: %s has no field %s", f.ID, file, field)
				}
			}
		}
	}
}
