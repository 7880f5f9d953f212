package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"balanced/internal/doctor"
	"balanced/internal/failure"
	"balanced/internal/format"
	"balanced/internal/hostlock"
	"balanced/internal/rotation"
)

// diagnosis is what doctor found where that is not nothing: an answer, with a code of its own.
type diagnosis struct{ errors, warnings int } // notes do not count

func (d diagnosis) Error() string       { return "the setup needs a change: " + d.String() }
func (d diagnosis) FailureHint() string { return "run the commands on stdout that follow fix:" }
func (d diagnosis) isAnswer() bool      { return d.errors == 0 }
func (d diagnosis) showsResult() bool   { return true }

func (d diagnosis) exitCode() int {
	if d.errors == 0 {
		return 3
	}
	return endOf(failure.New(failure.Setup, "", "")).code
}

// String counts: 2 errors, 1 warning.
func (d diagnosis) String() string {
	var parts []string
	if d.errors > 0 {
		parts = append(parts, counted(d.errors, "error"))
	}
	if d.warnings > 0 {
		parts = append(parts, counted(d.warnings, "warning"))
	}
	return strings.Join(parts, ", ")
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (p *program) doctorCommand() *cli.Command {
	return p.command(cli.Command{
		Name:  "doctor",
		Usage: "check the setup without changing it, and print the command that fixes each fault",
		Description: "Permissions, sizes, suspended processes, load balancers, zones, the metadata service, the clock.\n" +
			"Exits with 0 when nothing is wrong, 3 when there are warnings, 78 when there are errors. Notes are\n" +
			"advice, and do not count.",
		Flags: slices.Concat([]cli.Flag{
			minHealthyFlag(),
			targetsFlag(),
			toggle("everywhere", "also look for this instance in every load balancer and target group of the account"),
			toggle("probe-permissions", "also try the permission to move, by a move that Auto Scaling must refuse; CloudTrail records it"),
		}, lockFlags(), globalFlags()),
	}, p.doctor)
}

func (p *program) doctor(c *cli.Context) error {
	v := p.values(c)
	opt := doctor.Options{
		MinHealthy:       v.minHealthy(),
		Everywhere:       v.bool("everywhere"),
		ProbePermissions: v.bool("probe-permissions"),
		Return:           v.probe(),
		HostLock:         hostlock.Check(),
	}
	v.checkOutside(opt.MinHealthy)
	j, err := p.job(v)
	if err != nil {
		return err
	}
	examined := &doctor.Report{Findings: []doctor.Finding{}}
	j.text = func(*rotation.Report) string { return findingsText(examined) }
	j.document = func(r *rotation.Report) any {
		examined.Report = r
		return examined
	}
	return j.run(c.Context, func(ctx context.Context, agent *rotation.Agent) (*rotation.Report, error) {
		opt.OwnNetwork = p.ownNetwork(agent.Self)
		examined, err = doctor.Run(ctx, agent, opt)
		examined.HostTakenBy = hostTakenBy(examined.Instance.ID)
		if err == nil {
			err = diagnosisOf(examined.Findings)
		}
		return examined.Report, err
	})
}

// diagnosisOf is nil when nothing was found.
func diagnosisOf(all []doctor.Finding) error {
	var d diagnosis
	for _, f := range all {
		switch f.Severity {
		case doctor.Error:
			d.errors++
		case doctor.Warning:
			d.warnings++
		}
	}
	if d == (diagnosis{}) {
		return nil
	}
	return d
}

// findingsText is what doctor says to people: a block for each finding, then one line, which is all there is where
// nothing was found.
func findingsText(r *doctor.Report) string {
	var b strings.Builder
	for _, f := range r.Findings {
		paragraph(&b, string(f.Severity)+": ", fmt.Sprintf("%s [%s]", format.OneLine(f.What), f.Check))
		paragraph(&b, "  ", format.OneLine(f.Why))
		b.WriteString("  fix: " + continued(f.Fix) + "\n\n")
	}
	b.WriteString(summary(r) + "\n")
	return b.String()
}

// reportWidth is the width that every terminal has, and a ticket too.
const reportWidth = 80

// paragraph writes a text whose first line begins with a label, the others below it.
func paragraph(b *strings.Builder, label, text string) {
	for _, line := range wrap(text, reportWidth-len(label)) {
		b.WriteString(label + line + "\n")
		label = strings.Repeat(" ", len(label))
	}
}

// continued breaks a command before its options, so that it can still be pasted.
func continued(command string) string {
	const first, others = "  fix: ", "       "
	var b strings.Builder
	used := len(first)
	for i, part := range strings.Split(command, " --") {
		switch {
		case i == 0:
		case used+len(" --")+len(part)+len(` \`) > reportWidth:
			b.WriteString(" \\\n" + others + "--")
			used = len(others) + len("--")
		default:
			b.WriteString(" --")
			used += len(" --")
		}
		b.WriteString(part)
		used += len(part)
	}
	return b.String()
}

// summary is the setup in one line.
func summary(r *doctor.Report) string {
	who, verdict := r.Instance.ID, "OK"
	if r.Group.Name != "" {
		who += " in " + r.Group.Name
	}
	if d, ok := diagnosisOf(r.Findings).(diagnosis); ok {
		verdict = d.String()
	}
	parts := []string{who + ": " + verdict}
	f := r.Facts
	if room := f.MayBeOut; room != nil {
		parts = append(parts, fmt.Sprintf("%d of %d may be out at once", min(room.ByMinSize, room.ByMinHealthy), r.Group.Capacity))
	}
	if f.OutSeconds > 0 {
		parts = append(parts, fmt.Sprintf("out takes at most %.0f s, in at most %.0f s", f.OutSeconds, f.InSeconds))
		if f.ThrottlingLimitSeconds > 0 {
			parts = append(parts, "up to "+format.Duration(time.Duration(f.ThrottlingLimitSeconds)*time.Second)+" more where AWS throttles")
		}
	}
	if f.HealthCheckType != "" && !f.ReplacesUnhealthy {
		parts = append(parts, fmt.Sprintf("instances that fail load balancer checks are not replaced (%s checks)", f.HealthCheckType))
	}
	return strings.Join(parts, "; ")
}
