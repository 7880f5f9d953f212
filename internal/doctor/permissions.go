package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"balanced/internal/awsapi"
	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/format"
	"balanced/internal/rotation"
)

// moves are the actions that change something, in IAM's spelling. Unlike the reads they can be limited to one group.
func moves() []string { return []string{enterStandby, exitStandby} }

const (
	enterStandby = "autoscaling:EnterStandby"
	exitStandby  = "autoscaling:ExitStandby"
)

// missingPermissions names every read that is not allowed.
func missingPermissions(s subject) []Finding {
	if s.reads.noCredentials {
		return []Finding{{
			Severity: Error,
			What:     "no usable credentials",
			Why:      "without an instance profile nothing can be asked and nothing moved",
			Fix:      fmt.Sprintf("aws ec2 associate-iam-instance-profile --instance-id %s --iam-instance-profile Name=PROFILE", s.ID),
		}}
	}
	var all []Finding
	for _, action := range s.reads.denied {
		all = append(all, Finding{
			Severity: Error,
			What:     action + " is denied",
			Why:      "balanced asks for it, sooner or later, and then stops with 77",
			Fix:      s.attachPolicy(),
		})
	}
	return all
}

// attachPolicy is the command that gives the role its policy.
func (s subject) attachPolicy() string {
	policy := "balanced policy"
	if s.Group.Declared() {
		policy += " --targets " + format.ShellWord(s.Group.Name) + s.lock.policyFlags(s.Group.ARN)
	} else if s.knows() {
		policy += " --group " + format.ShellWord(s.Group.Name) + s.lock.policyFlags(s.Group.ARN)
	}
	return fmt.Sprintf(`aws iam put-role-policy --role-name %s --policy-name balanced --policy-document "$(%s)"`, cmp.Or(s.reads.role, "ROLE"), policy)
}

// moveProbe is what came of trying a move that Auto Scaling must refuse.
type moveProbe struct {
	action string // that was tried; "": none was
	denied bool
	moved  bool   // it was not refused, and moved the instance
	why    string // nothing was learned, and why
}

func unprovenMoves(s subject) []Finding {
	switch {
	case s.permissions.denied:
		return []Finding{{
			Severity: Error,
			What:     s.permissions.action + " is denied",
			Why:      "a rollout has no use for an instance that can leave and not return, or return and not leave",
			Fix:      s.attachPolicy(),
		}}
	case s.permissions.why != "":
		return []Finding{{
			Severity: Warning,
			What:     "the permission to move was not tried: " + s.permissions.why,
			Why:      "it is tried only where Auto Scaling is sure to refuse the move",
			Fix:      "balanced doctor --probe-permissions",
		}}
	}
	return nil
}

// probeMove asks for the one move that makes no sense in the state the instance is in: Auto Scaling refuses to let out
// of Standby what is InService, and to put into Standby what is there already (API reference, EnterStandby and
// ExitStandby). A denial comes before that refusal. Where the state is not certain, nothing is asked.
func probeMove(ctx context.Context, a *rotation.Agent, min fleet.MinHealthy, n *notes) (moveProbe, error) {
	release, err := a.TakeHost()
	if err != nil {
		return moveProbe{why: err.Error()}, nil
	}
	defer release()
	if known := n.access(); len(known.denied) > 0 || known.noCredentials {
		return moveProbe{why: "the state is certain only when every read is allowed"}, nil
	}
	e, err := a.Examine(ctx, "doctor", min)
	if err != nil {
		return moveProbe{}, err
	}
	if why := unsteady(e.Snapshot); why != "" {
		return moveProbe{why: why}, nil
	}
	return askForRefusal(ctx, a, e)
}

// steady is how long nothing must have moved this instance: reads that lag by less cannot hide a move.
const steady = time.Minute

// unsteady says why the state of the instance is not certain enough to ask for a move that only this state makes
// impossible; "": it is.
func unsteady(s fleet.Snapshot) string {
	if s.Torn {
		return "Auto Scaling's two views of " + s.ID + " differ at the moment"
	}
	if s.Group.Declared() {
		return "outside a group no move is sure to be refused"
	}
	if s.Group.Operator != "" {
		return s.Group.Name + " is managed by " + s.Group.Operator
	}
	if s.State != fleet.InService && s.State != fleet.Standby {
		return fmt.Sprintf("%s is %s", s.ID, s.State)
	}
	for _, a := range s.Activities {
		if a.Instance == s.ID && (a.Running() || s.Now.Sub(a.Start) < steady || s.Now.Sub(a.End) < steady) {
			return fmt.Sprintf("%s moved less than %s ago", s.ID, format.Duration(steady))
		}
	}
	return ""
}

// askForRefusal sends the call, and reads the answer for what it says about permissions.
func askForRefusal(ctx context.Context, a *rotation.Agent, e rotation.Examination) (moveProbe, error) {
	p := moveProbe{action: exitStandby}
	var err error
	if e.State == fleet.Standby {
		p.action = enterStandby
		_, err = a.Mover.EnterStandby(ctx, e.Group.Name, e.ID, true)
	} else {
		_, err = a.Mover.ExitStandby(ctx, e.Group.Name, e.ID)
	}
	_, refused := errors.AsType[*awsapi.RefusedError](err)
	_, p.denied = errors.AsType[*awsapi.DeniedError](err)
	switch {
	case err == nil:
		p.moved = true
		return p, failure.New(failure.Unknown, "look with balanced status",
			"%s was to be refused, and was not: something else moved %s meanwhile", p.action, e.ID)
	case !refused && !p.denied:
		p = moveProbe{why: err.Error()}
	}
	return p, nil
}
