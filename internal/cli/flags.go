package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"balanced/internal/fleet"
	"balanced/internal/logging"
	"balanced/internal/rotation"
)

// defaultHold are the hold files: one that a reboot removes, and one that stays.
func defaultHold() []string { return []string{"/run/balanced.hold", "/etc/balanced.hold"} }

// globalFlags are accepted before and after the name of a command that can move the instance, or forecasts a move.
func globalFlags() []cli.Flag { return append(watchFlags(), holdFlag()) }

// watchFlags are those of every command that has a report.
func watchFlags() []cli.Flag {
	return []cli.Flag{
		outputFlag(),
		text("report", "", "write the report, as JSON, to `FILE`"),
		text("log-level", "info", "`LEVEL` of stderr: debug, info, warn or error", "debug", "info", "warn", "error"),
		text("log-format", "auto", "`FORMAT` of stderr: console, json, or auto: json where stderr is the systemd journal, else console", "auto", logging.Console, logging.JSON),
		toggle("quiet", "print only warnings, errors and the last line on stderr", "q"),
		toggle("no-color", "print without colors, as with NO_COLOR"),
	}
}

// metricsFlag and notifyFlags are those of the commands that move the instance or wait for it.
func metricsFlag() cli.Flag {
	return text("metrics-file", "", "write how the run ended to `FILE`, for node_exporter's textfile collector; not after a dry run")
}

func notifyFlags() []cli.Flag {
	return []cli.Flag{
		text("notify", "", "run `COMMAND` with sh -c after the run, with the report as JSON on its stdin; at most 30 seconds, not after a dry run"),
		list("notify-on", "exit `CODE` of the run after which --notify runs (default: all but 0 and 75)"),
	}
}

// afterwardsFlags are all three.
func afterwardsFlags() []cli.Flag { return append(notifyFlags(), metricsFlag()) }

func outputFlag() cli.Flag {
	return text("output", "text", "`FORMAT` of stdout: text or json", "text", "json")
}

func holdFlag() cli.Flag {
	return list("hold-file", "if `FILE` exists, refuse to move; its first line is shown (default: "+strings.Join(defaultHold(), " and ")+")")
}

// moveFlags are what out and in share.
func moveFlags() []cli.Flag {
	return append(lockFlags(), []cli.Flag{
		text("wait", "auto", "`DURATION` to wait at most until the move may begin; auto: as long as a peer takes to drain, to return and 5 minutes for its work"),
		text("timeout", "auto", "`DURATION` the move may take, drains included; auto: the drains and health checks as the load balancers are set, and for in 5 minutes for the application to start"),
		ignoreFlag(),
		targetsFlag(),
		toggle("if-member", "0 when the instance is in no group"),
		dryRunFlag(),
	}...)
}

func dryRunFlag() cli.Flag {
	return &cli.BoolFlag{Name: "dry-run", DisableDefaultText: true, Usage: "change nothing; exit with the code the real run would refuse with, else 0"}
}

func ignoreFlag() cli.Flag {
	return list("ignore", "leave `LB`, a load balancer or target group, out of the minimum and the proof of health")
}

func minHealthyFlag() cli.Flag {
	return text("min-healthy", "all", "`RULE` for how many must stay healthy: all (but this one), N, P% or policy", "all", "policy", "50%")
}

// worded is a flag whose values, or some of them, are known: for oneOf and completion.
type worded struct {
	*cli.StringFlag
	words []string
}

// text makes a flag with a value. The environment and the default are looked up in
// values, so that one place knows where a value came from.
func text(name, otherwise, usage string, words ...string) cli.Flag {
	return worded{&cli.StringFlag{Name: name, Value: otherwise, Usage: usage + inEnvironment(name)}, words}
}

func toggle(name, usage string, aliases ...string) cli.Flag {
	return &cli.BoolFlag{Name: name, Aliases: aliases, DisableDefaultText: true, Usage: usage + inEnvironment(name)}
}

// list makes a flag that can be repeated.
func list(name, usage string) cli.Flag {
	return &cli.StringSliceFlag{Name: name, Usage: usage + inEnvironment(name)}
}

func inEnvironment(name string) string { return " [$" + variable(name) + "]" }

