package sim_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	awsimds "github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	awsasg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	awselb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	awselbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/smithy-go"

	"balanced/internal/sim"
)

// world is a Region and the SDK clients of one of its instances.
type world struct {
	*sim.Region
	t     *testing.T
	asg   *awsasg.Client
	elb   *awselb.Client
	elbv2 *awselbv2.Client
	imds  *awsimds.Client
}

// inBubble runs a test in a bubble of virtual time and closes every connection at its end.
func inBubble(t *testing.T, cfg sim.Config, test func(*testing.T, *sim.Region)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, sim.New(cfg)) })
}

// as makes SDK clients with an instance's role credentials, without retries.
func as(t *testing.T, r *sim.Region, instance string) *world {
	t.Helper()
	client := r.Client()
	t.Cleanup(client.CloseIdleConnections)
	metadata := awsimds.New(awsimds.Options{HTTPClient: client, Endpoint: sim.MetadataEndpoint(instance), EnableFallback: aws.FalseTernary})
	cfg := aws.Config{
		HTTPClient: client, BaseEndpoint: aws.String(sim.APIEndpoint), Region: "eu-west-1",
		Credentials: aws.NewCredentialsCache(ec2rolecreds.New(func(o *ec2rolecreds.Options) { o.Client = metadata })),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}
	return &world{
		Region: r, t: t, imds: metadata,
		asg: awsasg.NewFromConfig(cfg), elb: awselb.NewFromConfig(cfg), elbv2: awselbv2.NewFromConfig(cfg),
	}
}

func (w *world) enter(id string) (*awsasg.EnterStandbyOutput, error) {
	return w.asg.EnterStandby(w.t.Context(), &awsasg.EnterStandbyInput{
		AutoScalingGroupName: aws.String("web"), InstanceIds: []string{id}, ShouldDecrementDesiredCapacity: aws.Bool(true),
	})
}

func (w *world) exit(id string) (*awsasg.ExitStandbyOutput, error) {
	return w.asg.ExitStandby(w.t.Context(), &awsasg.ExitStandbyInput{
		AutoScalingGroupName: aws.String("web"), InstanceIds: []string{id},
	})
}

// wantState fails the test unless an instance is in a lifecycle state.
func (w *world) wantState(id, want string) {
	w.t.Helper()
	if got := w.State(id); got != want {
		w.t.Fatalf("state of %s is %q, want %q", id, got, want)
	}
}

// wantRefusal fails the test unless err is an API error with this code and message.
func wantRefusal(t *testing.T, err error, code, message string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) {
		t.Fatalf("error is %v, want %s: %s", err, code, message)
	}
	if api.ErrorCode() != code || api.ErrorMessage() != message {
		t.Fatalf("refusal is\n %s: %s\nwant\n %s: %s", api.ErrorCode(), api.ErrorMessage(), code, message)
	}
}

// pass lets virtual time pass.
func pass(d time.Duration) { <-time.After(d) }

func TestOutOfServiceAndBack(t *testing.T) {
	inBubble(t, sim.Config{}, func(t *testing.T, r *sim.Region) {
		r.AddLoadBalancer(sim.LoadBalancer{Name: "front"})
		r.AddTargetGroup(sim.TargetGroup{Name: "app", LoadBalancer: "front", Drain: 300 * time.Second})
		ids := r.AddGroup(sim.Group{Name: "web", Min: 3, Max: 4, Desired: 4, TargetGroups: []string{"app"}})
		w := as(t, r, ids[0])

		who, err := w.imds.GetInstanceIdentityDocument(context.Background(), nil)
		if err != nil || who.InstanceID != ids[0] {
			t.Fatalf("identity %v, %v", who, err)
		}
		if _, err := w.enter(ids[0]); err != nil {
			t.Fatal(err)
		}
		w.wantState(ids[0], "EnteringStandby")
		pass(299 * time.Second)
		w.wantState(ids[0], "EnteringStandby")
		pass(time.Second)
		w.wantState(ids[0], "Standby")
		if _, err := w.exit(ids[0]); err != nil {
			t.Fatal(err)
		}
		w.wantState(ids[0], "Pending")
		pass(6400*time.Millisecond - 1)
		w.wantState(ids[0], "Pending")
		pass(1)
		w.wantState(ids[0], "InService")
	})
}
