package cli

import (
	"fmt"
	"time"

	"balanced/internal/failure"
	"balanced/internal/fleet"
	"balanced/internal/logging"
	"balanced/internal/metrics"
	"balanced/internal/rotation"
)

// afterwards is what is written and started once a run is over, besides its report.
type afterwards struct {
	metrics string // a file; "": none
	notify  *notification
}

// afterwards reads --metrics-file and --notify of a command that has them, and makes sure that the file can be written.
// A dry run did nothing that anybody needs to hear of.
func (v *values) afterwards() (a afterwards, err error) {
	if !v.has("metrics-file") {
		return a, nil
	}
	a = afterwards{metrics: v.text("metrics-file"), notify: v.notification()}
	if a.metrics != "" {
		err = metrics.Check(a.metrics)
	}
	if err != nil {
		a.metrics, err = "", fileError{fmt.Errorf("--metrics-file: %w", err)}
	}
	if v.has("dry-run") && v.bool("dry-run") {
		return afterwards{}, err
	}
	return a, err
}

// tell writes the metrics and starts the notification. What goes wrong is a warning: the run is over.
func (j *job) tell(report *rotation.Report, e end) {
	if j.after.metrics != "" {
		if err := metrics.Update(j.after.metrics, j.command, lastRun(report, e)); err != nil {
			j.log.Warn("the metrics were not written", logging.Error(err))
		}
	}
	if err := j.after.notify.send(j.env, j.whole(report), e.code); err != nil {
		j.log.Warn("the notification failed", logging.Error(err))
	}
}

// lastRun is a run as the metrics have it. Whether the instance is in service is not known where no look succeeded, and
// where the run itself does not know the state.
func lastRun(report *rotation.Report, e end) metrics.Run {
	run := metrics.Run{Code: e.code, End: time.Now(), Duration: seconds(report.ElapsedSeconds)}
	if state := report.Instance.State; state != "" && report.Outcome != failure.Unknown.String() {
		in := state == string(fleet.InService)
		run.InService = &in
	}
	return run
}
