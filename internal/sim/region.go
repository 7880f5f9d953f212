package sim

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Config says which Region this is.
type Config struct {
	Name      string        // default "eu-west-1"
	Account   string        // default "123456789012"
	Seed      uint64        // for every identifier: the same seed, the same instance ids
	Behaviour Behaviour     // the points where AWS's behaviour is not established
	Timing    Timing        // how long things take
	MaxLag    time.Duration // how much history is kept for Fault.Lag, which is clipped to it; 0: none
	// Address gives the n-th instance, counted from 0, its private IPv4 address; nil: one of
	// 10.0.0.0/8. Where something is to answer there, give it one of this machine's.
	Address func(n int) string
	// DataPlane: health checks are made and traffic is routed outside (Registrations, ReportHealthCheck, ReportIdle);
	// the Region counts what it is told.
	DataPlane bool
}

// Region is one AWS Region of one account. All its methods may be called from several goroutines.
// Methods that take the name or id of something the Region does not have panic: that is a mistake
// in the test, not a behaviour of AWS.
type Region struct {
	name, account string
	behaviour     Behaviour
	timing        Timing
	maxLag        time.Duration
	operations    map[string]operation
	address       func(n int) string
	dataPlane     bool

	mu     sync.Mutex // guards all below
	now    time.Time  // the present: the moment of the event being run, or of the last look
	agenda agenda
	names  *names

	instances    map[string]*instance
	groups       registry[*group]
	balancers    registry[*balancer]
	classics     registry[*classic]
	targetGroups registry[*targetGroup]

	tokens  map[string]token
	calls   []*Call
	faults  func(Call) *Fault
	rights  rights
	buckets map[string]*bucket
}

// New makes an empty Region whose clock is time.Now: inside a testing/synctest bubble its time is virtual.
func New(cfg Config) *Region {
	r := &Region{
		name:       cmp.Or(cfg.Name, "eu-west-1"),
		account:    cmp.Or(cfg.Account, "123456789012"),
		behaviour:  cfg.Behaviour.withDefaults(),
		timing:     cfg.Timing.withDefaults(),
		maxLag:     cfg.MaxLag,
		operations: operations(),
		address:    cfg.Address,
		dataPlane:  cfg.DataPlane,
		now:        time.Now(),
		names:      newNames(cfg.Seed),
		instances:  map[string]*instance{},
		tokens:     map[string]token{},
		buckets:    map[string]*bucket{},
	}
	if r.address == nil {
		r.address = privateAddress
	}
	return r
}

// registry holds what has a name, in the order it was made.
type registry[T any] struct {
	byName map[string]T
	inTurn []T
}

func (g *registry[T]) add(name string, v T) {
	if _, taken := g.byName[name]; taken {
		panic(fmt.Sprintf("sim: %q is there already", name))
	}
	if g.byName == nil {
		g.byName = map[string]T{}
	}
	g.byName[name] = v
	g.inTurn = append(g.inTurn, v)
}

// must finds what a test names; a name nobody has is the test's mistake.
func (g *registry[T]) must(name string) T {
	v, ok := g.byName[name]
	if !ok {
		panic(fmt.Sprintf("sim: no %T named %q", v, name))
	}
	return v
}

// instance finds an instance by id, or panics.
func (r *Region) instance(id string) *instance {
	in, ok := r.instances[id]
	if !ok {
		panic(fmt.Sprintf("sim: no instance %q", id))
	}
	return in
}

// zones are the Region's availability zones.
func (r *Region) zones() []string {
	return []string{r.name + "a", r.name + "b", r.name + "c"}
}

// arn puts the Region and account into an Amazon Resource Name.
func (r *Region) arn(service, resource string) string {
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", r.partition(), service, r.name, r.account, resource)
}

// globalARN is an Amazon Resource Name of a service that knows no Regions.
func (r *Region) globalARN(service, resource string) string {
	return fmt.Sprintf("arn:%s:%s::%s:%s", r.partition(), service, r.account, resource)
}

// partition is what the Region's name says: China, GovCloud, or the commercial one.
func (r *Region) partition() string {
	switch {
	case strings.HasPrefix(r.name, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(r.name, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// privateAddress is that of the n-th instance where nobody cares: a subnet's first four are reserved.
func privateAddress(n int) string {
	n += 4
	return fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255)
}

// GroupARN is the ARN of an Auto Scaling group.
func (r *Region) GroupARN(name string) string {
	r.lock()
	defer r.unlock()
	return r.groups.must(name).arn
}

// TargetGroupARN is the ARN of a target group.
func (r *Region) TargetGroupARN(name string) string {
	r.lock()
	defer r.unlock()
	return r.targetGroups.must(name).arn
}

// MetadataEndpoint is where Client finds the metadata service of an instance.
func MetadataEndpoint(instance string) string { return "http://" + instance + metadataHost }

// APIEndpoint is where Client finds the AWS APIs.
const APIEndpoint = "http://api.sim"

const metadataHost = ".imds.sim"

// endpointHost tells what a host name of ours stands for: the API, or an instance's metadata.
func endpointHost(host string) (instance string, api, ok bool) {
	if u, err := url.Parse(APIEndpoint); err == nil && u.Host == host {
		return "", true, true
	}
	instance, ok = strings.CutSuffix(host, metadataHost)
	return instance, false, ok
}
