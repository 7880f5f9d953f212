package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"balanced/internal/awsapi"
	"balanced/internal/format"
	"balanced/internal/lock"
	"balanced/internal/rotation"
)

// lockFlags name the lock of a command that moves the instance, or says what it would find.
func lockFlags() []cli.Flag {
	return []cli.Flag{
		text("lock", "", "take a slot `WHERE` before leaving, and release it after the return: dynamodb:TABLE, or https://HOST/ of a FleetLock server (default: none)", "dynamodb:balanced-locks"),
		text("lock-group", "", "`NAME` of the group at the lock (default: its ARN in a table, its name at a FleetLock server)"),
	}
}

// lockAt is what --lock and --lock-group say.
type lockAt struct {
	where lock.Where
	group string
	named bool // there is a lock
}

// lockAt reads them, of a command that has them. It asks nobody.
func (v *values) lockAt() lockAt {
	if !v.has("lock") {
		return lockAt{}
	}
	given, source := v.raw("lock")
	group, groupSource := v.raw("lock-group")
	l := lockAt{group: group, named: given != ""}
	if !l.named {
		if v.given("lock-group") != nil {
			v.wrong(groupSource, "needs --lock")
		}
		return l
	}
	var err error
	if l.where, err = lock.Parse(given); err != nil {
		v.wrong(source, "%s", whatIsWrong(err, "--lock "))
	} else if _, err = lock.New(l.where, lock.Options{Group: group}); err != nil {
		v.wrong(groupSource, "%s", whatIsWrong(err, "--lock-group "))
	}
	return l
}

// whatIsWrong is a usage error of the lock without the flag that it begins with, and with its hint.
func whatIsWrong(err error, flag string) string {
	e := endOf(err)
	return fmt.Sprintf("%s (%s)", strings.TrimPrefix(e.reason, flag), e.hint)
}

// attach gives an agent its lock, if there is one. Outside a group, target groups may list the holder of an entry by its
// address.
func (l lockAt) attach(agent *rotation.Agent, aws *awsapi.Session, outside bool) error {
	if !l.named {
		return nil
	}
	o := lock.Options{Instance: agent.Self.Instance, Group: l.group, AWS: aws.Config()}
	if outside {
		o.Addresses = []string{agent.Self.PrivateIP, agent.Self.IPv6}
	}
	slots, err := lock.New(l.where, o)
	if err != nil {
		return err
	}
	agent.Lock = slots
	return nil
}

// statements are what the policy needs for the lock.
func (l lockAt) statements(group string) []statement {
	var all []statement
	if l.named {
		for _, s := range l.where.Statements(group, l.group) {
			all = append(all, statement{Sid: s.Sid, Effect: s.Effect, Action: s.Action, Resource: s.Resource, Condition: s.Condition})
		}
	}
	return all
}

// lockLine says who holds a slot, for people.
func lockLine(s *lock.State, now time.Time) string {
	where := fmt.Sprintf("lock %s: ", s.Where)
	switch {
	case s.Holders == nil && s.Kind == "fleetlock":
		return where + "a FleetLock server does not tell who holds its slots"
	case s.Holders == nil:
		return where + "not known"
	case len(s.Holders) == 0:
		return where + "no slot is taken"
	}
	var names []string
	for _, h := range s.Holders {
		name := h.ID
		if age := now.Sub(h.Since); !h.Since.IsZero() && age > 0 {
			name += " for " + format.Duration(age)
		}
		names = append(names, name)
	}
	if len(names) == 1 {
		return where + "a slot is taken by " + names[0]
	}
	return where + "slots are taken by " + strings.Join(names, ", ")
}
