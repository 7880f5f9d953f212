package awsapi

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/aws/smithy-go/logging"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"balanced/internal/failure"
)

// A session sends requests from memory, counts them, and knows whether its keys end by themselves.
func TestWhatASessionIsMadeOf(t *testing.T) {
	hermetic(t)
	core, logs := observer.New(zapcore.DebugLevel)
	synctest.Test(t, func(t *testing.T) {
		s := load(t, &region{script: []step{func(req *http.Request) (*http.Response, error) {
			if req.GetBody == nil {
				t.Error("a request is not sent from memory")
			}
			return fine(req)
		}}}, zap.New(core))
		for n := 1; n < 3; n++ {
			if err := describe(t.Context(), s); err != nil || s.Counts()["autoscaling.DescribeAutoScalingGroups"] != n {
				t.Errorf("%v, counted %v", err, s.Counts())
			}
		}
		if !s.ring.renews() {
			t.Error("the keys of a role do not end")
		}
		s.Config().Logger.Logf(logging.Warn, "retry %d", 7)
	})
	if got := logs.FilterMessage("sdk").All(); len(got) != 1 || got[0].ContextMap()["text"] != "retry 7" || got[0].Level != zapcore.DebugLevel {
		t.Errorf("logged of the SDK: %v", got)
	}
}

// A file of certificates is blamed where it is in the way.
func TestSettingsThatCannotBeLoaded(t *testing.T) {
	for text, c := range map[string]struct{ bundle, fix string }{
		"failed to load custom CA bundle": {"/ca.pem", "fix the file /ca.pem, or unset AWS_CA_BUNDLE"}, "failed to load a CA bundle": {"", ""}, "something else": {"/ca.pem", ""},
	} {
		t.Setenv("AWS_CA_BUNDLE", c.bundle)
		err := unloadable(errors.New(text))
		if settings, ok := errors.AsType[*SettingsError](err); !ok || settings.Fix != c.fix || failure.Of(err) != failure.Setup {
			t.Errorf("%v (%s)", err, failure.Hint(err))
		}
	}
}
