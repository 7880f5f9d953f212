package balanced_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const fleetTemplate = "scripts/cloudformation/fleet.yaml"

// template is scripts/cloudformation/fleet.yaml as far as the tests look at it.
type template struct {
	Metadata struct {
		Interface struct {
			ParameterGroups []struct{ Parameters []string }
			ParameterLabels map[string]struct{ Default string }
		} `json:"AWS::CloudFormation::Interface"`
	}
	Parameters map[string]struct {
		Description string
		Default     any
	}
	Resources map[string]struct{ Properties, UpdatePolicy json.RawMessage }
}

func loadTemplate(t *testing.T) template {
	t.Helper()
	return fromYAML[template](t, fleetTemplate)
}

func fromJSON[T any](t *testing.T, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return v
}

// documentedPolicy is that of docs/iam.md, which a test of internal/cli holds to what
// `balanced policy --group NAME` prints.
func documentedPolicy(t *testing.T) string {
	t.Helper()
	_, after, _ := strings.Cut(read(t, "docs/iam.md"), "```json\n")
	text, _, _ := strings.Cut(after, "```")
	return text
}

// policyWithReady is what `balanced policy --group NAME --ready` prints: that policy, and the second of the page.
func policyWithReady(t *testing.T) any {
	t.Helper()
	type policy = map[string]any
	_, after, _ := strings.Cut(read(t, "docs/iam.md"), "## For `balanced ready`")
	_, after, _ = strings.Cut(after, "```json\n")
	text, _, _ := strings.Cut(after, "```")
	all, more := fromJSON[policy](t, documentedPolicy(t)), fromJSON[policy](t, text)
	all["Statement"] = slices.Concat(all["Statement"].([]any), more["Statement"].([]any))
	return any(all)
}

// needs skips a test where a tool is not installed.
func needs(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s: %v", tool, err)
		}
	}
}

func TestTheTemplatesPassCfnLint(t *testing.T) {
	needs(t, "cfn-lint")
	files := []string{fleetTemplate, "scripts/cloudwatch/standby.yaml", "scripts/pipeline/alarms.yaml"}
	out, err := exec.CommandContext(t.Context(), "cfn-lint", append([]string{"--include-checks", "I", "--template"}, files...)...).CombinedOutput()
	if err != nil {
		t.Errorf("cfn-lint: %v\n%s", err, out)
	}
}

func TestEveryParameterOfTheTemplateIsExplained(t *testing.T) {
	tmpl := loadTemplate(t)
	var grouped []string
	for _, g := range tmpl.Metadata.Interface.ParameterGroups {
		grouped = append(grouped, g.Parameters...)
	}
	for name, p := range tmpl.Parameters {
		if !strings.HasSuffix(p.Description, ".") {
			t.Errorf("%s: description %q", name, p.Description)
		}
		if tmpl.Metadata.Interface.ParameterLabels[name].Default == "" {
			t.Errorf("%s has no label", name)
		}
		if !slices.Contains(grouped, name) {
			t.Errorf("%s is in no group of parameters", name)
		}
		if page := read(t, "docs/cloudformation.md"); p.Default == nil && !strings.Contains(page, "ParameterKey="+name+",") {
			t.Errorf("docs/cloudformation.md creates a stack without %s, which has no default", name)
		}
	}
	if len(grouped) != len(tmpl.Parameters) || len(tmpl.Parameters) == 0 {
		t.Errorf("%d parameters in groups, %d in all", len(grouped), len(tmpl.Parameters))
	}
}

func TestTheTemplateAllowsWhatThePolicyAllows(t *testing.T) {
	role := fromJSON[struct {
		Policies []struct{ PolicyDocument json.RawMessage }
	}](t, string(loadTemplate(t).Resources["Role"].Properties))
	if len(role.Policies) != 1 {
		t.Fatalf("the role has %d policies of its own, want that of balanced", len(role.Policies))
	}
	ownGroup := strings.NewReplacer("${AWS::Partition}", "aws", "${AWS::Region}", "*", "${AWS::AccountId}", "*", "${AWS::StackName}", "NAME")
	got := fromJSON[any](t, ownGroup.Replace(string(role.Policies[0].PolicyDocument)))
	if diff := cmp.Diff(policyWithReady(t), got); diff != "" {
		t.Errorf("the role's policy (+) is not that of docs/iam.md (-):\n%s", diff)
	}
}

// Where these are suspended balanced refuses to work, and no replacement gets traffic.
func TestAStackUpdateSuspendsNothingThatIsNeeded(t *testing.T) {
	update := fromJSON[struct {
		AutoScalingRollingUpdate struct{ SuspendProcesses []string }
	}](t, string(loadTemplate(t).Resources["Group"].UpdatePolicy))
	suspended := update.AutoScalingRollingUpdate.SuspendProcesses
	if len(suspended) == 0 {
		t.Error("nothing is suspended")
	}
	for _, needed := range []string{"Launch", "Terminate", "AddToLoadBalancer"} {
		if slices.Contains(suspended, needed) {
			t.Errorf("%s is suspended", needed)
		}
	}
}

// What never runs `balanced ready` gets no traffic: the hook is there before the first instance, and ends with ABANDON.
func TestTheFleetHasTheGate(t *testing.T) {
	group := fromJSON[struct {
		LifecycleHookSpecificationList []struct{ LifecycleTransition, DefaultResult string }
	}](t, string(loadTemplate(t).Resources["Group"].Properties))
	hooks := group.LifecycleHookSpecificationList
	if len(hooks) != 1 || hooks[0].LifecycleTransition != "autoscaling:EC2_INSTANCE_LAUNCHING" || hooks[0].DefaultResult != "ABANDON" {
		t.Errorf("hooks %+v", hooks)
	}
}

