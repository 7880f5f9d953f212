package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// lines that people complete, the last word as far as it is typed, and what is offered.
var completions = []struct {
	line string
	want []string // all of it; nil: only has and hasNot count
	has  []string
	not  []string
}{
	{line: "balanced o", want: []string{"out"}},
	{line: "balanced ", has: []string{"in", "out", "run", "status", "doctor", "policy", "completion", "version"}},
	{line: "balanced --out", want: []string{"--output"}},
	{line: "balanced --output json st", want: []string{"status"}},
	{line: "balanced out --min-h", want: []string{"--min-healthy"}},
	{line: "balanced out --min-healthy ", want: []string{"50%", "all", "policy"}},
	{line: "balanced out --output ", want: []string{"json", "text"}},
	{line: "balanced out --output j", want: []string{"json"}},
	{line: "balanced --output ", want: []string{"json", "text"}},
	{line: "balanced in --on-unhealthy ", want: []string{"leave", "standby"}},
	{line: "balanced in --probe ", want: []string{"auto", "off"}},
	{line: "balanced out --wait ", want: []string{"auto"}},
	{line: "balanced out --settle ", want: []string{"10s"}},
	{line: "balanced status --log-level ", want: []string{"debug", "error", "info", "warn"}},
	{line: "balanced status --log-format ", want: []string{"auto", "console", "json"}},
	{line: "balanced out --", has: []string{"--replace", "--dry-run", "--ignore", "--help"}, not: []string{"--on-unhealthy", "--everywhere"}},
	{line: "balanced in --", has: []string{"--on-unhealthy"}, not: []string{"--replace"}},
	{line: "balanced doctor --e", want: []string{"--everywhere"}},
	// a value that is the name of a command is no command
	{line: "balanced --report out doctor --e", want: []string{"--everywhere"}},
	{line: "balanced completion ", has: []string{"bash", "fish", "zsh"}},
	{line: "balanced completion f", want: []string{"fish"}},
	{line: "balanced help st", want: []string{"status"}},
	{line: "balanced explain 7", want: []string{"73", "75", "77", "78"}},
	{line: "balanced exit-codes 14", want: []string{"143"}},
	{line: "balanced out --metrics-file ba", want: []string{"backup"}},
	{line: "balanced out --report ba", want: []string{"backup"}},
	{line: "balanced run --ok 213 -- cat ba", want: []string{"backup"}},
	{line: "balanced policy --group ", want: []string{}},
	{line: "balanced nonsense --", not: []string{"--replace"}},
}

