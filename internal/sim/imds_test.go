package sim_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsimds "github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	awsasg "github.com/aws/aws-sdk-go-v2/service/autoscaling"

	"balanced/internal/sim"
)

// ask makes a metadata request without the SDK and returns its status, body and header.
func ask(t *testing.T, client *http.Client, method, url string, header ...string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp.Header
}

const ttl = "X-aws-ec2-metadata-token-ttl-seconds"

func TestSessionTokens(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(sim.Group{Name: "web", Desired: 2})
		client := r.Client()
		t.Cleanup(client.CloseIdleConnections)
		base := sim.MetadataEndpoint(ids[0])
		for _, c := range []struct {
			path   string
			header []string
			want   int
		}{
			{"/latest/api/token", []string{ttl, "60"}, 200},
			{"/latest/api/token", []string{ttl, "21600"}, 200},
			{"/latest/api/token", []string{ttl, "21601"}, 400},
			{"/latest/api/token", []string{ttl, "0"}, 400},
			{"/latest/api/token", nil, 400},
			{"/latest/api/token", []string{ttl, "60", "X-Forwarded-For", "10.0.0.1"}, 403},
			{"/2021-07-15/api/token", []string{ttl, "60"}, 403},
		} {
			status, _, header := ask(t, client, "PUT", base+c.path, c.header...)
			if status != c.want {
				t.Errorf("PUT %s with %v answers %d, want %d", c.path, c.header, status, c.want)
			}
			if status == 200 && header.Get(ttl) != c.header[1] {
				t.Errorf("the answer gives the token %q seconds, want %s", header.Get(ttl), c.header[1])
			}
		}
		_, token, _ := ask(t, client, "PUT", base+"/latest/api/token", ttl, "60")
		item := base + "/latest/meta-data/instance-id"
		wantStatus := func(want int, url string, header ...string) {
			t.Helper()
			if status, _, _ := ask(t, client, "GET", url, header...); status != want {
				t.Errorf("GET %s with %v answers %d, want %d", url, header, status, want)
			}
		}
		wantStatus(200, item, "X-aws-ec2-metadata-token", token)
		wantStatus(401, item)
		wantStatus(401, item, "X-aws-ec2-metadata-token", "made up")
		wantStatus(401, sim.MetadataEndpoint(ids[1])+"/latest/meta-data/instance-id", "X-aws-ec2-metadata-token", token)
		r.SetMetadata(ids[0], sim.Metadata{V1Allowed: true})
		wantStatus(200, item)
		pass(time.Minute)
		wantStatus(401, item, "X-aws-ec2-metadata-token", token)
		r.SetMetadata(ids[0], sim.Metadata{Off: true})
		wantStatus(403, item)
	})
}

func TestMetadataItems(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		id := r.AddGroup(sim.Group{Name: "web", Desired: 1})[0]
		r.SetMetadata(id, sim.Metadata{
			V1Allowed: true, SpotAction: "terminate", SpotTime: "2000-01-01T00:02:00Z", Rebalance: time.Now(),
			Events: []sim.MaintenanceEvent{{
				Code: "system-reboot", Description: "scheduled reboot", EventID: "instance-event-1",
				State: "active", NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour),
			}},
		})
		client := r.Client()
		t.Cleanup(client.CloseIdleConnections)
		for path, want := range map[string]string{
			"meta-data/instance-id":                        id,
			"meta-data/placement/region":                   "eu-west-1",
			"meta-data/placement/availability-zone/":       "eu-west-1a",
			"meta-data/placement/availability-zone-id":     "euw1-az1",
			"meta-data/autoscaling/target-lifecycle-state": "InService",
			"meta-data/iam/security-credentials/":          "instance-role",
			"meta-data/spot/instance-action":               `"action": "terminate"`,
			"meta-data/events/recommendations/rebalance":   `"noticeTime": "2000-01-01T00:00:00Z"`,
			"meta-data/events/maintenance/scheduled":       `"NotAfter": "1 Jan 2000 01:00:00 GMT"`,
			"dynamic/instance-identity/document":           `"accountId": "123456789012"`,
		} {
			if status, body, _ := ask(t, client, "GET", sim.MetadataEndpoint(id)+"/latest/"+path); status != 200 || !strings.Contains(body, want) {
				t.Errorf("%s answers %d %q, want %q in it", path, status, body, want)
			}
		}
		r.SetMetadata(id, sim.Metadata{V1Allowed: true, NoProfile: true, TargetState: aws.String("")})
		for _, path := range []string{
			"meta-data/spot/instance-action", "meta-data/events/recommendations/rebalance", "meta-data/tags/instance",
			"meta-data/iam/security-credentials/", "meta-data/autoscaling/target-lifecycle-state", "nothing",
		} {
			if status, body, _ := ask(t, client, "GET", sim.MetadataEndpoint(id)+"/latest/"+path); status != 404 || !strings.Contains(body, "404 - Not Found") {
				t.Errorf("%s answers %d %q, want the 404 page", path, status, body)
			}
		}
		if status, body, _ := ask(t, client, "GET", sim.MetadataEndpoint(id)+"/latest/meta-data/events/maintenance/scheduled"); status != 200 || body != "[]" {
			t.Errorf("no scheduled events answer %d %q, want 200 []", status, body)
		}
	})
}

