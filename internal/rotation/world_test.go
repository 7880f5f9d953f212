package rotation_test

import (
	"os"
	"testing"

	"balanced/internal/fleettest"
	"balanced/internal/sim"
)

func TestMain(m *testing.M) {
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		os.Setenv(name, os.DevNull)
	}
	os.Unsetenv("AWS_CA_BUNDLE") // read anew for every process, for nothing
	os.Exit(m.Run())
}

// world is a Region with one group, in virtual time, and what these tests do with it.
type world struct{ *fleettest.World }

func inWorld(t *testing.T, cfg sim.Config, g sim.Group, test func(*world)) {
	t.Helper()
	fleettest.InWorld(t, cfg, g, func(w *fleettest.World) { test(&world{w}) })
}
