package lab

import (
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"balanced/internal/asg"
	"balanced/internal/elb"
	"balanced/internal/lab/appserver"
)

func TestEveryInstanceHasAServerAtItsAddress(t *testing.T) {
	l := serve(t, small())
	hosts := map[string]bool{}
	for _, i := range instances(t, l) {
		at, err := url.Parse(i.App)
		if err != nil || at.Port() != strconv.Itoa(l.Fleet.Port) {
			t.Fatalf("server at %q, want port %d", i.App, l.Fleet.Port)
		}
		hosts[at.Hostname()] = true
		if address := metadataItem(t, i, "local-ipv4"); address != at.Hostname() {
			t.Errorf("server at %s, the metadata service says %s", at.Hostname(), address)
		}
		if body := request(t, http.MethodGet, i.App+appserver.HealthPath, "Accept", "*/*"); body != "v1\n" {
			t.Errorf("%s answers %q", i.ID, body)
		}
	}
	if len(hosts) != 3 {
		t.Errorf("servers at %v, want 3 addresses", hosts)
	}
}

// metadataItem asks the metadata service of an instance.
func metadataItem(t *testing.T, i Instance, item string) string {
	t.Helper()
	token := request(t, http.MethodPut, i.Metadata+"/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
	return request(t, http.MethodGet, i.Metadata+"/latest/meta-data/"+item, "X-aws-ec2-metadata-token", token)
}

func TestHealthChecksGoToThePortOfTheServers(t *testing.T) {
	cfg := small()
	cfg.Network, cfg.Gateway = 1, 1
	l := serve(t, cfg)
	i := instances(t, l)[0]
	session := sdk(t, i)
	m, err := asg.New(session.Config()).Group(t.Context(), l.Fleet.Group)
	if err != nil {
		t.Fatal(err)
	}
	sources, err := elb.New(session.Config()).Describe(t.Context(), m.Classic, m.TargetGroups)
	if err != nil || len(sources) != 4 {
		t.Fatalf("%d sources, %v; want 4", len(sources), err)
	}
	for _, s := range sources {
		port := s.Check.Port
		if port == "traffic-port" {
			port = strconv.Itoa(s.Port)
		}
		if s.Check.Protocol != "HTTP" || port != strconv.Itoa(l.Fleet.Port) || s.Check.Path != appserver.HealthPath {
			t.Errorf("%s checks %s :%s%s, want HTTP :%d%s", s.Name, s.Check.Protocol, port, s.Check.Path, l.Fleet.Port, appserver.HealthPath)
		}
	}
}

func TestTwoLabsUseDifferentPorts(t *testing.T) {
	one, other := serve(t, small()), serve(t, small())
	if one.Fleet.Port == other.Fleet.Port {
		t.Errorf("both have their servers at port %d", one.Fleet.Port)
	}
	other.Close()
	for _, i := range instances(t, one) {
		request(t, http.MethodGet, i.App+appserver.HealthPath, "Accept", "*/*")
	}
}

func TestClosedLabFreesItsPorts(t *testing.T) {
	l := serve(t, small())
	at, err := url.Parse(instances(t, l)[2].App)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	ln, err := net.Listen("tcp", at.Host)
	if err != nil {
		t.Fatalf("the address of the server is still in use: %v", err)
	}
	ln.Close()
}

// setInstanceEnv gives this process the environment of an instance.
func setInstanceEnv(t *testing.T, i Instance) {
	t.Helper()
	for _, v := range i.labVars() {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
}

func TestDeployReplacesTheServerOfItsInstanceOnly(t *testing.T) {
	l := serve(t, small())
	all := instances(t, l)
	setInstanceEnv(t, all[1])
	if err := (Deploy{Version: "v2"}).Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n, want := range []string{"v1\n", "v2\n", "v1\n"} {
		if got := request(t, http.MethodGet, all[n].App+"/", "Accept", "*/*"); got != want {
			t.Errorf("instance %d answers %q, want %q", n, got, want)
		}
	}
	l.MakeDeploysBad(all[1].ID)
	if err := (Deploy{Version: "v3"}).Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(all[1].App + appserver.HealthPath)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusInternalServerError || l.Version(all[1].ID) != "v3" {
		t.Errorf("a bad v3 answers %s, version %s", resp.Status, l.Version(all[1].ID))
	}
}

func TestDeployNeedsTheTokenOfTheLab(t *testing.T) {
	l := serve(t, small())
	setInstanceEnv(t, instances(t, l)[0])
	t.Setenv(tokenVar, "stolen")
	if err := (Deploy{Version: "v2"}).Send(t.Context()); err == nil || !strings.Contains(err.Error(), "the token is not that of this lab") {
		t.Errorf("got %v, want an error about the token", err)
	}
	if v := l.Version(instances(t, l)[0].ID); v != "v1" {
		t.Errorf("%s runs, want v1", v)
	}
}

func TestFasterKeepsWholeSeconds(t *testing.T) {
	c := Config{
		Checks: Checks{Interval: 10 * time.Second},
		Times:  Times{Drain: 300 * time.Second, MoveTime: 2 * time.Second, LaunchTime: 90 * time.Second},
	}
	got := c.Faster(60)
	if got.Drain != 5*time.Second || got.Interval != time.Second || got.LaunchTime != 1500*time.Millisecond || got.SlowStart != 0 {
		t.Errorf("got %+v, want a drain of 5s, checks every 1s, a launch of 1.5s", got)
	}
}
