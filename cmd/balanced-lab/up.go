package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"balanced/internal/lab"
	"balanced/internal/lab/host"
)

func upCommand() *cli.Command {
	return command(cli.Command{
		Name:        "up",
		Usage:       "serve a fleet until Ctrl-C",
		Description: "Prints for each instance what to paste into a shell. Of several labs, env finds the newest.",
		Flags: append([]cli.Flag{
			&cli.IntFlag{Name: "port", Usage: "`PORT` of the AWS APIs; 0 is any free one"},
		}, fleetFlags()...),
	}, 0, up)
}

// up serves until the context ends; that is what it is for, so a signal is exit 0.
func up(c *cli.Context) error {
	cfg, err := config(c)
	if err != nil {
		return err
	}
	if port := c.Int("port"); port < 0 || port > 65535 {
		return misused("--port %d: want 0 to 65535", port)
	}
	l, err := lab.Serve(cfg, c.Int("port"))
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

// publish lets `balanced-lab env` find this lab. A lab that cannot be found so is
// still of use.
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
	p := l.Fleet.Picture()
	fmt.Fprintf(&b, "Region %s at %s\n", l.Fleet.RegionName, l.API)
	fmt.Fprintf(&b, "group %s: %d instances, MinSize %d, MaxSize %d, desired %d\n", l.Fleet.Group, len(instances), p.Min, p.Max, p.Desired)
	for _, s := range l.Fleet.Sources {
		fmt.Fprintf(&b, "%s load balancer %s, drains for %s: %s\n", s.Kind, s.Name, cfg.Drain, l.Plane.URL(s.Name))
	}
	fmt.Fprintf(&b, "on each instance a server, a process of its own, which they ask for :%d%s\n", l.Fleet.Port, host.HealthPath)
	b.WriteString("\nTo be an instance, paste one of these lines:\n\n")
	for _, i := range instances {
		fmt.Fprintf(&b, "%s  # %s, %s\n", i.Line(), i.ID, i.Zone)
	}
	fmt.Fprintf(&b, "\nor run: eval \"$(balanced-lab env %s)\"\n", instances[0].ID)
	b.WriteString("then:   balanced status\n")
	b.WriteString("or:     aws autoscaling describe-auto-scaling-groups\n\n")
	b.WriteString("Ctrl-C ends the lab.\n")
	_, err = io.WriteString(w, b.String())
	return err
}

// find asks the running lab.
func find(ctx context.Context) ([]lab.Instance, error) {
	path, err := lab.StateFile()
	if err != nil {
		return nil, err
	}
	return lab.Find(ctx, path)
}
