// Package fleettest builds agents for tests: everything about them is real, the SDK and
// the HTTP stack included, but for the network, which is a simulated Region in the
// same process.
package fleettest

import (
	"context"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/zap"

	"balanced/internal/asg"
	"balanced/internal/awsapi"
	"balanced/internal/elb"
	"balanced/internal/failure"
	"balanced/internal/imds"
	"balanced/internal/lock"
	"balanced/internal/rotation"
	"balanced/internal/sim"
)

// Host is one instance that agents run on, one at a time.
type Host struct {
	Region *sim.Region
	ID     string
	HTTP   *http.Client // Region.Client(), or one around it
	Log    *zap.Logger
	Rand   *rand.Rand // every random choice of its agents; nil: the process's own
	Turns  *Turns     // in which its agents' calls are made; nil: as goroutines are scheduled
	Lock   string     // what --lock says; empty: none
	// Targets are what its agents are given as --targets, outside a group; "": they work in a group.
	Targets string

	mu sync.Mutex
}

// Process is one run of the binary on the host: what it knows ends with it.
func (h *Host) Process(ctx context.Context) (*rotation.Agent, *awsapi.Session, error) {
	meta := imds.New(imds.Options{HTTP: h.HTTP, Endpoint: sim.MetadataEndpoint(h.ID)})
	self, err := meta.Identity(ctx)
	if err != nil {
		return nil, nil, err
	}
	opt := awsapi.Options{
		Region: self.Region, HTTP: h.client(), Log: h.Log,
		Endpoint: sim.APIEndpoint, MetadataEndpoint: sim.MetadataEndpoint(h.ID),
	}
	if h.Rand != nil {
		opt.Rand = h.momentary
	}
	session, err := awsapi.Load(ctx, opt)
	if err != nil {
		return nil, nil, err
	}
	cfg := session.Config()
	if h.Turns != nil {
		cfg.APIOptions = append(slices.Clone(cfg.APIOptions), h.Turns.begin(h.ID))
	}
	groups, balancers := asg.New(cfg), elb.New(cfg)
	slots, err := h.lock(cfg, self)
	if err != nil {
		return nil, nil, err
	}
	agent := &rotation.Agent{
		Self: self, Groups: groups, Mover: groups, Gate: groups, Balancers: balancers, Metadata: meta,
		Log: h.Log, Jitter: h.Rand, Alone: h.alone, Throttled: session.Throttled, Caller: session, Lock: slots,
	}
	return agent, session, h.outside(agent, groups, balancers)
}

// lock is what --lock names; outside a group the slots are those of "web".
func (h *Host) lock(cfg aws.Config, self imds.Identity) (rotation.SlotLock, error) {
	if h.Lock == "" {
		return nil, nil
	}
	where, err := lock.Parse(h.Lock)
	if err != nil {
		return nil, err
	}
	o := lock.Options{Instance: h.ID, AWS: cfg, HTTP: h.HTTP.Transport}
	if h.Rand != nil {
		o.Rand = h.Rand.Float64
	}
	if h.Targets != "" {
		o.Group, o.Addresses = "web", []string{self.PrivateIP, self.IPv6}
	}
	return lock.New(where, o)
}

// client is the host's, with its calls in turn.
func (h *Host) client() *http.Client {
	if h.Turns == nil {
		return h.HTTP
	}
	return &http.Client{Transport: carrier{h.Turns, h.ID, h.HTTP.Transport}}
}

// momentary is the luck of the waits between two tries of a call. Calls are made side by side:
// it depends on the moment, and not on which of them asks first.
func (h *Host) momentary() float64 {
	of := fnv.New64a()
	of.Write([]byte(h.ID))
	return rand.New(rand.NewPCG(of.Sum64(), uint64(time.Now().UnixNano()))).Float64()
}

// alone stands in for the kernel's name, which parallel tests with the same instance
// ids would fight over.
func (h *Host) alone(id string) (func(), error) {
	if !h.mu.TryLock() {
		return nil, failure.New(failure.NotNow, "wait for it to end", "another balanced is at work on %s", id)
	}
	return h.mu.Unlock, nil
}

// Rand is a seeded source of random numbers that one process's concurrent calls may
// share.
func Rand(seed uint64) *rand.Rand {
	return rand.New(&shared{src: rand.NewPCG(seed, seed^0x9e3779b97f4a7c15)})
}

type shared struct {
	mu  sync.Mutex
	src rand.Source
}

func (s *shared) Uint64() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.src.Uint64()
}
