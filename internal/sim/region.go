package sim

import (
	"cmp"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Config says which Region this is.
type Config struct {
	Name      string    // default "eu-west-1"
	Account   string    // default "123456789012"
	Seed      uint64    // of every identifier: the same seed gives the same instance ids
	Behaviour Behaviour // choices where AWS's behaviour is not established
	Timing    Timing    // how long things take
	// LaunchBeforeTerminate is the account setting launchBeforeTerminate: groups without a maintenance
	// policy launch a replacement before they terminate an instance.
	LaunchBeforeTerminate bool
	MaxLag                time.Duration // upper limit of Fault.Lag: how much history is kept; 0: none
	// Address is the private IPv4 address of the n-th instance, counted from 0; nil: one of
	// 10.0.0.0/8. If a test serves the application there, it must be an address of this machine.
	// "" gives the instance an IPv6 address only.
	Address func(n int) string
	// IPv6 is the IPv6 address of the n-th instance; nil or "": none.
	IPv6 func(n int) string
	// DataPlane: something outside the Region checks health and routes traffic, and reports with
	// ReportHealthCheck and ReportIdle.
	DataPlane bool
}

// Region is one AWS Region of one account. All methods are safe for concurrent use. A method that
// is given a name or id that the Region does not have panics, because that is a mistake in the test
// and not something AWS does.
type Region struct {
	config Config // with defaults

	mu     sync.Mutex // guards everything below
	now    time.Time  // current time: of the event that is running, or of the last access
	agenda agenda
	names  *names

	instances    map[string]*instance
	groups       directory[*group]
	balancers    directory[*balancer]
	classics     directory[*classic]
	targetGroups directory[*targetGroup]
	tables       map[string]*table
	requests     requests
}

// requests is what the Region keeps in order to answer requests.
type requests struct {
	operations  map[string]operation // never changes
	calls       []*Call
	faults      func(Call) *Fault
	permissions permissions
	buckets     map[string]*bucket
	tokens      map[string]token
}

// New makes an empty Region. Its clock is time.Now, so inside a testing/synctest bubble its time is
// virtual.
func New(cfg Config) *Region {
	return &Region{
		config:    cfg.withDefaults(),
		now:       time.Now(),
		names:     newNames(cfg.Seed),
		instances: map[string]*instance{},
		requests: requests{
			operations: operations(), buckets: map[string]*bucket{}, tokens: map[string]token{},
		},
	}
}

func (c Config) withDefaults() Config {
	c.Name = cmp.Or(c.Name, "eu-west-1")
	c.Account = cmp.Or(c.Account, "123456789012")
	c.Behaviour, c.Timing = c.Behaviour.withDefaults(), c.Timing.withDefaults()
	if c.Address == nil {
		c.Address = privateAddress
	}
	if c.IPv6 == nil {
		c.IPv6 = func(int) string { return "" }
	}
	return c
}

// directory holds named things in the order they were added.
type directory[T any] struct {
	byName  map[string]T
	inOrder []T
}

func (g *directory[T]) add(name string, v T) {
	if _, taken := g.byName[name]; taken {
		panic(fmt.Sprintf("sim: %q is there already", name))
	}
	if g.byName == nil {
		g.byName = map[string]T{}
	}
	g.byName[name] = v
	g.inOrder = append(g.inOrder, v)
}

// must returns the thing with this name and panics if there is none.
func (g *directory[T]) must(name string) T {
	v, ok := g.byName[name]
	if !ok {
		panic(fmt.Sprintf("sim: no %T named %q", v, name))
	}
	return v
}

// instance returns the instance with this id and panics if there is none.
func (r *Region) instance(id string) *instance {
	in, ok := r.instances[id]
	if !ok {
		panic(fmt.Sprintf("sim: no instance %q", id))
	}
	return in
}

// zones are the Region's Availability Zones.
func (r *Region) zones() []string {
	return []string{r.config.Name + "a", r.config.Name + "b", r.config.Name + "c"}
}

// zoneID is the id of a zone, the same in every account: euw1-az1 for eu-west-1a.
func zoneID(zone string) string {
	parts := strings.Split(zone, "-")
	if len(parts) != 3 || len(parts[2]) != 2 {
		return zone
	}
	number := int(parts[2][1]-'a') + 1
	return parts[0] + parts[1][:1] + parts[2][:1] + "-az" + strconv.Itoa(number)
}

// arn builds an Amazon Resource Name in this Region and account.
func (r *Region) arn(service, resource string) string {
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", r.partition(), service, r.config.Name, r.config.Account, resource)
}

// globalARN builds an Amazon Resource Name of a service without Regions, such as IAM.
func (r *Region) globalARN(service, resource string) string {
	return fmt.Sprintf("arn:%s:%s::%s:%s", r.partition(), service, r.config.Account, resource)
}

// partition is "aws", or the partition of China or GovCloud if the Region's name says so.
func (r *Region) partition() string {
	switch {
	case strings.HasPrefix(r.config.Name, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(r.config.Name, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// privateAddress is the default address of the n-th instance. A subnet's first four addresses are
// reserved.
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

// MetadataEndpoint is the URL at which Client reaches an instance's metadata service.
func MetadataEndpoint(instance string) string { return "http://" + instance + metadataHost }

// APIEndpoint is the URL at which Client reaches the AWS APIs.
const APIEndpoint = "http://api.sim"

const metadataHost = ".imds.sim"

// endpointHost says whether a host name is the API's or that of an instance's metadata service.
func endpointHost(host string) (instance string, api, ok bool) {
	if u, err := url.Parse(APIEndpoint); err == nil && u.Host == host {
		return "", true, true
	}
	instance, ok = strings.CutSuffix(host, metadataHost)
	return instance, false, ok
}
