package traffic

import (
	"net/http"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"balanced/internal/lab/proxy"
)

// answered counts a successful request.
func answered(m *Meter, k kind, at, latency time.Duration) {
	m.add("web", k, &vegeta.Result{
		Code: http.StatusOK, Timestamp: m.started.Add(at), Latency: latency, Headers: http.Header{proxy.InstanceHeader: {"i-1"}},
	})
}

func TestRateCountsLongRequestsWhenTheyEnd(t *testing.T) {
	m := &Meter{started: time.Now()}
	answered(m, kind{}, 5100*time.Millisecond, time.Millisecond)
	answered(m, kind{}, 3500*time.Millisecond, 2*time.Second)
	if _, _, rate := m.Instance("i-1", m.started.Add(6200*time.Millisecond)); rate != 2 {
		t.Errorf("%d in the sixth second, want 2", rate)
	}
}

func TestEachSecondHasThePercentilesOfItsShortRequests(t *testing.T) {
	m := &Meter{started: time.Now()}
	for n := range 200 { // 1 ms to 200 ms
		answered(m, kind{}, time.Second+time.Duration(n)*time.Millisecond, time.Duration(n+1)*time.Millisecond)
	}
	answered(m, kind{name: long}, 1500*time.Millisecond, 2*time.Second)
	answered(m, kind{}, 2100*time.Millisecond, 7*time.Millisecond)
	got := m.Record(4 * time.Second).Seconds
	for at, want := range [][2]float64{{0, 0}, {100, 198}, {7, 7}, {0, 0}} {
		if got[at].P50 != want[0] || got[at].P99 != want[1] {
			t.Errorf("second %d: p50 %g ms, p99 %g ms; want %g ms and %g ms", at, got[at].P50, got[at].P99, want[0], want[1])
		}
	}
}
