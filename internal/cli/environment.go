package cli

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// environment are the variables of one call, by name.
type environment map[string]string

// readEnvironment takes NAME=VALUE lines, as os.Environ has them. The last of two counts.
func readEnvironment(lines []string) environment {
	e := environment{}
	for _, line := range lines {
		if name, value, ok := strings.Cut(line, "="); ok {
			e[name] = value
		}
	}
	return e
}

// lines are the variables as os.Environ has them, sorted.
func (e environment) lines() []string {
	all := make([]string, 0, len(e))
	for name, value := range e {
		all = append(all, name+"="+value)
	}
	slices.Sort(all)
	return all
}

// variablePrefix begins every variable of balanced; labPrefix those that balanced-lab sets for itself.
const (
	variablePrefix = "BALANCED_"
	labPrefix      = "BALANCED_LAB_"
)

// exitCodeVariable tells the command of --notify how the run ended.
const exitCodeVariable = "BALANCED_EXIT_CODE"

// unknownVariables is a warning about variables that look like balanced's and are not, "" where there are none: a
// misspelt BALANCED_MIN_HEALTHY would otherwise be the default, silently.
func (p *program) unknownVariables() string {
	known := knownVariables(p.app())
	var unknown []string
	for name, value := range p.env {
		rest, ours := strings.CutPrefix(name, variablePrefix)
		if value == "" || !ours || strings.HasPrefix(name, labPrefix) || slices.Contains(known, rest) {
			continue
		}
		unknown = append(unknown, name+whatWasMeant(rest, known))
	}
	if len(unknown) == 0 {
		return ""
	}
	slices.Sort(unknown)
	return "ignoring variables that balanced does not know: " + strings.Join(unknown, ", ")
}

// whatWasMeant says what was probably meant by a name that is not known, both without their prefix.
func whatWasMeant(name string, known []string) string {
	if name == "DRY_RUN" {
		return " (--dry-run is a flag only)"
	}
	return didYouMean(name, known, variablePrefix)
}

// knownVariables are those of the flags of all commands, without their prefix.
func knownVariables(app *cli.App) []string {
	known := []string{strings.TrimPrefix(exitCodeVariable, variablePrefix)}
	for _, c := range app.Commands {
		for _, f := range c.Flags {
			known = append(known, strings.TrimPrefix(variable(f.Names()[0]), variablePrefix))
		}
	}
	return known
}
