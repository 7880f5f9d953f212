package rotation

import (
	"strings"
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/fleet/sample"
)

// Each guard by itself, at its boundary: what it says, what it advises, and whether it stands with the group.
func TestGuardsAtTheirBoundaries(t *testing.T) {
	event := func(after time.Duration) func(*view) {
		return func(v *view) {
			v.Notices.Scheduled = []fleet.Event{{Code: "instance-stop", Begins: sample.Noon.Add(after)}}
		}
	}
	failed := func(at int) fleet.Activity {
		return fleet.Activity{Kind: fleet.Launch, Status: "Failed", Message: "no capacity", Start: sample.Noon.Add(time.Duration(at) * time.Second)}
	}
	launched := func(at int) fleet.Activity {
		return fleet.Activity{Kind: fleet.Launch, Status: "Successful", Start: sample.Noon.Add(time.Duration(at) * time.Second)}
	}
	short := func(feed ...fleet.Activity) func(*view) {
		return func(v *view) { v.Group.Desired, v.Activities = 5, feed }
	}
	pending := func(v *view) { v.Group.Members = append(v.Group.Members, sample.Member("i-5", fleet.Pending)) }
	launchRuns := fleet.Activity{Kind: fleet.Launch, Status: "PreInService"}
	takeOut := func(ages ...time.Duration) func(*view) {
		return func(v *view) {
			for i, age := range ages {
				sample.TakeOut(&v.Snapshot, i+1, age)
			}
			v.Group.Min = 0
		}
	}
	otherPort := func(v *view) {
		v.Traffic[0].Targets = append(v.Traffic[0].Targets, fleet.Target{Instance: "i-1", Port: 9000, Health: fleet.Healthy})
	}
	busy := func(v *view) {
		v.Activities = append(v.Activities, fleet.Activity{Kind: fleet.Terminate, Status: "InProgress"})
	}
	const finish = "finish the work on i-2, then run balanced in there"
	for name, tc := range map[string]struct {
		guard  func(view) verdict
		change func(*view)
		class  failure.Class // Internal: no objection
		says   string        // all of it
		hint   string
		alone  bool // it stands while the group does
		final  bool
	}{
		"an event after the run":  {staying, event(23 * time.Minute), 0, "", "", false, false},
		"an event within the run": {staying, event(23*time.Minute - 1), failure.Leaving, "EC2 scheduled instance-stop for 2026-03-01T12:22:59Z, within this run's time limit of 23m", "let the event pass, or move it with aws ec2 modify-instance-event-start-time", false, true},
		"detached, outside":       {staying, func(v *view) { v.Notices.Target = "Detached"; v.Group.Held.Registered = 1 }, 0, "", "", false, false},
		"detached":                {staying, func(v *view) { v.Notices.Target = "Detached" }, failure.Leaving, "Auto Scaling is bringing this instance to Detached", leaveIt, false, true},

		"a replacement fits":         {replacementFits, func(v *view) { v.replace, v.Group.Min, v.Group.Max = true, 4, 5 }, 0, "", "", false, false},
		"it does not":                {replacementFits, func(v *view) { v.replace, v.Group.Min, v.Group.Max = true, 4, 4 }, failure.Setup, "--replace makes the group one larger on return, but desired 4 is at MaxSize 4", "raise MaxSize to 5", false, true},
		"and need not":               {replacementFits, func(v *view) { v.replace, v.Group.Max = true, 4 }, 0, "", "", false, false},
		"another port":               {extraPorts, otherPort, failure.Setup, "i-1 is also registered on port 9000 in web, which Standby may leave in place", "deregister i-1:9000 from web, or give that port a target group of its own", false, true},
		"another port, outside":      {extraPorts, func(v *view) { otherPort(v); v.Group.Held.Registered = 1 }, failure.Setup, "i-1 is also registered on port 9000 in web, which --targets does not name", "name that port too in --targets, or deregister i-1:9000", false, true},
		"a group that is short":      {quiet, short(), failure.NotNow, "group web is scaling: 4 in service, desired 5", "run it again when the group is quiet", true, false},
		"short, as allowed":          {quiet, func(v *view) { short()(v); v.min = sample.Rule("2") }, 0, "", "", false, false},
		"short, launches fail":       {quiet, short(launched(1), failed(2)), failure.NotNow, "group web is short: 4 in service, desired 5, and the last launch failed: no capacity", "fix what launches need, or lower the desired capacity, then run it again", true, false},
		"short, feed upside down":    {quiet, short(failed(2), launched(1)), failure.NotNow, "group web is short: 4 in service, desired 5, and the last launch failed: no capacity", "fix what launches need, or lower the desired capacity, then run it again", true, false},
		"short, a launch failed":     {quiet, short(failed(1), launched(2)), failure.NotNow, "group web is scaling: 4 in service, desired 5", "run it again when the group is quiet", true, false},
		"short, an end failed":       {quiet, short(fleet.Activity{Kind: fleet.Terminate, Status: "Failed", Start: sample.Noon}), failure.NotNow, "group web is scaling: 4 in service, desired 5", "run it again when the group is quiet", true, false},
		"short, and an end after it": {quiet, short(failed(1), fleet.Activity{Kind: fleet.Terminate, Status: "Successful", Start: sample.Noon.Add(time.Minute)}), failure.NotNow, "group web is short: 4 in service, desired 5, and the last launch failed: no capacity", "fix what launches need, or lower the desired capacity, then run it again", true, false},
		"a launch under way":         {quiet, func(v *view) { short(failed(1))(v); pending(v) }, failure.NotNow, "group web is scaling: i-5 is Pending", "run it again when the group is quiet", true, false},
		"a launch in the feed":       {quiet, func(v *view) { v.Activities = []fleet.Activity{launchRuns} }, failure.NotNow, "group web is scaling: a launch is running (PreInService)", "run it again when the group is quiet", false, false},
		"a launch, as allowed":       {quiet, func(v *view) { pending(v); v.min = sample.Rule("2") }, 0, "", "", false, false},
		"one too many":               {quiet, func(v *view) { v.Group.Desired, v.min = 3, sample.Rule("2") }, failure.NotNow, "group web is scaling: 4 in service, desired 3: a scale-in is due", "run it again when the group is quiet", true, false},
		"one too many, launching":    {quiet, func(v *view) { v.Group.Desired = 3; pending(v) }, failure.NotNow, "group web is scaling: i-5 is Pending", "run it again when the group is quiet", true, false},
		"weights, over by one":       {quiet, func(v *view) { weigh(v, 4); v.Group.Desired = 12 }, failure.NotNow, "group web is scaling: 16 in service, desired 12: a scale-in is due", "run it again when the group is quiet", true, false},
		"weights, over by less":      {quiet, func(v *view) { weigh(v, 4); v.Group.Desired = 13 }, 0, "", "", false, false},

		"MinSize with all back": {minSize, func(v *view) { takeOut(time.Minute)(v); v.Group.Min = 5 }, failure.Setup, "MinSize 5 leaves no room below desired 4 even with all instances back", "lower MinSize by one for good, or use --replace", false, true},
		"one left with --replace": {minSize, func(v *view) {
			takeOut(time.Minute)(v)
			v.Activities[0].Moved, v.Group.Desired, v.Group.Min = false, 4, 4
		}, failure.Setup, "MinSize 4 leaves no room below desired 4 even with all instances back", "lower MinSize by one for good, or use --replace", false, true},
		"an impossible minimum":   {slotFree, func(v *view) { v.min = sample.Rule("4") }, failure.Setup, "minimum 4 is impossible: only 3 instances of web remain without this one", "choose a lower --min-healthy", false, true},
		"a slot is free":          {slotFree, func(v *view) { takeOut(time.Minute)(v); v.min = sample.Rule("2") }, 0, "", "", false, false},
		"no slot is":              {slotFree, takeOut(time.Minute), failure.NotNow, "i-2 is out (Standby for 1m) and --min-healthy all allows 1 at a time", finish + ", or use --min-healthy 2", true, false},
		"nor for two":             {slotFree, takeOut(3*time.Minute, 2*time.Minute, time.Minute), failure.NotNow, "i-2 is out (Standby for 3m) with 2 more and --min-healthy all allows 1 at a time", finish + ", or use --min-healthy 0", true, false},
		"never below none":        {slotFree, func(v *view) { takeOut(time.Minute)(v); v.Group.Members = v.Group.Members[:2]; v.Group.Desired = 0 }, failure.NotNow, "i-2 is out (Standby for 1m) and --min-healthy all allows 1 at a time", finish + ", or use --min-healthy 0", true, false},
		"an hour":                 {slotFree, takeOut(time.Hour), failure.NotNow, "i-2 is out (Standby for 1h) and --min-healthy all allows 1 at a time", finish + ", or use --min-healthy 2", true, false},
		"more":                    {slotFree, takeOut(time.Hour + time.Millisecond), failure.NotNow, "i-2 is out (Standby for 1h) and --min-healthy all allows 1 at a time", finish + ", or use --min-healthy 2", true, true},
		"more, and busy":          {slotFree, func(v *view) { takeOut(2 * time.Hour)(v); busy(v) }, failure.NotNow, "i-2 is out (Standby for 2h) and --min-healthy all allows 1 at a time", finish + ", or use --min-healthy 2", true, false},
		"nobody knows since when": {slotFree, func(v *view) { takeOut(time.Minute)(v); v.Activities = nil }, failure.NotNow, "i-2 is out (Standby) and --min-healthy all allows 1 at a time", finish + ", or use --min-healthy 2", true, true},
		"as the feed alone shows": {slotFree, func(v *view) { v.Activities = []fleet.Activity{sample.ToStandby("i-2", -60, "InProgress")} }, failure.NotNow, "i-2 is out (InService for 1m) and --min-healthy all allows 1 at a time", finish + ", or use --min-healthy 2", false, false},

		"as many as the minimum":   {minimumHolds, func(v *view) {}, 0, "", "", false, false},
		"fewer":                    {minimumHolds, func(v *view) { v.Traffic[0].Targets[3].Health = fleet.Unhealthy }, failure.NotNow, "only 2 peers are healthy, minimum 3 (all); i-4 is unhealthy at web", "fix the peers first, or choose a lower --min-healthy", false, false},
		"a place below MaxSize":    {maxSize, func(v *view) { v.Group.Max = 5 }, 0, "", "", false, false},
		"none":                     {maxSize, func(v *view) { v.Group.Max = 4 }, failure.NotNow, "desired 4 is at MaxSize 4, so this instance cannot return", "raise MaxSize to 5, or lower desired to 3", true, false},
		"weights foretell nothing": {maxSize, func(v *view) { v.Group.Max, v.Group.Members[0].Weight = 4, 2 }, 0, "", "", false, false},
	} {
		v := sound()
		tc.change(&v)
		judged := tc.guard(v)
		if (judged.kind == settled) != (tc.class == 0) || judged.reason() != tc.says {
			t.Errorf("%s: %q, want %q", name, judged.reason(), tc.says)
			continue
		}
		if judged.kind == settled {
			continue
		}
		if judged.refusal.Class != tc.class || judged.refusal.Hint != tc.hint || judged.groupAlone != tc.alone || judged.hopeless() != tc.final {
			t.Errorf("%s: class %v, hint %q, stands with the group %v, final %v\nwant %v, %q, %v, %v", name,
				judged.refusal.Class, judged.refusal.Hint, judged.groupAlone, judged.hopeless(), tc.class, tc.hint, tc.alone, tc.final)
		}
	}
}

