package cli

import (
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"balanced/internal/manual"
)

// Manual writes the man page of balanced, dated as given. Nothing that is shipped calls
// it, so the linker leaves it out.
func Manual(w io.Writer, date time.Time) error {
	p := &program{stdin: os.Stdin, stdout: w, stderr: w}
	return manual.Page{App: p.app(), Version: version(), Date: date, Sections: []manual.Section{
		{Title: "EXIT STATUS", Items: statuses(), Text: "The codes are a promise: a code does not change its meaning. " +
			"64 to 81: this run moved nothing. 82 to 86: a move was made or is under way, by this run or by the one it resumes. " +
			"The last line on stderr of a failed run says why, and what to do next."},
		{Title: "ENVIRONMENT", Text: "Every flag but --dry-run can be given in the environment: --min-healthy 50% is BALANCED_MIN_HEALTHY=50%. " +
			"The AWS SDK reads its own, AWS_REGION among them. " +
			"Without any, region and credentials come from the instance metadata service."},
		{Title: "FILES", Items: []manual.Item{{
			Term: strings.Join(defaultHold(), ", "),
			Text: "If it exists, out, in and run refuse to move the instance. Its first line is shown as the reason.",
		}}},
		{Title: "EXAMPLES", Items: examples(p.app().Commands)},
		{Title: "SEE ALSO", Text: "balanced-lab(1), aws(1)\n\n" + docFolder + " has the documentation, " +
			examplesFolder + " examples for the tools that call balanced.", Items: pages()},
	}}.Write(w)
}

// examplesFolder is where the packages install scripts.
const examplesFolder = "/usr/share/doc/balanced/examples"

// examples are those of balanced itself, then those of each command.
func examples(commands []*cli.Command) []manual.Item {
	names := []string{""}
	for _, c := range commands {
		names = append(names, c.Name)
	}
	var all []manual.Item
	for _, name := range names {
		for _, e := range guides()[name].examples {
			all = append(all, manual.Item{Term: e.call, Text: e.does})
		}
	}
	return all
}

// pages are the pages of docs that the page of man leads to, each with what it is for.
func pages() []manual.Item {
	return []manual.Item{
		{Term: docFolder + "install.md", Text: "packages, archives, repositories, the role of the instance"},
		{Term: docFolder + "iam.md", Text: "the policy, and how to narrow it"},
		{Term: docFolder + "exit-codes.md", Text: "every exit code: what causes it, what to do"},
		{Term: docFolder + "fix-a-failed-rollout.md", Text: "commands for each way a rollout can fail"},
		{Term: docFolder + "lock.md", Text: "a slot before the drain, for groups whose MinSize a scaling policy needs"},
		{Term: docFolder + "probe.md", Text: "what the probe sends for each protocol"},
	}
}

func statuses() []manual.Item {
	var all []manual.Item
	for _, c := range codes() {
		text := c.Meaning + "."
		if c.Moved != "" {
			text += " Moved: " + c.Moved + "."
		}
		if c.Retry != "" {
			text += " Retry: " + c.Retry + "."
		}
		all = append(all, manual.Item{Term: strconv.Itoa(c.Code), Text: text})
	}
	return all
}
