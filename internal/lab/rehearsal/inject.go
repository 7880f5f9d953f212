package rehearsal

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"balanced/internal/lab"
	"balanced/internal/lab/record"
	"balanced/internal/sim"
)

// target is the ID of the instance that a fault names.
func (w *watcher) target(f Fault) string { return w.instances[f.n-1].ID }

func (w *watcher) badVersion(f Fault) {
	for _, i := range w.instances[f.n-1:] {
		w.lab.MakeDeploysBad(i.ID)
	}
	w.event(w.target(f), record.Fault, "the new version is bad here and on all later instances")
}

func (w *watcher) killServer(f Fault) {
	w.event(w.target(f), record.Fault, "its server is killed")
	w.lab.Server(w.target(f)).Remove()
}

// burstSeconds is the size of a token bucket in seconds of its rate: so many calls are
// answered at once after a pause.
const burstSeconds = 5

func (w *watcher) throttle(f Fault) {
	for _, service := range []string{"autoscaling", "elasticloadbalancing", "elasticloadbalancingv2"} {
		w.lab.Fleet.Region.SetBucket(service, burstSeconds*float64(f.n), float64(f.n))
	}
	w.event("", record.Fault, fmt.Sprintf("AWS answers only %d calls a second to each service", f.n))
}

func (w *watcher) stickDrain(f Fault) {
	w.lab.Fleet.Region.SetState(w.target(f), "EnteringStandby")
	w.event(w.target(f), record.Fault, "it stays in EnteringStandby for ever")
}

func (w *watcher) scaleOut(f Fault) {
	region, group := w.lab.Fleet.Region, w.lab.Fleet.Group
	_, _, desired := region.Sizes(group)
	region.ScaleByPolicy(group, desired+f.n)
	w.event("", record.Fault, fmt.Sprintf("a scaling policy changes the desired capacity from %d to %d", desired, desired+f.n))
}

func (w *watcher) spotNotice(f Fault) {
	// EC2 gives two minutes' notice (EC2 User Guide, "Spot Instance interruption notices").
	w.lab.Fleet.Region.UpdateMetadata(w.target(f), func(m *sim.Metadata) {
		m.SpotAction, m.SpotTime = "terminate", time.Now().Add(2*time.Minute).UTC().Format(time.RFC3339)
	})
	w.event(w.target(f), record.Fault, "Spot interruption notice: EC2 will terminate it in 2m")
}

// killAgent kills balanced, not the shell that runs it.
func (w *watcher) killAgent(f Fault) {
	id := w.target(f)
	shell, running := w.command.pids()[id]
	for _, pid := range append([]int{shell}, readProcTree().descendants(shell)...) {
		words := argv(pid)
		if !running || len(words) == 0 || filepath.Base(words[0]) != "balanced" {
			continue
		}
		w.mu.Lock()
		w.rerun[id] = true
		w.mu.Unlock()
		w.event(id, record.Fault, "kill -9 of balanced "+strings.Join(words[1:], " "))
		if p, err := os.FindProcess(pid); err == nil {
			p.Kill() // it may have ended since; then there is nothing to kill
		}
		return
	}
	w.event(id, record.Fault, "balanced does not run there, so it is not killed")
}

// startSecondOperator begins another rollout, one instance at a time, which stops at its
// first failure. It reports how each of its commands ended; the rehearsal's own result does
// not depend on it.
func (w *watcher) startSecondOperator(f Fault) {
	w.event(w.target(f), record.Fault, "a second operator begins the same rollout here")
	go func() {
		defer w.faults.working.Done()
		r := rollout{concurrency: 1, exitOnError: true, run: func(ctx context.Context, i lab.Instance) (int, error) {
			exit, err := w.secondOperator.run(ctx, i)
			w.event(i.ID, record.Fault, fmt.Sprintf("the second operator's command ended: exit %d", exit))
			return exit, err
		}}
		r.runAll(w.faults.ctx, w.instances[f.n-1:])
	}()
}
