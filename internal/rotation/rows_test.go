package rotation

import (
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
)

// The row that a run is at follows from the lifecycle state, and from whether this run has moved the instance.
func TestTheRowOfEachState(t *testing.T) {
	tables := map[string][]step{"out": outSteps(), "in": inSteps(), "wait": waitSteps(), "ready": readySteps()}
	rows := func(out, in, wait, ready string) map[string]string {
		return map[string]string{"out": out, "in": in, "wait": wait, "ready": ready}
	}
	for state, want := range map[fleet.State]struct{ first, moved map[string]string }{
		fleet.Pending:           {rows("arrive", "in service", "in service", "hook"), rows("standby", "in service", "in service", "in service")},
		fleet.PendingWait:       {rows("nothing to do", "nothing to do", "in service", "hook"), rows("standby", "in service", "in service", "in service")},
		fleet.PendingProceed:    {rows("arrive", "in service", "in service", "arrive"), rows("standby", "in service", "in service", "in service")},
		fleet.InService:         {rows("enter", "healthy", "healthy", "healthy"), rows("standby", "healthy", "healthy", "healthy")},
		fleet.EnteringStandby:   {rows("standby", "drained", "standby", "standby"), rows("standby", "in service", "standby", "standby")},
		fleet.Standby:           {rows("drain", "exit", "standby", "standby"), rows("drain", "in service", "standby", "standby")},
		fleet.Terminating:       {rows("stay", "stay", "stay", "stay"), rows("standby", "in service", "stay", "stay")},
		fleet.WarmedPending:     {rows("nothing to do", "nothing to do", "nothing to do", "hook"), rows("standby", "in service", "nothing to do", "nothing to do")},
		fleet.WarmedPendingWait: {rows("nothing to do", "nothing to do", "nothing to do", "hook"), rows("standby", "in service", "nothing to do", "nothing to do")},
		"Warmed:Stopped":        {rows("nothing to do", "nothing to do", "nothing to do", "nothing to do"), rows("standby", "in service", "nothing to do", "nothing to do")},
		"ReplacingRootVolume":   {rows("stay", "stay", "in service", "arrive"), rows("standby", "in service", "in service", "in service")},
		"Something:New":         {rows("stay", "stay", "in service", "arrive"), rows("standby", "in service", "in service", "in service")},
	} {
		for command, table := range tables {
			v := sound()
			v.State, v.Group.Members[0].State = state, state
			v.Traffic[0].Mine = []fleet.Target{{Instance: v.ID, Port: 80, Health: fleet.Draining}}
			if got := rowAt(table, v); got != want.first[command] {
				t.Errorf("%s in %s: at %q, want %q", command, state, got, want.first[command])
			}
			v.sent, v.moved = time.Now(), true
			if got := rowAt(table, v); got != want.moved[command] {
				t.Errorf("%s in %s after its move: at %q, want %q", command, state, got, want.moved[command])
			}
		}
	}
}

func rowAt(table []step, v view) string {
	row, _ := firstUnsettled(table, v)
	if row == nil {
		return ""
	}
	return row.name
}

// A group that another service manages is refused before anything is moved; one that comes to be managed meanwhile does
// not stop a move half way.
func TestAManagedGroupIsRefusedBeforeAMove(t *testing.T) {
	for command, table := range map[string][]step{"out": outSteps(), "in": inSteps()} {
		v := sound()
		if command == "in" {
			v.State = fleet.Standby
		}
		if got := rowAt(table, v); got == "managed" {
			t.Errorf("%s of a group that nobody else manages is refused", command)
		}
		v.Group.Operator = "eks.amazonaws.com"
		row, judged := firstUnsettled(table, v)
		if row.name != "managed" || !judged.hopeless() || judged.refusal.Class != failure.Setup {
			t.Errorf("%s of a managed group: at %s: %v", command, row.name, judged.refusal)
		}
		v.sent = time.Now()
		if got := rowAt(table, v); got == "managed" {
			t.Errorf("%s is refused after its move", command)
		}
	}
}

