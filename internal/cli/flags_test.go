package cli

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"

	"balanced/internal/fleet"
	"balanced/internal/rotation"
)

func TestVariable(t *testing.T) {
	for flag, want := range map[string]string{
		"wait":             "BALANCED_WAIT",
		"min-healthy":      "BALANCED_MIN_HEALTHY",
		"allow-empty-zone": "BALANCED_ALLOW_EMPTY_ZONE",
		"hold-file":        "BALANCED_HOLD_FILE",
		"dry-run":          "", // leaked, it would let serving hosts be upgraded
	} {
		if got := variable(flag); got != want {
			t.Errorf("--%s is %q in the environment, want %q", flag, got, want)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for _, tt := range []struct {
		text string
		want time.Duration
		err  string
	}{
		{"90s", 90 * time.Second, ""},
		{"10m", 10 * time.Minute, ""},
		{"1h30m", 90 * time.Minute, ""},
		{"0", 0, ""},
		{"200ms", 200 * time.Millisecond, ""},
		{"90", 0, "a unit is missing: 90s or 90m"},
		{"-5s", 0, "negative"},
		{"soon", 0, "want 90s or 10m, say"},
		{"auto", 0, "want 90s or 10m, say"},
		{"1d", 0, "want 90s or 10m, say"},
		{"99999999999h", 0, "want 90s or 10m, say"},
		{"", 0, "want 90s or 10m, say"},
	} {
		got, err := parseDuration(tt.text)
		if got != tt.want || (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
			t.Errorf("%q: %v, %v; want %v, %s", tt.text, got, err, tt.want, tt.err)
		}
	}
}

func FuzzParseDuration(f *testing.F) {
	f.Add("90s")
	f.Add("-1ns")
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := parseDuration(s); err == nil && d < 0 {
			t.Errorf("%q is negative: %v", s, d)
		}
	})
}

// read parses a call of out without making it.
func read(t *testing.T, env map[string]string, args ...string) (rotation.OutOptions, error) {
	t.Helper()
	p := &program{stdin: strings.NewReader(""), stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}, env: env}
	var got rotation.OutOptions
	app := p.app()
	app.Commands[0].Action = noArguments(func(c *cli.Context) error {
		v := p.values(c)
		got = v.outOptions()
		return v.err()
	})
	err := app.Run(append([]string{"balanced"}, args...))
	return got, err
}

func TestOutOptions(t *testing.T) {
	half, _ := fleet.ParseMinHealthy("50%")
	plain := rotation.OutOptions{
		Options: rotation.Options{Wait: rotation.Auto, Timeout: rotation.Auto},
		Settle:  rotation.DefaultSettle,
	}
	for _, tt := range []struct {
		name string
		env  map[string]string
		args []string
		want func(*rotation.OutOptions)
	}{
		{"defaults", nil, nil, func(*rotation.OutOptions) {}},
		{
			"flags", nil,
			[]string{"--wait", "90s", "--timeout=10m", "--min-healthy", "50%", "--replace", "--allow-empty-zone", "--settle", "0s", "--if-member", "--dry-run"},
			func(o *rotation.OutOptions) {
				o.Wait, o.Timeout, o.IfMember, o.DryRun = 90*time.Second, 10*time.Minute, true, true
				o.MinHealthy, o.Replace, o.AllowEmptyZone, o.Settle = half, true, true, 0
			},
		},
		{
			"environment",
			map[string]string{"BALANCED_WAIT": "1m", "BALANCED_REPLACE": "true", "BALANCED_IGNORE": "a, b,,c", "BALANCED_MIN_HEALTHY": "50%"},
			nil,
			func(o *rotation.OutOptions) {
				o.Wait, o.Replace, o.Ignore, o.MinHealthy = time.Minute, true, []string{"a", "b", "c"}, half
			},
		},
		{
			"a flag wins over the environment",
			map[string]string{"BALANCED_WAIT": "1m", "BALANCED_REPLACE": "true", "BALANCED_IGNORE": "a"},
			[]string{"--wait", "2m", "--replace=false", "--ignore", "b", "--ignore", "c,d"},
			func(o *rotation.OutOptions) { o.Wait, o.Ignore = 2*time.Minute, []string{"b", "c", "d"} },
		},
		{"auto given wins too", map[string]string{"BALANCED_WAIT": "1m"}, []string{"--wait", "auto"}, func(*rotation.OutOptions) {}},
		{"empty is as good as none", map[string]string{"BALANCED_WAIT": "", "BALANCED_IGNORE": ""}, nil, func(*rotation.OutOptions) {}},
		{"a dry run does not leak in", map[string]string{"BALANCED_DRY_RUN": "true"}, nil, func(*rotation.OutOptions) {}},
		{"how in will probe matters to out", map[string]string{"BALANCED_PROBE": "off"}, nil, func(o *rotation.OutOptions) { o.Return.Off = true }},
		{"what only in can refuse does not fail out", map[string]string{"BALANCED_PROBE": "sideways"}, nil, func(o *rotation.OutOptions) { o.Return.Off = true }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := plain
			tt.want(&want)
			got, err := read(t, tt.env, append([]string{"out"}, tt.args...)...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(fleet.MinHealthy{})); diff != "" {
				t.Errorf("options (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAllProblemsAreToldAtOnce(t *testing.T) {
	_, err := read(t, map[string]string{"BALANCED_REPLACE": "perhaps", "BALANCED_SETTLE": "-1s"}, "out", "--wait", "90", "--min-healthy", "120%")
	e, ok := errors.AsType[usageError](err)
	if !ok {
		t.Fatalf("%v, want a usage error", err)
	}
	want := []string{
		`--wait "90": a unit is missing: 90s or 90m`,
		`--min-healthy "120%": more than 100%`,
		`BALANCED_REPLACE "perhaps": want true or false`,
		`BALANCED_SETTLE "-1s": negative`,
	}
	if diff := cmp.Diff(want, e.problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}
