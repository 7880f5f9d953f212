package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// names generates identifiers. Instance ids have their own random source, so that they do not
// depend on the number and order of requests.
type names struct {
	instances *rand.Rand
	order     *rand.Rand // of lists, with Behaviour.UnstableOrder
	other     *rand.Rand
}

func newNames(seed uint64) *names {
	return &names{
		instances: rand.New(rand.NewPCG(seed, 0x1057a9ce)),
		order:     rand.New(rand.NewPCG(seed, 0x5afe0dde)),
		other:     rand.New(rand.NewPCG(seed, 0x0ddba11)),
	}
}

// instance is an id such as i-05a27f8278dbb608d.
func (n *names) instance() string { return "i-0" + hex(n.instances, 16) }

// uuid is an id such as f3a65e43-4f08-ffcb-1051-7744a312c18c.
func (n *names) uuid() string {
	h := hex(n.other, 32)
	return fmt.Sprintf("%s-%s-%s-%s-%s", h[:8], h[8:12], h[12:16], h[16:20], h[20:])
}

// suffix is the 16 hexadecimal digits that end the ARN of a load balancer or target group.
func (n *names) suffix() string { return hex(n.other, 16) }

// token is an opaque string such as a metadata session token.
func (n *names) token() string { return "AQAEA" + hex(n.other, 48) + "==" }

func hex(source *rand.Rand, digits int) string {
	const alphabet = "0123456789abcdef"
	s := make([]byte, digits)
	for i := range s {
		s[i] = alphabet[source.IntN(len(alphabet))]
	}
	return string(s)
}

// anyOrder is a list in an order that AWS does not promise.
func anyOrder[T any](r *Region, items []T) []T {
	if !r.config.Behaviour.UnstableOrder {
		return items
	}
	items = slices.Clone(items)
	r.names.order.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	return items
}