// Guards that are about an Auto Scaling group have no say outside of one.
func TestGuardsOutsideAGroup(t *testing.T) {
	want := map[string]bool{
		"traffic sources": true, "processes": true, "way back": true, "refresh": true, "quiet": true, "min size": true, "zone": true, "max size": true,
	}
	objects := verdict{kind: blocked, refusal: failure.New(failure.NotNow, "", "no")}
	for _, guards := range [][]guard{outGuards, inGuards} {
		for _, g := range guards {
			g.check = func(view) verdict { return objects }
			v := sound()
			if g.ask(v).kind != blocked {
				t.Errorf("%s is not asked in a group", g.name)
			}
			v.Group.Held.Registered = 1
			if silent := g.ask(v).kind == settled; silent != want[g.name] {
				t.Errorf("%s outside a group: silent %v", g.name, silent)
			}
		}
	}
}

// The first objection is told, unless a later one cannot be lifted by waiting.
func TestWhichGuardIsTold(t *testing.T) {
	says := func(text string, final bool) guard {
		return guard{name: text, check: func(view) verdict {
			judged := blockedBy(failure.NotNow, "", "%s", text)
			judged.final = final
			return judged
		}}
	}
	pass := guard{name: "pass", check: func(view) verdict { return verdict{} }}
	for want, guards := range map[string][]guard{
		"":      {pass, pass},
		"first": {pass, says("first", false), pass, says("second", false)},
		"final": {says("first", false), says("final", true), says("other", true)},
	} {
		if got := ask(guards, sound()).reason(); got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	}
	v := sound()
	v.Torn = true
	if got := ask([]guard{says("first", false), says("final", true)}, v).reason(); got != "first" {
		t.Errorf("of two views that differ: told %q, want the first", got)
	}
}

