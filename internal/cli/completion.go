package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// shells are those there is a script for.
func shells() map[string]func(tree) string {
	return map[string]func(tree) string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}
}

func (p *program) completionCommand() *cli.Command {
	return p.command(cli.Command{
		Name:      "completion",
		Usage:     "print a script that completes commands, flags and their values",
		ArgsUsage: "bash|zsh|fish",
		Description: "bash: source <(balanced completion bash), or put it into /usr/share/bash-completion/completions/balanced\n" +
			"zsh: put it into a folder of $fpath, as _balanced\n" +
			"fish: put it into ~/.config/fish/completions/balanced.fish",
	}, p.completion)
}

func (p *program) completion(c *cli.Context) error {
	script, known := shells()[c.Args().First()]
	if !known || c.NArg() != 1 {
		return usageError{command: c.Command.Name, problems: []string{fmt.Sprintf("%q: want bash, zsh or fish", strings.Join(c.Args().Slice(), " "))}}
	}
	_, err := fmt.Fprint(p.stdout, script(treeOf(p.app())))
	return ignore(err)
}

// tree is everything that can be completed, read from the commands themselves: a new
// one is completed without a change here. The scripts ask nobody while they complete.
type tree struct {
	commands []completable // in the order of the help
	root     completable   // before any command
}

// completable is one command.
type completable struct {
	name, says string
	flags      []completableFlag
	words      []string // that it takes as its argument
	runs       bool     // another command follows a --
}

// completableFlag is one flag.
type completableFlag struct {
	long, short string // without dashes; short may be ""
	says        string
	takes       bool     // a value
	words       []string // worth offering as the value
	file        bool     // the value is a file
}

func treeOf(app *cli.App) tree {
	t := tree{root: completable{name: app.Name, says: app.Usage, flags: completableFlags(app.Flags)}}
	for _, c := range app.Commands {
		one := completable{name: c.Name, says: c.Usage, flags: completableFlags(c.Flags)}
		one.words = argumentWords(app, c.ArgsUsage)
		one.runs = strings.HasPrefix(c.ArgsUsage, "--")
		t.commands = append(t.commands, one)
		t.root.words = append(t.root.words, c.Name)
	}
	return t
}

// argumentWords are what a command may be given as its argument: what stands between bars, or what a placeholder means.
func argumentWords(app *cli.App, usage string) []string {
	var words []string
	switch strings.Trim(usage, "[]") {
	case "COMMAND":
		for _, c := range app.Commands {
			words = append(words, c.Name)
		}
	case "CODE":
		for _, c := range codes() {
			words = append(words, strconv.Itoa(c.Code))
		}
	default:
		if strings.Contains(usage, "|") {
			words = strings.Split(usage, "|")
		}
	}
	return words
}

func completableFlags(flags []cli.Flag) []completableFlag {
	var all []completableFlag
	for _, f := range flags {
		d, ok := f.(cli.DocGenerationFlag)
		if !ok {
			continue
		}
		one := completableFlag{takes: d.TakesValue()}
		for _, name := range f.Names() {
			if len(name) > 1 {
				one.long = name
			} else {
				one.short = name
			}
		}
		usage, _, _ := strings.Cut(d.GetUsage(), " [$")
		one.file = strings.Contains(usage, "`FILE`")
		one.says = strings.ReplaceAll(usage, "`", "")
		one.words = wordsOf(f, one)
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b completableFlag) int { return strings.Compare(a.long, b.long) })
	return all
}

// wordsOf are a flag's own words, else its default, which shows how a value looks.
func wordsOf(f cli.Flag, of completableFlag) []string {
	w, ok := f.(worded)
	switch {
	case ok && len(w.words) > 0:
		return w.words
	case ok && w.Value != "" && !of.file:
		return []string{w.Value}
	}
	return nil
}

// spellings are the flag as it is typed.
func (f completableFlag) spellings() []string {
	if f.short == "" {
		return []string{"--" + f.long}
	}
	return []string{"--" + f.long, "-" + f.short}
}

func (c completable) spellings() []string {
	var all []string
	for _, f := range c.flags {
		all = append(all, f.spellings()...)
	}
	return all
}

// quoted is a text between single quotes, as bash and zsh read it.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
