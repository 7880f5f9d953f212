package conform

import (
	"fmt"
	"strings"
)

// pageHead is the beginning of docs/fidelity.md.
const pageHead = `# How far the simulated Region is AWS

Everything that balanced is tested with runs against a simulated Region. It is built on the facts below. Check them with
your own account:

    balanced-lab check-aws                                    # describe calls only
    balanced-lab check-aws --group NAME --moves --json r.json # a disposable group, tagged ` + MovesTag + `=yes
    scripts/check-aws/run                                     # makes such a group, checks, and deletes it

A fact is

- **as modelled**: AWS does what the Region does by default,
- **newly known**: AWS does what the Region does with the setting that is named; it was a guess which is right,
- **different**: the Region can do neither, and has to be changed; exit code 3,
- **not tried**, with the reason.

` + "`balanced-lab up --from r.json`" + ` starts a Region that behaves as the recording says: its settings, its read lag and the time
that moves took. A recording has no account ids, no keys and no tags, and ARNs are shortened. In
` + "`internal/conform/testdata/recordings`" + ` it is a test: every fact in it must be observed of a Region that is set from it.

How sure a fact is: **recorded** in public recordings or transcripts of AWS; **documented** by AWS or its API model;
**inferred** from the documentation; **open** where AWS is silent or contradicts itself and the Region guesses. A run
settles what is inferred or open.

This page is generated from the table of the checks: ` + "`go test ./internal/conform -run TestPage -args -page ../../docs/fidelity.md`" + `
`

// pageEnd is the end of it.
const pageEnd = `
## What no check covers

These need what a disposable group does not have. The agent is tested with both answers, or refuses.

| open point | in the Region |
|---|---|
| A terminated or stopped instance that leaves Standby: whether it fails at once or at its first health check | Behaviour.DeadFailsAtOnce |
| ExitStandby while AddToLoadBalancer is suspended, or when a load balancer of the group was deleted | Suspend |
| What maximum instance lifetime, capacity rebalancing and Spot interruptions do to an instance in Standby | not modelled |
| The StatusReason of an instance refresh that waits for an instance in Standby | StartRefresh |
| How draining targets count for the thresholds of a target group's health | not modelled |
| The request rates of Auto Scaling, which are not probed: they are shared by the whole account | SetBucket |

## Measurements

A run with ` + "`--moves`" + ` also measures what AWS does not publish, ` + "`measurements`" + ` in the file of ` + "`--json`" + `, in seconds:

- ` + "`read_lag`" + `: for each describe call, how long after the answer to a move it first showed the move: every sample, the
  maximum, a histogram, how often it was the first call to show it, and how often it showed the past again. The
  maximum is the evidence for ` + "`--settle`" + `. ` + "`resolution`" + ` is the time between looks.
- ` + "`drains`" + `: for each load balancer, when it was seen to drain, and the delay that is configured.
- ` + "`standby`, `in_service`" + `: how long the moves took by Auto Scaling's own times. ` + "`healthy`" + `: from ExitStandby until every load
  balancer showed the instance as before.

The throttle point is not probed. A run sends at most 6 requests a second to a service, after a burst of 20.
`

// Page is docs/fidelity.md.
func Page() string {
	var b strings.Builder
	b.WriteString(pageHead)
	for _, section := range sections() {
		fmt.Fprintf(&b, "\n## %s\n\n| fact | needs | how sure | source |\n|---|---|---|---|\n", section.title)
		for _, f := range section.facts {
			fmt.Fprintf(&b, "| %s `%s`%s | %s | %s | %s |\n", cell(f.Statement), f.ID, settingsOf(f), f.Needs, f.Sure, cell(f.Source))
		}
	}
	b.WriteString(pageEnd)
	return b.String()
}

// settingsOf says what else the Region can be set to.
func settingsOf(f Fact) string {
	var knobs []string
	for _, s := range f.Settings {
		knobs = append(knobs, s.Knob)
	}
	if len(knobs) == 0 {
		return ""
	}
	return " Otherwise: " + strings.Join(distinct(knobs), ", ") + "."
}

// cell is text as it can stand in a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
