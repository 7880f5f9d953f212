// Package sim is an AWS Region in one process: Auto Scaling, both generations of Elastic Load
// Balancing, and every instance's metadata service, with their delays and their faults.
//
// It speaks the real protocols (query protocol over HTTP, and IMDSv2), so that the AWS CLI and any SDK
// run against it unmodified. It is written from AWS's documentation and knows nothing of the
// programs that are tested with it: it imports nothing of this module.
//
//	r := sim.New(sim.Config{})
//	r.AddLoadBalancer(sim.LoadBalancer{Name: "front"})
//	r.AddTargetGroup(sim.TargetGroup{Name: "app", LoadBalancer: "front", Drain: 5 * time.Minute})
//	ids := r.AddGroup(sim.Group{Name: "web", Min: 2, Desired: 3, TargetGroups: []string{"app"}})
//	client := r.Client() // speaks to sim.APIEndpoint and sim.MetadataEndpoint(ids[0])
//
// # Time
//
// The Region reads time.Now and has no goroutine of its own. Future events are on an agenda
// (clock.go). Every request, control and inspection first runs the events that are due, in order.
// Inside a testing/synctest bubble a drain of five minutes takes milliseconds. Values that describe
// calls show keep their history (history.go), so that a call can answer with a past state.
//
// # Map
//
//	region.go, identifiers.go       the Region, what it holds, its identifiers
//	clock.go, history.go            the agenda; values with history
//	behaviour.go, timing.go         choices where AWS is silent; how long things take
//	instance.go, group.go           an EC2 instance and its lifecycle state; an Auto Scaling group
//	settings.go                     group fields that are only shown; managed groups; account settings
//	standby.go, deregistration.go   into and out of Standby; out of load balancers, and the group
//	lifecycle.go                    lifecycle hooks; retained instances; back to the warm pool
//	scaling.go, replacement.go      launches, scale-in, warm pool; unhealthy instances
//	rebalance.go, refresh*.go       zone rebalancing; instance refreshes, their failure and rollback
//	rootvolume.go                   replacement of root volumes
//	activity.go                     the activity feed
//	registrar.go, health.go         registrations with a load balancer, their drains and health checks
//	classic.go, targetgroup.go      how Classic Load Balancers and target groups differ
//	attributes.go, shift.go         target group attributes; zonal shifts
//	wire.go, query.go, document.go  requests in, XML out; errors.go: errors
//	asg_*.go, elb_*.go, elbv2_*.go  the actions of the three APIs; sts_api.go: GetCallerIdentity
//	dynamodb*.go                    tables of DynamoDB, which speaks JSON
//	imds.go, imds_items.go          the metadata service: sessions; items
//	calls.go, fault.go              recorded requests; what goes wrong with one
//	admission.go                    permissions, expired credentials, throttling
//	control.go, inspect.go          what a test does to the Region; what it sees of it
//	traffic.go                      what an external data plane sees and reports
//	pipe.go                         an HTTP client that reaches the Region without a network
//
// # Knobs
//
// Where AWS's documentation is silent or contradicts itself, Behaviour has a field. Its zero value is
// our best guess. Tests of what depends on a field should try both.
//
//	drains                  TargetGroup.Drain, Classic.Drain, SetInFlight; Behaviour.SerialDrains,
//	                        DrainTimer, DrainSuffix, DrainCode; Timing.NetworkLinger
//	registration, checks    Timing.RegisterTime, NetworkRegisterTime; HealthCheck; SetAppHealthy
//	traffic                 ShiftZone, SetOverride; TargetGroup.Attributes; SetAnomalous
//	health and replacement  Group.HealthCheckType, Grace, MinHealthyPercentage; SetHealthStatus,
//	                        KillInstance; Behaviour.DeadFailsAtOnce; Config.LaunchBeforeTerminate
//	sizes and moves         Behaviour.SurplusTerminated, DecrementByOne,
//	                        ContentionOnConcurrentMove, EmptyIDsAccepted, AlwaysPlural
//	durations               Config.Timing
//	background actors       SetSizes, ScaleByPolicy, StartRefreshWith, FailLaunches, Group.AZRebalance,
//	                        DeleteGroup, Suspend
//	lifecycle               Group.Hooks; Retain, ReturnToWarmPool, SetState
//	managed groups          Settings.Operator; Behaviour.OperatorCode
//	calls by somebody else  EnterStandby, ExitStandby, Detach, Terminate, AddTargets,
//	                        RegisterExtraPort
//	the network             SetFaults: delays, lost replies, resets, requests delivered twice, wrong
//	                        clocks; Fault.Answer: empty pages and bodies, endless tokens, omitted
//	                        elements, a proxy's page
//	stale reads             Config.MaxLag with Fault.Lag, per call; Behaviour.UnstableOrder
//	throttling              SetBucket, Throttled; Behaviour.ThrottlingExceptionCode
//	permissions             Deny, AllowOnly, Allow; Metadata.CredentialsExpired, CredentialsFrom
//	metadata                Metadata; Behaviour.TargetStateLags; Config.IPv6, Address
package sim
