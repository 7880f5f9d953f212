package elb_test

import (
	"context"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"balanced/internal/elb"
	"balanced/internal/fleet"
)

// A zonal shift keeps traffic from a target that stays healthy; so may what AWS adds to its states.
func TestAShiftedTargetIsToldFromAHealthyOne(t *testing.T) {
	for override, want := range map[string]fleet.Target{
		"":                                       {},
		"<Description>of no state</Description>": {},
		"<State>no_override</State><Reason>AdministrativeOverride.NoOverride</Reason><Description>No override is currently active on target</Description>": {},
		"<State>zonal_shift_active</State><Description>A zonal shift is active</Description>":                                                              {Shifted: true, Override: "zonal_shift_active: A zonal shift is active"},
		"<State>zonal_shift_active</State>":           {Shifted: true, Override: "zonal_shift_active"},
		"<State>zonal_shift_delegated_to_dns</State>": {Override: "zonal_shift_delegated_to_dns"},
		"<State>unknown</State>":                      {Override: "unknown"},
		"<State>something_new</State>":                {Override: "something_new"},
	} {
		answer := func(_ string, form url.Values) string {
			if form.Get("Include.member.1") != "" {
				t.Errorf("asks for %s", form.Get("Include.member.1"))
			}
			text := "<Target><Id>i-1</Id><Port>80</Port></Target><TargetHealth><State>healthy</State></TargetHealth>"
			if override != "" {
				text += "<AdministrativeOverride>" + override + "</AdministrativeOverride>"
			}
			return "<TargetHealthDescriptions><member>" + text + "</member></TargetHealthDescriptions>"
		}
		play(t, answer, func(ctx context.Context, c *elb.Client, _ map[string]int) {
			want.Instance, want.Port, want.Health = "i-1", 80, fleet.Healthy
			got, err := c.HealthOf(ctx, fleet.Source{Kind: fleet.Application, Name: "web", ID: arn, Port: 80}, "i-1")
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%q: %v\n%s", override, err, diff)
			}
		})
	}
}

func TestAnomaliesAreAskedForWhereTheyCount(t *testing.T) {
	answer := func(_ string, form url.Values) string {
		text := "<Target><Id>i-1</Id><Port>80</Port></Target><TargetHealth><State>healthy</State></TargetHealth>"
		if form.Get("Include.member.1") == "AnomalyDetection" {
			text += "<AnomalyDetection><Result>anomalous</Result><MitigationInEffect>yes</MitigationInEffect></AnomalyDetection>"
		}
		return "<TargetHealthDescriptions><member>" + text + "</member></TargetHealthDescriptions>"
	}
	for _, on := range []bool{false, true} {
		play(t, answer, func(ctx context.Context, c *elb.Client, _ map[string]int) {
			got, err := c.HealthOf(ctx, fleet.Source{Kind: fleet.Application, ID: arn, Port: 80, AnomalyMitigation: on}, "i-1")
			if err != nil || got.Mitigated != on {
				t.Errorf("mitigation %v: %+v, %v", on, got, err)
			}
		})
	}
}
