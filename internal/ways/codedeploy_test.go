//go:build unix

package ways

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fleet is a deployment group.
type fleet struct {
	*stage
	agents []*agent
	failed map[string]bool // instances whose last deployment failed
}

func newFleet(t *testing.T, flags ...string) *fleet {
	t.Helper()
	f := &fleet{stage: newStage(t, flags...), failed: map[string]bool{}}
	// systemd, as far as the hooks ask for it: what is started is what is installed.
	f.stage.script("systemctl", `case "$1" in
cat) [ -e "$HOST/root/etc/systemd/system/$2" ] ;;
stop)
	balanced status >/dev/null
	[ $? -eq 3 ] || { echo "stopped while in service" >&2; exit 99; } ;;
enable)
	if [ -e "$HOST/broken" ]; then echo "Job for web.service failed" >&2; exit 17; fi
	cp "$HOST/root/opt/web/version" "$HOST/version" ;;
daemon-reload) ;;
*) exit 98 ;;
esac`)
	for _, id := range f.hosts {
		f.agents = append(f.agents, &agent{stage: f.stage, id: id})
	}
	return f
}

// revision is the bundle that ships, with another version, and changed where asked.
func (f *fleet) revision(version string, change ...string) (dir string) {
	f.Helper()
	dir = filepath.Join(f.T.TempDir(), version)
	if err := os.CopyFS(dir, os.DirFS(scripts+"/codedeploy")); err != nil {
		f.Fatal(err)
	}
	f.write(dir+"/web/version", version+"\n")
	spec := f.read(dir + "/appspec.yml")
	for i := 0; i+1 < len(change); i += 2 {
		if !strings.Contains(spec, change[i]) {
			f.Fatalf("no %q in appspec.yml", change[i])
		}
		spec = strings.ReplaceAll(spec, change[i], change[i+1])
	}
	f.write(dir+"/appspec.yml", spec)
	return dir
}

// deploy is CodeDeployDefault.OneAtATime: unhealthy instances first, and stop at the
// first failure.
func (f *fleet) deploy(bundle string) *failure {
	f.Helper()
	order := slices.Clone(f.agents)
	slices.SortStableFunc(order, func(a, b *agent) int {
		switch {
		case f.failed[a.id] && !f.failed[b.id]:
			return -1
		case f.failed[b.id] && !f.failed[a.id]:
			return 1
		}
		return 0
	})
	for _, a := range order {
		failure := a.deploy(bundle)
		f.failed[a.id] = failure != nil
		if failure != nil {
			return failure
		}
	}
	return nil
}

// fails compares where a deployment failed, and looks for a text in what CodeDeploy
// shows of it.
func (f *fleet) fails(got *failure, event, script string, code int, text string) {
	f.Helper()
	if got == nil || got.event != event || got.script != script || got.code != code || !strings.Contains(got.tail, text) {
		f.Fatalf("want %s: %s, exit %d with %q; got %v", event, script, code, text, got)
	}
}

func TestCodeDeploy(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	if failure := f.deploy(f.revision("v2")); failure != nil {
		t.Fatal(failure)
	}
	f.expect("v2 InService", "v2 InService", "v2 InService")
	f.moved(1, 2, 3)

	fix := f.breakUpgrade(f.hosts[1])
	f.fails(f.deploy(f.revision("v3")), "ApplicationStart", "hooks/start", broken, "Job for web.service failed")
	f.expect("v3 InService", "v2 Standby", "v2 InService")
	f.moved(1, 2, 3, 1, 2)

	fix()
	if failure := f.deploy(f.revision("v4")); failure != nil {
		t.Fatal(failure)
	}
	f.expect("v4 InService", "v4 InService", "v4 InService")
	f.moved(1, 2, 3, 1, 2, 1, 3)
}

// TestCodeDeployStopsAHookAtItsTimeout ends the time of a hook in the middle of the
// drain. What balanced says then nobody reads; its report has it.
func TestCodeDeployStopsAHookAtItsTimeout(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "--drain", "5s")
	first := f.agents[0]
	env := f.env[first.id]
	report := f.file(first.id, "report.json")
	f.env[first.id] = append(slices.Clone(env), "BALANCED_LOG_LEVEL=info", "BALANCED_REPORT="+report)
	first.cut = "state=EnteringStandby"
	failure := f.deploy(f.revision("v2"))
	f.fails(failure, "BeforeInstall", "hooks/out", 143, "state=EnteringStandby")
	if failure.why != scriptTimedOut {
		t.Errorf("%s, want %s", failure.why, scriptTimedOut)
	}
	var said struct {
		ExitCode int `json:"exit_code"`
		Reason   string
		Hint     string
	}
	if err := json.Unmarshal([]byte(f.read(report)), &said); err != nil {
		t.Fatal(err)
	}
	if why := said.Reason + "; " + said.Hint; said.ExitCode != 143 || why != first.id+" is EnteringStandby: stopped by SIGTERM; run balanced out again to go on, or balanced in to return" {
		t.Errorf("the report says %d, %q", said.ExitCode, why)
	}
	f.moved(1)

	// The drain went on without it. The same deployment again goes on from there.
	first.cut, f.env[first.id] = "", env
	if failure := f.deploy(f.revision("v2")); failure != nil {
		t.Fatal(failure)
	}
	f.expect("v2 InService", "v2 InService", "v2 InService")
	f.moved(1, 2, 3)
}

// TestCodeDeployRefusesWhatDoesNotFit has hooks that know how little time they have.
func TestCodeDeployRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	bundle := f.revision("v2", "timeout: 1285", "timeout: 20")
	f.write(bundle+"/hooks/out", "#!/bin/sh\nexec balanced hook --timeout 20s\n")
	failure := f.deploy(bundle)
	f.fails(failure, "BeforeInstall", "hooks/out", 78, "does not fit into 20s; give the hook, and --timeout, ")
	f.expect("v1 InService", "v1 InService", "v1 InService")
	f.moved()
}

// TestCodeDeployCallsOpenOutputsAFailure holds the runner to what is said of start hooks.
func TestCodeDeployCallsOpenOutputsAFailure(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	bundle := f.revision("v2", "location: hooks/start\n      timeout: 60", "location: hooks/start\n      timeout: 5")
	f.write(bundle+"/hooks/start", "#!/bin/sh\nsleep 30 &\n")
	failure := f.agents[0].deploy(bundle)
	f.fails(failure, "ApplicationStart", "hooks/start", 0, "")
	if failure.why != outputsLeftOpen {
		t.Errorf("%s, want %s", failure.why, outputsLeftOpen)
	}
}
