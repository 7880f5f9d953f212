package rotation

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/imds"
	"balanced/internal/probe"
)

// askedHost is a host that is asked, and what it answers.
type askedHost struct {
	err    error
	slow   bool // it does not answer before the time is over
	checks []probe.Check
	given  time.Duration
}

func (h *askedHost) Run(ctx context.Context, checks []probe.Check, progress func(string)) error {
	ends, _ := ctx.Deadline()
	h.checks, h.given = checks, time.Until(ends)
	progress("200 OK")
	if h.slow {
		<-ctx.Done()
	}
	return h.err
}

// probing is a run on a host with an address, behind a target group with a health check.
func probing(h *askedHost) *run {
	r, _ := atWork()
	r.Self = imds.Identity{Instance: "i-1", PrivateIP: "10.0.0.1"}
	r.Prober = h
	t := &r.seen.Traffic[0]
	t.Check = fleet.HealthCheck{Protocol: "HTTP", Port: "traffic-port", Interval: 30 * time.Second, Timeout: 5 * time.Second, Healthy: 3}
	t.Mine = []fleet.Target{{Instance: "i-1", Port: 80, Health: fleet.Healthy}}
	return r
}

// Before the instance leaves, its host is asked once by each check that calls it healthy; only what `in` would refuse is
// warned of.
func TestForeseeingTheProbe(t *testing.T) {
	web := probe.Check{Source: "web", Kind: probe.Application, Protocol: "HTTP", Port: 80, Healthy: 1, Interval: 30 * time.Second, Timeout: 5 * time.Second}
	instead := probe.Check{Source: "--probe", Protocol: "HTTP", Port: 1, Healthy: 7}
	once := instead
	once.Healthy = 1
	unfit := &probe.FailedError{Check: web}
	odd := errors.New("odd")
	for name, tc := range map[string]struct {
		host    askedHost
		change  func(*run)
		instead *probe.Check
		want    []probe.Check
		says    string // the beginning
		ends    string
	}{
		"it passes":             {askedHost{}, func(*run) {}, nil, []probe.Check{web}, "", ""},
		"it does not":           {askedHost{err: unfit}, func(*run) {}, nil, []probe.Check{web}, "web calls this instance healthy, and the probe of balanced in does not pass here (", "name another check with --probe if the application depends on the source address"},
		"another check":         {askedHost{}, func(*run) {}, &instead, []probe.Check{once}, "", ""},
		"it cannot be made":     {askedHost{err: odd}, func(*run) {}, nil, []probe.Check{web}, "the probe of balanced in cannot be made here (odd): ", "--probe off"},
		"it takes too long":     {askedHost{err: odd, slow: true}, func(*run) {}, nil, []probe.Check{web}, "", ""},
		"nobody asks":           {askedHost{err: odd}, func(r *run) { r.seen.Traffic[0].Check.Disabled = true }, nil, nil, "", ""},
		"nobody asks, yet":      {askedHost{err: odd}, func(r *run) { r.seen.Traffic[0].Check.Disabled = true }, &instead, nil, "", ""},
		"not healthy there":     {askedHost{err: odd}, func(r *run) { r.seen.Traffic[0].Mine[0].Health = fleet.Initial }, nil, nil, "", ""},
		"not in service":        {askedHost{err: odd}, func(r *run) { r.seen.State = fleet.Standby }, nil, nil, "", ""},
		"without an address":    {askedHost{err: odd}, func(r *run) { r.Self.PrivateIP = "" }, nil, nil, "", ""},
		"with an IPv6 one only": {askedHost{err: odd}, func(r *run) { r.Self.PrivateIP, r.Self.IPv6 = "", "fd00::1" }, nil, []probe.Check{func() probe.Check { c := web; c.Host = "fd00::1"; return c }()}, "the probe", "off"},
		"without a prober":      {askedHost{err: odd}, func(r *run) { r.Prober = nil }, nil, nil, "", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := probing(&tc.host)
			tc.change(r)
			got := r.ForeseeProbe(t.Context(), r.seen.Snapshot, tc.instead)
			if (got == "") != (tc.says == "") || !strings.HasPrefix(got, tc.says) || !strings.HasSuffix(got, tc.ends) {
				t.Errorf("%s: warns %q, want %q…%q", name, got, tc.says, tc.ends)
			}
			if diff := cmp.Diff(tc.want, tc.host.checks); diff != "" {
				t.Errorf("%s: asked (-want +got):\n%s", name, diff)
			}
			if tc.want != nil && tc.host.given != 2*time.Second {
				t.Errorf("%s: given %s, want 2s", name, tc.host.given)
			}
		})
	}
}

