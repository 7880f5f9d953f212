package sim

import (
	"testing"
	"time"
)

func TestHistoryKeepsWhatStaleReadsCanSee(t *testing.T) {
	var p history[int]
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 100 {
		p.set(start.Add(time.Duration(i)*time.Second), 10*time.Second, i)
	}
	if _, there := p.asOf(start.Add(-time.Second)); there {
		t.Error("there was something before the first version")
	}
	for back := range 11 {
		if got, there := p.asOf(start.Add(time.Duration(99-back) * time.Second)); !there || got != 99-back {
			t.Errorf("%d s ago it was %d, want %d", back, got, 99-back)
		}
	}
	if len(p.versions) != 11 {
		t.Errorf("%d versions for a history of ten seconds, want 11", len(p.versions))
	}
}
