package rehearsal

import (
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// checkCommand finds, before a fleet is started for it, a command line that cannot run: one
// that the shell cannot parse, or one with a command that does not exist.
func checkCommand(line, dir string, environ []string) error {
	if strings.TrimSpace(line) == "" {
		return errors.New("the command is empty")
	}
	sh := func(args ...string) *exec.Cmd {
		cmd := exec.Command("sh", args...)
		cmd.Dir, cmd.Env = dir, environ
		return cmd
	}
	if output, err := sh("-n", "-c", line).CombinedOutput(); err != nil {
		return fmt.Errorf("the shell cannot parse the command: %s", strings.Join(strings.Fields(string(output)), " "))
	}
	for _, name := range commandNames(line) {
		if err := sh("-c", `command -v -- "$1"`, "sh", name).Run(); err != nil {
			return fmt.Errorf("command %s does not exist%s", name, forRehearsal(name))
		}
	}
	return nil
}

// forRehearsal is a hint for a script that deploys: there is no host to deploy to.
func forRehearsal(name string) string {
	if strings.Contains(name, "/") {
		return "; to rehearse without it, use `balanced-lab deploy v2` in its place"
	}
	return ""
}

// plainNamePattern matches a command name without anything that the shell would expand.
var plainNamePattern = regexp.MustCompile(`^[\w./+-]+$`)

// contextCommands change what later command names mean: they change the directory or the
// PATH, or define functions and aliases.
var contextCommands = []string{"cd", "export", ".", "source", "alias", "eval"}

// commandNames returns the words of a line that are certainly names of commands.
func commandNames(line string) []string {
	parts := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune("&|;\n", r) })
	if strings.ContainsAny(line, "'\"\\$`(){}<>#") {
		parts = parts[:1] // a separator may be quoted, so only the first word is certain
	}
	var names []string
	for _, part := range parts {
		if fields := strings.Fields(part); len(fields) > 0 && plainNamePattern.MatchString(fields[0]) {
			names = append(names, fields[0])
			if slices.Contains(contextCommands, fields[0]) {
				break
			}
		}
	}
	return names
}
