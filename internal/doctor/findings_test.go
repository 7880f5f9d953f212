package doctor

import (
	"slices"
	"strings"
	"testing"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/fleet/sample"
	"balanced/internal/rotation"
)

// soundSetup is a setup with nothing to change.
func soundSetup() subject {
	return subject{Examination: rotation.Examination{Snapshot: sample.Group()}}
}

// rejudged asks the guards and the warnings about the group as the test changed it.
func rejudged(s subject) subject {
	s.Examination = rotation.Judge(s.Snapshot, s.min, s.hold)
	return s
}

func weigh(s *subject, weight int) {
	for i := range s.Group.Members {
		s.Group.Members[i].Weight = weight
	}
	s.Group.Max = 100
}

func TestASoundSetupHasNoFindings(t *testing.T) {
	if all := rejudged(soundSetup()).findings(); len(all) > 0 {
		t.Errorf("findings %+v", all)
	}
}

// Each fault is found by its own check and by no other.
func TestFindings(t *testing.T) {
	for name, tc := range map[string]struct {
		change   func(*subject)
		check    string // "": nothing is found
		severity Severity
		what     string
		fix      string
	}{
		"a read denied": {
			func(c *subject) {
				c.reads = access{denied: []string{"autoscaling:DescribeInstanceRefreshes"}, role: "web-role"}
			},
			"permissions", Error, "autoscaling:DescribeInstanceRefreshes is denied",
			`aws iam put-role-policy --role-name web-role --policy-name balanced --policy-document "$(balanced policy --group web)"`,
		},
		"no credentials": {func(c *subject) { c.reads.noCredentials = true }, "permissions", Error, "no usable credentials", "aws ec2 associate-iam-instance-profile --instance-id i-1 --iam-instance-profile Name=PROFILE"},
		"a move denied": {
			func(c *subject) { c.permissions = moveProbe{action: "autoscaling:ExitStandby", denied: true} },
			"permissions", Error, "autoscaling:ExitStandby is denied", "--role-name ROLE",
		},
		"no metric of Standby": {
			func(c *subject) { c.Group.Metrics = []string{"GroupMinSize"} }, "group-metrics", Note, "does not send GroupStandbyInstances",
			"aws autoscaling enable-metrics-collection --auto-scaling-group-name web --granularity 1Minute --metrics GroupStandbyInstances",
		},
		"no lock of the host": {
			func(c *subject) {
				c.hostLock = failure.New(failure.Setup, "chmod 755 /run/balanced", "/run/balanced is writable by others")
			},
			"host-lock", Error, "/run/balanced is writable by others", "chmod 755 /run/balanced",
		},
		"endpoints without IPv6":    {func(c *subject) { c.ipv4Asked = true }, "ipv6", Note, "no IPv4 address", "AWS_USE_DUALSTACK_ENDPOINT=true"},
		"a container's own network": {func(c *subject) { c.ownNetwork = true }, "container", Warning, "container without the host's network", "--network host"},
		"a move allowed":            {func(c *subject) { c.permissions = moveProbe{action: "autoscaling:ExitStandby"} }, "", "", "", ""},
		"a move not tried":          {func(c *subject) { c.permissions = moveProbe{why: "i-1 is Pending"} }, "permissions", Warning, "not tried: i-1 is Pending", "balanced doctor --probe-permissions"},

		"MinSize below the floor": {
			func(c *subject) { c.Group.Min = 1 },
			"min-size", Error, "MinSize 1 allows 3 of 4 to be out at once; --min-healthy all allows 1",
			"aws autoscaling update-auto-scaling-group --auto-scaling-group-name web --min-size 3",
		},
		"MinSize at another floor": {func(c *subject) { c.Group.Min, c.min = 2, sample.Rule("50%") }, "", "", "", ""},
		"MinSize below another floor": {
			func(c *subject) { c.Group.Min, c.min = 1, sample.Rule("50%") },
			"min-size", Error, "MinSize 1 allows 3 of 4 to be out at once; --min-healthy 50% allows 2", "--min-size 2",
		},
		"MinSize at desired": {func(c *subject) { c.Group.Min = 4 }, "min-size", Error, "MinSize 4 allows no instance of 4 to leave", "--min-size 3"},
		"MinSize of units":   {func(c *subject) { weigh(c, 4); c.Group.Min, c.Group.Desired = 1, 16 }, "", "", "", ""},

		"a group of one": {
			func(c *subject) {
				c.Group.Members, c.Group.Min, c.Group.Desired = c.Group.Members[:1], 1, 1
			}, "minimum", Error, "minimum 1 is impossible", "--desired-capacity 2 --max-size 6",
		},
		"a group of one, floor 0": {
			func(c *subject) {
				c.Group.Members, c.Group.Min, c.Group.Desired = c.Group.Members[:1], 0, 1
				c.min = sample.Rule("0")
			}, "", "", "", "",
		},
		"desired at MaxSize":           {func(c *subject) { c.Group.Max = 4 }, "max-size", Warning, "desired 4 is at MaxSize", "--max-size 5"},
		"all three sizes are the same": {func(c *subject) { c.Group.Max, c.Group.Min = 4, 4 }, "min-size", Error, "allows no instance", "--min-size 3"},

		"Launch suspended": {
			func(c *subject) { c.Group.Suspended = []string{"Launch"} },
			"processes", Error, "Launch is suspended", "aws autoscaling resume-processes --auto-scaling-group-name web --scaling-processes Launch",
		},
		"AddToLoadBalancer suspended": {func(c *subject) { c.Group.Suspended = []string{"AddToLoadBalancer"} }, "processes", Error, "AddToLoadBalancer", "--scaling-processes AddToLoadBalancer"},
		"AZRebalance suspended":       {func(c *subject) { c.Group.Suspended = []string{"AZRebalance"} }, "processes", Warning, "AZRebalance", "--scaling-processes AZRebalance"},
		"a deprecated process":        {func(c *subject) { c.Group.Suspended = []string{"RemoveFromLoadBalancerLowPriority"} }, "", "", "", ""},

		"grace shorter than the first check": {
			func(c *subject) { slowChecks(c, 20*time.Second) }, "grace-period", Warning, "grace period 20s is shorter than the first checks of web (36s)", "--health-check-grace-period 36",
		},
		"grace long enough":           {func(c *subject) { slowChecks(c, time.Minute) }, "", "", "", ""},
		"no health checks by the ELB": {func(c *subject) { slowChecks(c, 0); c.Group.HealthCheckType = "EC2" }, "", "", "", ""},

		"zones that come apart": {
			func(c *subject) { c.Group.Members[2].Zone = "b" },
			"az-rebalance", Warning, "from 0 to 3", "--min-size 5 --max-size 7 --desired-capacity 6",
		},
		"alone in its zone": {
			func(c *subject) {
				c.Traffic[0].CrossZone, c.Traffic[0].ID = false, "arn:tg"
				c.Group.Members = c.Group.Members[:3]
				c.Group.Members[2].Zone, c.Group.Min, c.Group.Desired = "c", 2, 3
				leaver := sample.Member("i-5", fleet.Terminating)
				leaver.Zone = "c" // soon no peer any more
				c.Group.Members = append(c.Group.Members, leaver)
			}, "zones", Error, "web has cross-zone off, and there is no second instance in a, b, c",
			"aws elbv2 modify-target-group-attributes --target-group-arn arn:tg --attributes Key=load_balancing.cross_zone.enabled,Value=true",
		},
		"cross-zone off, two in each zone": {func(c *subject) { c.Traffic[0].CrossZone = false }, "", "", "", ""},

		"vpc-lattice": {
			func(c *subject) { c.Group.Unknown = []string{"vpc-lattice arn:x"} },
			"traffic-sources", Error, "vpc-lattice arn:x", "aws autoscaling detach-traffic-sources --auto-scaling-group-name web --traffic-sources Identifier=arn:x,Type=vpc-lattice",
		},
		"a target group deleted": {func(c *subject) { c.missing = []string{"arn:gone"} }, "missing-sources", Error, "does not exist: arn:gone", "Identifier=arn:gone,Type=elbv2"},
		"a Classic one deleted":  {func(c *subject) { c.missing = []string{"old"} }, "missing-sources", Error, "does not exist: old", "Identifier=old,Type=elb"},
		"another port of ours": {
			func(c *subject) {
				c.Traffic[0].ID = "arn:tg"
				c.Traffic[0].Targets = append(c.Traffic[0].Targets, fleet.Target{Instance: "i-1", Port: 9000, Health: fleet.Healthy})
			}, "ports", Error, "i-1 is also registered on port 9000 in web", "aws elbv2 deregister-targets --target-group-arn arn:tg --targets Id=i-1,Port=9000",
		},
		"another port of a peer": {
			func(c *subject) {
				c.Traffic[0].Targets = append(c.Traffic[0].Targets, fleet.Target{Instance: "i-2", Port: 9000, Health: fleet.Healthy})
			}, "", "", "", "",
		},
		"registered elsewhere": {
			func(c *subject) {
				c.elsewhere = []fleet.Registration{registered(fleet.Application, "side", "arn:side")}
			},
			"everywhere", Error, "i-1 is registered at side, which web does not list", "aws elbv2 deregister-targets --target-group-arn arn:side --targets Id=i-1,Port=81",
		},
		"registered at a Classic one": {
			func(c *subject) { c.elsewhere = []fleet.Registration{registered(fleet.Classic, "older", "older")} },
			"everywhere", Error, "older", "aws elb deregister-instances-from-load-balancer --load-balancer-name older --instances i-1",
		},
		"registered where it belongs": {
			func(c *subject) {
				c.Group.TargetGroups = []string{"arn:web"}
				c.elsewhere = []fleet.Registration{registered(fleet.Application, "web", "arn:web")}
			}, "", "", "", "",
		},
		"behind no listener": {
			func(c *subject) {
				c.Traffic[0].ID = "arn:tg"
				for i := range c.Traffic[0].Targets {
					c.Traffic[0].Targets[i].Health = fleet.NotInUse
				}
			}, "unused", Warning, "web is behind no listener", "Identifier=arn:tg,Type=elbv2",
		},
		"flows that outlive": {
			func(c *subject) { c.Traffic[0].Kind, c.Traffic[0].ID = fleet.Network, "arn:tg" },
			"flows", Warning, "outlive", "aws elbv2 modify-target-group-attributes --target-group-arn arn:tg --attributes Key=deregistration_delay.connection_termination.enabled,Value=true",
		},
		"version 1 answers": {func(c *subject) { c.answersV1 = true }, "metadata", Warning, "IMDSv1", "aws ec2 modify-instance-metadata-options --instance-id i-1 --http-tokens required"},
		"a clock ahead":     {func(c *subject) { c.clockAhead = 31 * time.Second }, "clock", Warning, "31s ahead of AWS's", "chronyc makestep"},
		"a clock behind":    {func(c *subject) { c.clockAhead = -241 * time.Second }, "clock", Error, "4m1s behind AWS's", "chronyc makestep"},
		"a clock good yet":  {func(c *subject) { c.clockAhead = -30 * time.Second }, "", "", "", ""},
		"a hold file":       {func(c *subject) { c.hold = []string{"findings_test.go"} }, "hold", Warning, "held by findings_test.go: package doctor", "rm findings_test.go"},
	} {
		t.Run(name, func(t *testing.T) {
			c := soundSetup()
			tc.change(&c)
			all := rejudged(c).findings()
			if tc.check == "" {
				if len(all) > 0 {
					t.Errorf("findings %+v, want none", all)
				}
				return
			}
			if len(all) != 1 {
				t.Fatalf("%d findings, want one: %+v", len(all), all)
			}
			f := all[0]
			if f.Check != tc.check || f.Severity != tc.severity || !strings.Contains(f.What, tc.what) || !strings.Contains(f.Fix, tc.fix) || f.Why == "" {
				t.Errorf("finding %+v\nwant %s, %s, …%s…, fix …%s…", f, tc.check, tc.severity, tc.what, tc.fix)
			}
		})
	}
}