// item asks for a metadata item through the SDK.
func (w *world) item(path string) (string, error) {
	out, err := w.imds.GetMetadata(w.t.Context(), &awsimds.GetMetadataInput{Path: path})
	if err != nil {
		return "", err
	}
	defer out.Content.Close()
	body, err := io.ReadAll(out.Content)
	return string(body), err
}

func TestTheTargetLifecycleStateFollowsMoves(t *testing.T) {
	for _, lags := range []bool{false, true} {
		inBubble(t, sim.Config{Behaviour: sim.Behaviour{TargetStateLags: lags}}, func(t *testing.T, r *sim.Region) {
			id := albGroup(r, time.Minute)[0]
			w := as(t, r, id)
			want := func(state string) {
				t.Helper()
				if got, err := w.item("autoscaling/target-lifecycle-state"); err != nil || got != state {
					t.Fatalf("lagging %t: target-lifecycle-state is %q, %v; want %q", lags, got, err, state)
				}
			}
			r.EnterStandby("web", id, true)
			want(map[bool]string{false: "Standby", true: "InService"}[lags])
			pass(time.Minute)
			want("Standby")
			r.ExitStandby("web", id)
			want(map[bool]string{false: "InService", true: "Standby"}[lags])
			pass(time.Minute)
			want("InService")
			r.Terminate(id)
			want("Terminated")
		})
	}
}

func TestATokenThatExpiresEarlyIsRenewed(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		id := r.AddGroup(sim.Group{Name: "web", Desired: 1})[0]
		r.SetMetadata(id, sim.Metadata{TokenTTL: time.Second})
		client := r.Client()
		t.Cleanup(client.CloseIdleConnections)
		metadata := awsimds.New(awsimds.Options{HTTPClient: client, Endpoint: sim.MetadataEndpoint(id)}) // with its retries
		for range 3 {
			if _, err := metadata.GetMetadata(t.Context(), &awsimds.GetMetadataInput{Path: "instance-id"}); err != nil {
				t.Fatal(err)
			}
			pass(time.Minute)
		}
		tokens := 0
		for _, c := range r.Calls() {
			if c.Action == "PUT /latest/api/token" {
				tokens++
			}
		}
		if tokens != 3 {
			t.Fatalf("%d tokens for three requests a minute apart, want one each", tokens)
		}
	})
}

func TestTokensBeyondTheHopLimitNeverArrive(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		id := r.AddGroup(sim.Group{Name: "web", Desired: 1})[0]
		r.SetMetadata(id, sim.Metadata{HopLimited: true})
		w := as(t, r, id)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		if _, err := w.imds.GetRegion(ctx, nil); err == nil {
			t.Fatal("an answer beyond the hop limit")
		}
		if waited := time.Since(began); waited != 3*time.Second {
			t.Fatalf("gave up after %v, want to hang until the caller's 3 s are over", waited)
		}
		synctest.Wait() // until the server notices
		if c := r.Calls()[0]; !c.Lost || c.Status != 0 {
			t.Fatalf("recorded as %+v, want it lost and unanswered", c)
		}
	})
}

func TestCredentialsIdentifyTheCaller(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		ids := r.AddGroup(sim.Group{Name: "web", Desired: 2})
		w := as(t, r, ids[1])
		w.feed()
		calls := r.Calls()
		if last := calls[len(calls)-1]; last.Caller != ids[1] || last.Service != "autoscaling" || last.Action != "DescribeScalingActivities" || last.Mutating() {
			t.Fatalf("last call %+v, want a read by %s", last, ids[1])
		}
		r.UpdateMetadata(ids[1], func(m *sim.Metadata) { m.CredentialsExpired = true })
		_, err := w.asg.DescribeAutoScalingGroups(t.Context(), &awsasg.DescribeAutoScalingGroupsInput{})
		wantRefusal(t, err, "ExpiredToken", "The security token included in the request is expired")
	})
}

