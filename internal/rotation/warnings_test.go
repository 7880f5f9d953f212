package rotation

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/fleet/sample"
)

// What each warning says, and where it says nothing: the cases stand at the boundary.
func TestWarnings(t *testing.T) {
	hold := filepath.Join(t.TempDir(), "hold")
	if err := os.WriteFile(hold, []byte("disk swap\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	declared := func(v *view) { v.Group.Held = fleet.Held{Registered: 1} }
	out := func(v *view) { sample.TakeOut(&v.Snapshot, 0, time.Minute); v.State = fleet.Standby }
	marked := func(v *view) {
		v.Group.Members[1].Healthy, v.Group.Members[2].Healthy = false, false
		v.Group.Suspended = []string{"HealthCheck"}
	}
	spread := func(v *view) { v.Group.Members[2].Zone = "b" }
	check := fleet.HealthCheck{Interval: 30 * time.Second, Timeout: 5 * time.Second, Healthy: 3}
	graced := func(grace time.Duration) func(*view) {
		return func(v *view) {
			v.Group.HealthCheckType, v.Group.Grace, v.Traffic[0].Check = "ELB", grace, check
		}
	}
	for name, tc := range map[string]struct {
		warning warning
		change  func(*view)
		says    string // all of it; empty: nothing
	}{
		"used":   {unusedSource, func(v *view) {}, ""},
		"unused": {unusedSource, func(v *view) { v.Traffic[0].Targets = []fleet.Target{{Instance: "i-1", Health: fleet.NotInUse}} }, "web is behind no listener, so it does not count"},

		"proven":  {ignoredSource, func(v *view) {}, ""},
		"ignored": {ignoredSource, func(v *view) { v.Traffic[0].Ignored = true }, "--ignore web: its health is not proven"},

		"MinSize at the minimum":         {unfencedMinimum, func(v *view) {}, ""},
		"MinSize below it":               {unfencedMinimum, func(v *view) { v.Group.Min = 2 }, "MinSize 2 is below the minimum 3: with MinSize 3 Auto Scaling itself would hold the minimum"},
		"below, with a lock":             {unfencedMinimum, func(v *view) { v.Group.Min, v.locks = 2, true }, ""},
		"below, outside a group":         {unfencedMinimum, func(v *view) { v.Group.Min = 2; declared(v) }, ""},
		"below, with weights":            {unfencedMinimum, func(v *view) { v.Group.Min = 2; v.Group.Members[0].Weight = 2 }, ""},
		"below, to be replaced":          {unfencedMinimum, func(v *view) { v.Group.Min, v.replace, v.Group.Desired, v.min = 2, true, 2, sample.Rule("3") }, ""},
		"below, --replace is not needed": {unfencedMinimum, func(v *view) { v.Group.Min, v.replace = 2, true }, "MinSize 2 is below the minimum 3: with MinSize 3 Auto Scaling itself would hold the minimum"},
		"an impossible minimum":          {unfencedMinimum, func(v *view) { v.Group.Min, v.min = 2, sample.Rule("4") }, ""},

		"not short":                    {shortGroup, func(v *view) { v.min = sample.Rule("2") }, ""},
		"short":                        {shortGroup, func(v *view) { v.min, v.Group.Desired = sample.Rule("2"), 5 }, "web is short: 4 in service, desired 5"},
		"short, and not allowed":       {shortGroup, func(v *view) { v.Group.Desired = 5 }, ""},
		"short, seen from the outside": {shortGroup, func(v *view) { v.min, v.Group.Desired, v.State = sample.Rule("2"), 5, fleet.Standby }, ""},

		"zones as even as can be": {unevenZones, func(v *view) {}, ""},
		"uneven zones":            {unevenZones, spread, "zones will hold from 0 to 3 instances, so AZRebalance may launch one and terminate another"},
		"uneven by two": {unevenZones, func(v *view) {
			v.Group.Members = append(v.Group.Members, fleet.Member{ID: "i-5", Zone: "b", State: fleet.InService})
		}, "zones will hold from 1 to 3 instances, so AZRebalance may launch one and terminate another"},
		"uneven, not rebalanced":   {unevenZones, func(v *view) { spread(v); v.Group.Suspended = []string{"AZRebalance"} }, ""},
		"uneven, outside a group":  {unevenZones, func(v *view) { spread(v); declared(v) }, ""},
		"grace as long as a check": {shortGrace, graced(35 * time.Second), ""},
		"shorter":                  {shortGrace, graced(34 * time.Second), "grace period 34s is shorter than the first checks of web (35s): Auto Scaling may replace this instance when it returns"},
		"shorter, EC2 checks":      {shortGrace, func(v *view) { graced(0)(v); v.Group.HealthCheckType = "EC2" }, ""},
		"shorter, ignored":         {shortGrace, func(v *view) { graced(0)(v); v.Traffic[0].Ignored = true }, ""},

		"room to return":      {noHeadroom, func(v *view) { v.Group.Max = 5 }, ""},
		"no room":             {noHeadroom, func(v *view) { v.Group.Max = 4 }, "desired 4 is at MaxSize: a scale-out meanwhile would leave no room to return"},
		"above MaxSize":       {noHeadroom, func(v *view) { v.Group.Max, v.Group.Min = 3, 2 }, "desired 4 is at MaxSize: a scale-out meanwhile would leave no room to return"},
		"a group of one size": {noHeadroom, func(v *view) { v.Group.Max, v.Group.Min = 4, 4 }, ""},

		"flows that end":   {longFlows, func(v *view) {}, ""},
		"flows that go on": {longFlows, func(v *view) { v.Traffic[0].Kind = fleet.Network }, "web lets established flows outlive the deregistration delay"},

		"no recommendation": {rebalanceAdvised, func(v *view) {}, ""},
		"rebalance":         {rebalanceAdvised, func(v *view) { v.Notices.Rebalance = sample.Noon }, "EC2 recommends replacing this Spot instance: an interruption is likely"},
		"no event":          {laterEvent, func(v *view) {}, ""},
		"an event":          {laterEvent, func(v *view) { v.Notices.Scheduled = []fleet.Event{{Code: "system-maintenance", Begins: sample.Noon}} }, "EC2 scheduled system-maintenance for 2026-03-01T12:00:00Z"},

		"timeout as long as the drain": {tightTimeout, func(v *view) { v.budgets.timeout = 300 * time.Second }, ""},
		"timeout shorter":              {tightTimeout, func(v *view) { v.budgets.timeout = 299 * time.Second }, "--timeout 4m59s is shorter than the deregistration delay of 5m"},

		"no limit":           {tightLimit, func(v *view) {}, ""},
		"the limit fits":     {tightLimit, func(v *view) { v.Limit = v.timeLimit() }, ""},
		"the limit is tight": {tightLimit, func(v *view) { v.Limit = v.timeLimit() - time.Second }, "the move fits into 22m59s, rolling it back may not: give the hook, and --timeout, 1380 s"},
		"the limit refuses":  {tightLimit, func(v *view) { v.Limit = time.Minute }, ""},

		"no --replace":               {needlessReplace, func(v *view) {}, ""},
		"--replace, and room":        {needlessReplace, func(v *view) { v.replace = true }, "--replace is not needed: MinSize leaves room"},
		"--replace, and none":        {needlessReplace, func(v *view) { v.replace, v.Group.Min = true, 4 }, ""},
		"--replace, already outside": {needlessReplace, func(v *view) { v.replace = true; out(v); v.Group.Min = 2 }, ""},

		"found out, as many as the minimum": {unhealthyPeers, func(v *view) { out(v); v.resumed = true }, ""},
		"found out, fewer":                  {unhealthyPeers, func(v *view) { out(v); v.resumed = true; v.Traffic[0].Targets[3].Health = fleet.Unhealthy }, "only 2 peers are healthy, minimum 3 (all); i-4 is unhealthy at web"},
		"out by this run, fewer":            {unhealthyPeers, func(v *view) { out(v); v.Traffic[0].Targets[3].Health = fleet.Unhealthy }, ""},

		"left with decrement":      {largerGroup, out, ""},
		"left without":             {largerGroup, func(v *view) { out(v); v.Activities[0].Moved = false }, "it left with --replace, so the group will be one larger; when the rollout is done: aws autoscaling set-desired-capacity --auto-scaling-group-name web --desired-capacity 3"},
		"left without, in service": {largerGroup, func(v *view) { out(v); v.Activities[0].Moved = false; v.State = fleet.InService }, ""},
		"nobody knows how it left": {largerGroup, func(v *view) { out(v); v.Activities = nil }, ""},

		"no stale mark": {staleMarks, func(v *view) {}, ""},
		"stale marks":   {staleMarks, marked, "Auto Scaling calls i-2, i-3 Unhealthy, every load balancer says healthy, and a suspended process keeps it from being replaced: aws autoscaling set-instance-health --health-status Healthy --instance-id i-2"},

		"no weights":       {weightedGroup, func(v *view) {}, ""},
		"weights":          {weightedGroup, func(v *view) { v.Group.Members[0].Weight = 2 }, "web has weights: whether MinSize 3 allows the move is known only when Auto Scaling is asked"},
		"weights, outside": {weightedGroup, func(v *view) { v.Group.Members[0].Weight, v.State = 2, fleet.Standby }, ""},

		"no override": {shiftedPeers, func(v *view) {}, ""},
		"an override": {shiftedPeers, func(v *view) { v.Traffic[0].Targets[1].Override = "a zonal shift" }, "i-2 may get no traffic at web: a zonal shift"},
		"an override that does shift": {shiftedPeers, func(v *view) {
			v.Traffic[0].Targets[1].Override, v.Traffic[0].Targets[1].Shifted = "a zonal shift", true
		}, ""},
		"not shifted":                   {shiftedHere, func(v *view) { v.Traffic[0].Mine = []fleet.Target{{Instance: "i-1", Port: 80}} }, ""},
		"shifted":                       {shiftedHere, func(v *view) { v.Traffic[0].Mine = []fleet.Target{{Instance: "i-1", Port: 80, Shifted: true}} }, "a zonal shift keeps new traffic of web from this instance for now"},
		"thresholds off":                {crossedThreshold, func(v *view) {}, ""},
		"routing threshold":             {crossedThreshold, func(v *view) { v.Traffic[0].Thresholds.Routing.Count = 4 }, "without this instance web has 3 healthy targets, and its target_group_health threshold is 4: unhealthy targets get traffic, too"},
		"DNS threshold, in a zone":      {crossedThreshold, func(v *view) { v.Traffic[0].CrossZone, v.Traffic[0].Thresholds.DNS.Count = false, 2 }, "without this instance web has 1 healthy targets in a, and its target_group_health threshold is 2: the zone is taken out of DNS"},
		"no slow start":                 {slowStart, func(v *view) {}, ""},
		"slow start":                    {slowStart, func(v *view) { v.Traffic[0].SlowStart = time.Minute }, "web gives a new target its full share only after 1m (slow start): pause that long before the next instance"},
		"every notice is readable":      {unreadableEvent, func(v *view) {}, ""},
		"one notice is not":             {unreadableEvent, func(v *view) { v.Notices.Unreadable = []string{"x"} }, "a notice of the metadata service could not be read: x"},
		"not held":                      {onHold, func(v *view) { v.hold = []string{hold + ".not"} }, ""},
		"held":                          {onHold, func(v *view) { v.hold = []string{hold} }, "held by " + hold + ": disk swap"},
		"registered with all":           {inPart, func(v *view) { v.Group.Held = fleet.Held{Registered: 2} }, ""},
		"registered with some":          {inPart, func(v *view) { v.Group.Held = fleet.Held{Registered: 1, Draining: 1, Missing: 1} }, "only 1 of the 3 named load balancers have i-1 registered: balanced in registers it with all"},
		"registered with some, outside": {inPart, func(v *view) { v.Group.Held = fleet.Held{Registered: 1, Missing: 1}; v.State = fleet.Deregistered }, ""},
		"zones known":                   {unknownZones, func(v *view) { v.Traffic[0].CrossZone = false }, ""},
		"zones unknown, cross-zone on":  {unknownZones, declared, ""},
		"zones unknown":                 {unknownZones, func(v *view) { declared(v); v.Traffic[0].CrossZone = false }, "web has cross-zone off: whether another instance is healthy in a is not known"},
	} {
		v := sound()
		tc.change(&v)
		if got := tc.warning.text(v); got != tc.says {
			t.Errorf("%s: %q, want %q", name, got, tc.says)
		}
	}
}

// A warning is logged once, however many looks show it.
func TestAWarningIsLoggedOnce(t *testing.T) {
	r, lines := atWork()
	r.warnings = []warning{noHeadroom, rebalanceAdvised}
	r.seen.Group.Max = 4
	r.warn()
	got := messages(lines)
	r.warn()
	if again := messages(lines); len(again) > 0 {
		t.Errorf("logged again: %q", again)
	}
	if len(got) != 1 || !strings.Contains(got[0], "at MaxSize") || len(r.report.Warnings) != 1 || r.report.Warnings[0] != got[0] {
		t.Errorf("logged %q, reported %q, want one warning", got, r.report.Warnings)
	}
}

// A hold file holds by what is in it, and by being there where it cannot be read.
func TestHoldFiles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"reason": "disk swap\nmore\n", "empty": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, tc := range map[string]struct {
		paths []string
		says  string
	}{
		"none":             {nil, ""},
		"not there":        {[]string{"", at("none")}, ""},
		"with a reason":    {[]string{"", at("none"), at("reason")}, "held by " + at("reason") + ": disk swap"},
		"without one":      {[]string{at("empty")}, "held by " + at("empty") + ": no reason given"},
		"not a plain file": {[]string{dir}, "held by " + dir + ": "},
		"the first of two": {[]string{at("empty"), at("reason")}, "held by " + at("empty") + ": no reason given"},
	} {
		v := sound()
		v.hold = tc.paths
		judged := held(v)
		if tc.says == "" {
			if judged.kind != settled {
				t.Errorf("%s: %v, want none", name, judged.refusal)
			}
			continue
		}
		if judged.kind != blocked || !judged.hopeless() || judged.refusal.Class != failure.NotNow || !strings.HasPrefix(judged.refusal.Error(), tc.says) ||
			!strings.HasPrefix(judged.refusal.Hint, "ask who made it, then remove "+dir) {
			t.Errorf("%s: %v, hint %q; want %q", name, judged.refusal, judged.refusal.Hint, tc.says)
		}
	}
}