// slowChecks gives the group the load balancers' word, a grace period, and a check that
// takes 36 s.
func slowChecks(c *subject, grace time.Duration) {
	c.Group.HealthCheckType, c.Group.Grace = "EC2,ELB", grace
	c.Traffic[0].Check = fleet.HealthCheck{Interval: 30 * time.Second, Timeout: 6 * time.Second, Healthy: 5}
}

func registered(kind fleet.SourceKind, name, id string) fleet.Registration {
	return fleet.Registration{Source: fleet.Source{Kind: kind, Name: name, ID: id}, Target: fleet.Target{Instance: "i-1", Port: 81}}
}

// named are the findings of one check.
func named(all []Finding, check string) []Finding {
	return slices.DeleteFunc(all, func(f Finding) bool { return f.Check != check })
}

func TestInstancesLeftInStandbyAreNamedWithTheirAge(t *testing.T) {
	c := soundSetup()
	sample.TakeOut(&c.Snapshot, 0, 47*time.Minute)
	sample.TakeOut(&c.Snapshot, 2, 26*time.Hour)
	c.Activities = c.Activities[:1] // of the second no page tells since when
	c.State = fleet.Standby
	all := named(rejudged(c).findings(), "standby")
	if len(all) != 2 {
		t.Fatalf("findings %+v, want two in Standby", rejudged(c).findings())
	}
	peer, own := all[0], all[1]
	if !strings.Contains(own.What, "i-1 is in Standby since ") || !strings.Contains(own.What, "(47m)") || own.Fix != "balanced in" {
		t.Errorf("own finding %+v", own)
	}
	if !strings.Contains(peer.What, "i-3 is in Standby, since an unknown time") ||
		!strings.HasPrefix(peer.Fix, "on i-3: finish its upgrade, then run balanced in") {
		t.Errorf("peer's finding %+v", peer)
	}
}

