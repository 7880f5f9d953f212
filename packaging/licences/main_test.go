package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWhatIsLinkedIsNamedAndEachTextIsThereOnce(t *testing.T) {
	var b strings.Builder
	if err := run([]string{"balanced/cmd/balanced"}, &b); err != nil {
		t.Fatal(err)
	}
	all, err := linked([]string{"balanced/cmd/balanced"})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if !p.Module.Main && !strings.Contains(b.String(), p.Module.Path+" "+p.Module.Version+"\n") {
			t.Errorf("%s is linked and not named", p.Module.Path)
		}
	}
	if !strings.Contains(b.String(), "Go 1.") {
		t.Error("the standard library is not named")
	}
	if n := strings.Count(b.String(), "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION"); n < 1 || n > 3 {
		t.Errorf("the Apache License is there %d times", n) // modules fill in its appendix in different ways
	}
}

func TestLicencesOfPartsOfAModule(t *testing.T) {
	top := t.TempDir()
	module := filepath.Join(top, "module")
	dir := filepath.Join(module, "part", "inner")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"LICENSE": "not the module's", "module/LICENSE.txt": "whole\r\n", "module/NOTICE": "notice", "module/part/COPYING": "part", "module/part/licences.go": "code",
	} {
		if err := os.WriteFile(filepath.Join(top, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := above(dir, module)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"part", "whole", "notice"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
