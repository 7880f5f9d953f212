package cli

import "testing"

func TestDidYouMean(t *testing.T) {
	known := []string{"out", "in", "run", "status", "dry-run", "on-unhealthy", "exit-codes"}
	for name, want := range map[string]string{
		"statsu": "status", "stauts": "status", "statu": "status", "states": "status", "dryrun": "dry-run", "dry_run": "dry-run",
		"outt": "out", "nu": "", "onn-unhelthy": "on-unhealthy", "sideways": "", "x": "", "": "", "probe": "",
	} {
		if want != "" {
			want = " (did you mean --" + want + "?)"
		}
		if got := didYouMean(name, known, "--"); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
