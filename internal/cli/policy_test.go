package cli

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"balanced/internal/awsapi"
	"balanced/internal/doctor"
	"balanced/internal/fleet"
	"balanced/internal/fleettest"
	"balanced/internal/probe"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

// printed is the policy as the command prints it.
func printed(t *testing.T, args ...string) (text string, p policyDocument) {
	t.Helper()
	t.Setenv("AWS_REGION", "eu-west-1")
	code, stdout, stderr := call(nil, append([]string{"policy"}, args...)...)
	if err := json.Unmarshal([]byte(stdout), &p); err != nil || code != 0 || stderr != "" {
		t.Fatalf("balanced policy %v: %d, %v, stderr %q", args, code, err, stderr)
	}
	return stdout, p
}

func TestTheDocumentHasThePolicyThatIsPrinted(t *testing.T) {
	page, err := os.ReadFile("../../docs/iam.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(page), "```json\n")
	documented, _, _ := strings.Cut(after, "```")
	if text, _ := printed(t, "--group", "NAME"); text != documented {
		t.Errorf("balanced policy --group NAME prints\n%s\nand docs/iam.md has\n%s", text, documented)
	}
}

func TestTheDocumentHasThePolicyOutsideAGroup(t *testing.T) {
	page, err := os.ReadFile("../../docs/iam.md")
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := printed(t, "--targets", "web,classic/legacy"); !strings.Contains(string(page), "```json\n"+text+"```") {
		t.Errorf("balanced policy --targets web,classic/legacy prints\n%s\nand docs/iam.md has no such policy", text)
	}
}

func TestTheMovesAreForOneGroup(t *testing.T) {
	for _, args := range [][]string{{"--group", "web"}, {"--group=web"}} {
		_, p := printed(t, args...)
		if look, move := p.Statement[0], p.Statement[1]; look.Resource != "*" ||
			move.Resource != "arn:aws:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/web" || len(move.Action) != 2 {
			t.Errorf("%v: %+v", args, p)
		}
	}
}

func TestPartitions(t *testing.T) {
	for region, want := range map[string]string{
		"": "aws", "eu-west-1": "aws", "us-east-1": "aws", "us-west-2": "aws", "cn-northwest-1": "aws-cn", "us-gov-east-1": "aws-us-gov",
		"eusc-de-east-1": "aws-eusc", "us-iso-west-1": "aws-iso", "us-isob-east-1": "aws-iso-b", "eu-isoe-west-1": "aws-iso-e", "us-isof-south-1": "aws-iso-f",
	} {
		if got := groupNamed("web", region); got != "arn:"+want+":autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/web" {
			t.Errorf("%s: %s, want partition %s", region, got, want)
		}
	}
}

func TestTheDocumentHasWhatReadyNeeds(t *testing.T) {
	page, err := os.ReadFile("../../docs/iam.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(page), "## For `balanced ready`")
	_, after, _ = strings.Cut(after, "```json\n")
	documented, _, _ := strings.Cut(after, "```")
	_, p := printed(t, "--group", "NAME", "--ready")
	text, err := json.MarshalIndent(struct{ Statement []statement }{p.Statement[2:]}, "", "  ")
	if err != nil || string(text)+"\n" != documented {
		t.Errorf("%v: balanced policy --group NAME --ready adds\n%s\nand docs/iam.md has\n%s", err, text, documented)
	}
}

// With what --ready adds, a new instance passes its hook; without any one action of it, it is denied by its name.
func TestThePolicyOfReady(t *testing.T) {
	_, p := printed(t, "--group", "web", "--ready")
	all := slices.Concat(p.Statement[0].Action, p.Statement[1].Action, p.Statement[2].Action, p.Statement[3].Action)
	if p.Statement[3].Resource != p.Statement[1].Resource || len(p.Statement) != 4 {
		t.Errorf("the hooks of %s", p.Statement[3].Resource)
	}
	if err := readyUnder(t, all); err != nil {
		t.Error(err)
	}
	for _, action := range slices.Concat(p.Statement[2].Action, p.Statement[3].Action) {
		without := slices.DeleteFunc(slices.Clone(all), func(a string) bool { return a == action })
		if denied, ok := errors.AsType[*awsapi.DeniedError](readyUnder(t, without)); !ok || denied.Action != action {
			t.Errorf("nothing misses %s", action)
		}
	}
}

// readyUnder runs ready on a new instance with these actions allowed and all else denied.
func readyUnder(t *testing.T, allowed []string) (err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := sim.New(sim.Config{})
		r.AddLoadBalancer(sim.LoadBalancer{Name: "front", Type: "application"})
		r.AddTargetGroup(sim.TargetGroup{Name: "web", LoadBalancer: "front"})
		r.AddGroup(sim.Group{Name: "web", Max: 6, Desired: 1, TargetGroups: []string{"web"}, Hooks: []sim.Hook{{Name: "warm-up"}}})
		r.AllowOnly(allowed...)
		r.SetSizes("web", 0, 6, 2)
		<-time.After(time.Second)
		host := &fleettest.Host{Region: r, ID: r.Members("web")[1].ID, HTTP: r.Client(), Log: zap.NewNop(), Rand: fleettest.Rand(1)}
		t.Cleanup(host.HTTP.CloseIdleConnections)
		agent, _, processErr := host.Process(t.Context())
		if processErr != nil {
			t.Fatal(processErr)
		}
		agent.Prober = passes{}
		_, err = agent.Ready(t.Context(), rotation.ReadyOptions{WaitOptions: rotation.WaitOptions{Timeout: rotation.Auto}})
	})
	return err
}

