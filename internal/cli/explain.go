package cli

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

func (p *program) explainCommand() *cli.Command {
	return p.command(cli.Command{
		Name:      "explain",
		Usage:     "explain one exit code: what it means, what usually causes it, what to do",
		ArgsUsage: "CODE",
		Flags:     []cli.Flag{outputFlag()},
	}, p.explain)
}

// explain is also `exit-codes CODE`.
func (p *program) explain(c *cli.Context) error {
	v := p.values(c)
	asJSON := v.oneOf("output") == "json"
	code, err := strconv.Atoi(c.Args().First())
	if c.NArg() != 1 || err != nil || code < 0 || code > 255 {
		v.problems = append(v.problems, fmt.Sprintf("%q: want one exit code, 0 to 255, after the flags", strings.Join(c.Args().Slice(), " ")))
	}
	if err := v.err(); err != nil {
		return err
	}
	e := explanationOf(code)
	if asJSON {
		return ignore(writeJSON(p.stdout, e))
	}
	e.print(p.stdout, p.columns(p.stdout))
	return nil
}

// explained is a code with its explanation.
type explained struct {
	exitCode
	Cause string `json:"cause"`
	Fix   string `json:"fix"`
}

// explanationOf explains any code a process can end with.
func explanationOf(code int) explained {
	for _, c := range slices.Concat(codes(), otherCodes()) {
		if c.Code == code {
			e := explanations()[code]
			return explained{c, e.cause, e.fix}
		}
	}
	return explained{
		exitCode{Code: code, Meaning: "not a code of balanced's own", Moved: "maybe", class: -1},
		"`run` passes on the exit code of COMMAND, and 128+n where signal n ended it.",
		"Look up the code in the documentation of COMMAND. The last line says where the instance is.",
	}
}

// print writes it for people, wrapped to a terminal of so many columns; 0: no terminal.
func (e explained) print(w io.Writer, columns int) {
	fmt.Fprintf(w, "%d\n", e.Code)
	for _, part := range [][2]string{{"meaning", e.Meaning}, {"moved", e.Moved}, {"retry", e.Retry}, {"cause", e.Cause}, {"what to do", e.Fix}} {
		label := part[0] + ":"
		if part[1] == "" {
			continue
		}
		for _, line := range wrap(part[1], columns-15) {
			fmt.Fprintf(w, "  %-12s %s\n", label, line)
			label = ""
		}
	}
}
