package rotation

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// Alone makes this process the only balanced at work for the instance, until release
// or the end of the process. The name lives in the network namespace, so it also
// holds between containers that share the host's.
func Alone(instance string) (release func(), err error) {
	l, err := net.Listen("unix", socketName(instance))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, errBusy(instance)
	}
	if err != nil {
		return nil, fmt.Errorf("make sure that no other balanced is at work: %w", err)
	}
	return func() { _ = l.Close() }, nil
}
