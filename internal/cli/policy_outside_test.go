package cli

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"go.uber.org/zap"

	"balanced/internal/awsapi"
	"balanced/internal/fleettest"
	"balanced/internal/sim"
)

// TestThePolicyOutsideAGroup: with it and nothing else out and in work, and without any one of its actions one of them says
// that it is denied, by its name.
func TestThePolicyOutsideAGroup(t *testing.T) {
	_, p := printed(t, "--targets", fleettest.Outside)
	var all []string
	for _, s := range p.Statement {
		all = append(all, s.Action...)
	}
	if err := outAndIn(t, all); err != nil {
		t.Errorf("with the policy: %v", err)
	}
	for i, action := range all {
		err := outAndIn(t, slices.Delete(slices.Clone(all), i, i+1))
		if denied, ok := errors.AsType[*awsapi.DeniedError](err); !ok || denied.Action != action {
			t.Errorf("without %s: %v", action, err)
		}
	}
}

// outAndIn takes an instance outside a group out and back, with these actions allowed and all else denied.
func outAndIn(t *testing.T, allowed []string) (err error) {
	t.Helper()
	for _, name := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ENDPOINT_URL"} {
		t.Setenv(name, "")
	}
	synctest.Test(t, func(t *testing.T) {
		r := sim.New(sim.Config{})
		id := fleettest.AddOutside(r, 3)[0]
		r.AllowOnly(allowed...)
		host := &fleettest.Host{Region: r, ID: id, HTTP: r.Client(), Log: zap.NewNop(), Rand: fleettest.Rand(1), Targets: fleettest.Outside}
		t.Cleanup(host.HTTP.CloseIdleConnections)
		agent, _, processErr := host.Process(t.Context())
		if processErr != nil {
			t.Fatal(processErr)
		}
		opt := fleettest.OutWith("2")
		opt.Wait = 0
		if _, err = agent.Out(t.Context(), opt); err != nil {
			return
		}
		_, err = agent.In(t.Context(), fleettest.InOptions())
	})
	return err
}