// Whether the host has to pass before it returns.
func TestWhetherAProbeIsDue(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*view)
		due    bool
	}{
		"due":                       {func(v *view) {}, true},
		"passed":                    {func(v *view) { v.probePassed = true }, false},
		"turned off":                {func(v *view) { v.probes = false }, false},
		"nobody asks":               {func(v *view) { v.Traffic[0].Check.Disabled = true }, false},
		"nobody asks, but for this": {func(v *view) { v.Traffic, v.probe = nil, &probe.Check{} }, true},
	} {
		v := sound()
		v.probes = true
		tc.change(&v)
		if got := probeDue(v).kind == act; got != tc.due {
			t.Errorf("%s: due %v, want %v", name, got, tc.due)
		}
	}
}

// What the answers of a host mean.
func TestAskingTheHost(t *testing.T) {
	web := probe.Check{Source: "web"}
	v6 := func(r *run) { r.seen.Traffic[0].Check.IPv6 = true }
	for name, tc := range map[string]struct {
		host   askedHost
		change func(*run)
		class  failure.Class
		says   string
		asked  bool
	}{
		"it passes":                     {askedHost{}, func(*run) {}, 0, "", true},
		"it does not":                   {askedHost{err: &probe.FailedError{Check: web}}, func(*run) {}, failure.Unfit, "i-1 stays in Standby (web)", true},
		"it does not, outside":          {askedHost{err: &probe.FailedError{Check: web}}, func(r *run) { r.seen.Group.Held.Missing = 1 }, failure.Unfit, "i-1 stays deregistered (web)", true},
		"it cannot be imitated":         {askedHost{err: &probe.NotImitatedError{Check: web}}, func(*run) {}, failure.Setup, "probe for web", true},
		"the check makes no sense":      {askedHost{err: errors.New("no port")}, func(*run) {}, failure.Setup, "probe: no port", true},
		"IPv6, without an address":      {askedHost{}, v6, failure.Setup, "web asks at an IPv6 address, and i-1 has none", false},
		"IPv6, with one":                {askedHost{}, func(r *run) { v6(r); r.Self.IPv6 = "fd00::1" }, 0, "", true},
		"IPv6, nobody asks":             {askedHost{}, func(r *run) { v6(r); r.seen.Traffic[0].Check.Disabled = true }, 0, "", true},
		"IPv6, another check":           {askedHost{}, func(r *run) { v6(r); r.request.probe = &probe.Check{Host: "h"} }, 0, "", true},
		"without an address":            {askedHost{}, func(r *run) { r.Self.PrivateIP = "" }, failure.Setup, "i-1 has no address of the kind that web asks", false},
		"without one, at another place": {askedHost{}, func(r *run) { r.Self.PrivateIP, r.request.probe = "", &probe.Check{Host: "h"} }, 0, "", true},
		"with an IPv6 one only":         {askedHost{}, func(r *run) { r.Self.PrivateIP, r.Self.IPv6 = "", "fd00::1" }, 0, "", true},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := probing(&tc.host)
			var told []Progress
			r.Progress = func(p Progress) { told = append(told, p) }
			core, lines := observer.New(zap.DebugLevel)
			r.Log = zap.New(core)
			tc.change(r)
			err := r.probeHost(t.Context())
			if (err == nil) != (tc.class == 0) || tc.class != 0 && (failure.Of(err) != tc.class || !strings.HasPrefix(err.Error(), tc.says)) {
				t.Errorf("%s: %v, want %q", name, err, tc.says)
			}
			if r.probePassed != (err == nil) || !r.moving.running() || (len(told) == 1) != tc.asked {
				t.Errorf("%s: passed %v, its time runs %v, told %v", name, r.probePassed, r.moving.running(), told)
			}
			if got := messages(lines); slices.Contains(got, "probe") != tc.asked {
				t.Errorf("%s: logged %q", name, got)
			}
			if tc.asked && (told[0].Step != "probe" || told[0].Waiting != "200 OK") {
				t.Errorf("%s: told %+v", name, told)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		r := probing(&askedHost{slow: true, err: &probe.FailedError{Check: web}})
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errLost) })
		if err := r.probeHost(ctx); !errors.Is(err, errLost) {
			t.Errorf("told to stop while it asks: %v", err)
		}
	})
}

