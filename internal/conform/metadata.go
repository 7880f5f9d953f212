package conform

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	tokenPath      = "/latest/api/token"
	tokenHeader    = "X-aws-ec2-metadata-token"
	tokenTTLHeader = "X-aws-ec2-metadata-token-ttl-seconds"
	imdsTimeout    = 5 * time.Second // the answers come within milliseconds
	imdsGuide      = "User Guide of EC2, "
)

// metadataFacts are about the metadata service of the instance that this runs on.
func metadataFacts() []Fact {
	facts := []Fact{
		{
			ID: "imds-token", Needs: OnInstance, Sure: Recorded, Modelled: "200, with the lifetime in its header",
			Statement: "The answer with a token repeats its lifetime in the header that the request had, which Go's SDK requires.",
			Source:    imdsGuide + "Use the Instance Metadata Service; the SDK's own code",
			check: func(ctx context.Context, s *session) (string, error) {
				a, err := s.o.Metadata.ask(ctx, http.MethodPut, tokenPath, tokenTTLHeader, "60")
				if err != nil {
					return "", err
				}
				if a.status == http.StatusOK && a.header.Get(tokenTTLHeader) == "60" && a.body != "" {
					return "200, with the lifetime in its header", nil
				}
				return fmt.Sprintf("%d, %q", a.status, a.header.Get(tokenTTLHeader)), nil
			},
		},
		{
			ID: "imds-token-expires", Needs: OnInstance, Sure: Documented, Modelled: "200, and 401 after its lifetime",
			Statement: "A token is refused with 401 after its lifetime.",
			Source:    imdsGuide + "Use the Instance Metadata Service",
			check:     tokenExpires,
		},
		{
			ID: "imds-without-token", Needs: OnInstance, Sure: Documented, Modelled: "401", Settings: []Setting{{"200", "Metadata.V1Allowed"}},
			Statement: "An instance that requires tokens refuses requests without one with 401.",
			Source:    imdsGuide + "Use the Instance Metadata Service",
			check: func(ctx context.Context, s *session) (string, error) {
				return s.o.Metadata.status(ctx, http.MethodGet, "/latest/meta-data/instance-id", "", "")
			},
		},
		{
			ID: "imds-document", Needs: OnInstance, Sure: Documented, Modelled: "accountId, architecture, availabilityZone, imageId, instanceId, instanceType, pendingTime, region, version",
			Statement: "The identity document is JSON with these members, among others.",
			Source:    imdsGuide + "Instance identity documents",
			check:     identityDocument,
		},
		{
			ID: "imds-credentials", Needs: OnInstance, Sure: Recorded, Modelled: "AccessKeyId, Code, Expiration, LastUpdated, SecretAccessKey, Token, Type; Success",
			Statement: "The credentials of the role are JSON with these members, and Code is Success. Their values are not looked at.",
			Source:    imdsGuide + "Retrieve security credentials from instance metadata",
			check:     credentialFields,
		},
		{
			ID: "imds-target-state", Needs: OnInstance, Sure: Documented, Modelled: "InService",
			Statement: "autoscaling/target-lifecycle-state is InService on a member in service, and 404 on one that has made no move.",
			Source:    imdsGuide + "Retrieve the target lifecycle state through instance metadata",
			check: func(ctx context.Context, s *session) (string, error) {
				a, err := s.o.Metadata.item(ctx, "meta-data/autoscaling/target-lifecycle-state")
				if err == nil && a.status == http.StatusNotFound {
					return "", cannot("the instance has made no move yet")
				}
				return a.body, err
			},
		},
		{
			ID: "imds-target-state-moving", Needs: Moves | OnInstance, Sure: Open, Modelled: "Standby while EnteringStandby",
			Settings:  []Setting{{"InService while EnteringStandby", "Behaviour.TargetStateLags"}},
			Statement: "target-lifecycle-state names the state that the instance is moving to from the start of the move.",
			Source:    imdsGuide + "Retrieve the target lifecycle state through instance metadata, which says target; not shown for Standby",
			check:     targetStateMoving,
		},
	}
	return slices.Concat(facts, statusFacts(), itemFacts())
}

