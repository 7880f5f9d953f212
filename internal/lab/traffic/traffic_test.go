package traffic

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"balanced/internal/lab/appserver"
	"balanced/internal/lab/proxy"
	"balanced/internal/lab/record"
)

// observer knows the outcome of one request, and keeps the losses it is told of.
func observer(lost chan<- record.Loss) Observer {
	return Observer{
		Outcome: func(id string) (proxy.Outcome, bool) {
			return proxy.Outcome{Instance: "i-1", Cause: "told by the proxy"}, id == "web-kept-7"
		},
		Version: func(string) string { return "v1" },
		OnLost:  func(l record.Loss) { lost <- l },
	}
}

func TestEveryRequestIsCountedOnceAndEveryLossHasItsNameAndCause(t *testing.T) {
	var arrived atomic.Int64
	failed := make(chan struct{}, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		arrived.Add(1)
		w.Header().Set(appserver.VersionHeader, "v2")
		w.Header().Set(proxy.InstanceHeader, "i-2")
		if req.URL.Query().Get(proxy.IDKey) == "web-kept-7" || req.URL.Query().Get(proxy.IDKey) == "web-new-3" {
			w.WriteHeader(http.StatusBadGateway)
			failed <- struct{}{}
		}
	}))
	defer server.Close()
	lost := make(chan record.Loss, 10)
	run := Start([]Target{{"web", server.URL}}, Load{Rate: 200, Long: 10 * time.Millisecond}, observer(lost))
	<-failed
	<-failed
	run.Stop()
	got := run.Meter.Record(time.Minute)
	if got.Requests != int(arrived.Load()) || got.Lost != 2 || got.OK != got.Requests-2 || got.Versions["v2"] != got.OK {
		t.Errorf("%d arrived; counted %d, ok %d, lost %d, versions %v", arrived.Load(), got.Requests, got.OK, got.Lost, got.Versions)
	}
	if len(got.Losses) != 2 || len(lost) != 2 {
		t.Fatalf("losses %+v, %d reported", got.Losses, len(lost))
	}
	causes, names := map[string]string{}, map[string]bool{}
	for _, l := range got.Losses {
		causes[l.Cause], names[l.Request] = l.Instance, true
	}
	if !names["web-kept-7"] || !names["web-new-3"] {
		t.Errorf("losses %+v, want web-kept-7 and web-new-3 by name", got.Losses)
	}
	if causes["told by the proxy"] != "i-1" {
		t.Errorf("losses %+v: want one with the cause that the proxy knows", got.Losses)
	}
	if _, ok := causes["502 Bad Gateway"]; !ok {
		t.Errorf("losses %+v: want one with the cause that only its client knows", got.Losses)
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

func TestStopWaitsForOpenRequests(t *testing.T) {
	var arrived atomic.Int64
	begun, release := make(chan struct{}, 1000), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived.Add(1)
		begun <- struct{}{}
		<-release
	}))
	defer server.Close()
	run := Start([]Target{{"web", server.URL}}, Load{Rate: 50}, observer(make(chan record.Loss, 100)))
	for range 5 { // requests are sent although none is answered
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
