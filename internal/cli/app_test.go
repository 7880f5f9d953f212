package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
)

// call is balanced, run once with buffers for streams.
func call(env map[string]string, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = Main(context.Background(), append([]string{"balanced"}, args...), strings.NewReader(""), &out, &err, environment(env).lines())
	return code, out.String(), err.String()
}

// A usage error prints nothing but its one line, wherever it comes from.
func TestUsageIsOneLine(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"", "balanced: a command is missing; see balanced --help"},
		{"sideways", `balanced: unknown command "sideways"; see balanced --help`},
		{"statsu", `balanced: unknown command "statsu" (did you mean status?); see balanced --help`},
		{"ou", `balanced: unknown command "ou" (did you mean out?); see balanced --help`},
		{"Out", `balanced: unknown command "Out" (did you mean out?); see balanced --help`},
		{"exitcodes", `balanced: unknown command "exitcodes" (did you mean exit-codes?); see balanced --help`},
		{"help doctro", `balanced: unknown command "doctro" (did you mean doctor?); see balanced --help`},
		{"help out in", `balanced: unexpected argument "in"; see balanced help --help`},
		{"status help now", `balanced: unexpected argument "help"; see balanced status --help`},
		{"out --dryrun", "balanced: unknown flag --dryrun (did you mean --dry-run?); see balanced out --help"},
		{"out --min-helthy 2", "balanced: unknown flag --min-helthy (did you mean --min-healthy?); see balanced out --help"},
		{"--ouptut json out", "balanced: unknown flag --ouptut (did you mean --output?); see balanced --help"},
		{"--sideways out", "balanced: unknown flag --sideways; see balanced --help"},
		{"out --sideways", "balanced: unknown flag --sideways; see balanced out --help"},
		{"out -sideways", "balanced: unknown flag --sideways; see balanced out --help"},
		{"in --wait", "balanced: --wait needs a value; see balanced in --help"},
		{"status now", `balanced: unexpected argument "now"; see balanced status --help`},
		{"version now", `balanced: unexpected argument "now"; see balanced version --help`},
		{"out -- chef-client", `balanced: unexpected argument "chef-client"; see balanced out --help`},
		{"out --probe off", "balanced: unknown flag --probe; see balanced out --help"},
		{"in --replace", "balanced: unknown flag --replace; see balanced in --help"},
		{"exit-codes --output xml", `balanced: --output "xml": want text or json; see balanced exit-codes --help`},
		{"out --log-format=yaml", `balanced: --log-format "yaml": want auto, console or json; see balanced out --help`},
	} {
		code, stdout, stderr := call(nil, strings.Fields(tt.args)...)
		if code != 64 || stdout != "" || stderr != tt.want+"\n" {
			t.Errorf("balanced %s: %d, stdout %q, stderr %q; want 64 and %q", tt.args, code, stdout, stderr, tt.want)
		}
	}
}

func TestHelpGoesToStdout(t *testing.T) {
	for args, want := range map[string]string{
		"--help":         "exit-codes",
		"-h":             "balanced out && chef-client && balanced in",
		"out --help":     "--min-healthy RULE",
		"in -h":          "BALANCED_ON_UNHEALTHY",
		"status --help":  "--watch",
		"version --help": "print the version",
		"help":           "exit-codes",
		"help out":       "--min-healthy RULE",
		"out help":       "--min-healthy RULE",
		"run help":       "balanced run",
		"doctor help":    "--everywhere",
		"help help":      "balanced help",
	} {
		code, stdout, stderr := call(nil, strings.Fields(args)...)
		if code != 0 || stderr != "" || !strings.Contains(stdout, want) {
			t.Errorf("balanced %s: %d, stderr %q, stdout without %q:\n%s", args, code, stderr, want, stdout)
		}
	}
}

func TestGlobalFlagsBeforeAndAfterTheCommand(t *testing.T) {
	for _, tt := range []struct {
		env  string
		args string
		json bool
	}{
		{"", "version", false},
		{"", "version --output json", true},
		{"", "--output json version", true},
		{"", "--output json version --output text", false},
		{"", "--output text version --output json", true},
		{"json", "version", true},
		{"json", "version --output text", false},
		{"json", "--output text version", false},
	} {
		code, stdout, _ := call(map[string]string{"BALANCED_OUTPUT": tt.env}, strings.Fields(tt.args)...)
		if got := json.Valid([]byte(stdout)); code != 0 || got != tt.json {
			t.Errorf("BALANCED_OUTPUT=%s balanced %s: %d, JSON %v, want %v: %s", tt.env, tt.args, code, got, tt.json, stdout)
		}
	}
}

func TestExitCodesAsJSON(t *testing.T) {
	code, stdout, _ := call(nil, "exit-codes", "--output", "json")
	var got []exitCode
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 {
		t.Fatalf("%d, %v", code, err)
	}
	if len(got) != len(codes()) || got[5].Code != 75 || got[5].Retry != "yes" {
		t.Errorf("got %d rows, the sixth %+v", len(got), got[5])
	}
}

func TestExitCodesFitATerminal(t *testing.T) {
	var b bytes.Buffer
	printCodes(&b, 80)
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	if len(lines) <= len(codes())+1 {
		t.Errorf("%d lines: long meanings are not wrapped", len(lines))
	}
	for _, line := range lines {
		if len(line) > 80 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
	b.Reset()
	printCodes(&b, 0)
	if n := strings.Count(b.String(), "\n"); n != len(codes())+1 {
		t.Errorf("%d lines without a terminal, want one a code and a heading", n)
	}
}

func TestVersionHasItsUsualShortFlag(t *testing.T) {
	for _, args := range []string{"version", "--version", "-v"} {
		if code, stdout, stderr := call(nil, args); code != 0 || !strings.HasPrefix(stdout, "balanced ") || stderr != "" {
			t.Errorf("balanced %s: %d, %q, %q", args, code, stdout, stderr)
		}
	}
}

// A reader that has gone changes neither the code nor the end.
func TestStdoutThatIsGone(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	var stderr bytes.Buffer
	for _, command := range []string{"version", "exit-codes", "--help"} {
		if code := Main(context.Background(), []string{"balanced", command}, nil, w, &stderr, nil); code != 0 {
			t.Errorf("%s: %d with stdout gone, want 0: %s", command, code, stderr.String())
		}
	}
}
