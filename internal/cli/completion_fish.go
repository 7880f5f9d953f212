package cli

import (
	"fmt"
	"strings"
)

// fishScript offers no files but where a flag wants one, or after the -- of a command
// that runs another.
func fishScript(t tree) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# fish completion for balanced; made by: balanced completion fish

# Says whether the cursor is at a command: '' before any, 'run --' after the -- of run.
function __balanced_at
	set -l at ''
	set -l value false
	for word in (commandline -opc)[2..-1]
		if $value
			set value false
			continue
		end
		switch $word
			case --
				set at "$at --"
				break
			case %s
				set value true
			case %s
				test -n "$at"; or set at $word
		end
	end
	test "$at" = "$argv[1]"
end

complete -c balanced -f
`, strings.Join(valueFlags(t), " "), strings.Join(t.root.words, " "))
	for _, c := range t.commands {
		fmt.Fprintf(&b, "complete -c balanced -n %s -a %s -d %s\n", fishText("__balanced_at ''"), c.name, fishText(c.says))
	}
	fishFlags(&b, "__balanced_at ''", t.root)
	for _, c := range t.commands {
		here := "__balanced_at " + c.name
		fishFlags(&b, here, c)
		if len(c.words) > 0 {
			fmt.Fprintf(&b, "complete -c balanced -n %s -a %s\n", fishText(here), fishText(strings.Join(c.words, " ")))
		}
		if c.runs {
			fmt.Fprintf(&b, "complete -c balanced -n %s -F\n", fishText("__balanced_at '"+c.name+" --'"))
		}
	}
	return b.String()
}

func fishFlags(b *strings.Builder, when string, c completable) {
	for _, f := range c.flags {
		fmt.Fprintf(b, "complete -c balanced -n %s -l %s", fishText(when), f.long)
		if f.short != "" {
			fmt.Fprintf(b, " -s %s", f.short)
		}
		switch {
		case f.file:
			b.WriteString(" -r -F")
		case f.takes && len(f.words) > 0:
			fmt.Fprintf(b, " -x -a %s", fishText(strings.Join(f.words, " ")))
		case f.takes:
			b.WriteString(" -x")
		}
		fmt.Fprintf(b, " -d %s\n", fishText(f.says))
	}
}

// fishText is a text between single quotes, as fish reads it.
func fishText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}
