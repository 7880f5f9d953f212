package rotation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"balanced/internal/awsapi"
	"balanced/internal/fleet"
)

// missingPermissions names every read that is not allowed.
func missingPermissions(c checkup) []Finding {
	if c.nobody {
		return []Finding{{
			Severity: Error,
			What:     "no usable credentials",
			Why:      "without an instance profile nothing can be asked and nothing moved",
			Fix:      fmt.Sprintf("aws ec2 associate-iam-instance-profile --instance-id %s --iam-instance-profile Name=PROFILE", c.ID),
		}}
	}
	var all []Finding
	for _, action := range c.denied {
		all = append(all, Finding{
			Severity: Error,
			What:     action + " is denied",
			Why:      "balanced asks for it, sooner or later, and then stops with 77",
			Fix:      c.allow(),
		})
	}
	return all
}

// allow attaches the policy to the role.
func (c checkup) allow() string {
	policy := "balanced policy"
	if c.knows() {
		policy += " --group " + word(c.Group.Name)
	}
	return fmt.Sprintf(`aws iam put-role-policy --role-name %s --policy-name balanced --policy-document "$(%s)"`, cmp.Or(c.role, "ROLE"), policy)
}

// moveProbe is what came of trying a move that Auto Scaling must refuse.
type moveProbe struct {
	action string // that was tried; "": none was
	denied bool
	why    string // nothing was learned, and why
}

func unprovenMoves(c checkup) []Finding {
	switch {
	case c.moves.denied:
		return []Finding{{
			Severity: Error,
			What:     c.moves.action + " is denied",
			Why:      "an instance that can leave and not return, or return and not leave, is of no use to a rollout",
			Fix:      c.allow(),
		}}
	case c.moves.why != "":
		return []Finding{{
			Severity: Warning,
			What:     "the permission to move was not tried: " + c.moves.why,
			Why:      "it is tried only where Auto Scaling is sure to refuse the move",
			Fix:      "balanced doctor --probe-permissions",
		}}
	}
	return nil
}

// probeMove asks for the one move that makes no sense in the state the instance is in:
// Auto Scaling refuses to let out of Standby what is InService, and to put into Standby
// what is there already (API reference, EnterStandby and ExitStandby). A denial comes
// before that refusal. Where the state is not certain, nothing is asked.
func (r *run) probeMove(ctx context.Context, forgiven *forgiveness) (moveProbe, error) {
	alone := Alone
	if r.Agent.Alone != nil {
		alone = r.Agent.Alone
	}
	release, err := alone(r.Self.Instance)
	if err != nil {
		return moveProbe{why: err.Error()}, nil
	}
	defer release()
	if len(forgiven.list()) > 0 || forgiven.nobody {
		return moveProbe{why: "the state is certain only when every read is allowed"}, nil
	}
	if err := r.lookOver(ctx); err != nil {
		return moveProbe{}, err
	}
	if why := unsteady(r.seen); why != "" {
		return moveProbe{why: why}, nil
	}
	return r.askInVain(ctx)
}

// steady is how long nothing must have moved this instance: reads that lag by less
// cannot hide a move.
const steady = time.Minute

// unsteady says why the state of the instance is not certain enough to ask for a move
// that only this state makes impossible; "": it is.
func unsteady(o Observed) string {
	if o.Torn {
		return "Auto Scaling's two views of " + o.ID + " differ at the moment"
	}
	if o.State != fleet.InService && o.State != fleet.Standby {
		return fmt.Sprintf("%s is %s", o.ID, o.State)
	}
	for _, a := range o.Activities {
		if a.Instance == o.ID && (a.Running() || o.Now.Sub(a.Start) < steady || o.Now.Sub(a.End) < steady) {
			return fmt.Sprintf("%s moved less than %s ago", o.ID, brief(steady))
		}
	}
	return ""
}

// askInVain sends the call, and reads the answer for what it says about permissions.
func (r *run) askInVain(ctx context.Context) (moveProbe, error) {
	p := moveProbe{action: "autoscaling:ExitStandby"}
	var err error
	if r.seen.State == fleet.Standby {
		p.action = "autoscaling:EnterStandby"
		_, err = r.Mover.EnterStandby(ctx, r.group, r.Self.Instance, true)
	} else {
		_, err = r.Mover.ExitStandby(ctx, r.group, r.Self.Instance)
	}
	_, refused := errors.AsType[*awsapi.RefusedError](err)
	_, p.denied = errors.AsType[*awsapi.DeniedError](err)
	switch {
	case err == nil:
		r.ever = true
		return p, stopf(Stuck, "look with balanced status", "%s was to be refused, and was not: other hands moved %s meanwhile", p.action, r.Self.Instance)
	case !refused && !p.denied:
		p = moveProbe{why: err.Error()}
	}
	return p, nil
}
