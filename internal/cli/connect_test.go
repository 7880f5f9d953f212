package cli

import (
	"errors"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"balanced/internal/imds"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

// notYet is the network of a host on which the first connections fail.
type notYet struct {
	http.RoundTripper
	err   error
	until time.Time
	tries int
}

func (n *notYet) RoundTrip(req *http.Request) (*http.Response, error) {
	n.tries++
	if time.Now().Before(n.until) {
		return nil, n.err
	}
	return n.RoundTripper.RoundTrip(req)
}

// starting asks for the identity of an instance whose metadata service is there after a while.
func starting(t *testing.T, after, patience time.Duration) (id imds.Identity, said []rotation.Progress, took time.Duration, err error) {
	t.Helper()
	t.Setenv("AWS_EC2_METADATA_DISABLED", "")
	synctest.Test(t, func(t *testing.T) {
		region := sim.New(sim.Config{})
		ids := region.AddGroup(sim.Group{Name: "web", Desired: 1})
		client := region.Client()
		defer client.CloseIdleConnections()
		began := time.Now()
		late := &http.Client{Transport: &notYet{RoundTripper: client.Transport, err: syscall.ECONNREFUSED, until: began.Add(after)}}
		var mu sync.Mutex // a timer tells of it too
		j := &job{startUp: patience, progress: func(p rotation.Progress) {
			mu.Lock()
			defer mu.Unlock()
			said = append(said, p)
		}}
		id, err = j.identify(t.Context(), imds.New(imds.Options{HTTP: late, Endpoint: sim.MetadataEndpoint(ids[0])}))
		took = time.Since(began)
	})
	return id, said, took, err
}

func TestAMetadataServiceThatIsNotThereYetIsWaitedFor(t *testing.T) {
	id, said, _, err := starting(t, 20*time.Second, time.Minute)
	if err != nil || id.Instance == "" || len(said) == 0 || said[0].Waiting != "the metadata service does not answer yet" {
		t.Errorf("%+v, %v, said %+v", id, err, said)
	}
}

func TestAMetadataServiceThatNeverComesEndsTheWait(t *testing.T) {
	_, said, took, err := starting(t, time.Hour, time.Minute)
	if !errors.Is(err, imds.ErrNoAnswer) || took < time.Minute || took > time.Minute+startUpPause+askTime || len(said) == 0 {
		t.Errorf("%v after %v, said %+v", err, took, said)
	}
}

func TestStatusDoesNotWaitForAMetadataService(t *testing.T) {
	if _, _, took, err := starting(t, time.Hour, 0); !errors.Is(err, imds.ErrNoAnswer) || took > askTime {
		t.Errorf("%v after %v", err, took)
	}
}