// With --replace it stays in the group's capacity only where MinSize leaves no other way.
func TestReplacesAndFenced(t *testing.T) {
	for name, tc := range map[string]struct {
		change           func(*view)
		replaces, fenced bool
	}{
		"MinSize at the minimum":      {func(v *view) {}, false, true},
		"MinSize below":               {func(v *view) { v.Group.Min = 2 }, false, false},
		"MinSize above":               {func(v *view) { v.Group.Min = 4 }, false, true},
		"weights":                     {func(v *view) { v.Group.Members[1].Weight = 2 }, false, false},
		"--replace, and room":         {func(v *view) { v.replace = true }, false, true},
		"--replace, and none":         {func(v *view) { v.replace, v.Group.Min = true, 4 }, true, false},
		"--replace, a heavy instance": {func(v *view) { v.replace, v.Group.Members[0].Weight = true, 2 }, true, false},
		"no --replace, and no room":   {func(v *view) { v.Group.Min = 4 }, false, true},
	} {
		v := sound()
		tc.change(&v)
		if v.replaces() != tc.replaces || v.fenced() != tc.fenced {
			t.Errorf("%s: replaces %v, fenced %v; want %v, %v", name, v.replaces(), v.fenced(), tc.replaces, tc.fenced)
		}
	}
	if text := resumeProcess(sound().Snapshot, "Launch"); !strings.HasSuffix(text, "--auto-scaling-group-name web --scaling-processes Launch") {
		t.Errorf("to resume it: %s", text)
	}
}