// A MinSize above desired would launch instances for those who are out.
func TestTheFenceIsNotRaisedOverThoseWhoAreOut(t *testing.T) {
	const word = "bring the instances in Standby back first"
	for out, want := range map[int]bool{1: false, 2: true} {
		c := soundSetup()
		c.Group.Min = 0
		for i := range out {
			sample.TakeOut(&c.Snapshot, i+1, time.Minute)
		}
		all := named(rejudged(c).findings(), "min-size")
		if len(all) != 1 || strings.Contains(all[0].Why, word) != want {
			t.Errorf("%d of 4 out, MinSize to be 3: %+v, want %q said: %v", out, all, word, want)
		}
	}
}

func TestNoRoomToReturnIsAnError(t *testing.T) {
	c := soundSetup()
	sample.TakeOut(&c.Snapshot, 2, time.Minute)
	c.Group.Desired, c.Group.Max = 4, 4 // a scale-out took the place
	all := named(rejudged(c).findings(), "max-size")
	if len(all) != 1 || all[0].Severity != Error || !strings.HasSuffix(all[0].Fix, "--max-size 6") || !strings.Contains(all[0].What, "i-3") {
		t.Errorf("findings %+v", all)
	}
}

// What could not be read is not taken for zero.
func TestAGroupThatCouldNotBeReadHasNoFindings(t *testing.T) {
	c := subject{Examination: rotation.Examination{Snapshot: fleet.Snapshot{ID: "i-1"}}, reads: access{denied: []string{"autoscaling:DescribeAutoScalingGroups"}}}
	if all := rejudged(c).findings(); len(all) != 1 || all[0].Check != "permissions" || !strings.Contains(all[0].Fix, `"$(balanced policy)"`) {
		t.Errorf("findings %+v, want the permission alone", all)
	}
	if f := rejudged(c).facts(false); f.MayBeOut != nil || f.OutSeconds != 0 {
		t.Errorf("facts %+v about a group nobody saw", f)
	}
}

func TestFactsOfASoundSetup(t *testing.T) {
	c := soundSetup()
	c.Group.TargetGroups = []string{"arn:web"}
	c.reads.tried = []string{"autoscaling:DescribeAutoScalingGroups"}
	f := rejudged(c).facts(false)
	if *f.MayBeOut != (MayBeOut{1, 1}) || f.Zones["a"] != 2 || f.Drains[0].DrainSeconds != 300 {
		t.Errorf("facts %+v", f)
	}
	// One look at the run's own budgets: nobody may paste less into a hook.
	if f.OutSeconds < 300 || f.InSeconds < 300 {
		t.Errorf("out %v s, in %v s", f.OutSeconds, f.InSeconds)
	}
	if p := f.Permissions; !slices.Equal(p.NotTried, moves()) || len(p.Allowed) != 1 {
		t.Errorf("permissions %+v", p)
	}
	c.Traffic = nil // attached and not described: no sum is better than a wrong one
	if f := rejudged(c).facts(false); f.OutSeconds != 0 {
		t.Errorf("out %v s without the drain of what is attached", f.OutSeconds)
	}
}
