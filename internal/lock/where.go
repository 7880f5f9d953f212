package lock

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"

	"balanced/internal/failure"
	"balanced/internal/fleet"
)

// Where is where slots are kept: a DynamoDB table, or a FleetLock server.
type Where struct {
	table  string
	server *url.URL // the base of its two endpoints, with a slash at the end; nil: it is a table
}

const whereHint = "--lock takes dynamodb:TABLE or https://HOST/"

var (
	// tableName is what DynamoDB accepts, of 3 to 255 characters (API reference, CreateTable). A count in the expression
	// would take a millisecond of every start.
	tableName = regexp.MustCompile(`^[a-zA-Z0-9_.-]+$`)
	// groupName is what the FleetLock protocol accepts (Zincati, "FleetLock protocol", Body).
	groupName = regexp.MustCompile(`^[a-zA-Z0-9.-]+$`)
)

// Parse reads --lock. Its errors are of class Usage.
func Parse(where string) (Where, error) {
	if table, ok := strings.CutPrefix(where, "dynamodb:"); ok {
		return parseTable(table)
	}
	if strings.HasPrefix(where, "https://") || strings.HasPrefix(where, "http://") {
		return parseServer(where)
	}
	return Where{}, failure.New(failure.Usage, whereHint, "--lock %q is neither a table nor a FleetLock server", where)
}

func parseTable(table string) (Where, error) {
	switch {
	case strings.HasPrefix(table, "arn:"):
		return Where{}, failure.New(failure.Usage, "give the table's name; it is looked for in the account and Region of the instance",
			"--lock does not take the ARN of a table")
	case len(table) < 3 || len(table) > 255 || !tableName.MatchString(table):
		return Where{}, failure.New(failure.Usage, whereHint, "%q is no name of a DynamoDB table: 3 to 255 of a-z, A-Z, 0-9, _ . -", table)
	}
	return Where{table: table}, nil
}

func parseServer(where string) (Where, error) {
	u, err := url.Parse(where)
	if err != nil {
		return Where{}, &failure.Refusal{Class: failure.Usage, Hint: whereHint, Reason: "--lock", Err: errors.Unwrap(err)}
	}
	switch {
	case u.User != nil: // it would be in every report, and in the list of processes
		return Where{}, failure.New(failure.Usage, "leave the name and password out", "--lock does not take credentials in its URL")
	case u.Hostname() == "":
		return Where{}, failure.New(failure.Usage, whereHint, "--lock %q names no host", where)
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return Where{}, failure.New(failure.Usage, "give the URL below which v1/pre-reboot is", "--lock %q has a query or a fragment", where)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return Where{}, failure.New(failure.Usage, "use https://", "--lock %q is http://, which is accepted for loopback addresses only", where)
	}
	if !strings.HasSuffix(u.Path, "/") {
		u = u.JoinPath("/")
	}
	return Where{server: u}, nil
}

// loopback: nobody else can be in between.
func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// Kind is dynamodb or fleetlock.
func (w Where) Kind() string {
	if w.server != nil {
		return "fleetlock"
	}
	return "dynamodb"
}

// String is what --lock takes.
func (w Where) String() string {
	if w.server != nil {
		return w.server.String()
	}
	return "dynamodb:" + w.table
}

// groupKey is what names a group where --lock-group does not.
func (w Where) groupKey(g fleet.Group) string {
	if w.server != nil {
		return g.Name
	}
	return g.ARN
}

// longestKey is the most bytes that DynamoDB accepts as a partition key (Developer Guide, "Quotas").
const longestKey = 2048

// accepts says why something cannot name a group.
func (w Where) accepts(key string) error {
	switch {
	case key == "":
		return errors.New("is not known")
	case w.server != nil && !groupName.MatchString(key):
		return errors.New("is no FleetLock group")
	case len(key) > longestKey:
		return fmt.Errorf("is longer than %d bytes", longestKey)
	}
	return nil
}

// rule says what may name a group.
func (w Where) rule() string {
	if w.server != nil {
		return "a FleetLock group consists of a-z, A-Z, 0-9, . and -"
	}
	return fmt.Sprintf("the key of an item has 1 to %d bytes", longestKey)
}
