package awsapi_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	awsasg "github.com/aws/aws-sdk-go-v2/service/autoscaling"

	"balanced/internal/awsapi"
	"balanced/internal/sim"
)

// region runs a test against a Region with one instance, in virtual time.
func region(t *testing.T, test func(t *testing.T, r *sim.Region, id string, read func(time.Duration) error)) {
	t.Helper()
	for _, name := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ENDPOINT_URL"} {
		t.Setenv(name, "")
	}
	synctest.Test(t, func(t *testing.T) {
		r := sim.New(sim.Config{})
		id := r.AddGroup(sim.Group{Name: "web", Desired: 1})[0]
		client := r.Client()
		t.Cleanup(client.CloseIdleConnections)
		s, err := awsapi.Load(t.Context(), awsapi.Options{
			Region: "eu-west-1", HTTP: client, Endpoint: sim.APIEndpoint, MetadataEndpoint: sim.MetadataEndpoint(id),
		})
		if err != nil {
			t.Fatal(err)
		}
		test(t, r, id, func(budget time.Duration) error {
			ctx, cancel := context.WithTimeout(t.Context(), budget)
			defer cancel()
			_, err := awsasg.NewFromConfig(s.Config()).DescribeAutoScalingGroups(ctx, &awsasg.DescribeAutoScalingGroupsInput{})
			return err
		})
	})
}

func TestExpiredCredentialsAreWaitedOut(t *testing.T) {
	region(t, func(t *testing.T, r *sim.Region, id string, read func(time.Duration) error) {
		expired := func(yes bool) { r.UpdateMetadata(id, func(m *sim.Metadata) { m.CredentialsExpired = yes }) }
		expired(true)
		if u, ok := errors.AsType[*awsapi.UnreachableError](read(time.Minute)); !ok || u.Why != awsapi.Expired {
			t.Errorf("got %v", u)
		}
		time.AfterFunc(time.Minute, func() { expired(false) })
		if err := read(5 * time.Minute); err != nil {
			t.Error(err)
		}
	})
}

func TestAnInstanceWithoutAProfile(t *testing.T) {
	region(t, func(t *testing.T, r *sim.Region, id string, read func(time.Duration) error) {
		r.UpdateMetadata(id, func(m *sim.Metadata) { m.NoProfile = true })
		if _, ok := errors.AsType[*awsapi.NoCredentialsError](read(time.Minute)); !ok {
			t.Error("not said")
		}
	})
}

func TestATokenThatNeverArrivesIsWaitedFor(t *testing.T) {
	region(t, func(t *testing.T, r *sim.Region, id string, read func(time.Duration) error) {
		r.UpdateMetadata(id, func(m *sim.Metadata) { m.HopLimited = true })
		if u, ok := errors.AsType[*awsapi.UnreachableError](read(time.Minute)); !ok || u.Landed || u.Attempts != 0 {
			t.Errorf("got %+v", u)
		}
		r.UpdateMetadata(id, func(m *sim.Metadata) { m.HopLimited = false })
		if err := read(time.Minute); err != nil {
			t.Error(err)
		}
	})
}

// The default client on real sockets: a refused connection is tried until the
// deadline, and nothing was asked of anybody.
func TestNobodyListens(t *testing.T) {
	const nobody = "http://127.0.0.1:1" // a port that was free may be another's by now
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hush")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	s, err := awsapi.Load(ctx, awsapi.Options{Region: "eu-west-1", Endpoint: nobody, Rand: func() float64 {
		cancel(context.DeadlineExceeded) // it is asked before a second attempt
		return 0
	}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = awsasg.NewFromConfig(s.Config()).DescribeAutoScalingGroups(ctx, &awsasg.DescribeAutoScalingGroupsInput{})
	u, ok := errors.AsType[*awsapi.UnreachableError](err)
	if !ok || u.Why != awsapi.NoAnswer || u.Landed || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
