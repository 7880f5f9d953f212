package rotation_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleettest"
	"balanced/internal/probe"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

// asker stands for the host that is asked.
type asker struct {
	*world
	meanwhile func() // what happens while it is asked, the first time
	fails     bool   // until the time is over
	err       error

	checks []probe.Check   // of the last time
	given  []time.Duration // that it got, each time
	states []string        // in which it was asked
}

// Run meets rotation.Prober.
func (a *asker) Run(ctx context.Context, checks []probe.Check, heard func(string)) error {
	end, _ := ctx.Deadline()
	a.checks = checks
	a.given = append(a.given, time.Until(end))
	a.states = append(a.states, a.State(a.IDs[0]))
	if a.meanwhile != nil && len(a.given) == 1 {
		a.meanwhile()
	}
	heard("GET :80/health: 503")
	if a.fails {
		<-ctx.Done()
		return &probe.FailedError{Check: checks[0], Answer: "503", After: a.given[0]}
	}
	return a.err
}

// inWith brings the first instance back, with a host that answers like this.
func (w *world) inWith(a *asker, opt rotation.InOptions) (*rotation.Report, error) {
	a.world = w
	agent := w.Agent(w.IDs[0])
	agent.Prober = a
	return agent.In(w.Context(), opt)
}

// wantAsked: so often, and each time in Standby.
func (a *asker) wantAsked(times int) {
	a.Helper()
	if len(a.states) != times || slices.ContainsFunc(a.states, func(s string) bool { return s != "Standby" }) {
		a.Errorf("asked in %q, want %d times in Standby", a.states, times)
	}
}

func TestAskedOnceThenBack(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		w.Must(w.Out(w.IDs[0]))
		var host asker
		w.Must(w.inWith(&host, fleettest.InOptions()))
		host.wantAsked(1)
		w.WantMoves("EnterStandby", "ExitStandby")
		w.Must(w.inWith(&host, fleettest.InOptions()))
		host.wantAsked(1) // not in service
	})
}

func TestAnUnfitHostStaysInStandby(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		w.Must(w.Out(w.IDs[0]))
		host := asker{fails: true}
		report, err := w.inWith(&host, fleettest.InOptions())
		stop := w.WantClass(err, failure.Unfit)
		if want := w.IDs[0] + " stays in Standby (old): GET :80/health: 503 after"; !strings.HasPrefix(stop.Error(), want) {
			t.Errorf("%q, want %q", stop.Error(), want)
		}
		if report.Outcome != "unfit" || report.Moved {
			t.Errorf("outcome %q, moved %v", report.Outcome, report.Moved)
		}
		w.WantState(w.IDs[0], "Standby")
		w.WantMoves("EnterStandby")
	})
}

func TestAQuestionThatMakesNoSense(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		w.Must(w.Out(w.IDs[0]))
		host := asker{err: errors.New("health check of web: no such thing")}
		_, err := w.inWith(&host, fleettest.InOptions())
		w.WantClass(err, failure.Setup)
		w.WantMoves("EnterStandby")
	})
}

func TestStoppedWhileItIsAsked(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		w.Must(w.Out(w.IDs[0]))
		ctx, cancel := context.WithCancelCause(w.Context())
		agent := w.Agent(w.IDs[0])
		agent.Prober = &asker{world: w, fails: true, meanwhile: func() { cancel(errors.New("told to stop")) }}
		_, err := agent.In(ctx, fleettest.InOptions())
		if stop := w.WantClass(err, failure.Interrupted); stop.Error() != w.IDs[0]+" is Standby: told to stop" {
			t.Error(stop)
		}
		w.WantMoves("EnterStandby")
	})
}

// What a host answered before a wait is old.
func TestAskedAgainAfterAWait(t *testing.T) {
	for name, c := range map[string]struct {
		obstacle func(*world)
		asked    int
	}{
		"MaxSize in the way": {func(w *world) {
			w.SetSizes("web", 3, 3, 3)
			go func() {
				w.Pass(time.Minute)
				w.SetSizes("web", 3, 6, 3)
			}()
		}, 2},
		// The run waits twice: to see that it did not move, then for its turn.
		"refused at the last moment": {func(w *world) {
			w.API(once("ExitStandby", sim.Fault{Status: 400, Code: "ValidationError", Message: "not now"}))
		}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
				w.Must(w.Out(w.IDs[0]))
				var host asker
				host.meanwhile = func() { c.obstacle(w) }
				w.Must(w.inWith(&host, fleettest.InOptions()))
				host.wantAsked(c.asked)
				w.WantMoves("EnterStandby", "ExitStandby")
			})
		})
	}
}

