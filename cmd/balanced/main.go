// Command balanced takes its own instance of an Auto Scaling group out of service and
// puts it back: balanced out && chef-client && balanced in.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"balanced/internal/cli"
)

func main() { os.Exit(run()) }

// run tells balanced to stop at the first signal; the second one kills, as if nobody
// had listened.
func run() int {
	// A reader that has gone away must not end a run that moves a host. The signal is
	// taken rather than ignored, so that programs we start have it as ever.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)

	ctx, cancel := context.WithCancelCause(context.Background())
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		sig := <-stop
		signal.Reset(syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM)
		cancel(cli.Signalled{Sig: sig})
	}()
	return cli.Main(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr, os.Getenv)
}
