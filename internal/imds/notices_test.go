package imds

import (
	"errors"
	"net/http"
	"strings"
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
		"meta-data/spot/instance-action":               `{"action":""}`,
		"meta-data/events/recommendations/rebalance":   `{}`,
		"meta-data/events/maintenance/scheduled":       `<html>`,
		"meta-data/autoscaling/target-lifecycle-state": `<html>no</html>`,
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
		got, _, err := parseScheduled(`[{"NotBefore":"` + day + ` Jan 2019 09:00:43 GMT"}]`)
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
		events, _, err := parseScheduled(text)
		for i, e := range events {
			if err != nil || i > 0 && e.Begins.Before(events[i-1].Begins) {
				t.Errorf("events %v, error %v", events, err)
			}
		}
	})
}

// One event that cannot be read does not hide the others, nor does it vanish.
func TestOneBadEventIsTold(t *testing.T) {
	good := `{"NotBefore":"21 Jan 2019 09:00:43 GMT","Code":"instance-stop","EventId":"e-1","State":"active"}`
	for name, c := range map[string]struct{ bad, told string }{
		"no time":          {`{"EventId":"e-2","State":"active"}`, "e-2"},
		"a time in words":  {`{"EventId":"e-2","NotBefore":"soon","State":"active"}`, "soon"},
		"no object":        {`"e-2"`, "number 2"},
		"another type":     {`{"EventId":7,"NotBefore":"21 Jan 2019 09:00:43 GMT"}`, "number 2"},
		"a zone somewhere": {`{"EventId":"e-2","NotBefore":"21 Jan 2019 09:00:43 XYZ"}`, "e-2"},
	} {
		got, err := notices(t, service{"meta-data/events/maintenance/scheduled": "[" + good + "," + c.bad + "]"})
		if err != nil || len(got.Scheduled) != 1 || got.Scheduled[0].ID != "e-1" || len(got.Unreadable) != 1 || !strings.Contains(got.Unreadable[0], c.told) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if got, err := notices(t, service{"meta-data/events/maintenance/scheduled": `[{"State":"completed","NotBefore":"soon"}]`}); err != nil || len(got.Unreadable) != 0 {
		t.Errorf("over, and told: %+v, %v", got, err)
	}
}

func TestTimesInOtherForms(t *testing.T) {
	want := time.Date(2019, 1, 21, 9, 0, 43, 0, time.UTC)
	for _, text := range []string{
		"21 Jan 2019 09:00:43 GMT", "21 Jan 2019 09:00:43 UTC", "2019-01-21T09:00:43Z", "2019-01-21T09:00:43.000Z",
		"Mon, 21 Jan 2019 09:00:43 GMT", "2019-01-21 09:00:43 UTC", "2019-01-21T09:00:43",
	} {
		if at, err := eventTime(text); err != nil || !at.Equal(want) {
			t.Errorf("%s: %v, %v", text, at, err)
		}
	}
}
