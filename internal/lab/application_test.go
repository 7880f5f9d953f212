package lab

import (
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"testing"

	"balanced/internal/asg"
	"balanced/internal/elb"
)

func TestEachInstanceHasAnApplicationWhereItsLoadBalancersLook(t *testing.T) {
	cfg := small()
	cfg.App.Version = func(id string) string { return "v9 of " + id }
	l := serve(t, cfg)
	hosts := map[string]bool{}
	for _, i := range instances(t, l) {
		at, err := url.Parse(i.App)
		if err != nil || at.Port() != strconv.Itoa(l.Fleet.Port) {
			t.Fatalf("application at %q, want port %d", i.App, l.Fleet.Port)
		}
		hosts[at.Hostname()] = true
		if address := tell(t, i, "local-ipv4"); address != at.Hostname() {
			t.Errorf("application at %s, the metadata service says %s", at.Hostname(), address)
		}
		if body := request(t, http.MethodGet, i.App+HealthPath, "Accept", "*/*"); runtime.GOOS == "linux" && body != "v9 of "+i.ID+"\n" {
			t.Errorf("%s answers %q", i.ID, body)
		}
	}
	if runtime.GOOS == "linux" && len(hosts) != 3 {
		t.Errorf("applications at %v, want an address each", hosts)
	}
}

// tell asks an instance's metadata service.
func tell(t *testing.T, i Instance, item string) string {
	t.Helper()
	token := request(t, http.MethodPut, i.Metadata+"/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
	return request(t, http.MethodGet, i.Metadata+"/latest/meta-data/"+item, "X-aws-ec2-metadata-token", token)
}

func TestAnApplicationAndTheRegionAgreeOnItsHealth(t *testing.T) {
	l := serve(t, small())
	sick := instances(t, l)[0]
	for _, healthy := range []bool{true, false, true} {
		l.Fleet.SetAppHealthy(sick.ID, healthy)
		resp, err := http.Get(sick.App + HealthPath)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		want := map[bool]int{true: http.StatusOK, false: http.StatusServiceUnavailable}[healthy]
		if resp.StatusCode != want || l.Fleet.AppHealthy(sick.ID) != healthy {
			t.Errorf("healthy %v: the application answers %s", healthy, resp.Status)
		}
	}
}

func TestTheLoadBalancersCheckTheApplication(t *testing.T) {
	l := serve(t, small())
	i := instances(t, l)[0]
	session := sdk(t, i)
	m, err := asg.New(session.Config()).Group(t.Context(), l.Fleet.Group)
	if err != nil {
		t.Fatal(err)
	}
	sources, err := elb.New(session.Config()).Describe(t.Context(), m.Classic, m.TargetGroups)
	if err != nil || len(sources) != 2 {
		t.Fatalf("%d sources, %v; want 2", len(sources), err)
	}
	for _, s := range sources {
		port := s.Check.Port
		if port == "traffic-port" {
			port = strconv.Itoa(s.Port)
		}
		if s.Check.Protocol != "HTTP" || port != strconv.Itoa(l.Fleet.Port) || s.Check.Path != HealthPath {
			t.Errorf("%s asks for %s :%s%s, want HTTP :%d%s", s.Name, s.Check.Protocol, port, s.Check.Path, l.Fleet.Port, HealthPath)
		}
	}
}

func TestTwoLabsDoNotCollide(t *testing.T) {
	one, other := serve(t, small()), serve(t, small())
	if one.Fleet.Port == other.Fleet.Port {
		t.Errorf("both have their applications at port %d", one.Fleet.Port)
	}
	other.Close()
	for _, i := range instances(t, one) {
		request(t, http.MethodGet, i.App+HealthPath, "Accept", "*/*")
	}
}

func TestAClosedLabGivesItsPortBack(t *testing.T) {
	l := serve(t, small())
	at, err := url.Parse(instances(t, l)[2].App)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	ln, err := net.Listen("tcp", at.Host)
	if err != nil {
		t.Fatalf("the application's address is still taken: %v", err)
	}
	ln.Close()
}