// userData is the script of the first boot as CloudFormation would hand it out.
func userData(t *testing.T, parameters map[string]string) string {
	t.Helper()
	tmpl := loadTemplate(t)
	launch := fromJSON[struct {
		LaunchTemplateData struct {
			UserData struct {
				Base64 string `json:"Fn::Base64"`
			}
		}
	}](t, string(tmpl.Resources["LaunchTemplate"].Properties))
	values := map[string]string{"AWS::StackName": "web", "AWS::Region": "eu-west-1"}
	maps.Copy(values, parameters)
	return regexp.MustCompile(`\$\{(!?)([^}]+)\}`).ReplaceAllStringFunc(launch.LaunchTemplateData.UserData.Base64, func(ref string) string {
		name := strings.Trim(ref, "${}")
		if literal, ok := strings.CutPrefix(name, "!"); ok {
			return "${" + literal + "}"
		}
		if value, ok := values[name]; ok {
			return value
		}
		if tmpl.Parameters[name].Default == nil {
			t.Fatalf("the user data has %s, of which nothing is known", ref)
		}
		return fmt.Sprint(tmpl.Parameters[name].Default)
	})
}

func TestTheUserDataPassesShellcheck(t *testing.T) {
	needs(t, "shellcheck")
	for _, url := range []string{"", "s3://bucket/balanced.rpm"} {
		check := exec.CommandContext(t.Context(), "shellcheck", "-")
		check.Stdin = strings.NewReader(userData(t, map[string]string{"PackageUrl": url, "PostCommand": "systemctl start web"}))
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("PackageUrl %q: %v\n%s", url, err, out)
		}
	}
}

// firstBoot runs the user data where every program is one that writes down how it was
// called. balanced and the command of the operator exit as told.
func firstBoot(t *testing.T, parameters map[string]string, programs map[string]string) (called []string) {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	for _, name := range []string{"aws", "curl", "dnf", "dpkg", "cfn-signal", "balanced", "app"} {
		write(t, filepath.Join(dir, name), "#!/bin/sh\necho "+name+" \"$@\" >>"+log+"\n"+programs[name]+"\n", 0o755)
	}
	boot := exec.CommandContext(t.Context(), "bash")
	boot.Stdin = strings.NewReader(userData(t, parameters))
	boot.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "TMPDIR=" + dir}
	out, _ := boot.CombinedOutput()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatalf("nothing was called: %v\n%s", err, out)
	}
	unnamed := regexp.MustCompile(regexp.QuoteMeta(dir)+`/tmp\.[A-Za-z0-9]+`).ReplaceAllString(string(text), "DIR")
	return strings.Split(strings.TrimSpace(unnamed), "\n")
}

// SHA-256 of "package", which the download below writes.
const packageSum = "bc4a71180870f7945155fbb02f4b0a2e3faa2a62d6d31b7039013055ed19869a"

const download = `while [ "$1" != -o ]; do shift; done; printf package >"$2"`

var installed = map[string]string{"PackageUrl": "https://example.org/balanced.rpm", "PackageSha256": packageSum, "PostCommand": "app start"}

func signal(code string) string {
	return "cfn-signal -e " + code + " --stack web --resource Group --region eu-west-1"
}

// boots are first boots, and what is called in each of them.
var boots = map[string]struct {
	parameters, programs map[string]string
	want                 []string
}{
	"on the AMI already": {
		nil, nil,
		[]string{"balanced version", "balanced ready", signal("0")},
	},
	"a package, then the application": {
		installed,
		map[string]string{"curl": download},
		[]string{
			"curl -fsSL --retry 5 --retry-connrefused -o DIR/package https://example.org/balanced.rpm", "dnf install -y -q DIR/balanced.rpm",
			"balanced version", "app start", "balanced ready", signal("0"),
		},
	},
	"another package than was meant": {
		installed,
		map[string]string{"curl": download + "; echo >>\"$2\""},
		[]string{"curl -fsSL --retry 5 --retry-connrefused -o DIR/package https://example.org/balanced.rpm", signal("1")},
	},
	"the application does not start": {
		map[string]string{"PostCommand": "app stop\napp start"},
		map[string]string{"app": "[ \"$1\" = stop ] || exit 9"},
		[]string{"balanced version", "app stop", "app start", signal("9")},
	},
	"an application that reads": {
		map[string]string{"PostCommand": "app; cat"},
		nil,
		[]string{"balanced version", "app", "balanced ready", signal("0")},
	},
	"not healthy": {
		nil,
		map[string]string{"balanced": "[ \"$1\" = version ] || exit 75"},
		[]string{"balanced version", "balanced ready", signal("75")},
	},
	"launched after the stack was made": {
		nil,
		map[string]string{"cfn-signal": "exit 1"},
		[]string{"balanced version", "balanced ready", signal("0")},
	},
}

func TestTheFirstBootIsToldToCloudFormation(t *testing.T) {
	needs(t, "bash", "sha256sum")
	for name, c := range boots {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, firstBoot(t, c.parameters, c.programs)); diff != "" {
				t.Errorf("what was called (-want +got):\n%s", diff)
			}
		})
	}
}
