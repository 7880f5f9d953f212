package balanced_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheTerraformModuleAllowsWhatThePolicyAllows(t *testing.T) {
	ownGroup := strings.NewReplacer("${partition}", "aws", "${group}", "NAME")
	if diff := cmp.Diff(documentedPolicy(t), ownGroup.Replace(read(t, "scripts/terraform/policy.json.tftpl"))); diff != "" {
		t.Errorf("the module's policy (+) is not that of docs/iam.md (-):\n%s", diff)
	}
	if text := ownGroup.Replace(read(t, "scripts/terraform/ready.json.tftpl")); !strings.Contains(read(t, "docs/iam.md"), "```json\n"+text+"```") {
		t.Errorf("what the module allows for balanced ready is not in docs/iam.md:\n%s", text)
	}
}

// TestTerraformMakesThePolicy runs the part of the module that needs no provider.
func TestTerraformMakesThePolicy(t *testing.T) {
	needs(t, "terraform")
	dir := t.TempDir()
	for _, file := range []string{"variables.tf", "policy.tf", "policy.json.tftpl", "ready.json.tftpl"} {
		write(t, filepath.Join(dir, file), read(t, "scripts/terraform/"+file), 0o644)
	}
	write(t, filepath.Join(dir, "main.tf"), "locals {\n  partition = \"aws\"\n}\noutput \"policy\" {\n  value = local.policy\n}\n", 0o644)
	terraform := terraformIn(t, dir)
	for _, args := range [][]string{{"init", "-input=false"}, {"apply", "-input=false", "-auto-approve", "-var=group=NAME"}} {
		if out, err := terraform(args...); err != nil {
			t.Fatalf("terraform %s: %v\n%s", args, err, out)
		}
	}
	if got, err := terraform("output", "-raw", "policy"); err != nil || got != documentedPolicy(t) {
		t.Errorf("%v, policy (+) other than in docs/iam.md (-):\n%s", err, cmp.Diff(documentedPolicy(t), got))
	}
	if out, err := terraform("apply", "-input=false", "-auto-approve", "-var=group=NAME", "-var=ready=true"); err != nil {
		t.Fatalf("terraform apply: %v\n%s", err, out)
	}
	got, err := terraform("output", "-raw", "policy")
	if diff := cmp.Diff(policyWithReady(t), fromJSON[any](t, got)); err != nil || diff != "" {
		t.Errorf("%v, policy with ready (+) other than in docs/iam.md (-):\n%s", err, diff)
	}
	for _, group := range []string{"", "*", "web?", `a"b`} {
		if out, err := terraform("plan", "-input=false", "-var=group="+group); err == nil {
			t.Errorf("group %q is taken:\n%s", group, out)
		}
	}
}

// TestTerraformSetsTheTargets runs the part of the module for instances outside a group that needs no provider: the line is
// what balanced reads, and the policy what it prints for that line.
func TestTerraformSetsTheTargets(t *testing.T) {
	needs(t, "terraform")
	dir := t.TempDir()
	for _, file := range []string{"variables.tf", "policy.tf", "outputs.tf"} {
		write(t, filepath.Join(dir, file), read(t, "scripts/terraform-targets/"+file), 0o644)
	}
	const arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/"
	write(t, filepath.Join(dir, "main.tf"), "locals {\n  partition = \"aws\"\n}\noutput \"role\" {\n  value = [var.role, var.name]\n}\n", 0o644)
	write(t, filepath.Join(dir, "terraform.tfvars"), `role = "web"
min_healthy = 2
target_groups = [{ arn = "`+arn+`web/0123456789abcdef" }, { arn = "`+arn+`api/0123456789abcdef", port = 8081 }]
classic_load_balancers = ["legacy"]
`, 0o644)
	terraform := terraformIn(t, dir)
	for _, args := range [][]string{{"init", "-input=false"}, {"apply", "-input=false", "-auto-approve"}} {
		if out, err := terraform(args...); err != nil {
			t.Fatalf("terraform %s: %v\n%s", args, err, out)
		}
	}
	targets, err := terraform("output", "-raw", "targets")
	if want := arn + "web/0123456789abcdef," + arn + "api/0123456789abcdef:8081,classic/legacy"; err != nil || targets != want {
		t.Errorf("%v, targets %q, want %q", err, targets, want)
	}
	if env, err := terraform("output", "-raw", "environment"); err != nil || env != "BALANCED_TARGETS="+targets+"\nBALANCED_MIN_HEALTHY=2\n" {
		t.Errorf("%v, environment %q", err, env)
	}
	policy, err := terraform("output", "-raw", "policy")
	printed, printErr := exec.Command(program(t, "balanced"), "policy", "--targets", targets).Output()
	if err != nil || printErr != nil {
		t.Fatal(err, printErr)
	}
	if diff := cmp.Diff(statements(t, string(printed)), statements(t, policy)); diff != "" {
		t.Errorf("the module's policy (+) is not what balanced policy prints (-):\n%s", diff)
	}
}

