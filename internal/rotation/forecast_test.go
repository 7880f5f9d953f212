package rotation

import (
	"strings"
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
)

// What a suspended process would do will not happen: its word is in no refusal.
func TestForecastsKnowSuspendedProcesses(t *testing.T) {
	for _, process := range []string{"ReplaceUnhealthy", "HealthCheck", "Terminate"} {
		v := sound()
		v.Healthy, v.Group.Members[0].Healthy = false, false
		if judged := ask(outGuards, v); judged.kind == settled || judged.refusal.Class != failure.Leaving {
			t.Errorf("marked Unhealthy: %v, want 81", judged.refusal)
		}
		v.Group.Suspended = []string{process}
		if judged := ask(outGuards, v); judged.kind != settled {
			t.Errorf("%s suspended: %v, want no refusal", process, judged.refusal)
		}
		if text := staleMarksText(v); !strings.Contains(text, "aws autoscaling set-instance-health --health-status Healthy --instance-id i-1") {
			t.Errorf("%s suspended: warned of %q", process, text)
		}
		v.returning = true
		v.Traffic[0].Mine = []fleet.Target{{Instance: "i-1", Port: 80, Health: fleet.Healthy}}
		if judged := healthy(v); judged.kind != settled {
			t.Errorf("%s suspended: in waits for %q", process, judged.reason())
		}
	}
}

// A state that does not pass by itself is refused at once, by its name; one that nobody knows is waited for.
func TestOwnStatesAreKnownByName(t *testing.T) {
	for state, want := range map[fleet.State]struct {
		class  failure.Class
		atOnce bool
		says   string
		hint   string
	}{
		"ReplacingRootVolume":         {failure.NotNow, true, "replacing its root volume", "InService"},
		"ReplacingRootVolume:Wait":    {failure.NotNow, true, "replacing its root volume", "InService"},
		"ReplacingRootVolume:Proceed": {failure.NotNow, true, "replacing its root volume", "InService"},
		"RootVolumeReplaced":          {failure.NotNow, true, "replacing its root volume", "InService"},
		"Quarantined":                 {failure.NotNow, true, "does not end by itself", "status"},
		"Terminating:Retained":        {failure.Leaving, true, "Terminating:Retained", "aws autoscaling terminate-instance-in-auto-scaling-group"},
		"Detaching":                   {failure.Leaving, true, "Detaching", "attach it"},
		"Detached":                    {failure.Leaving, true, "Detached", "attach it"},
		"Something:New":               {failure.NotNow, false, "Something:New", "status"},
	} {
		v := sound()
		v.State = state
		for command, table := range map[string][]step{"out": outSteps(), "in": inSteps()} {
			_, judged := firstUnsettled(table, v)
			if judged.kind != blocked || judged.refusal.Class != want.class || judged.hopeless() != want.atOnce ||
				!strings.Contains(judged.reason(), want.says) || !strings.Contains(judged.refusal.Hint, want.hint) {
				t.Errorf("%s in %s: %+v; want %v, at once %v", command, state, judged.refusal, want.class, want.atOnce)
			}
		}
	}
}

// A scale-in that returns an instance to the warm pool takes it away.
func TestAReturnToTheWarmPoolIsOnTheWayOut(t *testing.T) {
	for _, target := range []string{"Warmed:Stopped", "Warmed:Running", "Warmed:Hibernated"} {
		v := sound()
		v.Notices.Target = target
		if judged := ask(outGuards, v); judged.kind == settled || judged.refusal.Class != failure.Leaving || !strings.Contains(judged.reason(), target) {
			t.Errorf("%s: %v, want 81", target, judged.refusal)
		}
	}
}

// CodeDeploy gives an event an hour; a hint that asks for more is no way out.
func TestAHookThatCodeDeployCannotGive(t *testing.T) {
	v := sound()
	v.Limit = 3600 * time.Second
	v.Traffic[0].Drain = 3600 * time.Second
	judged := withinLimit(v)
	if judged.kind != blocked || strings.Contains(judged.refusal.Hint, "give the hook") || !strings.Contains(judged.refusal.Hint, "web (3600 s)") {
		t.Errorf("%v; %v", judged.refusal, judged.refusal.Hint)
	}
	if text := tightLimitText(v); text != "" {
		t.Errorf("warned of %q before the refusal says the same", text)
	}
	v.Traffic[0].Drain = 300 * time.Second
	v.Limit = 300 * time.Second
	if judged := withinLimit(v); judged.kind != blocked || !strings.Contains(judged.refusal.Hint, "give the hook") {
		t.Errorf("%v", judged.refusal)
	}
}

// Weights of 1 are instances: MinSize is foretold.
func TestAGroupWithWeightsOfOneIsForetold(t *testing.T) {
	v := sound()
	v.Group.Min = 4
	for i := range v.Group.Members {
		v.Group.Members[i].Weight = 1
	}
	if judged := ask(outGuards, v); judged.kind == settled || judged.refusal.Class != failure.Setup {
		t.Errorf("%v, want 78", judged.refusal)
	}
	weigh(&v, 2)
	v.Group.Desired, v.Group.Min = 8, 8
	if weightedGroupText(v) == "" || sampleIsForetold(v) {
		t.Error("with other weights nothing is foretold, and the warning says so")
	}
}

func sampleIsForetold(v view) bool { return ask(outGuards, v).kind != settled }
