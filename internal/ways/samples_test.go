//go:build unix

package ways

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// sample is a block of shell that a person pastes.
type sample struct {
	file string // from the root of the project
	line int
	text string
	name string // by which scripts of cmd/balanced run it; "" where they do not

	fenced bool // with its language
}

func (s sample) String() string { return fmt.Sprintf("%s:%d", s.file, s.line) }

func (s sample) first() string { first, _, _ := strings.Cut(s.text, "\n"); return first }

// exceptions are reasons, by the file and what a sample in it begins with.
type exceptions map[[2]string]string

// of is the reason for a sample, and "" where there is none.
func (e exceptions) of(s sample) string {
	for key, reason := range e {
		if key[0] == s.file && strings.HasPrefix(s.first(), key[1]) {
			return reason
		}
	}
	return ""
}

// notShell are indented blocks that begin as shell does, and are something else.
var notShell = exceptions{
	{"docs/probe.md", "GET "}:                      "requests and answers",
	{"docs/install.md", "# /etc/"}:                 "files of apt and yum",
	{"docs/install.md", "balanced 1.2.3"}:          "output",
	{"scripts/knife/rollout", "rollout 'role:web"}: "usage, with a remark after each command",
	{"scripts/ssm/rollout", "rollout start GROUP"}: "usage, with a remark after each command",
}

// begins is how an indented block of shell begins, besides with the name of a program that is
// installed here. Other blocks are output: a page says nothing of the kind.
var begins = regexp.MustCompile(`^(#|\w+=|\(set |(balanced|balanced-lab|chef-client|knife|packer|terraform|ansible-playbook|docker|kubectl|aws|for|if|while|eval|export|exec|dnf|dpkg|apt-get|systemctl|cfn-signal|rollout) |(bin|scripts|\.)/)`)

func isShell(s sample) bool {
	word, _, _ := strings.Cut(s.first(), " ")
	_, err := exec.LookPath(word)
	return begins.MatchString(s.text) || err == nil && !strings.HasSuffix(word, ":")
}

// inFence are the languages of fenced blocks that are shell.
var inFence = []string{"sh", "bash", "shell", "console"}

// samplesOf finds the samples of a page: fenced blocks of shell, and indented blocks.
func samplesOf(t *testing.T, page string) []sample {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	var all []sample
	lines := strings.Split(string(text), "\n")
	for i := 0; i < len(lines); i++ {
		if m := regexp.MustCompile("^( *)```(\\w*)$").FindStringSubmatch(lines[i]); m != nil {
			from := i + 1
			for i++; i < len(lines) && lines[i] != m[1]+"```"; i++ {
			}
			if slices.Contains(inFence, m[2]) {
				all = append(all, sample{file: page, line: from + 1, text: dedent(lines[from:i], m[1]), fenced: true})
			}
			continue
		}
		before := ""
		if i > 0 {
			before = lines[i-1]
		}
		name := regexp.MustCompile(`^<!-- run: (\S+) -->$`).FindStringSubmatch(before)
		if !strings.HasPrefix(lines[i], "    ") || before != "" && name == nil {
			continue
		}
		from := i
		for i < len(lines) && strings.HasPrefix(lines[i], "    ") {
			i++
		}
		s := sample{file: page, line: from + 1, text: dedent(lines[from:i], "    ")}
		if name != nil {
			s.name = name[1]
		}
		all = append(all, s)
	}
	return all
}

func dedent(lines []string, by string) string {
	var text strings.Builder
	for _, line := range lines {
		fmt.Fprintln(&text, strings.TrimPrefix(line, by))
	}
	return text.String()
}

// samplesIn finds those in the comments of a script: lines that are indented there.
func samplesIn(t *testing.T, file string) []sample {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	var all []sample
	commented := regexp.MustCompile(`^(?:#|//) {5}(.*)$`)
	lines := strings.Split(string(text), "\n")
	for i := 0; i < len(lines); i++ {
		s := sample{file: file, line: i + 1}
		for ; i < len(lines) && commented.MatchString(lines[i]); i++ {
			s.text += commented.FindStringSubmatch(lines[i])[1] + "\n"
		}
		if s.text != "" {
			all = append(all, s)
		}
	}
	return all
}

// samples are all of the project's.
func samples(t *testing.T) []sample {
	t.Helper()
	pages, err := filepath.Glob(filepath.Join(root, "docs/*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	var all []sample
	for _, page := range append(pages, filepath.Join(root, "README.md"), filepath.Join(root, "CONTRIBUTING.md")) {
		page, err := filepath.Rel(root, page)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, samplesOf(t, page)...)
	}
	err = filepath.WalkDir(scripts, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			file, _ := filepath.Rel(root, path)
			all = append(all, samplesIn(t, file)...)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	all = slices.DeleteFunc(all, func(s sample) bool { return !s.fenced && !isShell(s) || notShell.of(s) != "" })
	if len(all) < 50 {
		t.Fatalf("found %d samples; there are more", len(all))
	}
	return all
}

// safely is what makes a sample fit for scripts that end at the first failure.
const safely = "set -euo pipefail\n"

// keptCode is the only use of $? that works there: of a command whose failure does not end
// the shell.
var keptCode = regexp.MustCompile(`(\|\| \w+=\$\?|\|\| end \$\?)`)

// TestSamplesSurviveSetE: each is shell that bash and shellcheck understand, and none asks for
// $? where a shell with set -e has ended before.
func TestSamplesSurviveSetE(t *testing.T) {
	for _, s := range samples(t) {
		t.Run(s.String(), func(t *testing.T) {
			for _, line := range strings.Split(s.text, "\n") {
				if strings.Contains(line, "$?") && !keptCode.MatchString(line) {
					t.Errorf("with set -e the shell ends before it comes to $?: %s", line)
				}
			}
			file := filepath.Join(t.TempDir(), "sample.bash")
			if err := os.WriteFile(file, []byte(safely+s.text), 0o644); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("bash", "-n", file).CombinedOutput(); err != nil {
				t.Errorf("no shell; if it is none, fence it as text, or say in notShell what it is: %v\n%s", err, out)
			}
			// SC2154, SC2034: a person sets variables before, and uses them after. SC2046: a list of IDs is words.
			passes(t, "shellcheck", "--shell=bash", "--severity=warning", "--exclude=SC2154,SC2034,SC2046", file)
		})
	}
}
