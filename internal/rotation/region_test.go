package rotation

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"balanced/internal/awsapi"
	"balanced/internal/fleet"
	"balanced/internal/fleet/sample"
)

// region answers a reader's questions by one snapshot, and writes down what was asked.
type region struct {
	is       fleet.Snapshot
	absent   int     // membership answers that name no group, at first
	errs     []error // of the membership answers, in order
	noGroup  int     // group answers that find none, at first
	notices  error
	describe error
	health   error
	takes    time.Duration // each question about health

	busy, most int // of these at a time

	mu    sync.Mutex
	asked []string
}

func (r *region) ask(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, what)
}

// answer takes its time, beside others.
func (r *region) answer(what string) {
	r.ask(what)
	r.mu.Lock()
	r.busy++
	r.most = max(r.most, r.busy)
	r.mu.Unlock()
	if r.takes > 0 {
		pass(r.takes)
	}
	r.mu.Lock()
	r.busy--
	r.mu.Unlock()
}

func (r *region) Membership(context.Context, string) (fleet.Membership, error) {
	r.answer("membership")
	var err error
	if len(r.errs) > 0 {
		err, r.errs = r.errs[0], r.errs[1:]
	}
	m := fleet.Membership{Group: r.is.Group.Name, Zone: r.is.Zone, State: r.is.State, Healthy: r.is.Healthy, At: r.is.Now, Held: r.is.Group.Held}
	if r.absent--; r.absent >= 0 || err != nil {
		m = fleet.Membership{}
	}
	return m, err
}

func (r *region) Group(context.Context, string) (fleet.Group, error) {
	r.ask("group")
	if r.noGroup--; r.noGroup >= 0 {
		return fleet.Group{}, fleet.ErrNoGroup
	}
	g := r.is.Group
	g.At = r.is.Now
	return g, nil
}

func (r *region) Activities(context.Context, string, func([]fleet.Activity) bool) ([]fleet.Activity, error) {
	r.ask("activities")
	return r.is.Activities, nil
}

func (r *region) Refreshes(context.Context, string) ([]fleet.Refresh, error) {
	r.ask("refreshes")
	return r.is.Refreshes, nil
}

func (r *region) Notices(context.Context) (fleet.Notices, error) {
	r.ask("notices")
	return r.is.Notices, r.notices
}

func (r *region) Describe(context.Context, []string, []string) ([]fleet.Source, error) {
	r.ask("describe")
	var all []fleet.Source
	for _, t := range r.is.Traffic {
		all = append(all, t.Source)
	}
	return all, r.describe
}

func (r *region) Health(_ context.Context, s fleet.Source) ([]fleet.Target, error) {
	r.answer("health of " + s.Name)
	return r.of(s).Targets, r.health
}

func (r *region) HealthOf(_ context.Context, s fleet.Source, id string) (fleet.Target, error) {
	r.answer("own health of " + s.Name)
	return r.of(s).Of(id), r.health
}

func (r *region) of(s fleet.Source) fleet.Traffic {
	for _, t := range r.is.Traffic {
		if t.ID == s.ID {
			return t
		}
	}
	return fleet.Traffic{}
}

func (r *region) Reads() []awsapi.Read                    { return nil }
func (r *region) AnswersV1(context.Context) (bool, error) { return false, nil }

func (r *region) Registrations(context.Context, string, string, string) ([]fleet.Registration, error) {
	return nil, nil
}

// readingOf is a reader of i-1 in a group behind two target groups, "web" and "api".
func readingOf(ignore ...string) (*reader, *region, *observer.ObservedLogs) {
	all := &region{is: sample.Group()}
	web := all.is.Traffic[0]
	web.ID = "arn:web"
	api := web
	api.Name, api.ID, api.Targets = "api", "arn:api", slices.Clone(web.Targets)
	all.is.Traffic = []fleet.Traffic{web, api}
	all.is.Group.TargetGroups = []string{"arn:web", "arn:api"}
	core, lines := observer.New(zap.InfoLevel)
	return &reader{id: "i-1", groups: all, balancers: all, metadata: all, log: zap.New(core), ignore: ignore}, all, lines
}

func never() time.Duration { return 0 }

// look reads, and returns what was asked, in no order but for the first.
func (r *region) look(t *testing.T, by *reader, q question) []string {
	t.Helper()
	r.asked = nil
	if err := by.read(t.Context(), q, never); err != nil {
		t.Error(err)
	}
	slices.Sort(r.asked)
	return r.asked
}
