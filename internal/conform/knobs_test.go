package conform_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"balanced/internal/conform"
	"balanced/internal/sim"
)

// knobs are the Regions with one open point set the other way, and the fact that finds out.
var knobs = []struct {
	fact, observed string
	config         func(*sim.Config)
	group          func(*sim.Group)
	prepare        func(*world)
	only           []string
}{
	{fact: "order-kept", observed: "another order", config: func(c *sim.Config) { c.Behaviour.UnstableOrder = true }},
	{
		fact: "throttling-code", observed: "ThrottlingException", config: func(c *sim.Config) { c.Behaviour.ThrottlingExceptionCode = true },
		prepare: func(w *world) { w.SetBucket("autoscaling", 20, 5) },
	},
	{fact: "ids-none", observed: "accepted", config: func(c *sim.Config) { c.Behaviour.EmptyIDsAccepted = true }},
	{
		fact: "operator-refusal", observed: "400 ResourceInUse", config: func(c *sim.Config) { c.Behaviour.OperatorCode = "ResourceInUse" },
		group: func(g *sim.Group) { g.Settings.Operator = "sagemaker.amazonaws.com" },
	},
	{
		// A weighted group that is lowered by one lacks the rest of the weight and launches an instance, so
		// that not all facts about a move hold.
		fact: "enter-weight", observed: "by one", only: []string{"enter-weight"}, group: weighted,
		config: func(c *sim.Config) { c.Behaviour.DecrementByOne = true },
	},
	{fact: "min-size", observed: plural("place into standby"), config: func(c *sim.Config) { c.Behaviour.AlwaysPlural = true }},
	{fact: "max-size", observed: plural("remove from standby"), config: func(c *sim.Config) { c.Behaviour.AlwaysPlural = true }},
	{fact: "drains-together", observed: "in turn", config: func(c *sim.Config) { c.Behaviour.SerialDrains = true }},
	{fact: "standby-after-drain", observed: "by a timer of its own, before the last load balancer", config: func(c *sim.Config) { c.Behaviour.DrainTimer = 12 * time.Second }},
	{fact: "standby-after-drain", observed: "by a timer of its own, after the last load balancer", config: func(c *sim.Config) { c.Behaviour.DrainTimer = 40 * time.Second }},
	{fact: "drain-status", observed: "WaitingForConnectionDraining", config: func(c *sim.Config) { c.Behaviour.DrainCode = "WaitingForConnectionDraining" }},
	{fact: "drain-status", observed: "InProgress", config: func(c *sim.Config) { c.Behaviour.DrainCode = "InProgress" }},
	{
		fact: "drain-description", observed: "Moving EC2 instance to Standby: ID - Waiting For ELB Connection Draining.",
		config: func(c *sim.Config) { c.Behaviour.DrainSuffix = true },
	},
	{fact: "imds-target-state-moving", observed: "InService while EnteringStandby", config: func(c *sim.Config) { c.Behaviour.TargetStateLags = true }},
	{
		fact: "imds-without-token", observed: "200",
		prepare: func(w *world) {
			w.UpdateMetadata(w.ids[0], func(m *sim.Metadata) { m.V1Allowed = true })
		},
	},
	{fact: "pair-loser", observed: "500 ResourceContention", config: func(c *sim.Config) { c.Behaviour.ContentionOnConcurrentMove = true }},
	{fact: "undecremented-back", observed: "back at the size before", config: func(c *sim.Config) { c.Behaviour.SurplusTerminated = true }},
}

func weighted(g *sim.Group) { g.Weights, g.Min, g.Max, g.Desired = []int{2}, 4, 8, 6 }

func plural(verb string) string {
	return "400 ValidationError: AutoScalingGroup NAME has min-size=MIN, max-size=MAX, and desired-size=DESIRED. To " + verb + " 1 instances, please update the AutoScalingGroup sizes appropriately."
}