// script writes a shell's script beside a file named backup, and returns its path.
func script(t *testing.T, shell string) string {
	t.Helper()
	code, text, stderr := call(nil, "completion", shell)
	if code != 0 || stderr != "" {
		t.Fatalf("balanced completion %s: %d, %s", shell, code, stderr)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "_balanced")
	for name, text := range map[string]string{file: text, filepath.Join(dir, "backup"): ""} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

// completed runs a shell in the script's folder and reads what it offers, a word a line.
func completed(t *testing.T, file, shell string, args ...string) []string {
	t.Helper()
	path, err := exec.LookPath(shell)
	if err != nil {
		t.Skipf("no %s to try its script in: %v", shell, err)
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = filepath.Dir(file)
	cmd.Env = append(os.Environ(), "HOME="+cmd.Dir, "XDG_CONFIG_HOME="+cmd.Dir, "TERM=dumb")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", shell, args, err, out)
	}
	var words []string
	for line := range strings.Lines(string(out)) {
		word, _, _ := strings.Cut(strings.TrimRight(line, "\r\n"), "\t")
		if word = strings.TrimSpace(word); word != "" {
			words = append(words, word)
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}

func compare(t *testing.T, offers func(line string) []string) {
	t.Helper()
	for _, c := range completions {
		got := offers(c.line)
		if c.want != nil && !slices.Equal(got, c.want) {
			t.Errorf("%q offers %q, want %q", c.line, got, c.want)
		}
		for _, w := range c.has {
			if !slices.Contains(got, w) {
				t.Errorf("%q does not offer %s: %q", c.line, w, got)
			}
		}
		for _, w := range c.not {
			if slices.Contains(got, w) {
				t.Errorf("%q offers %s", c.line, w)
			}
		}
	}
}

// inBash splits a line as readline does, = and : into words of their own.
const inBash = `source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_balanced; printf '%s\n' "${COMPREPLY[@]}"`

func TestBashCompletes(t *testing.T) {
	file := script(t, "bash")
	offers := func(words ...string) []string {
		return completed(t, file, "bash", append([]string{"--norc", "-c", inBash, "bash", file}, words...)...)
	}
	compare(t, func(line string) []string { return offers(strings.Split(line, " ")...) })
	for _, split := range [][]string{{"--output", "=", "j"}, {"--output", "="}} {
		if got := offers(append([]string{"balanced", "status"}, split...)...); !slices.Contains(got, "json") || slices.Contains(got, "--watch") {
			t.Errorf("%q offers %q", split, got)
		}
	}
	if got := offers("balanced", "--report", "=", "out", "doctor", "--e"); !slices.Equal(got, []string{"--everywhere"}) {
		t.Errorf("after --report=out doctor: %q", got)
	}
	if got := offers("balanced", "run", "--", "rmdi"); !slices.Contains(got, "rmdir") {
		t.Errorf("after run -- no command is offered: %q", got)
	}
	// What stands on the line is looked at, never run.
	offers("balanced", "$(touch ran)", "`touch ran`", "--output", "$(touch ran)")
	if _, err := os.Stat(filepath.Join(filepath.Dir(file), "ran")); err == nil {
		t.Error("completing a line ran what stands on it")
	}
}

func TestFishCompletes(t *testing.T) {
	file := script(t, "fish")
	compare(t, func(line string) []string {
		return completed(t, file, "fish", "--no-config", "-c", "source "+file+"; complete -C "+fishText(line))
	})
}

// zshrc is that of an interactive zsh, the only kind that completes. It writes down what is
// offered, and says when the line editor can be typed to and when it has completed. What
// is typed earlier can be lost.
const zshrc = `PS1=; unsetopt prompt_cr prompt_sp
autoload -Uz compinit; compinit -u -D; source ./_balanced
compadd() {
	[[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]] && { builtin compadd "$@"; return }
	local -a hits; builtin compadd -A hits "$@"; print -rl -- $hits >>offered; builtin compadd "$@"
}
completed() { zle complete-word; print END }
zle -N completed; bindkey "^I" completed
zle-line-init() { print READY }
zle -N zle-line-init`

const inZsh = `zmodload zsh/zpty || exit 9
zpty z "zsh -d -i"
zpty -r z out '*READY*'
zpty -w -n z $1$'\t'
zpty -r z out '*END*'
[[ -e offered ]] && cat offered
rm -f offered
zpty -d z`

func TestZshCompletes(t *testing.T) {
	file := script(t, "zsh")
	if err := os.WriteFile(filepath.Join(filepath.Dir(file), ".zshrc"), []byte(zshrc), 0o600); err != nil {
		t.Fatal(err)
	}
	compare(t, func(line string) []string {
		return completed(t, file, "zsh", "-f", "-c", inZsh, "zsh", line)
	})
}

// Whatever is offered as the value of a flag is accepted there.
func TestOfferedValuesAreAccepted(t *testing.T) {
	p := &program{}
	n := 0
	for _, c := range treeOf(p.app()).commands {
		for _, f := range c.flags {
			for _, word := range f.words {
				wrong := "--output=xyzzy" // ends the call before anything is asked
				if f.long == "output" {
					wrong = "--log-level=xyzzy"
				}
				args := append([]string{c.name, "--" + f.long, word, wrong}, c.words[:min(1, len(c.words))]...)
				_, _, stderr := call(nil, args...)
				if strings.Contains(stderr, "--"+f.long+" ") {
					t.Errorf("%q: %s", args, stderr)
				}
				n++
			}
		}
	}
	if n < 50 {
		t.Errorf("only %d values are offered", n)
	}
}

// A command made tomorrow is completed like the others.
func TestCompletionFollowsTheCommands(t *testing.T) {
	p := &program{}
	app := p.app()
	app.Commands = append(app.Commands, p.command(cli.Command{
		Name: "tomorrow", Usage: "it's new", Flags: []cli.Flag{text("shape", "", "`SHAPE` it has: [round] or flat", "round", "flat")},
	}, nil))
	for shell, make := range shells() {
		for _, want := range []string{"tomorrow", "shape", "round flat"} {
			if !strings.Contains(make(treeOf(app)), want) {
				t.Errorf("the script for %s lacks %s", shell, want)
			}
		}
	}
}

func TestCompletionOfNoShell(t *testing.T) {
	for _, args := range [][]string{{}, {"tcsh"}, {"bash", "zsh"}} {
		code, stdout, stderr := call(nil, append([]string{"completion"}, args...)...)
		if code != 64 || stdout != "" || !strings.Contains(stderr, "want bash, zsh or fish") {
			t.Errorf("%q: %d, %s", args, code, stderr)
		}
	}
}
