package cli

import (
	"os"
	"strings"
	"testing"
)

// A misspelt variable would be the default, silently.
func TestUnknownVariablesAreOneWarning(t *testing.T) {
	for _, tt := range []struct {
		env  environment
		want string
	}{
		{environment{"BALANCED_MIN_HEALTHY": "2", "BALANCED_OK": "213", "BALANCED_GROUP": "web", "BALANCED_QUIET": "true"}, ""},
		{environment{"BALANCED_LAB_URL": "http://127.0.0.1:1", "BALANCED_EXIT_CODE": "84", "UNBALANCED": "1", "BALANCED_TYPO": ""}, ""},
		{environment{"BALANCED_MIN_HELTHY": "2"}, "ignoring variables that balanced does not know: BALANCED_MIN_HELTHY (did you mean BALANCED_MIN_HEALTHY?)"},
		{
			environment{"BALANCED_TIME_OUT": "2s", "BALANCED_COLOUR": "no", "BALANCED_DRY_RUN": "true"},
			"ignoring variables that balanced does not know: BALANCED_COLOUR, BALANCED_DRY_RUN (--dry-run is a flag only), BALANCED_TIME_OUT (did you mean BALANCED_TIMEOUT?)",
		},
	} {
		if got := (&program{env: tt.env}).unknownVariables(); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.env, got, tt.want)
		}
	}
}

// Off EC2, where a run ends before it asks anything of AWS.
func offEC2(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{"AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1"} {
		t.Setenv(name, value)
	}
	t.Chdir(t.TempDir())
}

func TestAWarningOfTheCommandLineIsOnStderrAndInTheReport(t *testing.T) {
	offEC2(t)
	env := map[string]string{"BALANCED_MIN_HELTHY": "2", "BALANCED_REPORT": "report.json"}
	const want = "did you mean BALANCED_MIN_HEALTHY?"
	_, _, stderr := call(env, "run", "--", "no-such-command")
	report, err := os.ReadFile("report.json")
	if err != nil || strings.Count(stderr, want) != 1 || strings.Count(string(report), want) != 1 {
		t.Errorf("%v, stderr %q, report:\n%s", err, stderr, report)
	}
}

func TestQuietPrintsWarningsAndTheLastLine(t *testing.T) {
	offEC2(t)
	for _, args := range []string{"-q run -- no-such-command", "run --quiet -- no-such-command", "run -q --log-level debug -- no-such-command"} {
		_, _, stderr := call(map[string]string{"BALANCED_MIN_HELTHY": "2"}, strings.Fields(args)...)
		lines := strings.Split(strings.TrimSpace(stderr), "\n")
		if len(lines) != 2 || !strings.Contains(lines[0], "warn ") || !strings.HasPrefix(lines[1], "balanced: ") {
			t.Errorf("balanced %s: stderr %q, want a warning and the last line", args, stderr)
		}
	}
}
