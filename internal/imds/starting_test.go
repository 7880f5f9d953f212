package imds

import (
	"errors"
	"io"
	"testing"
)

// What a starting instance meets is waited for; what cannot pass is told at once.
func TestWhatAStartingInstanceMeets(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		want bool
	}{
		"nothing answers, on an instance":        {host{known: true, ec2: true}.noAnswer(io.EOF), true},
		"nothing answers, on an unknown host":    {unknownHost.noAnswer(io.EOF), true},
		"nothing answers, and it is no instance": {host{known: true}.noAnswer(io.EOF), false},
		"an answer that is late":                 {ErrSlow, true},
		"the service is not well":                {(&trail{status: 503}).meaning(io.EOF, unknownHost, false, true), true},
		"a page that is not there":               {(&trail{status: 404}).meaning(io.EOF, unknownHost, false, true), false},
		"it is turned off":                       {(&trail{status: 403}).meaning(io.EOF, unknownHost, false, true), false},
		"the hop limit":                          {(&trail{token: true}).meaning(io.EOF, unknownHost, true, true), false},
	} {
		if got := MayStillStart(errors.Join(tt.err)); got != tt.want {
			t.Errorf("%s: %v, want %v (%v)", name, got, tt.want, tt.err)
		}
	}
}
