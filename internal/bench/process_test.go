package bench

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"balanced/internal/asg"
	"balanced/internal/awsapi"
	"balanced/internal/elb"
	"balanced/internal/fleet"
	"balanced/internal/imds"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

// A stage is a scene served on loopback, for the real binary.
type stage struct {
	*testing.T
	binary        string
	region        *sim.Region
	api, metadata string       // URLs
	dials         atomic.Int64 // connections to the AWS APIs
}

// served opens listeners for a scene. The instance's name is one that no other run uses:
// balanced is alone on a host by it.
func (s scene) served(t *testing.T, binary string) *stage {
	t.Helper()
	region, ids := s.region(uint64(os.Getpid()))
	region.SetFaults(nil)
	st := &stage{T: t, binary: binary, region: region}
	api := httptest.NewUnstartedServer(region.Handler())
	api.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			st.dials.Add(1)
		}
	}
	api.Start()
	host := httptest.NewServer(region.Metadata(ids[0]))
	st.api, st.metadata = api.URL, host.URL
	t.Cleanup(func() {
		for _, server := range []*httptest.Server{api, host} {
			server.CloseClientConnections()
			server.Close()
		}
	})
	return st
}

// agent is a process on the host within this one, with the SDK's own HTTP client.
func (st *stage) agent() *rotation.Agent {
	st.Helper()
	metadata := imds.New(imds.Options{Endpoint: st.metadata})
	self, err := metadata.Identity(context.Background())
	if err != nil {
		st.Fatal(err)
	}
	aws, err := awsapi.Load(context.Background(), awsapi.Options{Region: self.Region, Endpoint: st.api, MetadataEndpoint: st.metadata})
	if err != nil {
		st.Fatal(err)
	}
	groups := asg.New(aws.Config())
	return &rotation.Agent{Self: self, Groups: groups, Mover: groups, Balancers: elb.New(aws.Config()), Metadata: metadata, Log: zap.NewNop()}
}

// usage is what one process took.
type usage struct {
	wall, cpu time.Duration
	peak      int // KiB resident, as last seen in /proc
}

// run runs the binary to its end and wants it to succeed.
func (st *stage) run(args ...string) usage {
	st.Helper()
	cmd := exec.Command(st.binary, args...)
	cmd.Env = st.env()
	var said bytes.Buffer
	cmd.Stderr = &said
	began := time.Now()
	if err := cmd.Start(); err != nil {
		st.Fatal(err)
	}
	ended, watched := make(chan struct{}), make(chan int)
	go watchPeak(cmd.Process.Pid, ended, watched)
	err := cmd.Wait()
	wall := time.Since(began)
	close(ended)
	peak := <-watched
	if err != nil {
		st.Fatalf("balanced %s: %v\n%s", strings.Join(args, " "), err, said.String())
	}
	state := cmd.ProcessState
	return usage{wall, state.UserTime() + state.SystemTime(), peak}
}

// env is the environment of a host that has no settings of AWS's own.
func (st *stage) env() []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") })
	return append(env,
		"AWS_ENDPOINT_URL="+st.api, "AWS_EC2_METADATA_SERVICE_ENDPOINT="+st.metadata,
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
}

// watchPeak reads VmHWM until the process ended. The usage that wait returns would count
// the memory of the process that started it.
func watchPeak(pid int, ended <-chan struct{}, peak chan<- int) {
	highest := 0
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		highest = max(highest, highWater(pid))
		select {
		case <-tick.C:
		case <-ended:
			peak <- highest
			return
		}
	}
}

func highWater(pid int) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	kib, _ := strconv.Atoi(strings.TrimSpace(strings.SplitN(after, "kB", 2)[0]))
	return kib
}

// middle is the median of each figure over several runs, and the highest peak.
func (st *stage) middle(times int, args ...string) usage {
	st.Helper()
	var walls, cpus []time.Duration
	peak := 0
	for range times {
		u := st.run(args...)
		walls, cpus, peak = append(walls, u.wall), append(cpus, u.cpu), max(peak, u.peak)
	}
	slices.Sort(walls)
	slices.Sort(cpus)
	return usage{walls[times/2], cpus[times/2], peak}
}

// TestConnectionsAreReused: five questions are asked at a time at most, one of them of
// Auto Scaling, which shares the host here; and about so many connections there are. On a
// busy machine one that was just used may not be seen to be free yet, hence the margin.
func TestConnectionsAreReused(t *testing.T) {
	s := scene{size: 4, sources: 40}
	st := s.served(t, "")
	if _, _, err := st.agent().Status(t.Context(), fleet.MinHealthy{}); err != nil {
		t.Fatal(err)
	}
	calls := 0
	for _, c := range st.region.Calls() {
		if c.Service != "imds" {
			calls++
		}
	}
	t.Logf("%d calls over %d connections", calls, st.dials.Load())
	if dials := int(st.dials.Load()); dials > calls/3 || calls < 2*s.sources {
		t.Errorf("%d calls over %d connections, want at most a third", calls, dials)
	}
}
