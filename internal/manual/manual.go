// Package manual writes the man page of a command line, read from its commands and
// flags: a new one is in the page without a change here.
//
// urfave/cli's own ToMan does not serve: it has no place for EXIT STATUS, EXAMPLES and SEE ALSO, repeats the global flags
// under every command, and its templates would come back into the binary, where a build tag leaves them out.
package manual

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// Page is a man page of section 1.
type Page struct {
	App      *cli.App
	Version  string
	Date     time.Time // the day is printed, in UTC
	Sections []Section // after the commands, in order
}

// Section has a text, or items, or both.
type Section struct {
	Title string
	Text  string // paragraphs apart by an empty line; a line that begins with a blank is kept as it is
	Items []Item
}

// Item is a term and what is said about it.
type Item struct{ Term, Text string }

// Write writes the page as roff, for man.
func (p Page) Write(w io.Writer) error {
	var r roff
	fmt.Fprintf(&r, ".TH %s 1 %s \"%s\" \"User Commands\"\n",
		strings.ToUpper(escape(p.App.Name)), p.Date.UTC().Format("2006-01-02"), escape(p.App.Name+" "+p.Version))
	r.WriteString(".nh\n.ad l\n") // a variable's name is not to be torn
	r.section("NAME")
	r.line(p.App.Name + " - " + p.App.Usage)
	r.section("SYNOPSIS")
	r.asIs(strings.Split(p.App.UsageText, "\n"))
	if p.App.Description != "" {
		r.section("DESCRIPTION")
		r.paragraphs(p.App.Description)
	}
	r.section("COMMANDS")
	everywhere := names(p.App.Flags)
	for _, c := range p.App.VisibleCommands() {
		r.command(p.App.Name, c, everywhere)
	}
	r.section("GLOBAL OPTIONS")
	r.flags(p.App.Flags)
	for _, s := range p.Sections {
		r.section(s.Title)
		r.paragraphs(s.Text)
		for _, i := range s.Items {
			r.item(bold(i.Term), i.Text)
		}
	}
	_, err := io.WriteString(w, r.String())
	return err
}

// roff is a page being written.
type roff struct{ strings.Builder }

func (r *roff) section(title string) { fmt.Fprintf(r, ".SH %s\n", escape(title)) }

// line writes a line of text, which must not look like a request.
func (r *roff) line(text string) { r.WriteString(guard(escape(text)) + "\n") }

// asIs keeps the lines apart.
func (r *roff) asIs(lines []string) {
	r.WriteString(".nf\n")
	for _, line := range lines {
		r.line(line)
	}
	r.WriteString(".fi\n")
}

// item is a term, in roff already, and its text below.
func (r *roff) item(term, text string) {
	r.WriteString(".TP\n" + guard(term) + "\n")
	r.line(text)
}

// command leaves out the flags that every command takes.
func (r *roff) command(app string, c *cli.Command, everywhere []string) {
	own := slices.DeleteFunc(slices.Clone(c.Flags), func(f cli.Flag) bool {
		return slices.Contains(everywhere, f.Names()[0])
	})
	r.WriteString(".SS " + call(app+" "+c.Name, c, len(own) > 0) + "\n")
	r.paragraphs(sentence(c.Usage))
	if c.Description != "" {
		r.WriteString(".PP\n")
		r.paragraphs(c.Description)
	}
	r.flags(own)
}

// call is how a command is called: as it says itself, or else by its name, options and
// arguments.
func call(name string, c *cli.Command, options bool) string {
	if rest, given := strings.CutPrefix(c.UsageText, name+" "); given {
		return bold(name) + " " + escape(rest)
	}
	text := bold(name)
	if options {
		text += " [options]"
	}
	if c.ArgsUsage != "" {
		text += " " + italic(c.ArgsUsage)
	}
	return text
}

var (
	entry   = regexp.MustCompile(`^[a-z]+: `)   // begins a line of a list: "bash: …"
	columns = regexp.MustCompile(`^[a-z-]+  +`) // begins a table, of which every line is a row
)

// paragraphs fills lines up. Lines that begin with a blank, entries of a list, which
// begins with one, and rows of a table stay lines.
func (r *roff) paragraphs(text string) {
	for i, paragraph := range strings.Split(text, "\n\n") {
		if i > 0 {
			r.WriteString(".PP\n")
		}
		list, table := entry.MatchString(paragraph), columns.MatchString(paragraph)
		for j, line := range strings.Split(paragraph, "\n") {
			if j > 0 && (table || list && entry.MatchString(line) || strings.HasPrefix(line, " ")) {
				r.WriteString(".br\n")
			}
			if line != "" {
				r.line(line)
			}
		}
	}
}

func (r *roff) flags(flags []cli.Flag) {
	for _, f := range flags {
		d, ok := f.(cli.DocGenerationFlag)
		if !ok {
			continue
		}
		placeholder, usage := unquote(d.GetUsage())
		if value := d.GetDefaultText(); value != "" && d.TakesValue() {
			usage += ". Default: " + strings.Trim(value, `"`)
		}
		r.item(spellings(f.Names(), placeholder), sentence(usage))
	}
}

// unquote is a usage without the marks round the word that stands for the value, and
// that word.
func unquote(usage string) (placeholder, text string) {
	before, rest, found := strings.Cut(usage, "`")
	word, after, closed := strings.Cut(rest, "`")
	if !found || !closed {
		return "", usage
	}
	return word, before + word + after
}

func spellings(names []string, placeholder string) string {
	var all []string
	for _, name := range names {
		dashes := "--"
		if len(name) == 1 {
			dashes = "-"
		}
		one := bold(dashes + name)
		if placeholder != "" {
			one += " " + italic(placeholder)
		}
		all = append(all, one)
	}
	return strings.Join(all, ", ")
}

func names(flags []cli.Flag) []string {
	var all []string
	for _, f := range flags {
		all = append(all, f.Names()...)
	}
	return all
}

// sentence begins with a capital, unless its first word is a name of some kind, and
// ends in a full stop.
func sentence(text string) string {
	first, _, _ := strings.Cut(text, " ")
	if regexp.MustCompile(`^[a-z]+$`).MatchString(first) {
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}

func bold(text string) string   { return `\fB` + escape(text) + `\fR` }
func italic(text string) string { return `\fI` + escape(text) + `\fR` }

// escape makes a text that roff prints as it is: dashes that can be copied, and quotes
// that neither end an argument nor become typographic.
func escape(text string) string {
	return strings.NewReplacer(`\`, `\e`, `-`, `\-`, `"`, `\(dq`, `'`, `\(aq`, "`", `\(ga`, `^`, `\(ha`, `~`, `\(ti`).Replace(text)
}

// guard keeps a line from being taken for a request.
func guard(line string) string {
	if strings.HasPrefix(line, ".") {
		return `\&` + line
	}
	return line
}
