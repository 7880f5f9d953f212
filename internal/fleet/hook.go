package fleet

import (
	"errors"
	"strings"
	"time"
)

// LaunchHook is a lifecycle hook that holds a new instance in Pending:Wait, and one whose root volume was replaced.
type LaunchHook struct {
	Name string
	// Heartbeat is how long the hook waits for the next sign of life; then its default result counts.
	Heartbeat time.Duration
	// Global is how long signs of life can hold an instance altogether.
	Global time.Duration
	// Continues: without an answer in time the instance goes on into service. Otherwise it is terminated.
	Continues bool
}

// Default is what the hook does without an answer, as AWS spells it.
func (h LaunchHook) Default() string {
	if h.Continues {
		return "CONTINUE"
	}
	return "ABANDON"
}

// OfCodeDeploy: CodeDeploy made the hook and completes it, when its launch deployment is over (CodeDeploy User Guide,
// "How CodeDeploy works with Amazon EC2 Auto Scaling").
func (h LaunchHook) OfCodeDeploy() bool {
	return strings.HasPrefix(h.Name, "CodeDeploy-managed-automatic-launch-deployment-hook-")
}

// ErrNoAction: the hook does not hold the instance, or no longer.
var ErrNoAction = errors.New("the launch hook does not hold the instance")
