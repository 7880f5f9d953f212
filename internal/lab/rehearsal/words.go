package rehearsal

import (
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

var plainWord = regexp.MustCompile(`^[\w./+-]+$`)

// checkCommand finds a command line that cannot run at all: one the shell cannot read,
// or a command in it that does not exist.
func checkCommand(line, dir string, environ []string) error {
	if strings.TrimSpace(line) == "" {
		return fmt.Errorf("the command is empty")
	}
	sh := func(args ...string) *exec.Cmd {
		cmd := exec.Command("sh", args...)
		cmd.Dir, cmd.Env = dir, environ
		return cmd
	}
	if said, err := sh("-n", "-c", line).CombinedOutput(); err != nil {
		return fmt.Errorf("the shell cannot read the command: %s", strings.Join(strings.Fields(string(said)), " "))
	}
	for _, word := range commands(line) {
		if err := sh("-c", `command -v -- "$1"`, "sh", word).Run(); err != nil {
			return fmt.Errorf("there is no command %s", word)
		}
	}
	return nil
}

// elsewhere are the commands after which others may be found that are not now: in another
// directory, on another PATH, by a function or an alias.
var elsewhere = []string{"cd", "export", ".", "source", "alias", "eval"}

// commands are the words of a line that surely are commands.
func commands(line string) []string {
	parts := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune("&|;\n", r) })
	if strings.ContainsAny(line, "'\"\\$`(){}<>#") {
		parts = parts[:1] // what follows may be anything
	}
	var words []string
	for _, part := range parts {
		if fields := strings.Fields(part); len(fields) > 0 && plainWord.MatchString(fields[0]) {
			words = append(words, fields[0])
			if slices.Contains(elsewhere, fields[0]) {
				break
			}
		}
	}
	return words
}
