package lab

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"balanced/internal/asg"
	"balanced/internal/awsapi"
	"balanced/internal/fleet"
	"balanced/internal/lab/appserver"
	"balanced/internal/sim"
)

// small is a fleet without delays, on which no instance is checked twice within a test.
func small() Config {
	return Config{
		Size: 3, Zones: 2, Min: Derived, Max: Derived, TargetGroups: 1, Classic: 1,
		Checks: Checks{Interval: 5 * time.Minute, Healthy: 2, Unhealthy: 2},
	}
}

func serve(t *testing.T, cfg Config) *Lab {
	t.Helper()
	l, err := Serve(cfg, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func instances(t *testing.T, l *Lab) []Instance {
	t.Helper()
	all, err := l.Instances()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEveryInstanceHasItsOwnMetadataService(t *testing.T) {
	all := instances(t, serve(t, small()))
	if len(all) != 3 {
		t.Fatalf("%d instances, want 3", len(all))
	}
	for _, i := range all {
		token := request(t, http.MethodPut, i.Metadata+"/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
		if got := request(t, http.MethodGet, i.Metadata+"/latest/meta-data/instance-id", "X-aws-ec2-metadata-token", token); got != i.ID {
			t.Errorf("the metadata service of %s says it is %s", i.ID, got)
		}
	}
}

func request(t *testing.T, method, url, header, value string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(header, value)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s", method, url, resp.Status)
	}
	return string(body)
}

func TestSDKFindsTheGroupWithTheVariablesOfTheInstanceOnly(t *testing.T) {
	i := instances(t, serve(t, small()))[1]
	m, err := asg.New(sdk(t, i).Config()).Membership(t.Context(), i.ID)
	if err != nil {
		t.Fatal(err)
	}
	if m.Group != "web" || m.State != fleet.InService || m.Zone != i.Zone {
		t.Errorf("got %+v, want %s InService in group web", m, i.ID)
	}
}

// sdk returns a session that has only the settings of the instance.
func sdk(t *testing.T, i Instance) *awsapi.Session {
	t.Helper()
	for _, name := range overridingVars() {
		t.Setenv(name, "")
		os.Unsetenv(name)
	}
	for _, v := range append(i.awsVars(), noConfigFiles()...) {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	session, err := awsapi.Load(t.Context(), awsapi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return session
}

func TestInstanceLaunchedLaterGetsMetadataServiceAndServer(t *testing.T) {
	l := serve(t, small())
	l.Fleet.Region.ScaleByPolicy(l.Fleet.Group, 4)
	all := instances(t, l)
	if len(all) != 4 {
		t.Fatalf("%d instances after a scale-out, want 4", len(all))
	}
	request(t, http.MethodPut, all[3].Metadata+"/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
	request(t, http.MethodGet, all[3].App+appserver.HealthPath, "Accept", "*/*")
}

// What an instance refresh launches has its image, and waits at the launch hook.
func TestARefreshLaunchesItsImage(t *testing.T) {
	cfg := small()
	cfg.LaunchHook = true
	l := serve(t, cfg)
	l.AddImage("v2", appserver.Release{Version: "v2", Bad: true})
	l.Fleet.Region.StartRefreshWith(l.Fleet.Group, sim.Refresh{Image: "v2", Preferences: map[string]string{"MinHealthyPercentage": "100"}})
	held := func() (id string) {
		for _, m := range l.Fleet.Snapshot().Members {
			if m.State == "Pending:Wait" {
				id = m.ID
			}
		}
		return id
	}
	for late := time.After(30 * time.Second); held() == ""; {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-late:
			t.Fatalf("nothing waits at the hook: %+v", l.Fleet.Snapshot().Members)
		}
	}
	instances(t, l)
	if got := l.Version(held()); got != "v2" {
		t.Errorf("the new instance has %s, want v2", got)
	}
}

func TestClosedLabDoesNotAnswer(t *testing.T) {
	l := serve(t, small())
	l.Close()
	// Another process may have the port by now, but not the token.
	if a, err := fetchDescription(t.Context(), l.API+descriptionPath); err == nil && a.Token == l.token {
		t.Error("a closed lab answers")
	}
	if _, err := l.Instances(); err == nil {
		t.Error("Instances of a closed lab returned no error")
	}
}

func TestServeFailsIfThePortIsTaken(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if l, err := Serve(small(), ln.Addr().(*net.TCPAddr).Port); err == nil {
		l.Close()
		t.Error("two servers on one port")
	}
}

func TestFindUsesTheStateFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "lab.json")
	l := serve(t, small())
	remove, err := l.Publish(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("state file: %v, %v; want mode 0600", info, err)
	}
	found, err := Find(t.Context(), path)
	if err != nil || len(found) != 3 || found[0] != instances(t, l)[0] {
		t.Errorf("found %v, %v; want the 3 instances", found, err)
	}
	remove()
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestFindIgnoresAStaleStateFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lab.json")
	gone := serve(t, small())
	if _, err := gone.Publish(path); err != nil {
		t.Fatal(err)
	}
	gone.Close()
	if _, err := Find(t.Context(), path); !errors.Is(err, ErrNoLab) {
		t.Errorf("the lab is closed: %v, want ErrNoLab", err)
	}
	// Another lab may have the same port now.
	next := serve(t, small())
	text := `{"api":"` + next.API + `","token":"of the one before"}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(t.Context(), path); !errors.Is(err, ErrNoLab) {
		t.Errorf("another lab answers: %v, want ErrNoLab", err)
	}
	if _, err := Find(t.Context(), path+"x"); !errors.Is(err, ErrNoLab) {
		t.Errorf("no file: %v, want ErrNoLab", err)
	}
}

func TestWaitForFindsALabThatStartsLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lab.json")
	waited := 0
	found, err := WaitFor(t.Context(), path, time.Hour, func() {
		waited++
		if _, err := serve(t, small()).Publish(path); err != nil {
			t.Error(err)
		}
	})
	if err != nil || len(found) != 3 || waited != 1 {
		t.Errorf("found %v, %v, onWait called %d times; want 3 instances and 1", found, err, waited)
	}
}

func TestWaitForEndsAtItsLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lab.json")
	if _, err := WaitFor(t.Context(), path, 0, func() { t.Error("it waits") }); !errors.Is(err, ErrNoLab) {
		t.Errorf("limit 0: %v, want ErrNoLab", err)
	}
	if _, err := WaitFor(t.Context(), path, time.Nanosecond, func() {}); !errors.Is(err, ErrNoLab) {
		t.Errorf("limit 1ns: %v, want ErrNoLab", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("stopped")
	if _, err := WaitFor(ctx, path, time.Hour, func() { cancel(why) }); !errors.Is(err, why) {
		t.Errorf("the context ended: %v, want its cause", err)
	}
}

func TestClosingALabKeepsTheStateFileOfANewerOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lab.json")
	older, newer := serve(t, small()), serve(t, small())
	removeOlder, err := older.Publish(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newer.Publish(path); err != nil {
		t.Fatal(err)
	}
	removeOlder()
	if found, err := Find(context.Background(), path); err != nil || found[0].API != newer.API {
		t.Errorf("found %v, %v; want the newer lab", found, err)
	}
}
