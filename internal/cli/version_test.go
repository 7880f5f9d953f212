package cli

import (
	"runtime/debug"
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