// variable is the environment's name for a flag; "" where there is none: a leaked dry
// run would let hosts be upgraded while they serve.
func variable(flag string) string {
	if flag == "dry-run" {
		return ""
	}
	return "BALANCED_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// values reads the flags of one call: given on the command line, after or before the
// command's name, else in the environment, else the default. What is wrong with them
// is collected, so that one line can tell all of it.
type values struct {
	c        *cli.Context
	getenv   func(string) string
	problems []string
}

func (p *program) values(c *cli.Context) *values { return &values{c: c, getenv: p.getenv} }

// err is everything that was wrong, or nil.
func (v *values) err() error {
	if len(v.problems) == 0 {
		return nil
	}
	return usageError{command: v.c.Command.Name, problems: v.problems}
}

// given is the context in which a flag was set on the command line, the nearest first.
func (v *values) given(name string) *cli.Context {
	for _, c := range v.c.Lineage() {
		if c.Command != nil && slices.Contains(c.LocalFlagNames(), name) {
			return c
		}
	}
	return nil
}

// has says whether the command takes a flag.
func (v *values) has(name string) bool {
	return slices.ContainsFunc(v.c.Command.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
}

// raw is the value as it was written, and where: "--wait" or "BALANCED_WAIT". An
// empty variable counts as none.
func (v *values) raw(name string) (value, source string) {
	if c := v.given(name); c != nil {
		return fmt.Sprint(c.Value(name)), "--" + name
	}
	if env := variable(name); env != "" && v.getenv(env) != "" {
		return v.getenv(env), env
	}
	return fmt.Sprint(v.c.Value(name)), "--" + name
}

func (v *values) text(name string) string {
	value, _ := v.raw(name)
	return value
}

// wrong notes a problem, once: some commands read a flag for each of their parts.
func (v *values) wrong(source, format string, args ...any) {
	if problem := source + " " + fmt.Sprintf(format, args...); !slices.Contains(v.problems, problem) {
		v.problems = append(v.problems, problem)
	}
}

// oneOf is the value of a flag that takes its words and no other.
func (v *values) oneOf(name string) string {
	value, source := v.raw(name)
	allowed := v.words(name)
	if !slices.Contains(allowed, value) {
		last := len(allowed) - 1
		v.wrong(source, "%q: want %s or %s", value, strings.Join(allowed[:last], ", "), allowed[last])
	}
	return value
}

// offers: the command has this flag.
func (v *values) offers(name string) bool {
	return slices.ContainsFunc(v.c.Command.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
}

// words are those of a flag of the command, or of all commands.
func (v *values) words(name string) []string {
	for _, f := range slices.Concat(v.c.Command.Flags, v.c.App.Flags) {
		if w, ok := f.(worded); ok && w.Name == name {
			return w.words
		}
	}
	return nil
}

func (v *values) bool(name string) bool {
	value, source := v.raw(name)
	b, err := strconv.ParseBool(value)
	if err != nil {
		v.wrong(source, "%q: want true or false", value)
	}
	return b
}

// list is a flag that can be repeated; commas separate too, which is all that the
// environment has.
func (v *values) list(name string) []string {
	var given []string
	if c := v.given(name); c != nil {
		given = c.StringSlice(name)
	} else {
		given = strings.Split(v.getenv(variable(name)), ",")
	}
	var list []string
	for _, item := range given {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

// holdFiles are those given, else the default.
func (v *values) holdFiles() []string {
	if given := v.list("hold-file"); len(given) > 0 {
		return given
	}
	return defaultHold()
}

// exitCodes is a list of codes a command may end with, from the least that makes sense to 255.
func (v *values) exitCodes(name string, least int) []int {
	source := "--" + name
	if v.given(name) == nil {
		source = variable(name)
	}
	var codes []int
	for _, item := range v.list(name) {
		n, err := strconv.Atoi(item)
		if err != nil || n < least || n > 255 {
			v.wrong(source, "%q: want %d to 255", item, least)
			continue
		}
		codes = append(codes, n)
	}
	return codes
}

func (v *values) duration(name string) time.Duration {
	value, source := v.raw(name)
	d, err := parseDuration(value)
	if err != nil {
		v.wrong(source, "%q: %v", value, err)
	}
	return d
}

// budget is a duration, or auto.
func (v *values) budget(name string) time.Duration {
	if v.text(name) == "auto" {
		return rotation.Auto
	}
	return v.duration(name)
}

func (v *values) minHealthy() fleet.MinHealthy {
	value, source := v.raw("min-healthy")
	rule, err := fleet.ParseMinHealthy(value)
	if err != nil {
		v.wrong(source, "%s", strings.TrimPrefix(err.Error(), "min-healthy "))
	}
	return rule
}

const year = 365 * 24 * time.Hour

// parseDuration reads a duration as Go writes it. A bare number is refused with the
// two ways it could have been meant.
func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		if n, numErr := strconv.ParseUint(s, 10, 32); numErr == nil {
			return 0, fmt.Errorf("a unit is missing: %ds or %dm", n, n)
		}
		return 0, fmt.Errorf("want 90s or 10m, say")
	}
	switch {
	case d < 0:
		return 0, fmt.Errorf("negative")
	case d > year: // the sum of a few would not be one any more
		return 0, fmt.Errorf("more than a year, 8760h")
	}
	return d, nil
}