// statements are those of a policy: for each, what it allows and where, sorted.
func statements(t *testing.T, policy string) map[string][2][]string {
	t.Helper()
	var p struct {
		Statement []struct {
			Sid              string
			Action, Resource any
		}
	}
	if err := json.Unmarshal([]byte(policy), &p); err != nil {
		t.Fatal(err)
	}
	list := func(v any) (all []string) {
		if one, is := v.(string); is {
			return []string{one}
		}
		for _, x := range v.([]any) {
			all = append(all, x.(string))
		}
		slices.Sort(all)
		return all
	}
	all := map[string][2][]string{}
	for _, s := range p.Statement {
		all[s.Sid] = [2][]string{list(s.Action), list(s.Resource)}
	}
	return all
}

func write(t *testing.T, file, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// TestVariablesAreExplainedAndDeclared says what Packer and Terraform say where all their plugins are there.
func TestVariablesAreExplainedAndDeclared(t *testing.T) {
	declared := regexp.MustCompile(`(?m)^variable "(\w+)" \{\n  description = ".+\."\n  type +=`)
	for _, pattern := range []string{"scripts/packer/*.hcl", "scripts/pipeline/*.hcl", "scripts/terraform/*.tf", "scripts/terraform-targets/*.tf", "scripts/cloudwatch/*.tf"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		var text strings.Builder
		for _, file := range files {
			text.WriteString(read(t, file))
		}
		variables := map[string]bool{}
		for _, v := range declared.FindAllStringSubmatch(text.String(), -1) {
			variables[v[1]] = true
		}
		if all := strings.Count(text.String(), "\nvariable \"") + strings.Count(text.String()[:9], "variable"); all != len(variables) {
			t.Errorf("%s: %d variables, %d begin with a description and a type", pattern, all, len(variables))
		}
		used := map[string]bool{}
		for _, v := range regexp.MustCompile(`\bvar\.(\w+)`).FindAllStringSubmatch(text.String(), -1) {
			used[v[1]] = true
		}
		if diff := cmp.Diff(variables, used); diff != "" {
			t.Errorf("%s: variables declared (-) and used (+):\n%s", pattern, diff)
		}
	}
}

func TestTheImageGetsThePackageThatWasMeant(t *testing.T) {
	needs(t, "bash", "sha256sum")
	for name, c := range map[string]struct {
		file, sum string
		want      string // what is called
	}{
		"rpm":             {"balanced.rpm", packageSum, "dnf install -y -q DIR/balanced.rpm\nbalanced version\n"},
		"deb":             {"balanced.deb", packageSum, "dpkg --install DIR/balanced.deb\nbalanced version\n"},
		"another package": {"balanced.rpm", strings.Repeat("0", 64), ""},
		"no package":      {"balanced.zip", packageSum, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			log := filepath.Join(dir, "log")
			write(t, log, "", 0o644)
			write(t, filepath.Join(dir, c.file), "package", 0o644)
			for _, program := range []string{"dnf", "dpkg", "balanced"} {
				write(t, filepath.Join(dir, program), "#!/bin/sh\necho "+program+" \"$@\" >>"+log+"\n", 0o755)
			}
			install := exec.CommandContext(t.Context(), "bash", "scripts/packer/install.sh")
			install.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "PACKAGE=" + filepath.Join(dir, c.file), "SHA256=" + c.sum}
			out, err := install.CombinedOutput()
			if (err == nil) != (c.want != "") {
				t.Errorf("install.sh: %v\n%s", err, out)
			}
			if got := strings.ReplaceAll(read(t, log), dir, "DIR"); got != c.want {
				t.Errorf("called\n%swant\n%s", got, c.want)
			}
		})
	}
}
