package awsapi

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestRotatedCredentialsAreFetchedAnew(t *testing.T) {
	r, _, err := within(t, time.Minute, describe, says(403, "ExpiredToken", "expired"), fine)
	want := []string{"DescribeAutoScalingGroups key1", "DescribeAutoScalingGroups key2"}
	if err != nil || !slices.Equal(r.requests, want) {
		t.Errorf("%q, %v; want %q", r.requests, err, want)
	}
}

func TestAnExpiredMoveLeavesFreshCredentialsForTheNext(t *testing.T) {
	hermetic(t)
	synctest.Test(t, func(t *testing.T) {
		r := &region{script: []step{says(403, "ExpiredToken", "expired"), fine}}
		s := load(t, r, nil)
		if err := enter(t.Context(), s); err == nil || Doubtful(err) {
			t.Errorf("got %v", err)
		}
		if err := enter(t.Context(), s); err != nil {
			t.Error(err)
		}
		if want := []string{"EnterStandby key1", "EnterStandby key2"}; !slices.Equal(r.requests, want) {
			t.Errorf("%q", r.requests)
		}
	})
}

func TestAMissingInstanceProfileIsSaidAtOnce(t *testing.T) {
	hermetic(t)
	synctest.Test(t, func(t *testing.T) {
		r, start := &region{profile: 404}, time.Now()
		s := load(t, r, nil)
		err := describe(t.Context(), s)
		if _, ok := errors.AsType[*NoCredentialsError](err); !ok || Doubtful(err) {
			t.Errorf("got %v", err)
		}
		if time.Since(start) != 0 || len(s.Counts()) != 0 {
			t.Errorf("after %v and %v requests", time.Since(start), s.Counts())
		}
	})
}

func TestCredentialsThatCannotBeFetchedJustNowAreTriedAgain(t *testing.T) {
	hermetic(t)
	synctest.Test(t, func(t *testing.T) {
		r := &region{flaky: 7, script: []step{fine}}
		if err := describe(t.Context(), load(t, r, nil)); err != nil {
			t.Error(err)
		}
	})
}

func TestOurOwnRegionGivesWayToTheEnvironment(t *testing.T) {
	hermetic(t)
	if s := load(t, &region{}, nil); s.Config().Region != "eu-west-1" {
		t.Errorf("region %s, not the instance's", s.Config().Region)
	}
	t.Setenv("AWS_REGION", "us-east-1")
	if s := load(t, &region{}, nil); s.Config().Region != "us-east-1" {
		t.Errorf("region %s, not AWS_REGION", s.Config().Region)
	}
	t.Setenv("AWS_REGION", "")
	if _, err := Load(t.Context(), Options{}); err == nil {
		t.Error("no region, no error")
	}
}

func TestTheEnvironmentDoesNotCutRetriesShort(t *testing.T) {
	hermetic(t)
	t.Setenv("AWS_MAX_ATTEMPTS", "2")
	synctest.Test(t, func(t *testing.T) {
		r := &region{script: []step{slow, slow, slow, slow, fine}}
		if err := describe(t.Context(), load(t, r, nil)); err != nil {
			t.Error(err)
		}
	})
}

func TestWaitsGrowToTenSeconds(t *testing.T) {
	for jitter, want := range map[float64][]time.Duration{
		0: {250e6, 500e6, 1e9, 2e9, 4e9, 5e9, 5e9},
		1: {500e6, 1e9, 2e9, 4e9, 8e9, 10e9, 10e9},
	} {
		o := Options{Rand: func() float64 { return jitter }}
		for i, w := range want {
			if got, err := o.wait(i+1, nil); got != w || err != nil {
				t.Errorf("attempt %d, jitter %v: %v, want %v", i+1, jitter, got, w)
			}
		}
	}
	if got, _ := (Options{}).wait(1<<40, nil); got < longest/2 || got > longest {
		t.Errorf("after very many attempts: %v", got)
	}
}

func TestMetadataNeverGoesThroughAProxy(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://proxy.example:3128")
	req, err := http.NewRequest(http.MethodGet, "http://169.254.169.254/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if proxy, err := direct().GetTransport().Proxy(req); proxy != nil || err != nil {
		t.Errorf("through %v, %v", proxy, err)
	}
}
