package cli

import (
	"io"
	"os"
	"strconv"
	"strings"
	"time"

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
		{Title: "SEE ALSO", Text: "/usr/share/doc/balanced has the documentation, and examples for the tools that call balanced."},
	}}.Write(w)
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
