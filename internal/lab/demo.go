package lab

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Demo is a whole rollout with the real agent, told as an operator would want it.
type Demo struct {
	Config   Config
	Balanced string   // path of the agent
	Environ  []string // of the caller
	Verbose  bool     // show the agent's progress too
	Out      io.Writer
}

const (
	demoCommand = "balanced out && sh upgrade v2 && balanced in"
	demoUpgrade = `#!/bin/sh
# What stands for chef-client here: it gives this instance a new version.
version=versions/$BALANCED_LAB_INSTANCE
echo "upgraded $(cat "$version") -> $1"
echo "$1" >"$version"
`
	// traced shows each part of the command as it begins.
	traced = "PS4='$ '; set -x\n"
	// demoSettle is shorter than an operator's: reads of the simulated Region never lag.
	demoSettle = 2 * time.Second
)

// Run is a rollout over every instance, then one refusal. exit is the rollout's; a
// refusal that did not come is exit 1. err means that there was no rollout at all.
func (d Demo) Run(ctx context.Context) (exit int, err error) {
	dir, err := os.MkdirTemp("", "balanced-demo-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &stage{Demo: d, dir: dir, show: newShow(d.Out, cancel)}
	s.Config.App = App{Version: s.version, Asked: s.asked}
	lab, err := Serve(s.Config, 0)
	if err != nil {
		return 0, err
	}
	defer lab.Close()
	s.fleet = lab.Fleet
	if s.instances, err = lab.Instances(); err != nil {
		return 0, err
	}
	if err := prepare(dir, s.instances); err != nil {
		return 0, err
	}
	return s.play(ctx)
}

// prepare gives each instance its first version, and all of them the upgrade.
func prepare(dir string, instances []Instance) error {
	if err := os.Mkdir(filepath.Join(dir, "versions"), 0o755); err != nil {
		return err
	}
	for _, i := range instances {
		if err := os.WriteFile(versionFile(dir, i.ID), []byte("v1\n"), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "upgrade"), []byte(demoUpgrade), 0o644)
}

func versionFile(dir, id string) string { return filepath.Join(dir, "versions", id) }

// stage is a demo with its fleet.
type stage struct {
	Demo
	fleet     *Fleet
	instances []Instance
	dir       string
	show      *show
}

func (s *stage) play(ctx context.Context) (int, error) {
	s.intro()
	exit, err := s.rollout(ctx)
	if exit != 0 || err != nil {
		return exit, err
	}
	return s.refusal(ctx)
}

func (s *stage) intro() {
	p := s.fleet.Picture()
	s.show.printf(`A simulated Region on loopback: group %s, %d instances, MinSize %d.
In front of it target group %s and Classic Load Balancer %s; both drain for up to %s.
On each instance in turn, with the real binary:

    %s

with BALANCED_SETTLE=%s instead of 10s, since reads of this Region never lag.

  |  what the command prints
  ?  what balanced in asks the new version before a load balancer does
  *  what the Region says: lifecycle state, each load balancer, the group
`, s.fleet.Group, len(p.Members), p.Min, s.fleet.TargetGroups[0], s.fleet.Classic[0], s.Config.Drain, demoCommand, demoSettle)
}

// command makes a rollout of a command line, with the agent first on the PATH.
func (s *stage) command(line string) Rollout {
	return Rollout{Command: traced + line, Dir: s.dir, Output: s.show, Environ: s.environ()}
}

// environ leaves the caller's own settings of the agent out: a demo is the same for
// everyone.
func (s *stage) environ() []string {
	env := []string{
		"PATH=" + filepath.Dir(s.Balanced) + string(filepath.ListSeparator) + os.Getenv("PATH"),
		"BALANCED_SETTLE=" + demoSettle.String(),
	}
	if !s.Verbose {
		env = append(env, "BALANCED_LOG_LEVEL=warn")
	}
	for _, v := range s.Environ {
		if !strings.HasPrefix(v, "BALANCED_") && !strings.HasPrefix(v, "PATH=") {
			env = append(env, v)
		}
	}
	return env
}

// asked shows what an application was asked.
func (s *stage) asked(id, question string, code int) {
	s.show.question(id, fmt.Sprintf("%s: %d, %s", question, code, s.version(id)))
}

func (s *stage) rollout(ctx context.Context) (int, error) {
	r, n := s.command(demoCommand), 0
	r.Began = func(i Instance) {
		n++
		s.show.turn(i.ID, fmt.Sprintf("[%d/%d] %s in %s, %s", n, len(s.instances), i.ID, i.Zone, s.version(i.ID)))
	}
	r.Ended = func(res Result) { s.show.line(" ", fmt.Sprintf("exit %d", res.Exit)) }

	w := Watch(s.fleet, s.show.event)
	done := w.Start(ctx)
	results, err := r.Run(ctx, s.instances)
	done()
	if err != nil {
		return 0, err
	}
	s.summary(w, results)
	return results[len(results)-1].Exit, nil
}

func (s *stage) version(id string) string {
	text, err := os.ReadFile(versionFile(s.dir, id))
	if err != nil {
		return "?"
	}
	return strings.TrimSpace(string(text))
}

// refusal shows what keeps a second operator from taking the next instance out.
func (s *stage) refusal(ctx context.Context) (int, error) {
	first, second := s.instances[0], s.instances[1]
	s.show.printf("\nOne more thing: %s leaves again. May %s leave too?\n", first.ID, second.ID)
	for _, part := range []struct {
		on      Instance
		command string
		want    int
	}{
		{first, "balanced out", 0},
		{second, "balanced out --wait 0s", 75},
		{first, "balanced in", 0},
	} {
		s.show.turn(part.on.ID, part.on.ID)
		result, err := s.command(part.command).On(ctx, part.on)
		if err != nil {
			return 0, err
		}
		s.show.line(" ", fmt.Sprintf("exit %d", result.Exit))
		if result.Exit != part.want {
			return max(1, result.Exit), nil
		}
	}
	s.show.printf("\nNo: exit 75, not now, nothing was moved. All %d serve again.\n", s.fleet.Picture().Serving)
	return 0, nil
}
