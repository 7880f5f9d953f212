package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"balanced/internal/rotation"
)

// diagnosis is what doctor found where that is not nothing: an answer, with a code of
// its own.
type diagnosis struct{ errors, warnings int }

func (d diagnosis) Error() string { return "the setup needs a change: " + d.String() }

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
		Usage: "check the setup without changing it, and print the command that mends each fault",
		Description: "Permissions, sizes, suspended processes, load balancers, zones, the metadata service, the clock.\n" +
			"Exits with 0 when nothing is wrong, 3 when there are warnings, 78 when there are errors.",
		Flags: []cli.Flag{
			minHealthyFlag(),
			toggle("everywhere", "look for this instance in every load balancer and target group of the account, too"),
			toggle("probe-permissions", "try the permission to move, too, by a move that Auto Scaling must refuse; CloudTrail records it"),
		},
	}, p.doctor)
}

func (p *program) doctor(c *cli.Context) error {
	v := p.values(c)
	opt := rotation.DoctorOptions{
		MinHealthy:       v.minHealthy(),
		Everywhere:       v.bool("everywhere"),
		ProbePermissions: v.bool("probe-permissions"),
	}
	j, err := p.job(v)
	if err != nil {
		return err
	}
	j.text = diagnose
	return j.run(c.Context, func(ctx context.Context, agent *rotation.Agent) (*rotation.Report, error) {
		report, err := agent.Doctor(ctx, opt)
		if err == nil {
			err = found(report.Findings)
		}
		return report, err
	})
}

// found is nil when nothing was.
func found(all []rotation.Finding) error {
	var d diagnosis
	for _, f := range all {
		if f.Severity == rotation.Error {
			d.errors++
		} else {
			d.warnings++
		}
	}
	if d == (diagnosis{}) {
		return nil
	}
	return d
}

// diagnose is what doctor says to people: a block for each finding, then one line,
// which is all that a sound setup gets.
func diagnose(r *rotation.Report) string {
	var b strings.Builder
	for _, f := range r.Findings {
		paragraph(&b, string(f.Severity)+": ", fmt.Sprintf("%s [%s]", flat(f.What), f.Check))
		paragraph(&b, "  ", flat(f.Why))
		b.WriteString("  fix: " + continued(f.Fix) + "\n\n")
	}
	b.WriteString(summary(r) + "\n")
	return b.String()
}

// paper is the width that every terminal has, and a ticket too.
const paper = 80

// paragraph writes a text whose first line begins with a label, the others below it.
func paragraph(b *strings.Builder, label, text string) {
	for _, line := range wrap(text, paper-len(label)) {
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
		case used+len(" --")+len(part)+len(` \`) > paper:
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
func summary(r *rotation.Report) string {
	who, verdict := r.Instance.ID, "sound"
	if r.Group.Name != "" {
		who += " in " + r.Group.Name
	}
	if d, ok := found(r.Findings).(diagnosis); ok {
		verdict = d.String()
	}
	parts := []string{who + ": " + verdict}
	f := r.Facts
	if room := f.MayBeOut; room != nil {
		parts = append(parts, fmt.Sprintf("%d of %d may be out at once", min(room.ByMinSize, room.ByFloor), r.Group.Strength))
	}
	if f.OutSeconds > 0 {
		parts = append(parts, fmt.Sprintf("at most %.0f s to get out, %.0f s to get in", f.OutSeconds, f.InSeconds))
		if f.ThrottledSeconds > 0 {
			parts = append(parts, fmt.Sprintf("up to %.0f s more where AWS throttles", f.ThrottledSeconds))
		}
	}
	if f.HealthCheckType != "" && !f.ReplacesSick {
		parts = append(parts, fmt.Sprintf("who is sick for a load balancer is not replaced (%s checks)", f.HealthCheckType))
	}
	return strings.Join(parts, "; ")
}
