//go:build unix

package ways

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// each calls a function with every file of scripts/ whose name ends so.
func each(t *testing.T, do func(t *testing.T, path string), suffixes ...string) {
	t.Helper()
	found := 0
	err := filepath.WalkDir(scripts, func(path string, d fs.DirEntry, err error) error {
		if err == nil && slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(path, s) }) {
			found++
			t.Run(strings.TrimPrefix(path, scripts+"/"), func(t *testing.T) { do(t, path) })
		}
		return err
	})
	if err != nil || found == 0 {
		t.Fatalf("%d files that end in %v: %v", found, suffixes, err)
	}
}

func TestDocumentsParse(t *testing.T) {
	each(t, func(t *testing.T, path string) {
		var doc map[string]yaml.Node
		if filepath.Base(filepath.Dir(path)) == "ansible" {
			var plays []map[string]yaml.Node
			parse(t, path, &plays)
			return
		}
		if parse(t, path, &doc); len(doc) == 0 {
			t.Error("it is empty")
		}
	}, ".yml", ".yaml", ".json")
}

// passes runs a checker, and fails the test with what it says.
func passes(t *testing.T, name string, args ...string) {
	t.Helper()
	need(t, name)
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Errorf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

func TestTheRecipeIsRuby(t *testing.T) { passes(t, "ruby", "-c", scripts+"/knife/recipe.rb") }

// TestTheUnitIsSystemds puts a program that is there in place of balanced, which need
// not be.
func TestTheUnitIsSystemds(t *testing.T) {
	s := &stage{T: t}
	unit := filepath.Join(t.TempDir(), "balanced-in.service")
	s.write(unit, strings.ReplaceAll(s.read(scripts+"/systemd/balanced-in.service"), "/usr/bin/balanced", "/bin/true"))
	if err := os.Chmod(unit, 0o644); err != nil {
		t.Fatal(err)
	}
	passes(t, "systemd-analyze", "verify", "--man=no", unit)
}

func TestThePlaybookIsAnsibles(t *testing.T) {
	passes(t, "ansible-playbook", "--syntax-check", "-i", scripts+"/ansible/inventory.ini", scripts+"/ansible/rollout.yml")
}

// TestShellPartsPassShellcheck has what is shell within other documents; make lint
// finds the scripts that are files.
func TestShellPartsPassShellcheck(t *testing.T) {
	parts := map[string]string{}
	for _, name := range []string{"balanced-upgrade", "balanced-patch"} {
		doc := readCommandDocument(t, name)
		for i, step := range doc.MainSteps {
			if len(step.Inputs.RunCommand) > 0 {
				parts[name+"-"+step.Name] = doc.script(i, map[string]string{"Command": "/opt/web/upgrade v2"})
			}
		}
	}
	maps.Copy(parts, pipelineShell(t))
	documents := len(parts)
	jenkinsfile, err := os.ReadFile(scripts + "/jenkins/Jenkinsfile")
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range regexp.MustCompile(`(?s)\bscript: (?:'''(.*?)'''|'([^'\n]+)')`).FindAllSubmatch(jenkinsfile, -1) {
		text := string(m[1]) + string(m[2])
		if !strings.HasPrefix(text, "#!") {
			text = "#!/bin/sh -xe\n" + text
		}
		parts[fmt.Sprintf("Jenkinsfile-%d", i+1)] = text + "\n"
	}
	if steps := strings.Count(string(jenkinsfile), "sh("); len(parts) != documents+steps || documents != 3+3+2 {
		t.Errorf("%d shell parts, want 3 of SSM documents, 5 of pipelines and the %d of the Jenkinsfile", len(parts), steps)
	}
	for name, text := range parts {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			passes(t, "shellcheck", file)
		})
	}
}

// TestTheBundleKeepsToItsEvents: nothing runs from the revision before, the instance is
// out before the service stops and back after it has started, and a hook knows the
// time it has.
func TestTheBundleKeepsToItsEvents(t *testing.T) {
	s := &stage{T: t}
	dir := scripts + "/codedeploy"
	spec := readAppspec(s, dir)
	want := map[string][]string{
		"BeforeInstall":    {"hooks/out", "hooks/stop"},
		"ApplicationStart": {"hooks/start"},
		"ValidateService":  {"hooks/in"},
	}
	for event, hooks := range spec.Hooks {
		var locations []string
		sum := 0
		for _, h := range hooks {
			locations, sum = append(locations, h.Location), sum+h.Timeout
			if name := filepath.Base(h.Location); name == "out" || name == "in" {
				call := fmt.Sprintf("\nexec balanced hook --timeout %ds\n", h.Timeout)
				if got := s.read(filepath.Join(dir, h.Location)); !strings.HasSuffix(got, call) || strings.Count(got, "\n") != 5 {
					t.Errorf("%s is %q, want the environment outside a group, then %q", h.Location, got, call)
				}
			}
			if info, err := os.Stat(filepath.Join(dir, h.Location)); err != nil || info.Mode()&0o111 == 0 {
				t.Errorf("%s cannot be run: %v", h.Location, err)
			}
		}
		if !slices.Equal(locations, want[event]) {
			t.Errorf("%s runs %v, want %v", event, locations, want[event])
		}
		if sum > 3600 {
			t.Errorf("%s may take %d s; CodeDeploy allows 3600", event, sum)
		}
	}
	if len(spec.Hooks) != len(want) {
		t.Errorf("hooks for %d events, want %d", len(spec.Hooks), len(want))
	}
}