// passes is a host that passes every check.
type passes struct{}

func (passes) Run(context.Context, []probe.Check, func(string)) error { return nil }

// actions are all that the printed policy allows.
func actions(t *testing.T) []string {
	_, p := printed(t, "--group", "web")
	return slices.Concat(p.Statement[0].Action, p.Statement[1].Action)
}

// With the policy and nothing else every command works.
func TestThePolicyIsEnough(t *testing.T) {
	underPolicy(t, actions(t), func(name string, err error) {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	})
}

// Without any one of its actions a command says that it is denied, by its name.
func TestThePolicyHasNoActionTooMany(t *testing.T) {
	all := actions(t)
	for i, action := range all {
		missed := false
		underPolicy(t, slices.Delete(slices.Clone(all), i, i+1), func(_ string, err error) {
			if denied, ok := errors.AsType[*awsapi.DeniedError](err); ok && denied.Action == action {
				missed = true
			}
		})
		if !missed {
			t.Errorf("nothing misses %s", action)
		}
	}
}

// underPolicy runs every command that calls AWS on one instance, in virtual time, with
// these actions allowed and all else denied.
func underPolicy(t *testing.T, allowed []string, ended func(command string, err error)) {
	t.Helper()
	for _, name := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ENDPOINT_URL"} {
		t.Setenv(name, "")
	}
	auto := rotation.Options{Wait: 0, Timeout: rotation.Auto}
	synctest.Test(t, func(t *testing.T) {
		r := sim.New(sim.Config{})
		r.AddLoadBalancer(sim.LoadBalancer{Name: "wire", Type: "network", CrossZone: true})
		r.AddTargetGroup(sim.TargetGroup{Name: "tcp", Protocol: "TCP", LoadBalancer: "wire", Drain: time.Minute, ConnectionTermination: true})
		r.AddClassic(sim.Classic{Name: "old", Draining: true, CrossZone: true})
		ids := r.AddGroup(sim.Group{Name: "web", Min: 2, Max: 6, Desired: 3, Classic: []string{"old"}, TargetGroups: []string{"tcp"}, Settings: sim.Settings{Metrics: []string{"GroupStandbyInstances"}}})
		r.AllowOnly(allowed...)
		host := &fleettest.Host{Region: r, ID: ids[0], HTTP: r.Client(), Log: zap.NewNop(), Rand: fleettest.Rand(1)}
		t.Cleanup(host.HTTP.CloseIdleConnections)
		run := func(command string, do func(context.Context, *rotation.Agent) error) {
			agent, _, err := host.Process(t.Context())
			if err == nil {
				err = do(t.Context(), agent)
			}
			ended(command, err)
		}
		run("out", func(ctx context.Context, a *rotation.Agent) error {
			_, err := a.Out(ctx, rotation.OutOptions{Options: auto, Settle: rotation.DefaultSettle})
			return err
		})
		run("status", func(ctx context.Context, a *rotation.Agent) error {
			_, _, err := a.Status(ctx, fleet.MinHealthy{})
			return err
		})
		run("in", func(ctx context.Context, a *rotation.Agent) error {
			_, err := a.In(ctx, rotation.InOptions{Options: auto})
			return err
		})
		run("wait", func(ctx context.Context, a *rotation.Agent) error {
			_, err := a.Wait(ctx, rotation.WaitOptions{Timeout: rotation.Auto})
			return err
		})
		run("doctor", func(ctx context.Context, a *rotation.Agent) error {
			report, err := doctor.Run(ctx, a, doctor.Options{Everywhere: true})
			for _, f := range report.Findings {
				err = errors.Join(err, errors.New(f.What))
			}
			return err
		})
	})
}
