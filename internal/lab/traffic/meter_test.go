package traffic

import (
	"net/http"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"balanced/internal/lab/plane"
)

// TestTheRateHasThoseThatTakeLong: they are known only when they end.
func TestTheRateHasThoseThatTakeLong(t *testing.T) {
	m := &Meter{started: time.Now()}
	answer := func(at, latency time.Duration) {
		m.add("web", kind{}, &vegeta.Result{
			Code: http.StatusOK, Timestamp: m.started.Add(at), Latency: latency, Headers: http.Header{plane.InstanceHeader: {"i-1"}},
		})
	}
	answer(5100*time.Millisecond, time.Millisecond)
	answer(3500*time.Millisecond, 2*time.Second)
	if _, _, rate := m.Of("i-1", m.started.Add(6200*time.Millisecond)); rate != 2 {
		t.Errorf("%d in the sixth second, want 2", rate)
	}
}
