//go:build unix

package main

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"balanced/internal/lock/fleetlocktest"
)

// fleetlock airlock|poseidon: opens a FleetLock server with one slot for the group web, at $FLEETLOCK. fleetlock
// broken|mended: its storage is gone, or there again.
func cmdFleetLock(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 1, "fleetlock airlock|poseidon|broken|mended")
	s := stageOf(ts)
	if args[0] == "broken" || args[0] == "mended" {
		s.server.Break(args[0] == "broken")
		return
	}
	s.server = fleetlocktest.New(map[string]fleetlocktest.Style{"airlock": fleetlocktest.Airlock, "poseidon": fleetlocktest.Poseidon}[args[0]], map[string]int{"web": 1})
	server := httptest.NewServer(s.server)
	ts.Defer(server.Close)
	ts.Setenv("FLEETLOCK", server.URL+"/")
}

// holders [INSTANCE]...: those that have a slot, at the FleetLock server or else in the table.
func cmdHolders(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, true, "holders [INSTANCE]...")
	s := stageOf(ts)
	var got []string
	if s.server != nil {
		got = s.server.Holders("web")
	} else {
		item := s.region.Item("locks", s.lockGroup())
		for _, id := range s.ids {
			if strings.Contains(item, `"`+id+`":`) {
				got = append(got, id)
			}
		}
	}
	slices.Sort(got)
	slices.Sort(args)
	if !slices.Equal(got, args) {
		ts.Fatalf("holders: %v, want %v", got, args)
	}
}

// lockGroup is the key of the group's item; outside a group the scripts name it web.
func (s *stage) lockGroup() string {
	if s.outside {
		return "web"
	}
	return s.region.GroupARN("web")
}

// item is that of a group in which an instance holds a slot, as of two minutes ago; none of them for no instance. AWS's
// clock comes in whole seconds, so another second makes it two minutes by that, too.
func (s *stage) item(ids []string) string {
	since, holders := time.Now().Add(-2*time.Minute-time.Second).UTC().Format(time.RFC3339Nano), ""
	for _, id := range ids {
		holders = fmt.Sprintf(`%q:{"S":%q}`, id, since)
	}
	return fmt.Sprintf(`{"group":{"S":%q},"version":{"S":%q},"holders":{"M":{%s}}}`, s.lockGroup(), since, holders)
}
