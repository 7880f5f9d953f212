package bench

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.uber.org/zap"

	"balanced/internal/awsapi"
	"balanced/internal/fleet"
	"balanced/internal/imds"
	"balanced/internal/rotation"
)

// still is a group that answers at once from memory and never changes: every instance
// in service and healthy, a tenth of those before the last in Standby.
type still struct {
	group   fleet.Group
	feed    []fleet.Activity
	source  fleet.Source
	targets []fleet.Target
}

func instanceID(n int) string { return fmt.Sprintf("i-0%016x", n) }

func stillGroup(size int) *still {
	now := time.Now()
	s := &still{
		group:  fleet.Group{Name: "web", Max: size, Settings: fleet.Settings{MinHealthyPercent: -1}, TargetGroups: []string{"web"}, At: now},
		source: fleet.Source{Kind: fleet.Application, Name: "web", ID: "web", Port: 80, Drain: fiveMinutes, CrossZone: true, CutsFlows: true, Check: fleet.HealthCheck{Protocol: "HTTP", Port: "traffic-port", Path: "/", Interval: 30 * time.Second, Timeout: 5 * time.Second, Healthy: 5}},
	}
	for n := range size {
		m := fleet.Member{ID: instanceID(n), Zone: "eu-west-1" + string(rune('a'+n%3)), State: fleet.InService, Healthy: true}
		if out := n > 0 && n <= size/10; out {
			m.State = fleet.Standby
			s.feed = append(s.feed, fleet.Activity{
				ID: fmt.Sprint(n), Kind: fleet.ToStandby, Instance: m.ID, Status: "Successful",
				Start: now.Add(-time.Duration(n) * time.Second), From: size - n + 1, To: size - n, Moved: true,
			})
		} else {
			s.group.Desired++
			s.targets = append(s.targets, fleet.Target{Instance: m.ID, Port: 80, Health: fleet.Healthy})
		}
		s.group.Members = append(s.group.Members, m)
	}
	return s
}

func (s *still) Membership(_ context.Context, id string) (fleet.Membership, error) {
	m, _ := s.group.Member(id)
	return fleet.Membership{Group: s.group.Name, Zone: m.Zone, State: m.State, Healthy: m.Healthy, At: s.group.At}, nil
}
func (s *still) Group(context.Context, string) (fleet.Group, error) { return s.group, nil }

func (s *still) Activities(context.Context, string, func([]fleet.Activity) bool) ([]fleet.Activity, error) {
	return s.feed, nil
}
func (s *still) Refreshes(context.Context, string) ([]fleet.Refresh, error) { return nil, nil }
func (s *still) Reads() []awsapi.Read                                       { return nil }

func (s *still) Describe(context.Context, []string, []string) ([]fleet.Source, error) {
	return []fleet.Source{s.source}, nil
}

func (s *still) Health(context.Context, fleet.Source) ([]fleet.Target, error) { return s.targets, nil }

func (s *still) HealthOf(_ context.Context, _ fleet.Source, id string) (fleet.Target, error) {
	return fleet.Target{Instance: id, Port: 80, Health: fleet.Healthy}, nil
}

func (s *still) Registrations(context.Context, string, string, string) ([]fleet.Registration, error) {
	return nil, nil
}
func (s *still) Notices(context.Context) (fleet.Notices, error) { return fleet.Notices{}, nil }
func (s *still) AnswersV1(context.Context) (bool, error)        { return false, nil }

func (s *still) agent() *rotation.Agent {
	return &rotation.Agent{
		Self: imds.Identity{Instance: instanceID(0)}, Groups: s, Balancers: s, Metadata: s, Log: zap.NewNop(),
		Alone: func(string) (func(), error) { return func() {}, nil },
	}
}

var groupSizes = []int{10, 100, 1000, 2000}

// BenchmarkStatus is a look at a whole group and its report, without the calls.
func BenchmarkStatus(b *testing.B) {
	for _, size := range groupSizes {
		b.Run(fmt.Sprint(size), statusOf(size))
	}
}

func statusOf(size int) func(*testing.B) {
	return func(b *testing.B) {
		agent := stillGroup(size).agent()
		b.ReportAllocs()
		for b.Loop() {
			report, standing, err := agent.Status(context.Background(), fleet.MinHealthy{})
			if err != nil || standing != rotation.InService || len(report.Members) != size {
				b.Fatal(standing, err)
			}
		}
	}
}

// BenchmarkGuards is a dry run of out: a look, every guard, and the report.
func BenchmarkGuards(b *testing.B) {
	for _, size := range groupSizes {
		b.Run(fmt.Sprint(size), guardsOf(size))
	}
}

func guardsOf(size int) func(*testing.B) {
	return func(b *testing.B) {
		agent := stillGroup(size).agent()
		opt := everyGuard(b)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := agent.Out(context.Background(), opt); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func everyGuard(t testing.TB) rotation.OutOptions {
	t.Helper()
	half, err := fleet.ParseMinHealthy("50%")
	if err != nil {
		t.Fatal(err)
	}
	opt := rotation.OutOptions{Options: auto, MinHealthy: half, Settle: rotation.DefaultSettle}
	opt.DryRun = true
	return opt
}

// What is measured has to get past every guard.
func TestNoGuardObjects(t *testing.T) {
	if _, err := stillGroup(groupSizes[0]).agent().Out(t.Context(), everyGuard(t)); err != nil {
		t.Error(err)
	}
}
