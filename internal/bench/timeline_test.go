package bench

import (
	"slices"
	"testing"
	"time"
)

// A timeline is one command, cut where AWS's own part begins and ends. No program can be faster than AWS's part.
type timeline struct {
	before, aws, after time.Duration
}

func (l timeline) whole() time.Duration { return l.before + l.aws + l.after }

// timelines are the medians of some out and in of one host behind one target group.
func timelines(t *testing.T, drain time.Duration, fenced bool, times int) (out, in timeline) {
	t.Helper()
	var outs, ins []timeline
	for n := range uint64(times) {
		got := crowd{scene: scene{sources: 1, drain: drain, unfenced: !fenced}, hosts: 1, seed: n + 1}.run(t)
		outs, ins = append(outs, got.outLine), append(ins, got.inLine)
	}
	return middle(outs), middle(ins)
}

// middle is the median of each part.
func middle(all []timeline) timeline {
	part := func(of func(timeline) time.Duration) time.Duration {
		var ds []time.Duration
		for _, l := range all {
			ds = append(ds, of(l))
		}
		slices.Sort(ds)
		return ds[len(ds)/2]
	}
	return timeline{
		part(func(l timeline) time.Duration { return l.before }),
		part(func(l timeline) time.Duration { return l.aws }),
		part(func(l timeline) time.Duration { return l.after }),
	}
}

// TestLittleIsAddedToWhatAWSTakes: the looks before a move take a second and a half, and the end is noticed at the pace;
// only where MinSize does not hold the minimum do reads have to settle.
func TestLittleIsAddedToWhatAWSTakes(t *testing.T) {
	for _, drain := range drains {
		out, in := timelines(t, drain, true, 1+samples(t)/10)
		t.Logf("drain %s: out %+v, in %+v", drain, out, in)
		for name, l := range map[string]timeline{"out": out, "in": in} {
			if l.before > 1500*time.Millisecond || l.after > noticedMost {
				t.Errorf("drain %s: %s: %s before the move, want 1.5s; %s after AWS was done, want %s", drain, name, l.before, l.after, noticedMost)
			}
		}
	}
}
