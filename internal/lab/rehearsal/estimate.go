package rehearsal

import (
	"slices"
	"strings"

	"balanced/internal/lab/record"
)

// networkDelay is how long balanced out waits after a Network Load Balancer has deregistered
// an instance, in seconds. --speed does not shorten it.
const networkDelay = 120

// estimate is how long the rollout would take without --speed, in seconds: the time that
// balanced spent waiting for the control plane times the speed, and the time of all other
// commands as it was. Instances are taken in the order of the rollout, as many at a time.
func estimate(r record.Rehearsal) float64 {
	began := map[string]float64{}
	ended := map[string]float64{}
	var order []string
	for _, e := range r.Events {
		switch e.Kind {
		case record.Began:
			if _, known := began[e.Instance]; !known {
				began[e.Instance] = e.At
				order = append(order, e.Instance)
			}
		case record.Ended:
			ended[e.Instance] = e.At
		}
	}
	workers := make([]float64, max(r.Concurrency, 1)) // when each is free again
	for _, id := range order {
		n := slices.IndexFunc(r.Instances, func(i record.Instance) bool { return i.ID == id })
		if n < 0 {
			continue
		}
		next := slices.Index(workers, slices.Min(workers))
		workers[next] += atSpeedOne(r, r.Instances[n], began[id], ended[id])
	}
	return slices.Max(workers)
}

// atSpeedOne is how long the command on one instance would take without --speed.
func atSpeedOne(r record.Rehearsal, i record.Instance, began, ended float64) float64 {
	var fast, normal, out float64 // seconds that --speed shortened, others, and how many of the first were in balanced out
	for _, s := range i.Spans {
		lasts := max(min(s.To, ended)-max(s.From, began), 0)
		agent := strings.HasPrefix(s.Running, "balanced ")
		if !agent || strings.HasPrefix(s.Running, "balanced run") && record.IsOut(s.State) { // run waits for its COMMAND in Standby
			normal += lasts
			continue
		}
		fast += lasts
		if strings.HasPrefix(s.Running, "balanced out") {
			out += lasts
		}
	}
	if slices.ContainsFunc(r.Sources, func(s record.Source) bool { return s.Kind == "network" }) {
		delay := min(out, networkDelay)
		fast, normal = fast-delay, normal+delay
	}
	return normal + max(r.Speed, 1)*fast
}