// TestOpenPointsAreFoundAsTheRegionIsSet: the fact finds the setting and names it, no other fact differs,
// and a Region that is set from the recording shows all the same.
func TestOpenPointsAreFoundAsTheRegionIsSet(t *testing.T) {
	for i, k := range knobs {
		if testing.Short() && i%16 > 0 {
			continue
		}
		t.Run(k.fact+" "+k.observed, func(t *testing.T) {
			t.Parallel()
			cfg, group := sim.Config{}, webGroup()
			if k.config != nil {
				k.config(&cfg)
			}
			if k.group != nil {
				k.group(&group)
			}
			var file bytes.Buffer
			var found *conform.Report
			inWorld(t, cfg, group, func(w *world) {
				if k.prepare != nil {
					k.prepare(w)
				}
				found = w.run(k.only...)
				if err := found.Write(&file); err != nil {
					t.Fatal(err)
				}
			})
			if f := find(t, found, k.fact); f.Verdict != conform.New || f.Observed != k.observed || f.Knob == "" {
				t.Errorf("%s: %s %q (%s), knob %q; want new, %q", k.fact, f.Verdict, f.Observed, f.Reason, f.Knob, k.observed)
			}
			for _, f := range found.Facts {
				if f.Verdict == conform.Different {
					t.Errorf("%s differs: %q, modelled %q", f.ID, f.Observed, f.Modelled)
				}
			}
			replay(t, &file, group, k.prepare, found, k.only...)
		})
	}
}

// replay checks a Region that is set from a recording.
func replay(t *testing.T, file *bytes.Buffer, group sim.Group, prepare func(*world), want *conform.Report, only ...string) {
	t.Helper()
	rec, err := sim.ReadRecording(file)
	if err != nil {
		t.Fatal(err)
	}
	cfg := sim.Config{}
	rec.Configure(&cfg)
	inWorld(t, cfg, group, func(w *world) {
		rec.Prepare(w.Region)
		if prepare != nil {
			prepare(w) // what is no setting: a throttled account
		}
		got := w.run(only...)
		for _, f := range want.Facts {
			if g := find(t, got, f.ID); g.Observed != f.Observed || g.Verdict != f.Verdict {
				t.Errorf("from the recording %s is %s %q, was %s %q", f.ID, g.Verdict, g.Observed, f.Verdict, f.Observed)
			}
		}
	})
}

func TestEverySettingIsTried(t *testing.T) {
	for _, f := range conform.Facts() {
		for _, s := range f.Settings {
			prefix, _ := strings.CutSuffix(s.Observed, "*")
			tried := false
			for _, k := range knobs {
				tried = tried || k.fact == f.ID && strings.HasPrefix(k.observed, prefix)
			}
			if !tried {
				t.Errorf("no Region with %s, which %s should find as %q", s.Knob, f.ID, s.Observed)
			}
		}
	}
}

func TestMeasuredLagsAreThoseThatAreSet(t *testing.T) {
	for _, lag := range []time.Duration{2 * time.Second, 0, 7 * time.Second} {
		if testing.Short() && lag != 2*time.Second {
			continue
		}
		t.Run(lag.String(), func(t *testing.T) {
			t.Parallel()
			inWorld(t, sim.Config{MaxLag: time.Minute}, webGroup(), func(w *world) {
				w.SetFaults(func(sim.Call) *sim.Fault { return &sim.Fault{Lag: lag} })
				o := w.options()
				o.Samples, o.Times = 3, conform.Times{}
				if testing.Short() {
					o.Samples = 1
				}
				report, err := conform.Run(w.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range not(conform.AsModelled, report) {
					if f.Verdict != conform.NotTried {
						t.Errorf("%s: %s %q, modelled %q", f.ID, f.Verdict, f.Observed, f.Modelled)
					}
				}
				calls := report.Measurements.ReadLag
				if len(calls) != 5 {
					t.Errorf("lags of %d calls, want 5", len(calls))
				}
				for call, l := range calls {
					for _, sample := range l.Samples {
						if sample != lag.Seconds() {
							t.Errorf("%s lags %g s, set %s", call, sample, lag)
						}
					}
					if l.Max != lag.Seconds() || l.WentBack != 0 {
						t.Errorf("%s: max %g, went back %d times", call, l.Max, l.WentBack)
					}
				}
				w.wantAsFound()
			})
		})
	}
}

func TestTheCallThatLagsIsTold(t *testing.T) {
	inWorld(t, sim.Config{MaxLag: time.Minute}, webGroup(), func(w *world) {
		w.SetFaults(func(c sim.Call) *sim.Fault {
			if c.Action == "DescribeAutoScalingGroups" {
				return &sim.Fault{Lag: 3 * time.Second}
			}
			return nil
		})
		o := w.options()
		o.Times.Tick = time.Second
		report, err := conform.Run(w.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		lags := report.Measurements.ReadLag
		slow, quick := lags["DescribeAutoScalingGroups"], lags["DescribeAutoScalingInstances"]
		if slow.Max != 3 || slow.First != 0 || slow.Histogram["5"] != 2 {
			t.Errorf("the one that lags: %+v", slow)
		}
		if quick.Max != 0 || quick.First != 2 || quick.Histogram["0"] != 2 {
			t.Errorf("one that does not: %+v", quick)
		}
	})
}
