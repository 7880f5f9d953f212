// Package targets stands in for Auto Scaling where there is no group: an instance that load balancers have by hand. It
// answers what the engine asks about a group from the registrations in the load balancers that --targets names, and
// moves the instance by changing those.
package targets

import (
	"context"
	"strings"
	"sync"
	"time"

	"balanced/internal/awsapi"
	"balanced/internal/fleet"
)

// Groups answers whether the instance is in an Auto Scaling group. *asg.Client meets it.
type Groups interface {
	Membership(ctx context.Context, instance string) (fleet.Membership, error)
	Reads() []awsapi.Read
}

// Balancers answers for the load balancers, and changes registrations. *elb.Client meets it. Register and Deregister are
// sent once.
type Balancers interface {
	Find(ctx context.Context, namesOrARNs []string) ([]fleet.Source, error)
	Controllers(ctx context.Context, arns []string) (map[string]string, error)
	Describe(ctx context.Context, classic, targetGroups []string) ([]fleet.Source, error)
	Health(ctx context.Context, source fleet.Source) ([]fleet.Target, error)
	HealthOf(ctx context.Context, source fleet.Source, id string) (fleet.Target, error)
	Registrations(ctx context.Context, instance, ipv4, ipv6 string) ([]fleet.Registration, error)
	Register(ctx context.Context, source fleet.Source, id string) error
	Deregister(ctx context.Context, source fleet.Source, id string) error
	Reads() []awsapi.Read
	DeclaredReads() []awsapi.Read
}

// Self is the instance.
type Self struct{ Instance, Zone, IPv4, IPv6 string }

// Adapter is both sides for the engine: its group and its load balancers. It is safe for concurrent use.
type Adapter struct {
	self      Self
	names     []Name
	groups    Groups
	balancers Balancers

	mu     sync.Mutex
	places []place       // once they were found
	ahead  time.Duration // AWS's clock before this host's
	memo   memo
	record *record
}

// place is one registration that is declared.
type place struct {
	fleet.Source
	target string // what is registered: the instance's id, or its address
}

// New makes the adapter of one instance.
func New(self Self, names []Name, groups Groups, balancers Balancers) *Adapter {
	return &Adapter{self: self, names: names, groups: groups, balancers: balancers, record: &record{last: map[string]fleet.Health{}, answered: map[string]time.Time{}}}
}

// label stands where the name of a group would.
func (a *Adapter) label() string {
	var all []string
	for _, n := range a.names {
		all = append(all, n.String())
	}
	return strings.Join(all, ",")
}

// now is AWS's clock.
func (a *Adapter) now() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Now().Add(a.ahead)
}

// Membership says what the load balancers hold of the instance.
func (a *Adapter) Membership(ctx context.Context, _ string) (fleet.Membership, error) {
	places, err := a.find(ctx)
	if err != nil {
		return fleet.Membership{}, err
	}
	held, err := a.held(ctx, places)
	if err != nil {
		return fleet.Membership{}, err
	}
	return fleet.Membership{Group: a.label(), Zone: a.self.Zone, State: held.State(false), Healthy: true, At: a.now(), Held: held}, nil
}

// Group makes a group of what is registered. Its members are this instance and whatever else a named load balancer has
// registered; in target groups of addresses they are addresses.
func (a *Adapter) Group(ctx context.Context, name string) (fleet.Group, error) {
	places, err := a.find(ctx)
	if err != nil {
		return fleet.Group{}, err
	}
	if err := a.inNoGroup(ctx); err != nil {
		return fleet.Group{}, err
	}
	lists, err := a.readAll(ctx, places)
	if err != nil {
		return fleet.Group{}, err
	}
	g := fleet.Group{Name: name, Settings: fleet.Settings{MinHealthyPercent: -1}, Held: a.record.holds(places), At: a.now()}
	g.Members = []fleet.Member{{ID: a.self.Instance, Zone: a.self.Zone, State: g.Held.State(false), Healthy: true}}
	known := map[string]bool{a.self.Instance: true}
	for i, p := range places {
		for _, x := range lists[i] {
			if !known[x.Instance] && registered(x.Health) {
				known[x.Instance] = true
				g.Members = append(g.Members, fleet.Member{ID: x.Instance, State: fleet.InService, Healthy: true})
			}
		}
		if p.Kind == fleet.Classic {
			g.Classic = append(g.Classic, p.ID)
		} else {
			g.TargetGroups = append(g.TargetGroups, p.ID)
		}
	}
	return g, nil
}

// Activities and Refreshes: only a group has any.
func (a *Adapter) Activities(context.Context, string, func([]fleet.Activity) bool) ([]fleet.Activity, error) {
	return nil, nil
}

// Refreshes meets the engine's interface.
func (a *Adapter) Refreshes(context.Context, string) ([]fleet.Refresh, error) { return nil, nil }

// Describe are the settings of the declared load balancers, one for each declared port.
func (a *Adapter) Describe(ctx context.Context, _, _ []string) ([]fleet.Source, error) {
	places, err := a.find(ctx)
	var all []fleet.Source
	for _, p := range places {
		all = append(all, p.Source)
	}
	return all, err
}

// Health lists every registration of a source.
func (a *Adapter) Health(ctx context.Context, source fleet.Source) ([]fleet.Target, error) {
	return a.list(ctx, a.placeOf(source))
}

// HealthOf is what a source holds of this instance.
func (a *Adapter) HealthOf(ctx context.Context, source fleet.Source, _ string) (fleet.Target, error) {
	return a.own(ctx, a.placeOf(source))
}

// Registrations meets the engine's interface.
func (a *Adapter) Registrations(ctx context.Context, instance, ipv4, ipv6 string) ([]fleet.Registration, error) {
	return a.balancers.Registrations(ctx, instance, ipv4, ipv6)
}

// Reads are the actions that read, of all that is asked here.
func (a *Adapter) Reads() []awsapi.Read { return Reads(a.groups.Reads(), a.balancers) }

// membershipRead is all that is asked of Auto Scaling.
const membershipRead = "autoscaling:DescribeAutoScalingInstances"

// Reads picks what is read outside a group from what the two clients can read.
func Reads(ofGroups []awsapi.Read, b interface {
	Reads() []awsapi.Read
	DeclaredReads() []awsapi.Read
},
) []awsapi.Read {
	var all []awsapi.Read
	for _, r := range ofGroups {
		if r.Action == membershipRead {
			all = append(all, r)
		}
	}
	return append(append(all, b.Reads()...), b.DeclaredReads()...)
}
