package cli

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"
)

func (p *program) exitCodesCommand() *cli.Command {
	return p.command(cli.Command{
		Name:        "exit-codes",
		Usage:       "print what every exit code means, or explain one",
		ArgsUsage:   "[CODE]",
		Description: "The codes are a promise. 64 to 81: this run moved nothing. 82 to 86: a move was made or is under way.",
		Flags:       []cli.Flag{outputFlag()},
	}, p.exitCodes)
}

func (p *program) exitCodes(c *cli.Context) error {
	if c.NArg() > 0 {
		return p.explain(c)
	}
	v := p.values(c)
	asJSON := v.oneOf("output") == "json"
	if err := v.err(); err != nil {
		return err
	}
	if asJSON {
		return ignore(writeJSON(p.stdout, codes()))
	}
	printCodes(p.stdout, p.columns(p.stdout))
	return nil
}

// printCodes writes one line per code, or as many as a terminal of the given width
// needs; 0: no terminal. The meaning is at least 30 columns wide, two more than its longest word; a narrower terminal
// gets the codes and their meanings alone.
func printCodes(w io.Writer, width int) {
	const before, least = 28, 30
	if width > 0 && width < before+least {
		printNarrowCodes(w, width)
		return
	}
	row := func(code, moved, retry, meaning string) {
		const columns = "%-5s %-8s %-12s %s\n"
		for _, line := range wrap(meaning, width-before) {
			fmt.Fprintf(w, columns, code, moved, retry, line)
			code, moved, retry = "", "", ""
		}
	}
	row("CODE", "MOVED", "RETRY", "MEANING")
	for _, c := range codes() {
		row(fmt.Sprint(c.Code), c.Moved, c.Retry, c.Meaning)
	}
}

func printNarrowCodes(w io.Writer, width int) {
	for _, c := range codes() {
		for _, line := range wrap(fmt.Sprintf("%d %s", c.Code, c.Meaning), width) {
			fmt.Fprintln(w, line)
		}
	}
}
