package rehearsal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"balanced/internal/lab"
	"balanced/internal/lab/appserver"
	"balanced/internal/lab/record"
	"balanced/internal/sim"
)

// Images of a refresh.
const (
	GoodImage = "good"
	BadImage  = "bad" // its server fails every health check and every other request
)

// Gate is what a refresh runs on each new instance, where no other command is given.
const Gate = "balanced ready --on-unfit abandon --timeout 20s"

// refreshed is the version that the new AMI has, and bootTime how long its server answers 503.
const (
	refreshed = "v2"
	bootTime  = 2 * time.Second
)

// refreshPoll is the time between two looks for new instances.
const refreshPoll = 100 * time.Millisecond

// forRefresh is a fleet for an instance refresh: with a launch hook, and without one where no instance runs balanced.
// Auto Scaling asks EC2 alone about health, which is its default: what a load balancer says of a new instance then never
// stops a refresh.
func (p Plan) forRefresh() lab.Config {
	cfg := p.Fleet
	cfg.LaunchHook, cfg.EC2Checks = !p.Naive, true
	return cfg
}

// refreshGroup rolls the new AMI out as an instance refresh does, with new instances launched before old ones are
// terminated, and runs the command on each new instance. The exit code is 0 where the refresh was successful.
func (r *rehearsal) refreshGroup(ctx context.Context) (exit int, failed string, err error) {
	region, group := r.lab.Fleet.Region, r.lab.Fleet.Group
	r.lab.AddImage(refreshed, appserver.Release{Version: refreshed, Bad: r.Refresh == BadImage, WarmUp: bootTime})
	region.StartRefreshWith(group, sim.Refresh{Image: refreshed, Preferences: map[string]string{"MinHealthyPercentage": "100", "AutoRollback": "true"}})
	ctx, cancel := context.WithCancel(ctx)
	var booting sync.WaitGroup
	defer booting.Wait()
	defer cancel()
	booted, before := map[string]bool{}, ""
	for {
		if err := r.bootNew(ctx, &booting, booted); err != nil {
			return 0, "", err
		}
		status, reason := region.RefreshStatus(group)
		if now := strings.TrimSuffix(status+": "+reason, ": "); now != before {
			r.event("", record.Changed, "refresh "+now)
			before = now
		}
		switch status {
		case "Successful":
			return 0, "", r.settle(ctx, &booting)
		case "Failed", "RollbackSuccessful":
			return 1, status, nil
		}
		if err := pause(ctx, refreshPoll); err != nil {
			return 0, "", err
		}
	}
}

// settle waits for the commands on instances that went into service.
func (r *rehearsal) settle(ctx context.Context, booting *sync.WaitGroup) error {
	done := make(chan struct{})
	go func() { booting.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// bootNew runs the command on instances that were launched since the last call.
func (r *rehearsal) bootNew(ctx context.Context, booting *sync.WaitGroup, booted map[string]bool) error {
	all, err := r.lab.Instances()
	if err != nil {
		return err
	}
	for _, i := range all {
		if booted[i.ID] || r.index(i.ID) > 0 {
			continue
		}
		booted[i.ID] = true
		booting.Go(func() {
			if _, err := r.runOn(ctx, i); err != nil && ctx.Err() == nil {
				r.event(i.ID, record.Ended, err.Error())
			}
		})
	}
	return nil
}

// refreshSummary is the summary of a refresh.
func refreshSummary(r record.Rehearsal, failed string) string {
	s := r.Final()
	parts := []string{
		"refresh " + cmp.Or(failed, "Successful"), s.Text(),
		fmt.Sprintf("%d of %d healthy, never fewer than %d", s.Healthy, s.Members, r.Group.FewestHealthy),
		fmt.Sprintf("%s of %s requests lost", record.Grouped(r.Traffic.Lost), record.Grouped(r.Traffic.Requests)),
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "; ")
}
