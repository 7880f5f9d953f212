package cli

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

func TestBuilt(t *testing.T) {
	from := func(version string, settings ...string) *debug.BuildInfo {
		info := &debug.BuildInfo{Main: debug.Module{Version: version}}
		for i := 0; i < len(settings); i += 2 {
			info.Settings = append(info.Settings, debug.BuildSetting{Key: settings[i], Value: settings[i+1]})
		}
		return info
	}
	for _, tt := range []struct {
		info *debug.BuildInfo
		want string
	}{
		{from("v1.2.3", "vcs.revision", "0123456789abcdef"), "v1.2.3"},
		{from("(devel)", "vcs.revision", "0123456789abcdef"), "0123456789ab"},
		{from("", "vcs.revision", "0123456789abcdef", "vcs.modified", "true"), "0123456789ab-dirty"},
		{from("(devel)"), "devel"},
	} {
		if got := built(tt.info); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.info, got, tt.want)
		}
	}
}

func TestVersionSaysWhereItRuns(t *testing.T) {
	if _, stdout, _ := call(nil, "version"); !strings.HasSuffix(stdout, ")\nLinux on the instance; other systems for the lab\n") {
		t.Error(stdout)
	}
}

func TestMovesElsewhereAreWarnedOf(t *testing.T) {
	for goos, want := range map[string]string{"linux": "", "darwin": "on darwin balanced is for the lab", "windows": "does not reach what COMMAND started"} {
		if got := elsewhere(goos); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q", goos, got)
		}
	}
	_, _, stderr := call(nil, "run", "--", "no-such-command")
	want := 0
	if runtime.GOOS != "linux" {
		want = 1
	}
	if got := strings.Count(stderr, "is for the lab"); got != want {
		t.Errorf("warned %d times, want %d: %s", got, want, stderr)
	}
}
