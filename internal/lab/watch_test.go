package lab

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestAWatcherTellsEachChangeAndCountsWhatWasOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := small()
		cfg.Drain, cfg.InFlight, cfg.MoveTime = 30*time.Second, 10*time.Second, time.Second
		f, err := newFleet(cfg, 80)
		if err != nil {
			t.Fatal(err)
		}
		id := f.Picture().Members[0].ID
		var told []string
		w := Watch(f, func(e Event) {
			told = append(told, e.Member.State+" "+e.Member.Views[0].State+" "+e.Member.Views[1].State)
		})
		done := w.Start(t.Context())
		if err := f.Region.EnterStandby(f.Group, id, true); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute) // of virtual time
		if err := f.Region.ExitStandby(f.Group, id); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		done()
		want := []string{
			"EnteringStandby draining draining", "EnteringStandby draining -", "Standby - -",
			"Pending - -", "InService serving -", "InService serving serving",
		}
		if len(told) != len(want) {
			t.Fatalf("told %q, want %q", told, want)
		}
		for i := range want {
			if told[i] != want[i] {
				t.Errorf("told %q, want %q", told[i], want[i])
			}
		}
		if out := w.Out(id); out < time.Minute || out > 65*time.Second {
			t.Errorf("out for %s, want a minute and the way back", out)
		}
		if w.LeastServing() != 2 {
			t.Errorf("least serving %d, want 2", w.LeastServing())
		}
	})
}