// The load balancers are left their time, and the host is never asked for less than it needs.
func TestWhenAProbeEnds(t *testing.T) {
	const s = time.Second
	for name, tc := range map[string]struct {
		used, budget time.Duration
		dry          bool
		want         time.Duration
	}{ // the way back takes 65 s
		"the time less the way back":     {0, 200 * s, false, 135 * s},
		"some of it used":                {40 * s, 200 * s, false, 95 * s},
		"half of a short time":           {0, 100 * s, false, 50 * s},
		"all of it used":                 {200 * s, 200 * s, false, 15 * s},
		"all of very little used":        {20 * s, 20 * s, false, 10 * s},
		"a dry run":                      {0, 200 * s, true, 30 * s},
		"a dry run that has little time": {200 * s, 200 * s, true, 15 * s},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := probing(&askedHost{})
			r.DryRun = tc.dry
			r.moving.start()
			pass(tc.used)
			if got := time.Until(r.probeEnds(&r.moving, tc.budget)); got != tc.want {
				t.Errorf("%s: %s left, want %s", name, got, tc.want)
			}
		})
	}
}

// What a probe cannot imitate is named where there is something.
func TestWhatAProbeCannotImitate(t *testing.T) {
	for name, tc := range map[string]struct {
		check         probe.Check
		except, hangs string
	}{
		"of an ALB": {probe.Check{Source: "web", Kind: probe.Application, Protocol: "HTTP"}, "; if it depends on the source address, use --probe URL", " if the application depends on the source address"},
		"of an NLB": {probe.Check{Source: "tcp", Kind: probe.Network, Protocol: "HTTP"}, "; if it depends on the source address or the Host header, use --probe URL", " if the application depends on the source address or the Host header"},
		"--probe":   {probe.Check{Source: "--probe", Protocol: "HTTP"}, "", ""},
	} {
		if except, hangs := exceptWhere(tc.check), dependsOn(tc.check); except != tc.except || hangs != tc.hangs {
			t.Errorf("%s: %q, %q", name, except, hangs)
		}
	}
	v := sound()
	v.Traffic[0].Check = fleet.HealthCheck{Protocol: "HTTP", Port: "8081", IPv6: true}
	got := v.checks(imds.Identity{PrivateIP: "10.0.0.1", IPv6: "fd00::1"})
	if len(got) != 1 || got[0].Host != "fd00::1" || got[0].Port != 8081 {
		t.Errorf("asked at %+v, want the IPv6 address and port 8081", got)
	}
	v.Traffic[0].Check.IPv6, v.Traffic[0].Check.Port = false, "traffic-port"
	if got = v.checks(imds.Identity{PrivateIP: "10.0.0.1", IPv6: "fd00::1"}); got[0].Host != "" || got[0].Port != 80 {
		t.Errorf("asked at %+v, want the address of the host and the port of the traffic", got)
	}
	v.Traffic[0].Check.GRPC, v.Traffic[0].Check.HTTP2 = true, true
	for protocol, want := range map[string]string{"HTTP": "GRPC", "HTTPS": "GRPCS"} {
		v.Traffic[0].Check.Protocol = protocol
		if got = v.checks(imds.Identity{PrivateIP: "10.0.0.1"}); got[0].Protocol != want || got[0].HTTP2 {
			t.Errorf("gRPC over %s: asked %+v", protocol, got)
		}
	}
}