// Which states a launch hook holds, or will, and which rows of ready have a say by what was done.
func TestRowsOfALaunch(t *testing.T) {
	for state, want := range map[fleet.State]struct{ meets, notHeld, warm, passedWarm bool }{
		fleet.Pending:           {true, true, false, false},
		fleet.PendingWait:       {true, false, false, false},
		fleet.PendingProceed:    {false, true, false, false},
		fleet.WarmedPending:     {true, true, false, true},
		fleet.WarmedPendingWait: {true, false, false, true},
		"Warmed:Stopped":        {false, false, true, true},
		fleet.InService:         {false, false, false, false},
		"ReplacingRootVolume":   {false, true, false, false},
	} {
		v := sound()
		v.State = state
		if meetsHook(state) != want.meets || notHeld(state) != want.notHeld || inWarmPool(v) != want.warm {
			t.Errorf("%s: meets a hook %v, is not held %v, in the warm pool %v", state, meetsHook(state), notHeld(state), inWarmPool(v))
		}
		if v.gate.over = true; inWarmPool(v) != want.passedWarm {
			t.Errorf("%s, past the hook: in the warm pool %v", state, inWarmPool(v))
		}
	}
	unfit := failure.New(failure.Unfit, "", "unfit")
	for name, tc := range map[string]struct {
		change        func(*view)
		before, unfit bool
	}{
		"held":             {func(v *view) {}, true, false},
		"over":             {func(v *view) { v.gate.over = true }, false, false},
		"completed":        {func(v *view) { v.moved = true }, false, false},
		"returning":        {func(v *view) { v.returning = true }, false, false},
		"unfit":            {func(v *view) { v.gate.unfit = unfit }, true, true},
		"unfit, abandoned": {func(v *view) { v.gate.unfit, v.moved = unfit, true }, false, false},
		"unfit, passed":    {func(v *view) { v.gate.unfit, v.State = unfit, fleet.PendingProceed }, false, false},
	} {
		v := sound()
		v.State = fleet.PendingWait
		tc.change(&v)
		if beforePassing(heldNew)(v) != tc.before || unfitAtGate(v) != tc.unfit {
			t.Errorf("%s: before passing %v, unfit %v", name, beforePassing(heldNew)(v), unfitAtGate(v))
		}
	}
}

