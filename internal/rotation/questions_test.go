package rotation_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/fleettest"
	"balanced/internal/probe"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

// described changes what the load balancers say of their settings.
type described struct {
	rotation.Balancers
	change func(*fleet.Source)
	health fleet.Health // of every target, if not ""
}

func (d described) Describe(ctx context.Context, classic, groups []string) ([]fleet.Source, error) {
	all, err := d.Balancers.Describe(ctx, classic, groups)
	for i := range all {
		if all[i].Name == "web" && d.change != nil {
			d.change(&all[i])
		}
	}
	return all, err
}

func (d described) Health(ctx context.Context, s fleet.Source) ([]fleet.Target, error) {
	all, err := d.Balancers.Health(ctx, s)
	for i := range all {
		if s.Name == "web" && d.health != "" {
			all[i].Health = d.health
		}
	}
	return all, err
}

func TestWhatIsAskedFollowsTheHealthChecks(t *testing.T) {
	old := probe.Check{Kind: probe.Classic, Source: "old", Protocol: "HTTP", Port: 80, Path: "/health", Matcher: "200", Timeout: 5 * time.Second, Healthy: 3, Interval: 30 * time.Second}
	web := old
	web.Source, web.Kind = "web", probe.Application
	with := func(change func(*probe.Check)) []probe.Check {
		c := web
		change(&c)
		return []probe.Check{old, c}
	}
	instead := probe.Check{Source: "--probe", Protocol: "HTTP", Port: 1}
	for name, c := range map[string]struct {
		source  func(*fleet.Source)
		health  fleet.Health
		options func(*rotation.InOptions)
		want    []probe.Check
	}{
		"on the port of the traffic": {want: []probe.Check{old, web}},
		"on a port of its own": {
			source: func(s *fleet.Source) { s.Check.Port = "8081" },
			want:   with(func(c *probe.Check) { c.Port = 8081 }),
		},
		"HTTP/2": {
			source: func(s *fleet.Source) { s.Check.HTTP2, s.Check.Protocol = true, "HTTPS" },
			want:   with(func(c *probe.Check) { c.HTTP2, c.Protocol = true, "HTTPS" }),
		},
		"gRPC": {
			source: func(s *fleet.Source) { s.Check.GRPC, s.Check.Matcher = true, "0-5" },
			want:   with(func(c *probe.Check) { c.Protocol, c.Matcher = "GRPC", "0-5" }),
		},
		"gRPC over TLS": {
			source: func(s *fleet.Source) { s.Check.GRPC, s.Check.HTTP2, s.Check.Protocol = true, true, "HTTPS" },
			want:   with(func(c *probe.Check) { c.Protocol = "GRPCS" }),
		},
		"TCP": {
			source: func(s *fleet.Source) { s.Check.Protocol, s.Check.Path, s.Check.Matcher = "TCP", "", "" },
			want:   with(func(c *probe.Check) { c.Protocol, c.Path, c.Matcher = "TCP", "", "" }),
		},
		"health checks off": {source: func(s *fleet.Source) { s.Check.Disabled = true }, want: []probe.Check{old}},
		"not in use":        {health: fleet.NotInUse, want: []probe.Check{old}},
		"ignored":           {options: func(o *rotation.InOptions) { o.Ignore = []string{"web"} }, want: []probe.Check{old}},
		"something instead": {options: func(o *rotation.InOptions) { o.Probe.Check = &instead }, want: []probe.Check{instead}},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
				w.Must(w.Out(w.IDs[0]))
				host := &asker{world: w, err: errors.New("enough")}
				agent := w.Agent(w.IDs[0])
				agent.Prober, agent.Balancers = host, described{agent.Balancers, c.source, c.health}
				opt := fleettest.InOptions()
				if c.options != nil {
					c.options(&opt)
				}
				_, err := agent.In(w.Context(), opt)
				w.WantClass(err, failure.Setup)
				if diff := cmp.Diff(c.want, host.checks); diff != "" {
					t.Errorf("asked (-want +got):\n%s", diff)
				}
			})
		})
	}
}
