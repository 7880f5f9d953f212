package targets

import (
	"context"
	"strings"

	"balanced/internal/fleet"
)

// EnterStandby deregisters the instance wherever it was last read as registered, with the exact target and port. Each call
// is sent once, one after another; the first that is not answered with a yes ends it. An error is a
// fleet.PartlyMovedError where calls before it took effect.
func (a *Adapter) EnterStandby(ctx context.Context, _, _ string, _ bool) (fleet.Activity, error) {
	return a.change(ctx, false, "deregistered from ", a.balancers.Deregister)
}

// ExitStandby registers it wherever it is declared and was not read as registered, as EnterStandby does.
func (a *Adapter) ExitStandby(ctx context.Context, _, _ string) (fleet.Activity, error) {
	return a.change(ctx, true, "registered with ", a.balancers.Register)
}

func (a *Adapter) change(ctx context.Context, inward bool, did string, send func(context.Context, fleet.Source, string) error) (fleet.Activity, error) {
	places, err := a.find(ctx)
	if err != nil {
		return fleet.Activity{}, err
	}
	answer := fleet.Activity{Instance: a.self.Instance, Start: a.now(), Status: "Successful"}
	var names []string
	for _, p := range a.record.due(places, inward) {
		a.record.sends()
		if err := send(ctx, p.Source, p.target); err != nil {
			if a.record.partly() {
				err = &fleet.PartlyMovedError{Err: err}
			}
			return fleet.Activity{}, err
		}
		a.record.took(p)
		names = append(names, p.Name)
	}
	answer.Text = did + strings.Join(names, ", ")
	return answer, nil
}
