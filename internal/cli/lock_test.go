package cli

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"balanced/internal/fleet"
	"balanced/internal/lock"
)

// The policy with a lock is the one without it, and one statement for the item of the group: as docs/iam.md has it.
func TestThePolicyOfALock(t *testing.T) {
	_, without := printed(t, "--group", "web")
	_, with := printed(t, "--group", "web", "--lock", "dynamodb:balanced-locks")
	if len(with.Statement) != len(without.Statement)+1 {
		t.Fatalf("%d statements with a lock, %d without", len(with.Statement), len(without.Statement))
	}
	text, err := json.MarshalIndent(with.Statement[len(without.Statement)], "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/iam.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "```json\n"+string(text)+"\n```") {
		t.Errorf("docs/iam.md does not have\n%s", text)
	}
	_, named := printed(t, "--group", "web", "--lock", "dynamodb:balanced-locks", "--lock-group", "blue")
	if got := named.Statement[2].Condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]; !slices.Equal(got, []string{"blue"}) {
		t.Errorf("--lock-group blue: keys %q", got)
	}
	if _, fleetlock := printed(t, "--group", "web", "--lock", "https://lock.example.com/"); len(fleetlock.Statement) != len(without.Statement) {
		t.Errorf("a FleetLock server needs no permission of AWS: %+v", fleetlock.Statement)
	}
}

func TestTheLineOfALock(t *testing.T) {
	now := time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)
	for want, s := range map[string]lock.State{
		"lock dynamodb:t: not known":        {Kind: "dynamodb", Where: "dynamodb:t"},
		"lock dynamodb:t: no slot is taken": {Kind: "dynamodb", Where: "dynamodb:t", Holders: []fleet.Entry{}},
		"lock dynamodb:t: a slot is taken by i-1 for 2m4s": {
			Kind: "dynamodb", Where: "dynamodb:t", Holders: []fleet.Entry{{ID: "i-1", Since: now.Add(-124 * time.Second)}},
		},
		"lock dynamodb:t: slots are taken by i-1, i-2": {
			Kind: "dynamodb", Where: "dynamodb:t", Holders: []fleet.Entry{{ID: "i-1"}, {ID: "i-2", Since: now.Add(time.Minute)}},
		},
		"lock https://h/: a FleetLock server does not tell who holds its slots": {Kind: "fleetlock", Where: "https://h/"},
	} {
		if got := lockLine(&s, now); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