// What the rows of ready say, and of which class it is once this run has completed the hook.
func TestVerdictsOfALaunch(t *testing.T) {
	unfit := failure.New(failure.Unfit, "", "unfit")
	moved := func(v *view) { v.moved = true }
	for name, tc := range map[string]struct {
		check  func(view) verdict
		change func(*view)
		want   judgement
	}{
		"leaving":                    {leavingNew, func(v *view) { v.State = fleet.Terminating }, judgement{blocked, failure.Leaving, "i-1 is Terminating", 0, true}},
		"leaving afterwards":         {leavingNew, func(v *view) { v.State, v.moved = fleet.Terminating, true }, judgement{blocked, failure.Gone, "i-1 is Terminating after its launch hook was completed", 0, true}},
		"taken away":                 {leavingNew, func(v *view) { v.Group.Deleting = true }, judgement{blocked, failure.Leaving, "group web is being deleted", 0, true}},
		"in Standby":                 {inStandbyNew, func(v *view) { v.State = fleet.Standby }, judgement{blocked, failure.NotNow, "i-1 is Standby and does not return by itself", 0, true}},
		"in Standby, as it seems":    {inStandbyNew, func(v *view) { v.State, v.Torn = fleet.Standby, true }, judgement{blocked, failure.NotNow, "i-1 is Standby and does not return by itself", 0, false}},
		"outside, deregistered":      {inStandbyNew, func(v *view) { v.State, v.Group.Held.Missing = fleet.Deregistered, 1 }, judgement{blocked, failure.NotNow, "i-1 is deregistered and does not return by itself", 0, false}},
		"in Standby afterwards":      {inStandbyNew, func(v *view) { v.State, v.moved = fleet.Standby, true }, judgement{blocked, failure.Unfinished, "i-1 is Standby: something else changed its state", 0, true}},
		"the hook is known":          {hookDue, func(v *view) { v.gate.hook.Name = "x" }, judgement{}},
		"the hook is not known":      {hookDue, func(v *view) {}, judgement{kind: act}},
		"probe":                      {gateProbeDue, func(v *view) {}, judgement{kind: act}},
		"in doubt":                   {gateProbeDue, func(v *view) { v.doubt = errLost }, judgement{}},
		"unfit":                      {gateProbeDue, func(v *view) { v.gate.unfit = unfit }, judgement{}},
		"an unsupported source":      {gateProbeDue, func(v *view) { v.Group.Unknown = []string{"x"} }, judgement{blocked, failure.Setup, "web has an unsupported traffic source: x", 0, true}},
		"without traffic":            {gateProbeDue, func(v *view) { v.Group.Suspended = []string{"AddToLoadBalancer"} }, judgement{blocked, failure.Setup, "AddToLoadBalancer is suspended: new instances get no traffic", 0, true}},
		"another process":            {gateProbeDue, func(v *view) { v.Group.Suspended = []string{"AZRebalance"} }, judgement{kind: act}},
		"joining":                    {joining, func(v *view) {}, judgement{blocked, failure.NotNow, "i-1 is still Pending:Wait", 0, false}},
		"joining afterwards":         {joining, moved, judgement{blocked, failure.Unhealthy, "i-1 is still Pending:Wait", 0, false}},
		"joining, another hook":      {joining, func(v *view) { v.gate.others = "other" }, judgement{blocked, failure.NotNow, "i-1 is still Pending:Wait: launch hook other holds it too", 0, false}},
		"joining, past the others":   {joining, func(v *view) { v.gate.others, v.State = "other", fleet.PendingProceed }, judgement{blocked, failure.NotNow, "i-1 is still Pending:Proceed", 0, false}},
		"joining, though unfit":      {joining, func(v *view) { v.gate.unfit = unfit }, judgement{blocked, failure.Unfit, "unfit", 0, true}},
		"joining, unfit, abandoned":  {joining, func(v *view) { v.gate.unfit, v.moved = unfit, true }, judgement{blocked, failure.Unhealthy, "i-1 is still Pending:Wait", 0, false}},
		"joining, unfit, in doubt":   {joining, func(v *view) { v.gate.unfit, v.doubt = unfit, errLost }, judgement{blocked, failure.NotNow, "i-1 is still Pending:Wait", 0, false}},
		"healthy":                    {healthyNew, func(v *view) { v.Traffic[0].Mine[0].Health = fleet.Healthy }, judgement{}},
		"not healthy":                {healthyNew, func(v *view) {}, judgement{blocked, failure.NotNow, "i-1 is InService but initial at web", 0, false}},
		"not healthy afterwards":     {healthyNew, moved, judgement{blocked, failure.Unhealthy, "i-1 is InService but initial at web", 0, false}},
		"healthy afterwards":         {healthyNew, func(v *view) { moved(v); v.Traffic[0].Mine[0].Health = fleet.Healthy }, judgement{}},
		"healthy where nobody knows": {healthyNew, func(v *view) { v.Group.Unknown = []string{"x"} }, judgement{blocked, failure.Setup, "web has an unsupported traffic source: x", 0, true}},
	} {
		v := sound()
		v.State, v.probes = fleet.PendingWait, true
		v.Traffic[0].Mine = []fleet.Target{{Instance: "i-1", Port: 80, Health: fleet.Initial}}
		tc.change(&v)
		if got := judgedOf(v, tc.check(v)); got != tc.want {
			t.Errorf("%s: %+v\nwant %+v", name, got, tc.want)
		}
	}
	v := sound()
	if f := joined(registrationEnds)(v); f.first != 10*time.Second || f.moments != nil {
		t.Errorf("after the hook was completed by others: %+v", f)
	}
	v.sent = time.Now()
	if f := joined(registrationEnds)(v); f.first != 0 || len(f.moments) != 1 {
		t.Errorf("after this run has completed the hook: %+v", f)
	}
}

// A run that had its instance terminated says so, also where it only sees it gone.
func TestTheEndOfALaunch(t *testing.T) {
	gone := failure.New(failure.Gone, "", "gone")
	for name, tc := range map[string]struct {
		err   error
		unfit bool
		class failure.Class
	}{
		"gone":              {gone, false, failure.Gone},
		"gone, abandoned":   {gone, true, failure.Unhealthy},
		"not now":           {failure.New(failure.NotNow, "", "x"), true, failure.NotNow},
		"not now, but fine": {failure.New(failure.NotNow, "", "x"), false, failure.NotNow},
	} {
		r, _ := atWork()
		if tc.unfit {
			r.gate.unfit = &failure.Refusal{Class: failure.Unfit, Err: errLost}
		}
		if err := r.launchEnd(tc.err); failure.Of(err) != tc.class {
			t.Errorf("%s: %v, want class %v", name, err, tc.class)
		}
	}
}