// statusFacts are those where the status says all.
func statusFacts() []Fact {
	var facts []Fact
	for _, row := range []struct{ id, statement, want, method, path, header, value string }{
		{"imds-no-lifetime", "A request for a token without a lifetime is refused with 400.", "400", http.MethodPut, tokenPath, "", ""},
		{"imds-lifetime-0", "A lifetime of 0 s is refused with 400.", "400", http.MethodPut, tokenPath, tokenTTLHeader, "0"},
		{"imds-lifetime-long", "A lifetime of more than 6 hours is refused with 400.", "400", http.MethodPut, tokenPath, tokenTTLHeader, "21601"},
		{"imds-token-path", "A token comes from /latest only; other versions refuse with 403.", "403", http.MethodPut, "/2021-07-15/api/token", tokenTTLHeader, "60"},
		{"imds-token-wrong", "A token that was not given is refused with 401.", "401", http.MethodGet, "/latest/meta-data/instance-id", tokenHeader, "none"},
	} {
		facts = append(facts, Fact{
			ID: row.id, Needs: OnInstance, Sure: Documented, Statement: row.statement, Modelled: row.want, Source: imdsGuide + "Use the Instance Metadata Service",
			check: func(ctx context.Context, s *session) (string, error) {
				return s.o.Metadata.status(ctx, row.method, row.path, row.header, row.value)
			},
		})
	}
	return append(facts, Fact{
		ID: "imds-forwarded", Needs: OnInstance, Sure: Documented, Modelled: "403", Source: imdsGuide + "Use the Instance Metadata Service",
		Statement: "A request for a token that comes through a proxy is refused with 403.",
		check: func(ctx context.Context, s *session) (string, error) {
			a, err := s.o.Metadata.ask(ctx, http.MethodPut, tokenPath, tokenTTLHeader, "60", "X-Forwarded-For", "203.0.113.1")
			return fmt.Sprint(a.status), err
		},
	})
}

// itemFacts are those where an item says all.
func itemFacts() []Fact {
	var facts []Fact
	for _, row := range []struct {
		id, statement, want, path, source string
		sure                              Certainty
	}{
		{"imds-absent", "An item that does not exist is 404 with a page that says so.", "404, 404 - Not Found", "meta-data/no-such-item", "Instance metadata categories", Documented},
		{"imds-maintenance", "events/maintenance/scheduled is an empty JSON list where nothing is planned.", "200, []", "meta-data/events/maintenance/scheduled", "Scheduled events; recorded answers of 2026", Recorded},
		{"imds-spot", "spot/instance-action is 404 where nothing is planned.", "404, 404 - Not Found", "meta-data/spot/instance-action", "Spot Instance interruption notices", Documented},
		{"imds-rebalance", "events/recommendations/rebalance is 404 where nothing is recommended.", "404, 404 - Not Found", "meta-data/events/recommendations/rebalance", "EC2 instance rebalance recommendations", Documented},
		{"imds-text", "An item is plain text.", "200, text/plain", "meta-data/placement/availability-zone", "Instance metadata categories", Documented},
	} {
		facts = append(facts, Fact{
			ID: row.id, Needs: OnInstance, Sure: row.sure, Statement: row.statement, Modelled: row.want, Source: imdsGuide + row.source,
			check: func(ctx context.Context, s *session) (string, error) {
				a, err := s.o.Metadata.item(ctx, row.path)
				return itemText(a, row.want), err
			},
		})
	}
	return facts
}

// itemText is what an item's answer says about the question.
func itemText(a answer, want string) string {
	text := strings.Join(strings.Fields(a.body), "")
	switch {
	case a.status == http.StatusNotFound && strings.Contains(a.body, "404 - Not Found"):
		text = "404 - Not Found"
	case strings.HasSuffix(want, "text/plain"):
		text, _, _ = strings.Cut(a.header.Get("Content-Type"), ";")
	}
	return fmt.Sprintf("%d, %s", a.status, text)
}

