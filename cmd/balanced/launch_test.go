//go:build unix

package main

import (
	"fmt"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"balanced/internal/sim"
)

// readHook reads NAME:HEARTBEAT:RESULT, a launch hook of the group.
func readHook(ts *testscript.TestScript, value string) sim.Hook {
	part := strings.Split(value, ":")
	need(ts, false, len(part) == 3 && (part[2] == "CONTINUE" || part[2] == "ABANDON"), "region hook=NAME:HEARTBEAT:CONTINUE|ABANDON")
	heartbeat, err := time.ParseDuration(part[1])
	ts.Check(err)
	return sim.Hook{Name: part[0], Heartbeat: heartbeat, Continue: part[2] == "CONTINUE"}
}

// launch: the group grows by one, and commands run as the new instance, $I4 after three. Applications answer there too.
func cmdLaunch(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 0, "launch")
	s := stageOf(ts)
	least, most, desired := s.region.Sizes("web")
	s.region.SetSizes("web", least, most, desired+1)
	s.adopt(ts)
}

// replaced: commands run as the instance that the group launched in place of one that is gone, as after launch.
func cmdReplaced(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 0, "replaced")
	stageOf(ts).adopt(ts)
}

// adopt: commands run as the instance that the Region launched last, and did not before.
func (s *stage) adopt(ts *testscript.TestScript) {
	fresh := func() int {
		return slices.IndexFunc(s.region.Members("web"), func(m sim.MemberView) bool { return !slices.Contains(s.ids, m.ID) })
	}
	for late := time.After(patience); fresh() < 0; {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-late:
			ts.Fatalf("waited in vain for a launch")
		}
	}
	id := s.region.Members("web")[fresh()].ID
	host := httptest.NewServer(s.region.Metadata(id))
	ts.Defer(func() { host.CloseClientConnections(); host.Close() })
	s.ids, s.hosts = append(s.ids, id), append(s.hosts, host.URL)
	ts.Setenv(fmt.Sprintf("I%d", len(s.ids)), id)
	for protocol, port := range s.app.ports {
		if address := addressOf(len(s.ids) - 1); address != s.app.host {
			ln, err := net.Listen("tcp4", net.JoinHostPort(address, port))
			ts.Check(err)
			s.app.serve(ts, protocol, ln)
		}
	}
	s.become(ts, len(s.ids))
}
