package imds

import (
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"balanced/internal/fleet"
)

func notices(t *testing.T, s http.Handler) (n fleet.Notices, err error) {
	synctest.Test(t, func(t *testing.T) {
		n, err = New(Options{HTTP: pipe(t, s), Endpoint: "http://imds"}).Notices(t.Context())
	})
	return n, err
}

func TestNothingPlanned(t *testing.T) {
	for name, s := range map[string]service{
		"nothing is there":  {},
		"an empty list":     {"meta-data/events/maintenance/scheduled": "[]"},
		"an empty document": {"meta-data/events/maintenance/scheduled": ""},
	} {
		got, err := notices(t, s)
		if diff := cmp.Diff(fleet.Notices{}, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

func TestEverythingPlanned(t *testing.T) {
	got, err := notices(t, service{
		"meta-data/spot/instance-action":               `{"action":"terminate","time":"2017-09-18T08:22:00Z"}`,
		"meta-data/events/recommendations/rebalance":   `{"noticeTime":"2020-11-05T08:22:00Z"}`,
		"meta-data/autoscaling/target-lifecycle-state": "InService\n",
		"meta-data/events/maintenance/scheduled": `[
{"NotBefore":"21 Jan 2019 09:00:43 GMT","Code":"system-reboot","Description":"scheduled reboot","EventId":"instance-event-2","NotAfter":"21 Jan 2019 09:17:23 GMT","State":"active"},
{"NotBefore":"1 Jan 2019 01:03:47 GMT","Code":"instance-stop","Description":"power","EventId":"instance-event-1","State":"active"},
{"NotBefore":"1 Jan 2018 01:03:47 GMT","Code":"instance-stop","Description":"[Completed] power","EventId":"instance-event-0","State":"completed"},
{"NotBefore":"1 Jan 2018 01:03:47 GMT","Code":"instance-stop","Description":"[Canceled] power","EventId":"instance-event-9","State":"canceled"}]`,
	})
	want := fleet.Notices{
		Spot: "terminate", SpotAt: time.Date(2017, 9, 18, 8, 22, 0, 0, time.UTC),
		Rebalance: time.Date(2020, 11, 5, 8, 22, 0, 0, time.UTC),
		Scheduled: []fleet.Event{
			{ID: "instance-event-1", Code: "instance-stop", Description: "power", Begins: time.Date(2019, 1, 1, 1, 3, 47, 0, time.UTC)},
			{ID: "instance-event-2", Code: "system-reboot", Description: "scheduled reboot", Begins: time.Date(2019, 1, 21, 9, 0, 43, 0, time.UTC)},
		},
		Target: "InService",
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestANoticeThatCannotBeReadIsNotNothing(t *testing.T) {
	for path, text := range map[string]string{
		"meta-data/spot/instance-action":             `{"action":""}`,
		"meta-data/events/recommendations/rebalance": `{}`,
		"meta-data/events/maintenance/scheduled":     `[{"NotBefore":"soon","State":"active"}]`,
	} {
		if _, err := notices(t, service{path: text}); !errors.Is(err, ErrBadAnswer) {
			t.Errorf("%s %s: %v", path, text, err)
		}
	}
}

func TestOneTokenServesAllItems(t *testing.T) {
	var tokens atomic.Int32
	_, err := notices(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			tokens.Add(1)
		}
		service{}.ServeHTTP(w, r)
	}))
	if err != nil || tokens.Load() != 1 {
		t.Errorf("%d tokens, %v", tokens.Load(), err)
	}
}

func TestDaysHaveOneDigitOrTwo(t *testing.T) {
	want := time.Date(2019, 1, 3, 9, 0, 43, 0, time.UTC)
	for _, day := range []string{"3", "03"} {
		got, err := parseScheduled(`[{"NotBefore":"` + day + ` Jan 2019 09:00:43 GMT"}]`)
		if err != nil || !got[0].Begins.Equal(want) {
			t.Errorf("day %s: %v, %v", day, got, err)
		}
	}
}

func FuzzNotices(f *testing.F) {
	f.Add(`[{"NotBefore":"21 Jan 2019 09:00:43 GMT","Code":"instance-stop","EventId":"e","State":"active"}]`)
	f.Add(`[{"State":"completed"}]`)
	f.Add(`{"action":"terminate","time":"2017-09-18T08:22:00Z"}`)
	f.Add(`{"noticeTime":"2020-11-05T08:22:00Z"}`)
	f.Add(`[null]`)
	f.Fuzz(func(t *testing.T, text string) {
		if action, _, err := parseSpot(text); err == nil && action == "" {
			t.Error("a notice without an action")
		}
		if at, err := parseRebalance(text); err == nil && at.IsZero() {
			t.Error("a recommendation without a time")
		}
		events, err := parseScheduled(text)
		for i, e := range events {
			if err != nil || i > 0 && e.Begins.Before(events[i-1].Begins) {
				t.Errorf("events %v, error %v", events, err)
			}
		}
	})
}
