package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"balanced/internal/lab"
)

func demoCommand() *cli.Command {
	return command(cli.Command{
		Name:        "demo",
		Usage:       "roll a new version out over a fleet of four with the real balanced",
		Description: "Exits with the code of the rollout.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "balanced", Usage: "the agent's `FILE`", DefaultText: "the one beside balanced-lab, or else on the PATH"},
			&cli.BoolFlag{Name: "verbose", Usage: "show the agent's own progress too"},
		},
	}, 0, demo)
}

// demoFleet is quick: the whole rollout is to be over within a minute. Its ids are new
// each time, since two agents for one id would keep each other out on this machine.
func demoFleet() lab.Config {
	return lab.Config{
		Size: 4, Zones: 2, Min: lab.Derived, Max: lab.Derived, TargetGroups: 1, Classic: 1,
		Drain: 2 * time.Second, Interval: time.Second, Healthy: 2, Unhealthy: 2,
		InFlight: time.Second, MoveTime: time.Second, LaunchTime: 20 * time.Second, Seed: rand.Uint64(),
	}
}

func demo(c *cli.Context) error {
	agent, err := findAgent(c.String("balanced"))
	if err != nil {
		return err
	}
	demo := lab.Demo{Config: demoFleet(), Balanced: agent, Environ: os.Environ(), Verbose: c.Bool("verbose"), Out: c.App.Writer}
	exit, err := demo.Run(c.Context)
	if sig, ok := errors.AsType[stopped](context.Cause(c.Context)); ok {
		return sig
	}
	if err != nil {
		return err
	}
	if exit != 0 {
		return rollout(exit)
	}
	return nil
}

// findAgent is the absolute path of an agent that can be run under its own name.
func findAgent(given string) (string, error) {
	candidates := []string{given}
	if given == "" {
		self, err := os.Executable()
		if err != nil {
			return "", err
		}
		candidates = []string{filepath.Join(filepath.Dir(self), "balanced"), "balanced"}
	}
	for _, c := range candidates {
		if path, err := exec.LookPath(c); err == nil && filepath.Base(path) == "balanced" {
			return filepath.Abs(path)
		}
	}
	if given != "" {
		return "", misused("--balanced %s: no program named balanced there", given)
	}
	return "", misused("no balanced beside balanced-lab or on the PATH; make build puts both in bin")
}
