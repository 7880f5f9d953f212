package traffic

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"balanced/internal/lab/host"
	"balanced/internal/lab/plane"
	"balanced/internal/lab/record"
)

// witness knows nothing and keeps what it is told.
func witness(lost chan<- record.Loss) Witness {
	return Witness{
		Fate: func(id string) (plane.Fate, bool) {
			return plane.Fate{Instance: "i-1", Cause: "told by the plane"}, id == "web-again-7"
		},
		Version: func(string) string { return "v1" },
		Lost:    func(l record.Loss) { lost <- l },
	}
}

func TestEachRequestIsCountedOnceAndEachLossHasAName(t *testing.T) {
	var arrived atomic.Int64
	failed := make(chan struct{}, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		arrived.Add(1)
		w.Header().Set(host.VersionHeader, "v2")
		w.Header().Set(plane.InstanceHeader, "i-2")
		if req.URL.Query().Get(plane.IDKey) == "web-again-7" || req.URL.Query().Get(plane.IDKey) == "web-new-3" {
			w.WriteHeader(http.StatusBadGateway)
			failed <- struct{}{}
		}
	}))
	defer server.Close()
	lost := make(chan record.Loss, 10)
	run := Start([]Target{{"web", server.URL}}, Load{Rate: 200, Long: 10 * time.Millisecond}, witness(lost))
	<-failed
	<-failed
	run.Stop()
	got := run.Meter.Record(time.Minute)
	if got.Requests != int(arrived.Load()) || got.Lost != 2 || got.OK != got.Requests-2 || got.Versions["v2"] != got.OK {
		t.Errorf("%d arrived; counted %d, ok %d, lost %d, versions %v", arrived.Load(), got.Requests, got.OK, got.Lost, got.Versions)
	}
	if len(got.Losses) != 2 || len(lost) != 2 {
		t.Fatalf("losses %+v, %d told", got.Losses, len(lost))
	}
	causes := map[string]string{got.Losses[0].Cause: got.Losses[0].Instance, got.Losses[1].Cause: got.Losses[1].Instance}
	if causes["told by the plane"] != "i-1" {
		t.Errorf("losses %+v: one of them is known to the plane", got.Losses)
	}
	if _, ok := causes["502 Bad Gateway"]; !ok {
		t.Errorf("losses %+v: the other one only to its client", got.Losses)
	}
	all := 0
	for n, s := range got.Seconds {
		if s.At != n {
			t.Errorf("second %d is at %d", n, s.At)
		}
		all += s.OK + s.Lost
	}
	if len(got.Seconds) != 61 || all != got.Requests {
		t.Errorf("%d seconds with %d requests", len(got.Seconds), all)
	}
	if got.Latency.Max <= 0 || got.Latency.P50 > got.Latency.Max {
		t.Errorf("latency %+v", got.Latency)
	}
}

func TestWhatIsOpenAtTheEndIsWaitedFor(t *testing.T) {
	var arrived atomic.Int64
	begun, release := make(chan struct{}, 1000), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived.Add(1)
		begun <- struct{}{}
		<-release
	}))
	defer server.Close()
	run := Start([]Target{{"web", server.URL}}, Load{Rate: 50}, witness(make(chan record.Loss, 100)))
	for range 5 { // the load does not wait for answers
		<-begun
	}
	for _, a := range run.attackers {
		a.Stop()
	}
	stopped := make(chan struct{})
	go func() {
		run.Stop()
		close(stopped)
	}()
	close(release)
	<-stopped
	if got := run.Meter.Record(0); got.Lost != 0 || got.Requests != int(arrived.Load()) {
		t.Errorf("%d arrived; counted %d, lost %d", arrived.Load(), got.Requests, got.Lost)
	}
}
