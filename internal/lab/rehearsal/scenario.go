package rehearsal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"balanced/internal/lab/record"
	"balanced/scripts/rehearsals"
)

// Scenario is a rehearsal written down.
type Scenario struct {
	Name    string            `yaml:"-"`
	About   string            `yaml:"about"`   // what it shows, in one sentence
	Command string            `yaml:"command"` // unless one is given
	Flags   map[string]string `yaml:"flags"`   // of rehearse, by name
	Faults  []string          `yaml:"faults"`
	Expect  Expect            `yaml:"expect"`
}

// Expect is how a scenario ends.
type Expect struct {
	Exit     int            `yaml:"exit"`
	Members  int            `yaml:"members"`  // 0: whatever becomes of them
	Standby  int            `yaml:"standby"`  // how many of them are in Standby
	Versions map[string]int `yaml:"versions"` // how many have which version, those in Standby too
	Lost     string         `yaml:"lost"`     // none, some or any
	Fewest   int            `yaml:"fewest-serving"`
	Says     string         `yaml:"says"` // part of an event
}

// Scenarios are the names of those that come with balanced-lab.
func Scenarios() []string {
	files, err := fs.Glob(rehearsals.Files, "*.yaml")
	if err != nil {
		return nil
	}
	for n, f := range files {
		files[n] = strings.TrimSuffix(f, ".yaml")
	}
	return files
}

// ReadScenario reads one that comes with balanced-lab, or else a file.
func ReadScenario(name string) (Scenario, error) {
	text, err := rehearsals.Files.ReadFile(name + ".yaml")
	if err != nil {
		text, err = os.ReadFile(name)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Scenario{}, fmt.Errorf("scenario %s: no such file, and none of %s", name, strings.Join(Scenarios(), ", "))
	case err != nil:
		return Scenario{}, fmt.Errorf("scenario: %w", err)
	case len(bytes.TrimSpace(text)) == 0:
		return Scenario{}, fmt.Errorf("scenario %s: the file is empty", name)
	}
	s := Scenario{Name: name}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&s); err != nil {
		return s, fmt.Errorf("scenario %s: %s", name, strings.Join(strings.Fields(err.Error()), " "))
	}
	if err := s.Expect.check(); err != nil {
		return s, fmt.Errorf("scenario %s: %w", name, err)
	}
	return s, nil
}

func (e Expect) check() error {
	if !slices.Contains([]string{"", "none", "some", "any"}, e.Lost) {
		return fmt.Errorf("expect lost %q: want none, some or any", e.Lost)
	}
	if e.Members == 0 && (e.Standby > 0 || len(e.Versions) > 0) {
		return errors.New("expect standby and versions: members is missing")
	}
	return nil
}

// Met says what of a record is not as expected.
func (e Expect) Met(r record.Rehearsal) error {
	var wrong []error
	differs := func(what string, got, want any) {
		wrong = append(wrong, fmt.Errorf("%s %v, expected %v", what, got, want))
	}
	if r.Exit != e.Exit {
		differs("exit", r.Exit, e.Exit)
	}
	if e.Lost == "none" && r.Traffic.Lost > 0 || e.Lost == "some" && r.Traffic.Lost == 0 {
		differs("lost", r.Traffic.Lost, e.Lost)
	}
	if r.Group.FewestServing < e.Fewest {
		differs("fewest serving", r.Group.FewestServing, e.Fewest)
	}
	if !slices.ContainsFunc(r.Events, func(ev record.Event) bool { return strings.Contains(ev.Text, e.Says) }) {
		differs("events", "without it", strconv.Quote(e.Says))
	}
	if e.Members == 0 {
		return errors.Join(wrong...)
	}
	s := standing(r)
	if s.members != e.Members || s.standby != e.Standby {
		differs("in Standby", fmt.Sprintf("%d of %d", s.standby, s.members), fmt.Sprintf("%d of %d", e.Standby, e.Members))
	}
	if !maps.Equal(s.all, e.Versions) {
		differs("versions", s.all, e.Versions)
	}
	return errors.Join(wrong...)
}
