package imds_test

import (
	"errors"
	"net/http"
	"testing"

	"balanced/internal/imds"
	"balanced/internal/sim"
)

func TestVersion1IsFoundWhereItAnswers(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		region(t, func(t *testing.T, r *sim.Region, id string, client *http.Client) {
			r.UpdateMetadata(id, func(m *sim.Metadata) { m.V1Allowed = allowed })
			c := ask(client, id)
			if got, err := c.AnswersV1(t.Context()); got != allowed || err != nil {
				t.Errorf("version 1 allowed %v: answers %v, %v", allowed, got, err)
			}
			if _, err := c.Identity(t.Context()); err != nil {
				t.Errorf("the next request has no token any more: %v", err)
			}
		})
	}
}

func TestNoAnswerSaysNothingAboutVersion1(t *testing.T) {
	region(t, func(t *testing.T, r *sim.Region, id string, client *http.Client) {
		r.UpdateMetadata(id, func(m *sim.Metadata) { m.Off = true })
		if got, err := ask(client, id).AnswersV1(t.Context()); got || !errors.Is(err, imds.ErrDisabled) {
			t.Errorf("the service is off: %v, %v", got, err)
		}
	})
}
