package sim

import (
	"slices"
	"time"
)

func (r *Region) suspendProcesses(q *query, _ *document) error {
	g, err := r.namedGroup(q)
	if err != nil {
		return err
	}
	named, err := namedProcesses(q)
	if err != nil {
		return err
	}
	r.suspend(g, named)
	return nil
}

func (r *Region) resumeProcesses(q *query, _ *document) error {
	g, err := r.namedGroup(q)
	if err != nil {
		return err
	}
	named, err := namedProcesses(q)
	if err != nil {
		return err
	}
	r.resume(g, named)
	return nil
}

// namedProcesses are the processes that a request names, or all if it names none.
func namedProcesses(q *query) ([]string, error) {
	named := q.values("ScalingProcesses")
	for _, process := range named {
		if !slices.Contains(processes(), process) {
			return nil, validationError("1 validation error detected: Value '%s' at 'scalingProcesses' is not a scaling process", process)
		}
	}
	if len(named) == 0 {
		return processes(), nil
	}
	return named, nil
}

// suspension is a suspended process and the time of its suspension.
type suspension struct {
	process string
	since   time.Time
}

func suspendedAt(moment time.Time, processes ...string) []suspension {
	var all []suspension
	for _, process := range processes {
		all = append(all, suspension{process, moment})
	}
	return all
}

// suspend suspends processes. One that is suspended already keeps its time.
func (r *Region) suspend(g *group, named []string) {
	s := g.sizes.current()
	news := slices.DeleteFunc(slices.Clone(named), g.suspends)
	slices.Sort(news)
	s.suspended = slices.Concat(s.suspended, suspendedAt(r.now, slices.Compact(news)...))
	setNow(r, &g.sizes, s)
}

// resume resumes processes and runs what they held up, such as health checks of members.
func (r *Region) resume(g *group, named []string) {
	s := g.sizes.current()
	s.suspended = slices.DeleteFunc(slices.Clone(s.suspended), func(p suspension) bool { return slices.Contains(named, p.process) })
	setNow(r, &g.sizes, s)
	for _, in := range g.membersNow() {
		r.checkHealth(in)
	}
	r.reconcileSoon(g)
}
