package rehearsal

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"balanced/internal/lab"
)

func fleet(n int) []lab.Instance {
	var all []lab.Instance
	for i := range n {
		all = append(all, lab.Instance{ID: "i-" + string(rune('1'+i))})
	}
	return all
}

func TestRolloutStopsAtTheFirstFailure(t *testing.T) {
	for _, c := range []struct {
		exitOnError bool
		want        []string
	}{{true, []string{"i-1", "i-2"}}, {false, []string{"i-1", "i-2", "i-3"}}} {
		var ran []string
		r := rollout{concurrency: 1, exitOnError: c.exitOnError, run: func(_ context.Context, i lab.Instance) (int, error) {
			ran = append(ran, i.ID)
			return map[string]int{"i-2": 75, "i-3": 80}[i.ID], nil
		}}
		exit, failed, err := r.runAll(t.Context(), fleet(3))
		if exit != 75 || failed != "i-2" || err != nil || !slices.Equal(ran, c.want) {
			t.Errorf("exitOnError %v: exit %d at %s, %v, ran on %v; want 75 at i-2 and %v", c.exitOnError, exit, failed, err, ran, c.want)
		}
	}
}

func TestRunningCommandsFinishAfterAFailure(t *testing.T) {
	var mu sync.Mutex
	var ended []string
	begun, failed := make(chan struct{}, 2), make(chan struct{})
	r := rollout{concurrency: 3, exitOnError: true}
	r.run = func(_ context.Context, i lab.Instance) (int, error) {
		if i.ID == "i-1" {
			<-begun
			<-begun
			defer close(failed)
			return 9, nil
		}
		begun <- struct{}{}
		<-failed
		mu.Lock()
		defer mu.Unlock()
		ended = append(ended, i.ID)
		return 0, nil
	}
	exit, _, err := r.runAll(t.Context(), fleet(3))
	slices.Sort(ended)
	if exit != 9 || err != nil || !slices.Equal(ended, []string{"i-2", "i-3"}) {
		t.Errorf("exit %d, %v, ended %v; want 9, and that i-2 and i-3 finish", exit, err, ended)
	}
}

func TestStoppedRolloutReturnsTheCause(t *testing.T) {
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	r := rollout{concurrency: 1, run: func(context.Context, lab.Instance) (int, error) {
		cancel(why)
		return 143, nil
	}}
	if _, _, err := r.runAll(ctx, fleet(3)); !errors.Is(err, why) || r.next != 1 {
		t.Errorf("%v after %d instances; want the cause after one", err, r.next)
	}
}

func TestConcurrency(t *testing.T) {
	for _, c := range []struct {
		text          string
		of            int
		want, minimum int
	}{{"1", 4, 1, 3}, {"3", 8, 3, 5}, {"10", 8, 8, 1}, {"50%", 8, 4, 4}, {"50%", 3, 1, 2}, {"10%", 4, 1, 3}, {"100%", 4, 4, 1}} {
		got, err := ParseConcurrency(c.text)
		if err != nil || got.Of(c.of) != c.want || got.Minimum(c.of) != c.minimum {
			t.Errorf("%s of %d: %d, minimum %d, %v; want %d, minimum %d", c.text, c.of, got.Of(c.of), got.Minimum(c.of), err, c.want, c.minimum)
		}
	}
	for _, bad := range []string{"", "0", "-1", "101%", "half", "%", "1.5"} {
		if _, err := ParseConcurrency(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
