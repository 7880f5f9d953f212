package cli

import (
	"fmt"
	"slices"
	"strings"
)

// A guide is what the help and the man page say of a command besides its flags.
type guide struct {
	examples []example
	codes    []int    // that it can end with, besides 0, 1 and 64
	pages    []string // of docs, that say more
}

// example is a command line that runs as it is printed, and what it does.
type example struct{ call, does string }

// docFolder is where the packages install the pages of docs.
const docFolder = "/usr/share/doc/balanced/docs/"

// codesOfOut are those of out, codesOfIn those of in.
func codesOfOut() []int { return []int{69, 73, 75, 77, 78, 81, 82, 84, 85, 86, 129, 130, 143} }
func codesOfIn() []int  { return []int{69, 73, 75, 77, 78, 80, 81, 82, 83, 85, 86, 129, 130, 143} }

// guides are by command, that of balanced itself under "".
func guides() map[string]guide {
	return map[string]guide{
		"": {
			examples: []example{
				{"balanced doctor", "check the setup before the first rollout"},
				{"balanced out && chef-client && balanced in", "upgrade this instance"},
				{"balanced status", "see what this instance and its peers look like"},
				{"balanced explain 75", "what an exit code means and what to do"},
			},
			pages: []string{"install.md", "fix-a-failed-rollout.md", "exit-codes.md"},
		},
		"out": {
			examples: []example{
				{"balanced out --dry-run", "what would happen now, without a move"},
				{"balanced out --wait 1h --min-healthy 50%", "wait up to an hour for a slot; half of the group must stay healthy"},
				{"balanced out --targets web,classic/old --min-healthy 2", "outside a group: deregister, while two others are healthy at each"},
				{"balanced out --report /var/log/balanced.json", "keep the whole run as JSON"},
				{"balanced out --lock dynamodb:balanced-locks", "take a slot in a table first, where MinSize cannot hold the minimum"},
			},
			codes: codesOfOut(), pages: []string{"exit-codes.md", "lock.md", "fix-a-failed-rollout.md", "metrics-and-alarms.md"},
		},
		"in": {
			examples: []example{
				{"balanced in", "check this host, put it back, wait until it is healthy"},
				{"balanced in --probe http://:8080/health", "ask this instead of what the load balancers ask"},
				{"balanced in --on-unhealthy leave", "leave it in service even if it does not get healthy"},
			},
			codes: codesOfIn(), pages: []string{"probe.md", "exit-codes.md", "metrics-and-alarms.md"},
		},
		"run": {
			examples: []example{
				{"balanced run -- chef-client", "out, chef-client, in"},
				{"balanced run --ok 213 --reboot 35,37 -- chef-client", "with the exit codes of Chef"},
				{"balanced run -- sh -c 'apt-get update && apt-get -y upgrade'", "more than one program needs a shell"},
			},
			codes: union(codesOfOut(), codesOfIn(), []int{126, 127}), pages: []string{"exit-codes.md", "knife.md", "metrics-and-alarms.md"},
		},
		"ready": {
			examples: []example{
				{"balanced ready && c=0 || c=$?", "in user data, for cfn-signal -e $c; also under set -e"},
				{"balanced ready --on-unfit abandon --timeout 10m", "an instance that does not pass within 10 minutes is replaced"},
				{"balanced ready --dry-run", "find the launch hook and probe this host, without completing the hook"},
			},
			codes: []int{69, 73, 75, 77, 78, 80, 81, 82, 83, 86, 129, 130, 143}, pages: []string{"immutable.md", "cloudformation.md", "probe.md"},
		},
		"wait": {
			examples: []example{
				{"balanced wait && c=0 || c=$?", "in user data, for cfn-signal -e $c; also under set -e"},
				{"balanced wait --timeout 20m", "wait up to 20 minutes"},
			},
			codes: []int{69, 73, 75, 77, 78, 81, 129, 130, 143}, pages: []string{"cloudformation.md"},
		},
		"hook": {
			examples: []example{
				{"balanced hook --timeout 3600s", "in a hook whose timeout in appspec.yml is 3600"},
			},
			codes: union(codesOfOut(), codesOfIn()), pages: []string{"codedeploy.md"},
		},
		"status": {
			examples: []example{
				{"balanced status --watch", "show it again every five seconds; q ends it"},
				{"balanced status --output json", "for scripts"},
			},
			codes: []int{3, 4, 69, 73, 77, 78}, pages: []string{"fix-a-failed-rollout.md"},
		},
		"doctor": {
			examples: []example{
				{"balanced doctor", "check the setup"},
				{"balanced doctor --everywhere --probe-permissions", "check all that can be checked"},
			},
			codes: []int{3, 69, 73, 77, 78}, pages: []string{"iam.md", "install.md"},
		},
		"policy": {
			examples: []example{
				{"balanced policy --group web > policy.json", "for the group web; needs no AWS"},
				{"balanced policy --group web --lock dynamodb:balanced-locks", "with what the lock needs"},
				{"balanced policy --targets web,classic/old > policy.json", "for instances outside a group"},
			},
			pages: []string{"iam.md", "lock.md"},
		},
		"exit-codes": {
			examples: []example{
				{"balanced exit-codes", "the whole table"},
				{"balanced exit-codes 75", "one code, explained"},
			},
			pages: []string{"exit-codes.md"},
		},
		"explain": {
			examples: []example{
				{"balanced explain 75", "what 75 means, what usually causes it, what to do"},
			},
			pages: []string{"exit-codes.md"},
		},
		"completion": {
			examples: []example{
				{"balanced completion bash > /etc/bash_completion.d/balanced", "for all users of bash"},
			},
			pages: []string{"install.md"},
		},
		"version": {
			examples: []example{{"balanced version --output json", "for scripts"}},
		},
		"help": {
			examples: []example{{"balanced help out", "the help of one command"}},
		},
	}
}

// union is the codes of several commands, in order.
func union(lists ...[]int) []int {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return slices.Compact(all)
}

// text is the guide as the last part of the help of a command.
func (g guide) text(command string) string {
	var b strings.Builder
	if len(g.examples) > 0 {
		b.WriteString("\nEXAMPLES:\n")
	}
	for _, e := range g.examples {
		fmt.Fprintf(&b, "   %s\n      %s\n", e.call, e.does)
	}
	if len(g.codes) > 0 {
		b.WriteString("\nEXIT CODES:\n")
		for _, line := range g.codeLines() {
			fmt.Fprintf(&b, "   %s\n", line)
		}
		b.WriteString("   `balanced explain CODE` says what causes each and what to do.\n")
	}
	if len(g.pages) > 0 {
		b.WriteString("\nMORE:\n   man balanced\n")
	}
	for _, page := range g.pages {
		fmt.Fprintf(&b, "   %s%s\n", docFolder, page)
	}
	return b.String()
}

// codeLines are the codes with their short meaning, those with the same meaning in one line.
func (g guide) codeLines() []string {
	var lines []string
	said, last := "", ""
	all := explanations()
	for _, code := range union(g.codes, []int{0, 64}) {
		short := all[code].short
		if short == last {
			said += fmt.Sprintf(", %d", code)
			lines[len(lines)-1] = said + "  " + short
			continue
		}
		said, last = fmt.Sprint(code), short
		lines = append(lines, fmt.Sprintf("%-3s  %s", said, short))
	}
	return lines
}
