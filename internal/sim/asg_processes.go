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

// namedProcesses are those a request names; naming none means all.
func namedProcesses(q *query) ([]string, error) {
	named := q.items("ScalingProcesses")
	for _, process := range named {
		if !slices.Contains(processes(), process) {
			return nil, invalid("1 validation error detected: Value '%s' at 'scalingProcesses' is not a scaling process", process)
		}
	}
	if len(named) == 0 {
		return processes(), nil
	}
	return named, nil
}

// suspension is a process that does not run, and since when.
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

// suspend stops processes. One that is suspended already stays so since then.
func (r *Region) suspend(g *group, named []string) {
	s := g.sizes.now()
	news := slices.DeleteFunc(slices.Clone(named), g.suspends)
	slices.Sort(news)
	s.suspended = slices.Concat(s.suspended, suspendedAt(r.now, slices.Compact(news)...))
	become(r, &g.sizes, s)
}

// resume lets what has been held up happen, such as health checks of members.
func (r *Region) resume(g *group, named []string) {
	s := g.sizes.now()
	s.suspended = slices.DeleteFunc(slices.Clone(s.suspended), func(p suspension) bool { return slices.Contains(named, p.process) })
	become(r, &g.sizes, s)
	for _, in := range g.present() {
		r.judge(in)
	}
	r.replan(g)
}
