package targets

import (
	"fmt"
	"strconv"
	"strings"
)

// Name is one load balancer or target group, as an operator names it.
type Name struct {
	ID      string // a name, or the ARN of a target group
	Port    int    // a port override; 0: the target group's own port
	Classic bool
}

const (
	classicPrefix = "classic/"
	arnPrefix     = "arn:"
	// arnColons are before the port of an ARN: arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123456789abcdef.
	arnColons = 5
)

// Parse reads the parts of --targets: NAME or ARN of a target group, either with :PORT, or classic/NAME.
func Parse(list []string) ([]Name, error) {
	var names []Name
	seen := map[Name]bool{}
	for _, item := range list {
		n, err := parse(item)
		switch {
		case err != nil:
			return nil, err
		case seen[n]:
			return nil, fmt.Errorf("%q is named twice", item)
		}
		seen[n] = true
		names = append(names, n)
	}
	return names, nil
}

func parse(item string) (Name, error) {
	if name, ok := strings.CutPrefix(item, classicPrefix); ok {
		if !plain(name) {
			return Name{}, fmt.Errorf("%q: want classic/NAME", item)
		}
		return Name{ID: name, Classic: true}, nil
	}
	n, colons := Name{ID: item}, 0
	if strings.HasPrefix(item, arnPrefix) {
		colons = arnColons
	}
	if strings.Count(item, ":") > colons {
		at := strings.LastIndex(item, ":")
		port, err := strconv.ParseUint(item[at+1:], 10, 16)
		if err != nil || port == 0 {
			return Name{}, fmt.Errorf("%q: want a port from 1 to 65535 after the colon", item)
		}
		n.ID, n.Port = item[:at], int(port)
	}
	if colons > 0 && !strings.Contains(n.ID, ":targetgroup/") || colons == 0 && !plain(n.ID) {
		return Name{}, fmt.Errorf("%q: want NAME, NAME:PORT or the ARN of a target group, or classic/NAME", item)
	}
	return n, nil
}

// plain: letters, digits and hyphens, as AWS allows in the names of load balancers and target groups.
func plain(name string) bool {
	return name != "" && strings.IndexFunc(name, func(c rune) bool {
		return c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	}) < 0
}

// String is the name as --targets takes it, an ARN by the name in it.
func (n Name) String() string {
	text := n.short()
	switch {
	case n.Classic:
		return classicPrefix + text
	case n.Port != 0:
		return text + ":" + strconv.Itoa(n.Port)
	}
	return text
}

// short is the name without a port.
func (n Name) short() string {
	if _, rest, ok := strings.Cut(n.ID, ":targetgroup/"); ok {
		name, _, _ := strings.Cut(rest, "/")
		return name
	}
	return n.ID
}

// IsARN: it is named by its ARN.
func (n Name) IsARN() bool { return strings.HasPrefix(n.ID, arnPrefix) }