// TestTimeoutsAreDoctors compares the figures that ship with what doctor says of a
// group behind an Application Load Balancer as it is made without settings: 300 s of
// deregistration delay, a check every 30 s, 5 passes.
func TestTimeoutsAreDoctors(t *testing.T) {
	s := newStage(t, "--classic", "0", "--drain", "300s", "--check-interval", "30s", "--healthy-threshold", "5")
	r := s.run(s.env[s.hosts[0]], s.bin("balanced"), "doctor")
	spec := readAppspec(s, scripts+"/codedeploy")
	out, in := spec.Hooks["BeforeInstall"][0].Timeout, spec.Hooks["ValidateService"][0].Timeout
	s.exits(r, 0, fmt.Sprintf("out takes at most %d s, in at most %d s", out, in))
	if unit := s.read(scripts + "/systemd/balanced-in.service"); !strings.Contains(unit, fmt.Sprintf("\nTimeoutStartSec=%d\n", in)) {
		t.Errorf("balanced-in.service has another TimeoutStartSec than %d", in)
	}
}

// TestTheRunbookFitsItsDocuments: it passes parameters that both Command documents have,
// and those without a default; it stops at the first error; and no step is left out.
func TestTheRunbookFitsItsDocuments(t *testing.T) {
	book := readRunbook(t)
	sent, scripts := 0, map[string]string{}
	for _, step := range book.MainSteps {
		if text, is := step.Inputs["Script"].(string); is && step.Name != "look" {
			scripts[text] = step.Name
		}
		if step.Action != "aws:runCommand" {
			continue
		}
		sent++
		passed := step.Inputs["Parameters"].(map[string]any)
		for _, name := range []string{"balanced-upgrade", "balanced-patch"} {
			doc := readCommandDocument(t, name)
			if doc.SchemaVersion != "2.2" || book.SchemaVersion != "0.3" {
				t.Errorf("schema versions %s and %s, want 2.2 and 0.3", doc.SchemaVersion, book.SchemaVersion)
			}
			for p := range passed {
				if _, there := doc.Parameters[p]; !there {
					t.Errorf("%s passes %s, which %s does not have", step.Name, p, name)
				}
			}
			for p, has := range doc.Parameters {
				if _, there := passed[p]; !there && has.Default == "" {
					t.Errorf("%s does not pass %s", step.Name, p)
				}
			}
		}
		if step.Inputs["MaxErrors"] != "0" || step.OnFailure != "step:"+step.Name+"Finished" || step.NextStep != step.Name+"Finished" {
			t.Errorf("%s goes on after %v errors, and to %s and %s", step.Name, step.Inputs["MaxErrors"], step.OnFailure, step.NextStep)
		}
	}
	if sent != 2 || len(scripts) != 1 {
		t.Errorf("%d steps send the document, %d scripts look at what came of it; want 2 and the same one for both", sent, len(scripts))
	}
}

// TestTheDocumentsUseTheirParameters: what is left of a {{ }} would be run.
func TestTheDocumentsUseTheirParameters(t *testing.T) {
	for _, name := range []string{"balanced-upgrade", "balanced-patch"} {
		doc := readCommandDocument(t, name)
		var used strings.Builder
		for i, step := range doc.MainSteps {
			if left := regexp.MustCompile(`\{\{.*\}\}`).FindString(doc.script(i, map[string]string{"Command": "true"})); left != "" {
				t.Errorf("%s: no parameter is %s", name, left)
			}
			used.WriteString(strings.Join(step.Inputs.RunCommand, "\n") + step.Inputs.TimeoutSeconds + step.Inputs.DocumentParameters)
		}
		for p := range doc.Parameters {
			if !strings.Contains(used.String(), "{{ "+p+" }}") {
				t.Errorf("%s: the parameter %s has no effect", name, p)
			}
		}
	}
}