// The way back of this fleet takes up to 135 s: 30 s to register, and behind the Classic
// load balancer three checks, every 30 s, each up to 5 s.
func TestAskingLeavesTimeForTheWayBack(t *testing.T) {
	for name, c := range map[string]struct {
		timeout time.Duration
		dry     bool
		want    time.Duration
	}{
		"auto":                   {rotation.Auto, false, 6 * time.Minute},
		"given":                  {10 * time.Minute, false, 465 * time.Second},
		"too little for both":    {2 * time.Minute, false, time.Minute},
		"dry run":                {rotation.Auto, true, 30 * time.Second},
		"dry run of little time": {20 * time.Second, true, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
				w.Must(w.Out(w.IDs[0]))
				host := asker{fails: true}
				opt := fleettest.InOptions()
				opt.Timeout, opt.DryRun = c.timeout, c.dry
				_, err := w.inWith(&host, opt)
				w.WantClass(err, failure.Unfit)
				if len(host.given) != 1 || host.given[0] != c.want {
					t.Errorf("given %v, want %s once", host.given, c.want)
				}
			})
		})
	}
}

// A drain, or a first asking, that took all the time there was is no reason to call a
// host unfit unasked.
func TestAskedWhenTheTimeIsUsedUp(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		if err := w.EnterStandby("web", w.IDs[0], true); err != nil {
			t.Fatal(err)
		}
		var host asker
		opt := fleettest.InOptions()
		opt.Timeout = 7 * time.Minute // of which the drain takes five
		w.Must(w.inWith(&host, opt))
		if len(host.given) != 1 || host.given[0] != 15*time.Second {
			t.Errorf("given %v, want 15s once", host.given)
		}
	})
}

func TestNotAsked(t *testing.T) {
	bare := fleettest.WebGroup()
	bare.Classic, bare.TargetGroups = nil, nil
	for name, c := range map[string]struct {
		group  sim.Group
		change func(*rotation.InOptions)
	}{
		"as told":           {fleettest.WebGroup(), func(o *rotation.InOptions) { o.Probe.Off = true }},
		"no load balancer":  {bare, func(*rotation.InOptions) {}},
		"all of it ignored": {fleettest.WebGroup(), func(o *rotation.InOptions) { o.Ignore = []string{"web", "old"} }},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, sim.Config{}, c.group, func(w *world) {
				w.Must(w.Out(w.IDs[0]))
				opt := fleettest.InOptions()
				c.change(&opt)
				host := asker{fails: true}
				w.Must(w.inWith(&host, opt))
				host.wantAsked(0)
			})
		})
	}
}

// A name to ignore that nobody bears is a mistake, also where there is nothing to ignore.
func TestIgnoringWhatIsNotThere(t *testing.T) {
	bare := fleettest.WebGroup()
	bare.Classic, bare.TargetGroups = nil, nil
	for name, g := range map[string]sim.Group{"two others": fleettest.WebGroup(), "no load balancer": bare} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, sim.Config{}, g, func(w *world) {
				opt := fleettest.OutOptions()
				opt.Ignore = []string{"wbe"}
				_, err := w.Agent(w.IDs[0]).Out(w.Context(), opt)
				w.WantClass(err, failure.Setup)
				w.WantMoves()
			})
		})
	}
}

// A run that was cut short after ExitStandby goes on from there: the load balancers ask.
func TestNotAskedOnItsWayBack(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		w.Must(w.Out(w.IDs[0]))
		if err := w.ExitStandby("web", w.IDs[0]); err != nil {
			t.Fatal(err)
		}
		host := asker{fails: true}
		w.Must(w.inWith(&host, fleettest.InOptions()))
		host.wantAsked(0)
	})
}

// Nothing was done yet to an instance that is rolled back: it is probed while it is in service, and never in Standby.
func TestARollbackOfOutDoesNotProbe(t *testing.T) {
	inWorld(t, sim.Config{}, quietHealth(), func(w *world) {
		host := &asker{world: w, fails: true}
		agent := w.Agent(w.IDs[0])
		agent.Prober = host
		go func() {
			w.Pass(time.Minute)
			w.SetAppHealthy(w.IDs[1], false)
		}()
		opt := fleettest.OutOptions()
		opt.Wait = 0
		_, err := agent.Out(w.Context(), opt)
		w.WantClass(err, failure.RolledBack)
		w.WantMoves("EnterStandby", "ExitStandby")
		if !slices.Equal(host.states, []string{"InService"}) {
			t.Errorf("probed in %v, want once while it was in service", host.states)
		}
	})
}

// Without an address of its own the host would be asked on the loopback address, where
// an application may answer that no load balancer can reach.
func TestAHostWithoutAnAddressIsNotAsked(t *testing.T) {
	inWorld(t, sim.Config{}, fleettest.WebGroup(), func(w *world) {
		w.Must(w.Out(w.IDs[0]))
		agent := w.Agent(w.IDs[0])
		agent.Self.PrivateIP, agent.Prober = "", &asker{}
		_, err := agent.In(w.Context(), fleettest.InOptions())
		if stop := w.WantClass(err, failure.Setup); !strings.Contains(stop.Hint, "--probe") {
			t.Errorf("hint %q does not give the way out", stop.Hint)
		}
		w.WantMoves("EnterStandby")
	})
}
