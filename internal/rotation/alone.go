package rotation

import (
	"fmt"

	"balanced/internal/failure"
)

// TakeHost makes this agent the only one at work on its host until release. What the agent does meanwhile does not take
// the host again, so that `run` can hold it for out, its command and in together.
func (a *Agent) TakeHost() (release func(), err error) {
	if a.taken {
		return func() {}, nil
	}
	alone := a.Alone
	if alone == nil {
		alone = Alone
	}
	free, err := alone(a.Self.Instance)
	if err != nil {
		return nil, err
	}
	a.taken = true
	return func() { a.taken = false; free() }, nil
}

// errBusy is the answer to a second run on the same host.
func errBusy(instance string) error {
	return failure.New(failure.NotNow, "wait for it to end", "another balanced is at work on %s", instance)
}

// socketName is what makes a run the only one on its host: a name the kernel gives away once and takes back when the
// process ends, however it ends.
func socketName(instance string) string { return fmt.Sprintf("@balanced/%s", instance) }
