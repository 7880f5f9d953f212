// Package metrics writes the file that node_exporter's textfile collector reads: how the
// last run of each command ended, and whether this instance is in service.
package metrics

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"balanced/internal/hostlock"
	"balanced/internal/safefile"
)

// Run is how a run of one command ended.
type Run struct {
	Code      int       // exit code
	End       time.Time // wall clock
	Duration  time.Duration
	InService *bool // nil: not known
}

// perm less the umask is the mode of the file: node_exporter runs as a user of its own.
const perm = 0o644

// maxFile is how much of the file is read, in bytes: a hundred times what all commands
// need.
const maxFile = 256 << 10

// Check says why Update would fail now, and changes nothing.
func Check(path string) error { return safefile.CheckWritable(path) }

// Update replaces what the file says of the command, and whether the instance is in
// service; what it says of other commands stays. Runs of the same user that end together
// lose nothing. A file that is damaged, or that another user put there, is replaced.
func Update(path, command string, run Run) error {
	if !label.MatchString(command) {
		return fmt.Errorf("metrics: %q is not a command", command)
	}
	leave, err := hostlock.Section(sectionOf(path))
	if err != nil {
		return fmt.Errorf("metrics file %s: %w", path, err)
	}
	defer leave()
	return update(path, command, run)
}

// update is Update for a caller that nobody else interferes with.
func update(path, command string, run Run) error {
	old, err := safefile.Read(path, maxFile)
	if kind := new(safefile.KindError); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.As(err, &kind) {
		return fmt.Errorf("metrics file: %w", err)
	}
	runs := parse(old)
	runs[command] = sample{float64(run.Code), seconds(run.End), run.Duration.Seconds()}
	if err := safefile.Write(path, perm, format(runs, run.InService)); err != nil {
		return fmt.Errorf("metrics file: %w", err)
	}
	return nil
}

// sectionOf is one name for one path, however it is written.
func sectionOf(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(path))
	return fmt.Sprintf("metrics-%x", h.Sum64())
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// families are the series of every command, in the order of sample.
var families = [...]struct{ name, help string }{
	{"balanced_last_run_exit_code", "Exit code of the last run of this command."},
	{"balanced_last_run_end_timestamp_seconds", "When the last run of this command ended, in seconds since 1970."},
	{"balanced_last_run_duration_seconds", "How long the last run of this command took."},
}

const (
	inService     = "balanced_in_service"
	inServiceHelp = "Whether this instance was in service at the end of the last run: 1 or 0, and absent when that is not known."
)

// sample is one value of each family.
type sample [len(families)]float64

// label is what a command may be: no character that the format escapes.
var label = regexp.MustCompile(`^[a-z][a-z-]*$`)

// line is one series as format writes it.
var line = regexp.MustCompile(`^([a-z_]+)\{command="([a-z][a-z-]*)"\} (\S+)$`)

// parse reads what format wrote. A command of which anything is missing or wrong is left
// out: it comes back with its next run.
func parse(text []byte) map[string]sample {
	found := map[string]map[int]float64{}
	for l := range bytes.Lines(text) {
		m := line.FindSubmatch(bytes.TrimSuffix(l, []byte("\n")))
		if m == nil {
			continue
		}
		family := slices.IndexFunc(families[:], func(f struct{ name, help string }) bool { return f.name == string(m[1]) })
		value, err := strconv.ParseFloat(string(m[3]), 64)
		if family < 0 || err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
			continue
		}
		command := string(m[2])
		if found[command] == nil {
			found[command] = map[int]float64{}
		}
		found[command][family] = value
	}
	runs := map[string]sample{}
	for command, values := range found {
		if len(values) == len(families) {
			runs[command] = sample{values[0], values[1], values[2]}
		}
	}
	return runs
}

// format writes everything in a fixed order, so that an unchanged file stays the same.
func format(runs map[string]sample, known *bool) []byte {
	var b strings.Builder
	commands := make([]string, 0, len(runs))
	for command := range runs {
		commands = append(commands, command)
	}
	slices.Sort(commands)
	for i, f := range families {
		head(&b, f.name, f.help)
		for _, command := range commands {
			fmt.Fprintf(&b, "%s{command=%q} %s\n", f.name, command, number(runs[command][i]))
		}
	}
	if known != nil {
		head(&b, inService, inServiceHelp)
		value := 0.0
		if *known {
			value = 1
		}
		fmt.Fprintf(&b, "%s %s\n", inService, number(value))
	}
	return []byte(b.String())
}

func head(b *strings.Builder, name, help string) {
	fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name)
}

// number writes no exponent: people read the file, too.
func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
