package cli

import (
	"fmt"
	"slices"
	"strings"
)

// bashScript needs bash 4 and nothing else: not the bash-completion package. It reads
// the words of the line and never evaluates them.
func bashScript(t tree) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# bash completion for balanced; made by: balanced completion bash
_balanced() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command='' words='' i
	COMPREPLY=()
	# bash splits --flag=value into three words.
	if [[ $cur == = ]]; then
		cur=''
	elif [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD-2]}
	fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--) _balanced_after "$command" "$cur" $((COMP_CWORD - i)); return ;;
		%s)
			[[ ${COMP_WORDS[i+1]} == = ]] && ((i++))
			((i++)) ;;
		%s) [[ -n $command ]] || command=${COMP_WORDS[i]} ;;
		esac
	done
	case $command:$prev in
%s	esac
	case $command in
%s	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

# What follows a -- is another command's.
_balanced_after() {
	case $1 in
	%s) ;;
	*) return ;;
	esac
	if (($3 == 1)); then
		mapfile -t COMPREPLY < <(compgen -c -- "$2")
	else
		_balanced_files "$2"
	fi
}

_balanced_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

complete -F _balanced balanced
`, strings.Join(valueFlags(t), "|"), strings.Join(t.root.words, "|"), bashValues(t), bashWords(t), strings.Join(runners(t), "|"))
	return b.String()
}

// everyone is each command, and what stands before any of them under the name "".
func (t tree) everyone() []completable {
	root := t.root
	root.name = ""
	return append([]completable{root}, t.commands...)
}

// valueFlags are the spellings of every flag that takes a value, of any command.
func valueFlags(t tree) []string {
	var all []string
	for _, c := range t.everyone() {
		for _, f := range c.flags {
			if f.takes {
				all = append(all, f.spellings()...)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// runners are the commands that run another one.
func runners(t tree) []string {
	var all []string
	for _, c := range t.commands {
		if c.runs {
			all = append(all, c.name)
		}
	}
	return all
}

func bashValues(t tree) string {
	var b strings.Builder
	for _, c := range t.everyone() {
		for _, f := range c.flags {
			if !f.takes {
				continue
			}
			act := fmt.Sprintf(`mapfile -t COMPREPLY < <(compgen -W %s -- "$cur")`, quoted(strings.Join(f.words, " ")))
			if f.file {
				act = `_balanced_files "$cur"`
			}
			for _, name := range f.spellings() {
				fmt.Fprintf(&b, "\t%s:%s) %s; return ;;\n", c.name, name, act)
			}
		}
	}
	return b.String()
}

func bashWords(t tree) string {
	var b strings.Builder
	for _, c := range t.everyone() {
		fmt.Fprintf(&b, "\t%s) words=%s ;;\n", quoted(c.name), quoted(strings.Join(slices.Concat(c.words, c.spellings()), " ")))
	}
	return b.String()
}
