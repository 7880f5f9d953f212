package targets

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
)

// fixTheName is the hint for everything that is wrong with what is declared.
const fixTheName = "correct --targets (BALANCED_TARGETS)"

// find finds what is declared, once, and refuses what cannot be moved: before anything is.
func (a *Adapter) find(ctx context.Context) ([]place, error) {
	a.mu.Lock()
	known := a.places
	a.mu.Unlock()
	if known != nil {
		return known, nil
	}
	if err := a.inNoGroup(ctx); err != nil {
		return nil, err
	}
	found, err := a.resolve(ctx)
	if err != nil {
		return nil, unknownName(err)
	}
	sources, err := a.balancers.Describe(ctx, ids(found, true), ids(found, false))
	if err != nil {
		return nil, unknownName(err)
	}
	places, err := a.declared(found, sources)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.places = places
	return places, nil
}

// inNoGroup refuses a member of an Auto Scaling group, which would replace what it does not know to be out. After a move
// it is not asked any more: what was begun has to end.
func (a *Adapter) inNoGroup(ctx context.Context) error {
	if a.record.moved() {
		return nil
	}
	m, err := a.groups.Membership(ctx, a.self.Instance)
	if err != nil {
		return err
	}
	a.mu.Lock()
	if a.ahead == 0 && !m.At.IsZero() {
		a.ahead = time.Until(m.At)
	}
	a.mu.Unlock()
	if m.Group != "" {
		return failure.New(failure.Setup, "leave --targets (BALANCED_TARGETS) out: balanced then works with the group",
			"%s is in Auto Scaling group %s", a.self.Instance, m.Group)
	}
	return nil
}

// unknownName gives a name that AWS does not know the hint that fixes it here.
func unknownName(err error) error {
	if errors.Is(err, fleet.ErrNoSource) {
		return &failure.Refusal{Class: failure.Setup, Hint: fixTheName + ", or set AWS_REGION", Err: err}
	}
	return err
}

// resolve looks up the target groups, and refuses those in which balanced cannot register. A Classic load balancer is
// known by its name.
func (a *Adapter) resolve(ctx context.Context) ([]fleet.Source, error) {
	var asked []string
	for _, n := range a.names {
		if !n.Classic && !slices.Contains(asked, n.ID) {
			asked = append(asked, n.ID)
		}
	}
	groups, err := a.balancers.Find(ctx, asked)
	if err != nil {
		return nil, err
	}
	for _, t := range groups {
		if err := registrable(t); err != nil {
			return nil, err
		}
	}
	owners, err := a.balancers.Controllers(ctx, ids(groups, false))
	if err != nil {
		return nil, err
	}
	for _, t := range groups {
		if owner, owned := owners[t.ID]; owned {
			return nil, failure.New(failure.Setup, "drain the node with kubectl", "%s belongs to the load balancer controller of cluster %s, which registers its targets itself", t.Name, owner)
		}
	}
	for _, n := range a.names {
		if n.Classic {
			groups = append(groups, fleet.Source{Kind: fleet.Classic, Name: n.ID, ID: n.ID})
		}
	}
	return groups, nil
}

// registrable refuses what an instance cannot be registered in by its id or address alone: a QUIC target needs a server
// id of its own (API reference, TargetDescription).
func registrable(t fleet.Source) error {
	switch {
	case t.TargetType != "instance" && t.TargetType != "ip":
		return failure.New(failure.Setup, fixTheName, "%s is a target group of type %s, in which no instance is registered", t.Name, t.TargetType)
	case t.Protocol == "QUIC" || t.Protocol == "TCP_QUIC":
		return failure.New(failure.Setup, fixTheName, "%s is a target group of protocol %s, whose targets balanced cannot register", t.Name, t.Protocol)
	}
	return nil
}

// ids are the names of the Classic load balancers, or the ARNs of the target groups.
func ids(all []fleet.Source, classic bool) []string {
	var some []string
	for _, s := range all {
		if (s.Kind == fleet.Classic) == classic {
			some = append(some, s.ID)
		}
	}
	return some
}

// declared joins the names with what they mean, in the order in which they were given.
func (a *Adapter) declared(found, settings []fleet.Source) ([]place, error) {
	var places []place
	for _, n := range a.names {
		i := slices.IndexFunc(found, func(s fleet.Source) bool {
			return (s.Kind == fleet.Classic) == n.Classic && (s.ID == n.ID || s.Name == n.ID)
		})
		if i < 0 {
			return nil, failure.New(failure.Setup, fixTheName, "%s %s", n, fleet.ErrNoSource)
		}
		j := slices.IndexFunc(settings, func(s fleet.Source) bool { return s.Kind == found[i].Kind && s.ID == found[i].ID })
		if j < 0 {
			return nil, failure.New(failure.Setup, fixTheName, "%s %s", n, fleet.ErrNoSource)
		}
		p := place{Source: settings[j], target: a.self.Instance}
		if n.Port != 0 {
			p.Name, p.Port = n.String(), n.Port
		}
		if p.TargetType == "ip" {
			p.target = a.address(p.Check.IPv6)
		}
		if p.target == "" {
			return nil, failure.New(failure.Setup, fixTheName, "%s holds addresses, and %s has none of its kind", p.Name, a.self.Instance)
		}
		if slices.ContainsFunc(places, func(x place) bool { return x.key() == p.key() }) {
			return nil, failure.New(failure.Setup, fixTheName, "%s is named twice", p.Name)
		}
		places = append(places, p)
	}
	return places, nil
}

// address is this instance's, as AWS writes it.
func (a *Adapter) address(ipv6 bool) string {
	text := a.self.IPv4
	if ipv6 {
		text = a.self.IPv6
	}
	if parsed, err := netip.ParseAddr(text); err == nil {
		return parsed.String()
	}
	return text
}
