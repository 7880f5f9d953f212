package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"balanced/internal/lab"
	"balanced/internal/lab/appserver"
	"balanced/internal/lab/record"
)

func upCommand() *cli.Command {
	return command(cli.Command{
		Name:        "up",
		Usage:       "serve a fleet until Ctrl-C",
		Description: "Prints, for each instance, a line that makes a shell act as that instance. If there are several labs, env finds the newest.",
		Flags: append([]cli.Flag{
			&cli.IntFlag{Name: "port", Usage: "`PORT` of the AWS APIs; 0 is any free port"},
			&cli.IntFlag{Name: "gwlb", Usage: "number `N` of target groups, each behind a Gateway Load Balancer, which has no address of its own here"},
			&cli.StringFlag{Name: "from", Usage: "behave as check-aws --json found AWS to behave, in `FILE`"},
		}, fleetFlags()...),
	}, 0, serveFleet)
}

// serveFleet serves until the context ends. A signal is the normal end, so the exit code is 0.
func serveFleet(c *cli.Context) error {
	cfg, err := readConfig(c)
	if err != nil {
		return err
	}
	if port := c.Int("port"); port < 0 || port > 65535 {
		return usageErrorf("--port %d: want 0 to 65535", port)
	}
	if cfg.Gateway = c.Int("gwlb"); cfg.Gateway < 0 || cfg.Gateway > 10 {
		return usageErrorf("--gwlb %d: want 0 to 10", cfg.Gateway)
	}
	if cfg.Recording, err = readRecording(c.String("from")); err != nil {
		return err
	}
	l, err := lab.Serve(cfg, c.Int("port"))
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("--port %d: %w; give another port, or 0 for any free one", c.Int("port"), err)
	}
	if err != nil {
		return fmt.Errorf("--port %d: %w", c.Int("port"), err)
	}
	defer l.Close()
	defer publish(l, c.App.ErrWriter)()
	if err := printFleet(c.App.Writer, l, cfg); err != nil {
		return err
	}
	<-c.Context.Done()
	return nil
}

// publish makes `balanced-lab env` find this lab. If that fails, the lab can still be used.
func publish(l *lab.Lab, stderr io.Writer) (remove func()) {
	path, err := lab.StateFile()
	if err == nil {
		remove, err = l.Publish(path)
	}
	if err != nil {
		fmt.Fprintf(stderr, "balanced-lab: balanced-lab env will not find this lab: %v\n", err)
		return func() {}
	}
	return remove
}

func printFleet(w io.Writer, l *lab.Lab, cfg lab.Config) error {
	instances, err := l.Instances()
	if err != nil {
		return err
	}
	var b strings.Builder
	p := l.Fleet.Snapshot()
	fmt.Fprintf(&b, "Region %s at %s\n", l.Fleet.RegionName, l.API)
	if l.Fleet.Group == "" {
		fmt.Fprintf(&b, "%d instances in no group: BALANCED_TARGETS=%s, BALANCED_MIN_HEALTHY=%d\n", len(instances), l.Fleet.Targets(), p.Min)
	} else {
		fmt.Fprintf(&b, "group %s: %d instances, MinSize %d, MaxSize %d, desired %d\n", l.Fleet.Group, len(instances), p.Min, p.Max, p.Desired)
	}
	for _, s := range l.Fleet.Sources {
		at := ": " + l.Proxies.URL(s.Name)
		if s.Kind == lab.Gateway {
			at = ""
		}
		fmt.Fprintf(&b, "%s load balancer %s, drain %s%s\n", s.Kind, s.Name, record.Duration(cfg.Drain.Seconds()), at)
	}
	fmt.Fprintf(&b, "server of each instance: port %d, health checks ask for %s\n", l.Fleet.Port, appserver.HealthPath)
	fmt.Fprintf(&b, "DynamoDB table for --lock: %s\n", lab.LockTable)
	b.WriteString("\nTo make a shell act as an instance, paste one of these lines:\n\n")
	for _, i := range instances {
		fmt.Fprintf(&b, "%s  # %s, %s\n", i.ExportLine(), i.ID, i.Zone)
	}
	b.WriteString("\nor run  eval \"$(balanced-lab env)\"  for the first one.\n")
	b.WriteString("Then run  balanced status  or  aws autoscaling describe-auto-scaling-groups\n\n")
	b.WriteString("Ctrl-C ends the lab.\n")
	_, err = io.WriteString(w, b.String())
	return err
}
