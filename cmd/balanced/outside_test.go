//go:build unix

package main

import (
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"balanced/internal/sim"
)

// buildOutside makes instances that no group has, each registered with everything that outside=LIST names, as --targets
// takes it: the target group web (or the Classic load balancer old-elb) as any other script has it, addr of addresses,
// tcp behind a Network Load Balancer, and others like web. Beside them stand target groups in which balanced cannot register.
func (s *stage) buildOutside(sp spec, tg sim.TargetGroup, elb sim.Classic) {
	s.region.AddLoadBalancer(sim.LoadBalancer{Name: "front", Type: sp.balancer})
	s.region.AddLoadBalancer(sim.LoadBalancer{Name: "net", Type: "network"})
	var of sim.Standalone
	added := map[string]bool{}
	for item := range strings.SplitSeq(sp.outside, ",") {
		if name, ok := strings.CutPrefix(item, "classic/"); ok {
			elb.Name = name
			s.region.AddClassic(elb)
			of.Classic = append(of.Classic, name)
			continue
		}
		of.TargetGroups = append(of.TargetGroups, item)
		name, _, _ := strings.Cut(item, ":")
		if added[name] {
			continue
		}
		added[name] = true
		one := tg
		one.Name = name
		switch name {
		case "addr":
			one.TargetType = "ip"
		case "tcp":
			one.Protocol, one.LoadBalancer = "TCP", "net"
		}
		s.region.AddTargetGroup(one)
	}
	check := tg.Check
	s.region.AddTargetGroup(sim.TargetGroup{Name: "quic", Protocol: "QUIC", Check: check})
	s.region.AddTargetGroup(sim.TargetGroup{Name: "function", TargetType: "lambda", Check: check})
	s.region.AddTargetGroup(sim.TargetGroup{Name: "chained", TargetType: "alb", Protocol: "TCP", Check: check})
	s.region.AddTargetGroup(sim.TargetGroup{Name: "cluster", Check: check, Tags: map[string]string{"elbv2.k8s.aws/cluster": "prod"}})
	for range sp.size {
		s.ids = append(s.ids, s.region.AddInstance(of))
	}
}

// held INSTANCE N: so many load balancers have it registered, and do not drain it.
func cmdHeld(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 2, "held INSTANCE N")
	if got := stageOf(ts).held(args[0]); got != number(ts, args[1]) {
		ts.Fatalf("%s is registered with %d load balancers, want %s", args[0], got, args[1])
	}
}

func (s *stage) held(instance string) int { return s.region.Registered(instance) }
