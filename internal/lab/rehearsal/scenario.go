package rehearsal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"balanced/internal/lab/record"
	"balanced/scripts/rehearsals"
)

// Scenario is a rehearsal in a file.
type Scenario struct {
	Name    string            `yaml:"-"`
	About   string            `yaml:"about"`   // what it shows, in a sentence or two
	Command string            `yaml:"command"` // a command on the command line takes precedence
	Flags   map[string]string `yaml:"flags"`   // of rehearse, by name
	Faults  []string          `yaml:"faults"`
	Expect  Expect            `yaml:"expect"`
}

// Expect is how a scenario should end.
type Expect struct {
	Exit          int            `yaml:"exit"`
	Members       int            `yaml:"members"`  // 0: members are not checked
	Standby       int            `yaml:"standby"`  // members in Standby
	Versions      map[string]int `yaml:"versions"` // members by version, those in Standby included
	Lost          string         `yaml:"lost"`     // none, some or any
	FewestHealthy int            `yaml:"fewest-healthy"`
	Event         string         `yaml:"event"` // part of the text of an event
}

// Scenarios returns the names of the scenarios that come with balanced-lab.
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

// ReadScenario reads a scenario that comes with balanced-lab, or else a file.
func ReadScenario(name string) (Scenario, error) {
	text, err := rehearsals.Files.ReadFile(name + ".yaml")
	if err != nil {
		text, err = os.ReadFile(name)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Scenario{}, fmt.Errorf("scenario %s: no such file; balanced-lab has %s", name, strings.Join(Scenarios(), ", "))
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
		return fmt.Errorf("expect: lost is %q; want none, some or any", e.Lost)
	}
	if e.Members == 0 && (e.Standby > 0 || len(e.Versions) > 0) {
		return errors.New("expect: standby and versions need members")
	}
	return nil
}

// Verify returns an error for each way in which a record differs from what is expected.
func (e Expect) Verify(r record.Rehearsal) error {
	var wrong []error
	differs := func(what string, got, want any) {
		wrong = append(wrong, fmt.Errorf("%s is %v, expected %v", what, got, want))
	}
	if r.Exit != e.Exit {
		differs("exit code", r.Exit, e.Exit)
	}
	if e.Lost == "none" && r.Traffic.Lost > 0 || e.Lost == "some" && r.Traffic.Lost == 0 {
		differs("number of lost requests", r.Traffic.Lost, e.Lost)
	}
	if r.Group.FewestHealthy < e.FewestHealthy {
		differs("lowest number of healthy instances", r.Group.FewestHealthy, e.FewestHealthy)
	}
	if !slices.ContainsFunc(r.Events, func(ev record.Event) bool { return strings.Contains(ev.Text, e.Event) }) {
		wrong = append(wrong, fmt.Errorf("no event contains %q", e.Event))
	}
	if e.Members > 0 {
		wrong = append(wrong, e.verifyMembers(r.Final()))
	}
	return errors.Join(wrong...)
}

func (e Expect) verifyMembers(s record.Final) error {
	var wrong []error
	if s.Members != e.Members || s.Standby != e.Standby {
		wrong = append(wrong, fmt.Errorf("%d of %d are in Standby, expected %d of %d", s.Standby, s.Members, e.Standby, e.Members))
	}
	if !maps.Equal(s.Versions, e.Versions) {
		wrong = append(wrong, fmt.Errorf("versions are %v, expected %v", s.Versions, e.Versions))
	}
	return errors.Join(wrong...)
}
