package imds_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"balanced/internal/fleet"
	"balanced/internal/imds"
	"balanced/internal/sim"
)

// region runs a test as the one instance of a simulated Region, in virtual time.
func region(t *testing.T, test func(t *testing.T, r *sim.Region, id string, client *http.Client)) {
	t.Helper()
	t.Setenv("AWS_EC2_METADATA_DISABLED", "")
	synctest.Test(t, func(t *testing.T) {
		r := sim.New(sim.Config{})
		ids := r.AddGroup(sim.Group{Name: "web", Desired: 1, Zones: []string{"eu-west-1b"}})
		client := r.Client()
		t.Cleanup(client.CloseIdleConnections)
		test(t, r, ids[0], client)
	})
}

func ask(client *http.Client, id string) *imds.Client {
	return imds.New(imds.Options{HTTP: client, Endpoint: sim.MetadataEndpoint(id)})
}

func TestIdentityInARegion(t *testing.T) {
	region(t, func(t *testing.T, _ *sim.Region, id string, client *http.Client) {
		got, err := ask(client, id).Identity(t.Context())
		if err != nil || got.Instance != id || got.Zone != "eu-west-1b" || got.Region != "eu-west-1" || got.PrivateIP == "" || got.Account == "" {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestNoticesInARegion(t *testing.T) {
	region(t, func(t *testing.T, r *sim.Region, id string, client *http.Client) {
		begins := time.Date(2031, 5, 3, 9, 0, 0, 0, time.UTC)
		standby := "Standby"
		r.SetMetadata(id, sim.Metadata{
			SpotAction: "stop", SpotTime: "2031-05-03T09:02:00Z", Rebalance: begins, TargetState: &standby,
			Events: []sim.MaintenanceEvent{
				{Code: "instance-retirement", EventID: "e-2", State: "active", NotBefore: begins},
				{Code: "system-reboot", EventID: "e-1", State: "completed", NotBefore: begins},
			},
		})
		want := fleet.Notices{
			Spot: "stop", SpotAt: begins.Add(2 * time.Minute), Rebalance: begins, Target: "Standby",
			Scheduled: []fleet.Event{{ID: "e-2", Code: "instance-retirement", Begins: begins}},
		}
		got, err := ask(client, id).Notices(t.Context())
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	})
}

func TestATokenThatDiesEarlyIsReplaced(t *testing.T) {
	region(t, func(t *testing.T, r *sim.Region, id string, client *http.Client) {
		r.SetMetadata(id, sim.Metadata{TokenTTL: time.Minute})
		c := ask(client, id)
		for range 3 {
			if _, err := c.Identity(t.Context()); err != nil {
				t.Error(err)
			}
			<-time.After(2 * time.Minute)
		}
	})
}

func TestFailuresInARegion(t *testing.T) {
	for want, m := range map[error]sim.Metadata{imds.ErrHopLimit: {HopLimited: true}, imds.ErrDisabled: {Off: true}} {
		region(t, func(t *testing.T, r *sim.Region, id string, client *http.Client) {
			r.SetMetadata(id, m)
			if _, err := ask(client, id).Identity(t.Context()); !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
		})
	}
	region(t, func(t *testing.T, r *sim.Region, _ string, client *http.Client) {
		c := imds.New(imds.Options{HTTP: client, Endpoint: "http://nowhere.example"})
		if _, err := c.Identity(t.Context()); !errors.Is(err, imds.ErrNoAnswer) {
			t.Errorf("got %v", err)
		}
	})
}