func TestAnInstanceWithoutAProfileHasNoCredentials(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		id := r.AddGroup(sim.Group{Name: "web", Desired: 1})[0]
		r.SetMetadata(id, sim.Metadata{NoProfile: true})
		w := as(t, r, id)
		_, err := w.asg.DescribeAutoScalingGroups(t.Context(), nil)
		if err == nil || errors.Is(err, context.Canceled) {
			t.Fatalf("error %v, want no credentials", err)
		}
	})
}

func TestMetadataDirectories(t *testing.T) {
	inBubble(t, sim.Config{IPv6: func(int) string { return "2001:db8::1" }}, func(t *testing.T, r *sim.Region) {
		id := r.AddGroup(sim.Group{Name: "web", Desired: 1, Settings: sim.Settings{Tags: map[string]string{"role": "front"}}})[0]
		r.SetMetadata(id, sim.Metadata{TagsEnabled: true, Spot: true})
		w := as(t, r, id)
		mac, err := w.item("mac")
		if err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]string{
			"":                         "ami-id\nautoscaling/\nevents/\nhostname\niam/\ninstance-id\ninstance-life-cycle\ninstance-type\nipv6\nlocal-hostname\nlocal-ipv4\nmac\nnetwork/\nplacement/\nservices/\ntags/",
			"autoscaling/":             "target-lifecycle-state",
			"events/":                  "maintenance/",
			"events/maintenance/":      "history\nscheduled",
			"iam/":                     "info\nsecurity-credentials/",
			"network/interfaces/macs/": mac + "/",
			"network/interfaces/macs/" + mac + "/ipv6s":  "2001:db8::1",
			"network/interfaces/macs/" + mac + "/vpc-id": "vpc-0a1b2c3d4e5f60718",
			"ipv6":                "2001:db8::1",
			"instance-life-cycle": "spot",
			"tags/":               "instance/",
			"tags/instance/":      "aws:autoscaling:groupName\nrole",
			"tags/instance/role":  "front",
			"tags/instance/aws:autoscaling:groupName": "web",
		} {
			if got, err := w.item(path); err != nil || got != want {
				t.Errorf("%s answers %q, %v; want %q", path, got, err, want)
			}
		}
		r.SetMetadata(id, sim.Metadata{})
		if got, err := w.item("instance-life-cycle"); err != nil || got != "on-demand" {
			t.Errorf("instance-life-cycle %q, %v; want on-demand", got, err)
		}
		if got, err := w.item("tags/instance"); err == nil {
			t.Errorf("tags %q, although the instance does not show them", got)
		}
	})
}

func TestAnInstanceWithOnlyAnIPv6Address(t *testing.T) {
	cfg := sim.Config{Address: func(int) string { return "" }, IPv6: func(int) string { return "2001:db8::1" }}
	inBubble(t, cfg, func(t *testing.T, r *sim.Region) {
		id := r.AddGroup(sim.Group{Name: "web", Desired: 1})[0]
		w := as(t, r, id)
		document, err := w.imds.GetInstanceIdentityDocument(t.Context(), nil)
		if err != nil || document.PrivateIP != "" || document.InstanceID != id {
			t.Errorf("identity document %+v, %v; want no private IPv4 address", document, err)
		}
		if got, err := w.item("local-ipv4"); err == nil {
			t.Errorf("local-ipv4 %q, want it absent", got)
		}
		if got, err := w.item("ipv6"); err != nil || got != "2001:db8::1" {
			t.Errorf("ipv6 %q, %v", got, err)
		}
		if got, err := w.item("local-hostname"); err != nil || got != id+".eu-west-1.compute.internal" {
			t.Errorf("local-hostname %q, %v; want a name by the instance's id", got, err)
		}
	})
}

func TestADateInAnUnexpectedForm(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		id := r.AddGroup(sim.Group{Name: "web", Desired: 1})[0]
		r.SetMetadata(id, sim.Metadata{Events: []sim.MaintenanceEvent{{Code: "system-reboot", Date: "2026-11-26T00:00:00Z"}}})
		if got, err := as(t, r, id).item("events/maintenance/scheduled"); err != nil || !strings.Contains(got, `"NotBefore": "2026-11-26T00:00:00Z"`) {
			t.Errorf("%s, %v", got, err)
		}
	})
}
