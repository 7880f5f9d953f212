// Package sim is an AWS Region in one process: Auto Scaling, both generations of Elastic Load
// Balancing, and every instance's metadata service, with their delays and their faults.
//
// It speaks the real wire (the query protocol over HTTP, and IMDSv2), so that the AWS CLI and any SDK
// run against it unmodified. It is a model of AWS, not of what is tested with it, and imports nothing
// of this module.
//
//	r := sim.New(sim.Config{})
//	r.AddLoadBalancer(sim.LoadBalancer{Name: "front"})
//	r.AddTargetGroup(sim.TargetGroup{Name: "app", LoadBalancer: "front", Drain: 5 * time.Minute})
//	ids := r.AddGroup(sim.Group{Name: "web", Min: 2, Desired: 3, TargetGroups: []string{"app"}})
//	client := r.Client() // speaks to sim.APIEndpoint and sim.MetadataEndpoint(ids[0])
//
// # Time
//
// The Region reads time.Now and has no goroutine of its own. What is to come stands on an agenda
// (clock.go); every request, lever and inspection first lets happen what is due, in order. Inside a
// testing/synctest bubble a drain of five minutes costs milliseconds. What describes show is kept with
// its past (past.go), so that a call can be answered as of a moment ago.
//
// # Map
//
//	region.go, names.go             the Region, what it holds, its identifiers
//	clock.go, past.go               the agenda; values with history
//	instance.go, group.go           one EC2 instance and its lifecycle state; one Auto Scaling group
//	standby.go, departure.go        into and out of Standby; leaving load balancers, and the group
//	scaling.go, replacement.go      launches, scale-in, warm pool; unhealthy instances
//	rebalance.go, refresh.go        the AZRebalance and InstanceRefresh actors
//	activity.go                     the activity feed
//	pool.go, health.go              registrations with a load balancer, their drains and health checks
//	classic.go, targetgroup.go      where Classic Load Balancers and target groups differ
//	wire.go, query.go, document.go  requests in, XML out; refusal.go: errors
//	asg_*.go, elb_*.go, elbv2_*.go  the actions of the three APIs; sts_api.go: GetCallerIdentity
//	imds.go, imds_items.go          the metadata service: sessions; items
//	record.go, fault.go             every request on record; what goes wrong with one
//	admission.go                    permissions, expired credentials, throttling
//	levers.go, inspect.go           what a test does to the world; what it sees of it
//	traffic.go                      what a data plane outside sees and says
//	pipe.go                         an HTTP client that reaches the Region without a network
//
// # Knobs
//
// Where AWS's documentation is silent or says two things, Behaviour has a field; its zero value is our
// best guess, and what depends on it should be tested both ways.
//
//	drains                  TargetGroup.Drain, Classic.Drain, SetInFlight; Behaviour.SerialDrains,
//	                        DrainTimer, DrainSuffix, DrainCode; Timing.NetworkLinger
//	registration, checks    Timing.RegisterTime, NetworkRegisterTime; HealthCheck; SetAppHealthy
//	health and replacement  Group.HealthCheckType, Grace, MinHealthyPercentage; SetHealthStatus,
//	                        KillInstance; Behaviour.DeadFailsAtOnce
//	sizes and moves         Behaviour.SurplusTerminated, DecrementByOne,
//	                        ContentionOnConcurrentMove, EmptyIDsAccepted, AlwaysPlural
//	paces                   Config.Timing
//	background actors       SetSizes, ScaleByPolicy, StartRefresh, FailLaunches, Group.AZRebalance,
//	                        DeleteGroup, Suspend
//	other people            EnterStandby, ExitStandby, Detach, Terminate, SetState, AddTargets,
//	                        RegisterExtraPort
//	the network             SetFaults: delays, lost replies, resets, requests delivered twice; clocks apart
//	stale reads             Config.MaxLag with Fault.Lag, per call
//	throttling              SetBucket, Throttled; Behaviour.ThrottlingExceptionCode
//	permissions             Deny, AllowOnly, Allow; Metadata.CredentialsExpired
//	metadata                Metadata; Behaviour.TargetStateLags
package sim
