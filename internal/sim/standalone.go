package sim

import (
	"slices"
	"strconv"
	"strings"
)

// Standalone describes an instance outside any Auto Scaling group. It has been registered with its load balancers, and
// healthy, for an hour.
type Standalone struct {
	Zone         string   // default: the Region's zones in turn
	Classic      []string // names of Classic Load Balancers
	TargetGroups []string // names of target groups, or NAME:PORT for a port override
}

// AddInstance adds a running instance in no group and returns its id.
func (r *Region) AddInstance(spec Standalone) string {
	r.lock()
	defer r.unlock()
	if spec.Zone == "" {
		spec.Zone = r.zones()[len(r.instances)%len(r.zones())]
	}
	in := r.newInstance(spec.Zone)
	for _, name := range spec.Classic {
		r.classics.must(name).registrar.addHealthy(r, in, 0)
	}
	for _, named := range spec.TargetGroups {
		name, port, override := strings.Cut(named, ":")
		p := &r.targetGroups.must(name).registrar
		number := p.port
		if override {
			var err error
			if number, err = strconv.Atoi(port); err != nil {
				panic("sim: port of " + named)
			}
		}
		p.addHealthy(r, in, number)
	}
	return in.id
}

// Register registers an instance as somebody else would, with a Classic Load Balancer or a target group, on its own port.
// It is not recorded in Calls.
func (r *Region) Register(balancer, instance string) {
	r.lock()
	defer r.unlock()
	p := r.registrarNamed(balancer)
	r.register(p, r.instance(instance), p.port)
}

// Deregister deregisters an instance on every port, as somebody else would. It is not recorded in Calls.
func (r *Region) Deregister(balancer, instance string) {
	r.lock()
	defer r.unlock()
	p := r.registrarNamed(balancer)
	for _, reg := range slices.Clone(r.instance(instance).registrations) {
		if reg.registrar == p {
			r.deregister(reg)
		}
	}
}

func (r *Region) registrarNamed(balancer string) *registrar {
	if c := r.classics.byName[balancer]; c != nil {
		return &c.registrar
	}
	return &r.targetGroups.must(balancer).registrar
}

// describeTags answers for target groups only.
func (r *Region) describeTags(q *query, d *document) error {
	arns := q.values("ResourceArns")
	var tagged []*targetGroup
	for _, t := range r.targetGroups.inOrder {
		if slices.Contains(arns, t.arn) {
			tagged = append(tagged, t)
		}
	}
	if len(tagged) < len(arns) {
		return refusef("TargetGroupNotFound", "One or more target groups not found")
	}
	tagged = keep(q, tagged, func(t *targetGroup) []string { return []string{t.arn} })
	list(d, "TagDescriptions", tagged, func(t *targetGroup) {
		d.text("ResourceArn", t.arn)
		list(d, "Tags", t.sortedTags(), func(tag [2]string) {
			d.text("Key", tag[0])
			d.text("Value", tag[1])
		})
	})
	return nil
}

func (t *targetGroup) sortedTags() [][2]string {
	var all [][2]string
	for key, value := range t.Tags {
		all = append(all, [2]string{key, value})
	}
	slices.SortFunc(all, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return all
}

// targetID is how the target group names an instance: by its id, or by its address.
func (t *targetGroup) targetID(in *instance) string {
	if t.TargetType != targetTypeIP {
		return in.id
	}
	if t.IPv6 {
		return in.ipv6
	}
	return in.address
}

// targetOf is the instance that a request names, or nil.
func (r *Region) targetOf(t *targetGroup, id string) *instance {
	if t.TargetType != targetTypeIP {
		return r.instances[id]
	}
	for _, in := range r.instances {
		if t.targetID(in) == id {
			return in
		}
	}
	return nil
}

const targetTypeIP = "ip"

// Registered is the number of an instance's registrations that do not drain, on all ports.
func (r *Region) Registered(instance string) int {
	r.lock()
	defer r.unlock()
	n := 0
	for _, reg := range r.instance(instance).registrations {
		if reg.phase < phaseDraining {
			n++
		}
	}
	return n
}

// HealthyTargets are the instances that a Classic Load Balancer or target group calls healthy.
func (r *Region) HealthyTargets(balancer string) []string {
	r.lock()
	defer r.unlock()
	var ids []string
	for _, reg := range r.registrarNamed(balancer).registrations {
		if reg.checks.countedHealthy {
			ids = append(ids, reg.instance.id)
		}
	}
	return ids
}

// RegisterDeclared registers an instance as somebody else would, on the port that it was first registered on.
func (r *Region) RegisterDeclared(balancer, instance string) {
	r.lock()
	defer r.unlock()
	p, in := r.registrarNamed(balancer), r.instance(instance)
	port := p.port
	for key := range p.endedAt {
		if key.id == instance {
			port = key.port
		}
	}
	for _, reg := range in.registrations {
		if reg.registrar == p {
			port = reg.port
		}
	}
	r.register(p, in, port)
}

// Outside are instances outside a group, with the state that their registrations show: InService, deregistering or
// deregistered.
func (r *Region) Outside(ids ...string) []MemberView {
	r.lock()
	defer r.unlock()
	var all []MemberView
	for _, id := range ids {
		in := r.instance(id)
		m := MemberView{ID: id, Zone: in.zone, State: "deregistered", Health: healthy, Weight: 1}
		for _, reg := range in.registrations {
			switch {
			case reg.phase < phaseDraining:
				m.State = stateInService
			case m.State != stateInService && reg.phase == phaseDraining:
				m.State = "deregistering"
			}
		}
		all = append(all, m)
	}
	return all
}
