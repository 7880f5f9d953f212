package bench

import (
	"fmt"
	"testing"
	"time"
)

// A bill is what one command asked of AWS. A poll is a look at this instance alone: one
// call to Auto Scaling and, once the instance is in Standby or in service, some to load
// balancers.
type bill struct {
	polls   int // looks at this instance alone
	polling int // the calls they consist of
	others  int // all other calls
}

// since bills the calls after the first ones.
func (h *host) since(first int) bill {
	var b bill
	for _, c := range h.Calls()[first:] {
		switch {
		case c.Service == "imds":
		case c.Action == "DescribeAutoScalingInstances":
			b.polls++
			b.polling++
		case c.Params.Has("Targets.member.1.Id"), c.Params.Has("Instances.member.1.InstanceId"):
			b.polling++
		default:
			b.others++
		}
	}
	return b
}

const mostPolls = 15 // for a drain of 300 s

func budgetOut(sources int) int { return 12 + 5*sources }
func budgetIn(sources int) int  { return 8 + 4*sources }

// bills are those of one out and one in.
type bills struct {
	scene
	out, in bill
}

var (
	sourceCounts = []int{0, 1, 4, 16}
	drains       = []time.Duration{0, 30 * time.Second, 300 * time.Second}
)

// allBills takes an instance out and puts it back, by number of traffic sources and by
// drain. Auto Scaling says Standby five seconds after the drain.
func allBills(t *testing.T) []bills {
	t.Helper()
	var all []bills
	for _, sources := range sourceCounts {
		for _, drain := range drains {
			s := scene{size: 4, sources: sources, drain: drain}
			if drain > 0 {
				s.behaves.DrainTimer = drain + 5*time.Second
			}
			b := bills{scene: s}
			inScene(t, s, 1, func(h *host) {
				first := len(h.Calls())
				h.out()
				b.out = h.since(first)
				first = len(h.Calls())
				h.in()
				b.in = h.since(first)
			})
			all = append(all, b)
		}
	}
	return all
}

// TestCallsAreFew: besides polls, out makes at most 12 + 5T calls for T traffic sources,
// and in 8 + 4T. A drain of up to 300 s costs at most 15 polls of one call each. On the
// way back one load balancer is polled at a time, and all of them first and last.
func TestCallsAreFew(t *testing.T) {
	for _, b := range allBills(t) {
		name := fmt.Sprintf("%d sources, drain %s", b.sources, b.drain)
		if b.out.others > budgetOut(b.sources) || b.out.polls > mostPolls || b.out.polling != b.out.polls {
			t.Errorf("%s: out: %+v, want at most %d polls of one call, and %d others", name, b.out, mostPolls, budgetOut(b.sources))
		}
		if most := 2*mostPolls + 2*b.sources; b.in.others > budgetIn(b.sources) || b.in.polls > mostPolls || b.in.polling > most {
			t.Errorf("%s: in: %+v, want at most %d polls of %d calls, and %d others", name, b.in, mostPolls, most, budgetIn(b.sources))
		}
	}
}
