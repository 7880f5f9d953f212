package elb_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"balanced/internal/awsapi"
	"balanced/internal/sim"
)

// Each read tells whether its own action is allowed, and about nothing else.
func TestReadsTellWhatIsAllowed(t *testing.T) {
	region(t, func(t *testing.T, f fleet) {
		for _, read := range f.elb.Reads() {
			if err := read.Try(t.Context()); denied(err) != "" {
				t.Errorf("%s: %v, though all is allowed", read.Action, err)
			}
			f.Deny(read.Action)
			if err := read.Try(t.Context()); denied(err) != read.Action {
				t.Errorf("%s is denied, and trying it says %v", read.Action, err)
			}
			f.Allow(read.Action)
		}
	})
}

func denied(err error) string {
	if d, ok := errors.AsType[*awsapi.DeniedError](err); ok {
		return d.Action
	}
	return ""
}

// Registrations are found whoever made them, over more than one page.
func TestRegistrations(t *testing.T) {
	region(t, func(t *testing.T, f fleet) {
		for i := range 401 { // one page of target groups holds 400
			f.AddTargetGroup(sim.TargetGroup{Name: fmt.Sprintf("x%03d", i), Port: 7000 + i})
		}
		f.AddClassic(sim.Classic{Name: "strange"})
		f.RegisterExtraPort("web", f.ids[0], 9999)
		f.AddTargets("x400", f.ids[0], f.ids[1])
		got, err := f.elb.Registrations(t.Context(), f.ids[0], "10.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, x := range got {
			names = append(names, fmt.Sprintf("%s %s:%d", x.Kind, x.Name, x.Target.Port))
		}
		want := []string{
			"classic old:0", "classic abrupt:0", "alb idle:80", "gwlb inspect:6081", "nlb tcp:9000", "nlb tls:9443",
			"alb web:8080", "alb web:9999", "alb x400:7400",
		}
		if !slices.Equal(sorted(names), sorted(want)) {
			t.Errorf("registrations %q\nwant %q", names, want)
		}
	})
}

func sorted(names []string) []string { return slices.Sorted(slices.Values(names)) }
