package awsapi

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestAMoveIsSentOnce(t *testing.T) {
	for _, c := range []struct {
		name     string
		says     step
		doubtful bool
	}{
		{"throttled", slow, false},
		{"denied", says(403, "AccessDenied", "no"), false},
		{"expired", says(403, "ExpiredToken", "token expired"), false},
		{"unsigned", says(403, "SignatureDoesNotMatch", "differs"), false},
		{"refused", says(400, "ValidationError", "The instance i-1 is not in InService."), true},
		{"contended", says(500, "ResourceContention", "pending update"), true},
		{"server error", says(500, "InternalFailure", "oops"), true},
		{"cut", cut, true},
		{"half an answer", plain(200, "<R><EnterStandbyRes"), true},
		{"hangs", hangs, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, _, err := within(t, time.Hour, enter, c.says)
			if err == nil || len(r.requests) != 1 {
				t.Fatalf("%d requests, error %v", len(r.requests), err)
			}
			if over := errors.Is(err, context.DeadlineExceeded); over != (c.name == "hangs") {
				t.Errorf("its time is over: %v, for %v", over, err)
			}
			if Doubtful(err) != c.doubtful {
				t.Errorf("doubtful is %v for %v", !c.doubtful, err)
			}
		})
	}
}

func TestContentionIsARefusalAlthoughItsStatusIs500(t *testing.T) {
	_, _, err := within(t, time.Minute, enter, says(500, "ResourceContention", "pending update"))
	if r, ok := errors.AsType[*RefusedError](err); !ok || r.Code != "ResourceContention" || r.Call != "autoscaling:EnterStandby" {
		t.Errorf("got %v", err)
	}
}

func TestAMoveIsNotCutShortByASignal(t *testing.T) {
	hermetic(t)
	synctest.Test(t, func(t *testing.T) {
		late := func(req *http.Request) (*http.Response, error) {
			select {
			case <-time.After(20 * time.Second): // longer than a read's attempt may take
				return fine(req)
			case <-req.Context().Done():
				return hangs(req)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if err := enter(ctx, load(t, &region{script: []step{late}}, nil)); err != nil {
			t.Errorf("the answer is lost: %v", err)
		}
	})
}

func TestAMoveEndsByItself(t *testing.T) {
	hermetic(t)
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := enter(t.Context(), load(t, &region{script: []step{hangs}}, nil))
		if u, ok := errors.AsType[*UnreachableError](err); !ok || u.Why != Timeout {
			t.Errorf("got %v", err)
		}
		if took := time.Since(start); took != 30*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestNothingThatNeverLeftIsDoubtful(t *testing.T) {
	hermetic(t)
	synctest.Test(t, func(t *testing.T) {
		over := make(chan struct{})
		defer close(over)
		nowhere := &http.Client{Transport: &http.Transport{
			DialContext: func(context.Context, string, string) (net.Conn, error) {
				<-over // a firewall that drops
				return nil, errors.New("over")
			},
		}}
		r := &region{script: []step{func(req *http.Request) (*http.Response, error) {
			req.URL.Host, req.Host, req.RequestURI = "api", "api", ""
			return nowhere.Do(req)
		}}}
		err := enter(t.Context(), load(t, r, nil))
		if u, ok := errors.AsType[*UnreachableError](err); !ok || u.Landed || Doubtful(err) {
			t.Errorf("%v is doubtful, though no connection was made", err)
		}
	})
}

func TestDoubtful(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{&DeniedError{}, false},
		{&NoCredentialsError{}, false},
		{&SettingsError{}, false},
		{&UnreachableError{Why: Throttled}, false},
		{&UnreachableError{Why: Timeout, Landed: true}, true},
		{&RefusedError{}, true},
		{context.Canceled, true},
		{errors.New("anything else"), true},
	} {
		if got := Doubtful(Wrap(c.err, "enter standby")); got != c.want {
			t.Errorf("Doubtful(%#v) = %v", c.err, got)
		}
	}
}

// The SDK signs again with AWS's time when a clock is off, for reads; a move is not
// sent twice even then.
func TestAClockThatIsOffDoesNotSendAMoveTwice(t *testing.T) {
	skewed := func(req *http.Request) (*http.Response, error) {
		resp, err := says(403, "SignatureDoesNotMatch", "Signature expired")(req)
		resp.Header.Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		return resp, err
	}
	if r, _, err := within(t, time.Minute, describe, skewed, fine); err != nil || len(r.requests) != 2 {
		t.Errorf("a read: %d requests, %v", len(r.requests), err)
	}
	if r, _, err := within(t, time.Minute, enter, skewed, fine); err == nil || Doubtful(err) || len(r.requests) != 1 {
		t.Errorf("a move: %d requests, %v", len(r.requests), err)
	}
}
