package lock

import (
	"cmp"
	"fmt"
	"strings"
)

// Statement is a statement of an IAM policy, its keys in the order in which people write them.
type Statement struct {
	Sid, Effect string
	Action      []string
	Resource    string
	Condition   map[string]map[string][]string
}

// Actions are what a lock in a table calls, in IAM's spelling.
func Actions() []string { return []string{"dynamodb:GetItem", "dynamodb:PutItem"} }

// Statements is what a lock needs to be allowed, besides what balanced needs anyway: nothing for FleetLock. group is the
// ARN of the group, or a pattern of it; the table is in the same Region and account. Only the group's own item is
// allowed (Developer Guide, "Using IAM policy conditions for fine-grained access control").
func (w Where) Statements(group, lockGroup string) []Statement {
	if w.server != nil {
		return nil
	}
	parts := strings.SplitN(group, ":", 6)
	for len(parts) < 6 {
		parts = append(parts, "*")
	}
	return []Statement{{
		Sid: "Lock", Effect: "Allow", Action: Actions(),
		Resource:  fmt.Sprintf("arn:%s:dynamodb:%s:%s:table/%s", parts[1], parts[3], parts[4], w.table),
		Condition: map[string]map[string][]string{"ForAllValues:StringLike": {"dynamodb:LeadingKeys": {cmp.Or(lockGroup, group)}}},
	}}
}
