package rehearsal

import (
	"strings"
	"testing"
	"time"
)

func TestParseFault(t *testing.T) {
	for text, want := range map[string]Fault{
		"bad-version 2":                 {kind: "bad-version", n: 2},
		"peer-dies 4":                   {kind: "peer-dies", n: 4, when: 1, state: "Standby"},
		"stuck-drain 3":                 {kind: "stuck-drain", n: 3, when: 3, state: "EnteringStandby"},
		"scale-out 1 when 5s":           {kind: "scale-out", n: 1, after: 5 * time.Second},
		"kill-agent 2 when 2 InService": {kind: "kill-agent", n: 2, when: 2, state: "InService"},
	} {
		want.text = text
		if got, err := ParseFault(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, bad := range []string{"", "peer-dies", "peer-dies 0", "peer-dies x", "quake 1", "peer-dies 1 if 2", "peer-dies 1 when", "peer-dies 1 when soon", "peer-dies 1 when 0 Standby", "peer-dies 1 when 1 Standby now", "peer-dies 1 when 1 Standbye"} {
		if got, err := ParseFault(bad); err == nil || !strings.Contains(err.Error(), FaultUsage) {
			t.Errorf("%q: %+v, %v; want an error with the syntax", bad, got, err)
		}
	}
}

func TestFaultOfAnInstanceThatDoesNotExistIsAnError(t *testing.T) {
	for text, ok := range map[string]bool{"peer-dies 4": true, "peer-dies 5": false, "scale-out 9": true, "scale-out 1 when 5 Standby": false} {
		f, err := ParseFault(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Check(4); (err == nil) != ok {
			t.Errorf("%s in a fleet of 4: %v", text, err)
		}
	}
}
