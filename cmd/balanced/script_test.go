//go:build unix

package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"balanced/internal/fleettest"
)

// TestMain lets scripts run the binary as `balanced`, and `upgrade` as what it is for.
func TestMain(m *testing.M) {
	testscript.Main(atOnce{m}, map[string]func(){"balanced": main, "upgrade": upgrade})
}

// atOnce runs many scripts side by side: they wait far more than they work.
type atOnce struct{ *testing.M }

func (a atOnce) Run() int {
	// Under nohup balanced would leave SIGHUP ignored. What is taken here is not
	// ignored in what is started from here.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	if err := flag.Set("test.parallel", "24"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return a.M.Run()
}

var update = flag.Bool("update", false, "write what cmp finds into the scripts")

// TestScripts runs the real binary over real HTTP against a simulated Region, one
// script for each promise.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Condition:           condition,
		Setup:               setUp,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"region":  cmdRegion,
			"as":      cmdAs,
			"lever":   cmdLever,
			"on":      cmdOn,
			"fault":   cmdFault,
			"until":   cmdUntil,
			"exits":   cmdExits,
			"start":   cmdStart,
			"signal":  cmdSignal,
			"ends":    cmdEnds,
			"last":    cmdLast,
			"calls":   cmdCalls,
			"state":   cmdState,
			"held":    cmdHeld,
			"kill-at": cmdKill,
			"app":     cmdApp,
			"asked":   cmdAsked,
			"fix":     cmdFix,
			"page":    cmdPage,
			"launch":  cmdLaunch,

			"replaced": cmdReplaced,

			"fleetlock": cmdFleetLock,
			"holders":   cmdHolders,

			"stderr-below": cmdStderrBelow,
			"typing":       typing,
		},
	})
}

// setUp gives a script its stage. Under the race detector every process sleeps for a second before it exits with 0, unless
// it is told to sleep less (GORACE, go.dev/doc/articles/race_detector). Processes as short as these need not collect their
// garbage as often as others: that takes an eighth of the time of all scripts.
func setUp(env *testscript.Env) error {
	env.Values[stageKey{}] = &stage{}
	env.Setenv("GORACE", "atexit_sleep_ms=100")
	env.Setenv("GOGC", "400")
	return nil
}

// typing is cmdTyping where there are pseudo-terminals that tests can open.
var typing = func(ts *testscript.TestScript, _ bool, _ []string) { ts.Logf("no pseudo-terminals here") }

type stageKey struct{}

func stageOf(ts *testscript.TestScript) *stage { return ts.Value(stageKey{}).(*stage) }

// need stops a script that uses a command wrongly.
func need(ts *testscript.TestScript, neg, ok bool, usage string) {
	if neg || !ok {
		ts.Fatalf("usage: %s", usage)
	}
}

func number(ts *testscript.TestScript, s string) int {
	n, err := strconv.Atoi(s)
	ts.Check(err)
	return n
}

// state INSTANCE WANT: its lifecycle state in Auto Scaling's eyes; "" outside a group.
func cmdState(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 2, "state INSTANCE WANT")
	if got := stageOf(ts).region.State(args[0]); got != args[1] {
		ts.Fatalf("%s is %q, want %q", args[0], got, args[1])
	}
}

// calls none: no mutating call took effect. calls nothing: nobody was asked anything.
// calls ACTION N: N calls of that action took effect, or soon do.
func cmdCalls(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) > 0, "calls none | nothing | ACTION N")
	s := stageOf(ts)
	switch {
	case args[0] == "nothing":
		if all := s.region.Calls(); len(all) > 0 {
			ts.Fatalf("%d calls, the first is %s of %s", len(all), all[0].Action, all[0].Service)
		}
	case args[0] == "none":
		if moves := s.moves(""); len(moves) > 0 {
			ts.Fatalf("took effect: %s", moves)
		}
	default:
		want := number(ts, args[1])
		took := func() (n int) {
			for _, m := range s.moves("") {
				if m == args[0] {
					n++
				}
			}
			return n
		}
		// A call of a process that was killed may still be on its way.
		eventually(ts, "calls "+strings.Join(args, " "), func() bool { return took() >= want })
		if n := took(); n != want {
			ts.Fatalf("%d of %s took effect, want %d: %s", n, args[0], want, slices.Compact(s.moves("")))
		}
	}
}

// awsCLI is looked for once: to ask it for its version takes as long as a script.
var awsCLI = sync.OnceValues(fleettest.AWSCLI)

// condition has what testscript does not: [ipv6], an IPv6 loopback address; [awscli], an AWS CLI that can be pointed at the
// simulated Region.
func condition(name string) (bool, error) {
	if name == "ipv6" {
		return hasIPv6(), nil
	}
	if name != "awscli" {
		return false, fmt.Errorf("unknown condition %s", name)
	}
	_, err := awsCLI()
	return err == nil, nil
}
