package cli

import (
	"fmt"
	"strings"
)

// zshScript works from a folder of $fpath, and when it is sourced.
func zshScript(t tree) string {
	var b strings.Builder
	b.WriteString("#compdef balanced\n# zsh completion for balanced; made by: balanced completion zsh\n_balanced() {\n" +
		"\tlocal curcontext=$curcontext state line\n\ttypeset -A opt_args\n\tlocal -a commands\n\tcommands=(\n")
	for _, c := range t.commands {
		fmt.Fprintf(&b, "\t\t%s\n", quoted(zshText(c.name)+":"+c.says))
	}
	fmt.Fprintf(&b, "\t)\n\t_arguments -C%s \\\n\t\t'1: :->command' '*:: :->rest'\n", zshSpecs(t.root))
	b.WriteString("\tcase $state in\n\tcommand) _describe command commands ;;\n\trest)\n\t\tcase $words[1] in\n")
	for _, c := range t.commands {
		fmt.Fprintf(&b, "\t\t%s) _arguments -S%s%s ;;\n", c.name, zshSpecs(c), zshArguments(c))
	}
	b.WriteString("\t\tesac ;;\n\tesac\n}\n\n" +
		"if [[ $funcstack[1] == _balanced ]]; then\n\t_balanced \"$@\"\nelse\n\tcompdef _balanced balanced\nfi\n")
	return b.String()
}

// zshSpecs are a command's flags as _arguments wants them.
func zshSpecs(c completable) string {
	var b strings.Builder
	for _, f := range c.flags {
		for _, name := range f.spellings() {
			spec := fmt.Sprintf("*%s[%s]", name, zshText(f.says))
			if f.takes {
				spec = fmt.Sprintf("*%s=[%s]:%s:%s", name, zshText(f.says), f.long, zshValue(f))
			}
			fmt.Fprintf(&b, " \\\n\t\t\t%s", quoted(spec))
		}
	}
	return b.String()
}

func zshValue(f completableFlag) string {
	switch {
	case f.file:
		return "_files"
	case len(f.words) > 0:
		return "(" + strings.Join(f.words, " ") + ")"
	}
	return " "
}

func zshArguments(c completable) string {
	switch {
	case c.runs:
		return " \\\n\t\t\t'1: :_command_names -e' '*:: :_normal'"
	case len(c.words) > 0:
		return " \\\n\t\t\t'1: :(" + strings.Join(c.words, " ") + ")'"
	}
	return ""
}

// zshText keeps a text from meaning anything to _arguments.
func zshText(s string) string {
	return strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, ":", `\:`).Replace(s)
}
