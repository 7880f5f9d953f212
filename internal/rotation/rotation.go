// Package rotation is the order of things: how an instance leaves service and how it returns. It looks, finds the
// first step that is not settled, acts once, and looks again. Nothing is remembered between runs, so a run that was
// killed is repaired by running it again.
package rotation

import (
	"context"
	"math/rand/v2"
	"time"

	"go.uber.org/zap"

	"balanced/internal/awsapi"
	"balanced/internal/fleet"
	"balanced/internal/imds"
	"balanced/internal/probe"
)

// Groups answers for Auto Scaling. *asg.Client meets it.
type Groups interface {
	Membership(ctx context.Context, instance string) (fleet.Membership, error)
	Group(ctx context.Context, name string) (fleet.Group, error)
	Activities(ctx context.Context, group string, enough func([]fleet.Activity) bool) ([]fleet.Activity, error)
	Refreshes(ctx context.Context, group string) ([]fleet.Refresh, error)
	Reads() []awsapi.Read
}

// Mover moves an instance. Each call is sent once: neither is idempotent, so an error may hide a move that took
// effect. *asg.Client meets it.
type Mover interface {
	EnterStandby(ctx context.Context, group, instance string, decrement bool) (fleet.Activity, error)
	ExitStandby(ctx context.Context, group, instance string) (fleet.Activity, error)
}

// Gate answers for the launch hooks of a group, and completes them. Instances are named by ID: a token would have to be
// brought to the instance first. fleet.ErrNoAction where the hook does not hold the instance. *asg.Client meets it.
type Gate interface {
	LaunchHooks(ctx context.Context, group string) ([]fleet.LaunchHook, error)
	Heartbeat(ctx context.Context, group, hook, instance string) error
	// Complete is sent once. An error may hide that it took effect; sending it again does no harm.
	Complete(ctx context.Context, group, hook, instance string, proceed bool) error
}

// Balancers answers for the load balancers. *elb.Client meets it.
type Balancers interface {
	Describe(ctx context.Context, classic, targetGroups []string) ([]fleet.Source, error)
	Health(ctx context.Context, source fleet.Source) ([]fleet.Target, error)
	HealthOf(ctx context.Context, source fleet.Source, instance string) (fleet.Target, error)
	Registrations(ctx context.Context, instance, ipv4, ipv6 string) ([]fleet.Registration, error)
	Reads() []awsapi.Read
}

// Metadata answers for what is planned for this instance. *imds.Client meets it.
type Metadata interface {
	Notices(ctx context.Context) (fleet.Notices, error)
	AnswersV1(ctx context.Context) (bool, error)
}

// Caller says where AWS is asked, and in whose name. *awsapi.Session meets it.
type Caller interface {
	Region() string
	RegionSource() string // where the Region was set
	DualStack() bool      // its endpoints have IPv6 addresses too
	FromInstanceRole(ctx context.Context) bool
	Identity(ctx context.Context) (account, arn string, err error)
}

// Prober asks this host what its load balancers would ask. *probe.Prober meets it.
type Prober interface {
	Run(ctx context.Context, checks []probe.Check, progress func(string)) error
}

// Agent takes one instance out of service and puts it back.
type Agent struct {
	Self      imds.Identity
	Groups    Groups
	Mover     Mover
	Gate      Gate
	Balancers Balancers
	Metadata  Metadata
	Prober    Prober   // nil: nothing is asked
	Caller    Caller   // nil: Region and account are taken to be the instance's
	Lock      SlotLock // nil: a slot is taken by the move itself
	Log       *zap.Logger
	// Alone makes this the only run at work for an instance until release; nil: it always is.
	Alone func(instance string) (release func(), err error)
	// Progress is told what a run waits for, at every look. It may be nil.
	Progress func(Progress)
	// Hold are the paths of hold files: while one of them exists, the instance is not moved.
	Hold []string
	// Throttled is how long AWS's throttling has held calls back so far; nil: never.
	Throttled func() time.Duration
	// Jitter draws the random part of waits; nil: the process's own source.
	Jitter *rand.Rand

	// Began is when the command began, where that was before its first run. What passed since belongs to that run, and
	// counts toward its wait.
	Began time.Time

	taken bool // the host is this agent's until TakeHost's release
}

// Progress is one sign of life of a run that waits.
type Progress struct {
	Step      string
	Waiting   string // for what, as people say it
	Balancers string // what each load balancer says of the instance, where the step waits for them
	Logged    bool   // a line of the log has just said so
	Elapsed   time.Duration
	Left      time.Duration // until the wait is likely to be over; 0: nobody can tell
	Limit     time.Duration // the run ends within it, unless AWS throttles for longer
}

// Auto asks for a budget derived from the load balancers' own settings.
const Auto time.Duration = -1

// Options are what out and in share.
type Options struct {
	Wait     time.Duration // how long to wait until the move may begin; Auto
	Timeout  time.Duration // how long the move may take; Auto
	Limit    time.Duration // the whole run has to end within it; 0: no such limit
	Ignore   []string      // load balancers left out of the minimum and of the proof of health
	IfMember bool          // an instance in no group has nothing to do
	DryRun   bool
}

// OutOptions are the options of Out.
type OutOptions struct {
	Options
	MinHealthy     fleet.MinHealthy
	Replace        bool // enter without decrement where MinSize leaves no room
	AllowEmptyZone bool
	Settle         time.Duration // how long reads may lag behind a move
	Return         ProbeOptions  // what the host will be asked when it returns
}

// ProbeOptions are what a host is asked before it returns.
type ProbeOptions struct {
	Off   bool         // nothing
	Check *probe.Check // this, in place of what the load balancers ask; nil: what they ask
}

// InOptions are the options of In.
type InOptions struct {
	Options
	Probe ProbeOptions
	// LeaveUnhealthy leaves an instance that does not get healthy in service instead of putting it back to Standby.
	LeaveUnhealthy bool
	// MinHealthy is, outside a group, the number of others that must be healthy for an instance that does not get healthy
	// to be deregistered again. Without a number it is left registered.
	MinHealthy fleet.MinHealthy
}

// DefaultSettle is how far a describe call is assumed to lag behind a move at most. AWS publishes no bound; state was
// seen to converge within seconds.
const DefaultSettle = 10 * time.Second
