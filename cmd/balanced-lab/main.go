// Command balanced-lab serves a fleet of simulated EC2 instances on loopback, to try balanced
// and to rehearse rollouts.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// A reader that goes away must not end this process before those that it started.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)

	ctx, cancel := context.WithCancelCause(context.Background())
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM)
	go func() { cancel(signalled{<-stop}) }()

	os.Exit(run(ctx, os.Args, os.Stdout, os.Stderr))
}