// ask sends one request with these headers.
func (m *Metadata) ask(ctx context.Context, method, path string, headers ...string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, imdsTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(m.Endpoint, "/")+path, nil)
	if err != nil {
		return answer{}, err
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] != "" {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	resp, err := m.HTTP.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(body)}, err
}

func (m *Metadata) status(ctx context.Context, method, path, header, value string) (string, error) {
	a, err := m.ask(ctx, method, path, header, value)
	return fmt.Sprint(a.status), err
}

// item asks for an item with a token of its own.
func (m *Metadata) item(ctx context.Context, path string) (answer, error) {
	token, err := m.ask(ctx, http.MethodPut, tokenPath, tokenTTLHeader, "60")
	if err != nil {
		return token, err
	}
	return m.ask(ctx, http.MethodGet, "/latest/"+path, tokenHeader, token.body)
}

func tokenExpires(ctx context.Context, s *session) (string, error) {
	m := s.o.Metadata
	token, err := m.ask(ctx, http.MethodPut, tokenPath, tokenTTLHeader, "1")
	if err != nil {
		return "", err
	}
	first, err := m.status(ctx, http.MethodGet, "/latest/meta-data/instance-id", tokenHeader, token.body)
	if err != nil {
		return "", err
	}
	if err := sleep(ctx, 2*time.Second); err != nil { // a second is its lifetime
		return "", err
	}
	second, err := m.status(ctx, http.MethodGet, "/latest/meta-data/instance-id", tokenHeader, token.body)
	return first + ", and " + second + " after its lifetime", err
}

func identityDocument(ctx context.Context, s *session) (string, error) {
	a, err := s.o.Metadata.item(ctx, "dynamic/instance-identity/document")
	if err != nil {
		return "", err
	}
	var document map[string]any
	if err := json.Unmarshal([]byte(a.body), &document); err != nil {
		return fmt.Sprintf("%d, no JSON", a.status), nil
	}
	var there []string
	for _, name := range []string{"accountId", "architecture", "availabilityZone", "imageId", "instanceId", "instanceType", "pendingTime", "region", "version"} {
		if text, ok := document[name].(string); ok && text != "" {
			there = append(there, name)
		}
	}
	return strings.Join(there, ", "), nil
}

func credentialFields(ctx context.Context, s *session) (string, error) {
	const base = "meta-data/iam/security-credentials"
	role, err := s.o.Metadata.item(ctx, base+"/")
	if err != nil {
		return "", err
	}
	if role.status == http.StatusNotFound {
		return "", cannot("the instance has no role")
	}
	a, err := s.o.Metadata.item(ctx, base+"/"+strings.TrimSpace(role.body))
	if err != nil {
		return "", err
	}
	var fields map[string]string
	if err := json.Unmarshal([]byte(a.body), &fields); err != nil {
		return fmt.Sprintf("%d, no JSON", a.status), nil
	}
	code := fields["Code"]
	delete(fields, "AccountId") // not on every instance
	return strings.Join(slices.Sorted(maps.Keys(fields)), ", ") + "; " + code, nil
}

// self is the id of the instance that this runs on, or "".
func (m *Metadata) self(ctx context.Context) (string, error) {
	if m == nil {
		return "", nil
	}
	a, err := m.item(ctx, "meta-data/instance-id")
	return a.body, err
}

// targetStateMoving is about the first move to Standby, if it was of this instance.
func targetStateMoving(_ context.Context, s *session) (string, error) {
	if s.out == nil || s.out.track(opTargetState) == nil {
		return "", cannot("this instance was not moved")
	}
	for _, m := range s.out.track(opTargetState).marks {
		if m.at >= s.out.shown && m.at < s.out.arrived {
			return m.text + " while EnteringStandby", nil
		}
	}
	return "", cannot("the move was over at once")
}
