package sim

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// service is an AWS API. The Version of a request identifies it, because both generations of
// Elastic Load Balancing share a host name and some action names.
type service struct {
	name, version, namespace string
	iamPrefix                string
}

func services() []service {
	const elb = "http://elasticloadbalancing.amazonaws.com/doc/"
	return []service{
		{"autoscaling", "2011-01-01", "http://autoscaling.amazonaws.com/doc/2011-01-01/", "autoscaling"},
		{"elasticloadbalancing", "2012-06-01", elb + "2012-06-01/", "elasticloadbalancing"},
		{"elasticloadbalancingv2", "2015-12-01", elb + "2015-12-01/", "elasticloadbalancing"},
		{"sts", "2011-06-15", "https://sts.amazonaws.com/doc/2011-06-15/", "sts"},
	}
}

// query is one request of the query protocol.
type query struct {
	service service
	action  string
	params  url.Values
	key     string    // access key id
	asOf    time.Time // time whose state describe calls answer with

	distortion Distortion
}

// readQuery reads a request of the query protocol, a POST with a form or a GET with a query.
func readQuery(req *http.Request) (*query, error) {
	if err := req.ParseForm(); err != nil {
		return nil, fmt.Errorf("read the request's form: %w", err)
	}
	q := &query{params: req.Form, action: req.Form.Get("Action"), key: accessKey(req.Header.Get("Authorization"))}
	for _, s := range services() {
		if s.version == q.params.Get("Version") {
			q.service = s
		}
	}
	return q, nil
}

// accessKey is the access key id in a Signature Version 4 header. Signatures are not verified.
func accessKey(authorization string) string {
	_, credential, _ := strings.Cut(authorization, "Credential=")
	key, _, _ := strings.Cut(credential, "/")
	return key
}

func (q *query) get(name string) string { return q.params.Get(name) }

// values are the values of a list parameter: Name.member.1, Name.member.2, and so on.
func (q *query) values(name string) []string { return q.fields(name, "") }

// fields are the values of one field of a list of structures: Name.member.1.Field, and so on. A
// missing field is an empty string.
func (q *query) fields(name, field string) []string {
	if field != "" {
		field = "." + field
	}
	var values []string
	for i := 1; ; i++ {
		prefix := name + ".member." + strconv.Itoa(i)
		if !q.hasPrefix(prefix) {
			return values
		}
		values = append(values, q.get(prefix+field))
	}
}

func (q *query) hasPrefix(prefix string) bool {
	if q.params.Has(prefix) {
		return true
	}
	for name := range q.params {
		if strings.HasPrefix(name, prefix+".") {
			return true
		}
	}
	return false
}

// boolean is a boolean parameter, or otherwise if it is absent.
func (q *query) boolean(name string, otherwise bool) bool {
	b, err := strconv.ParseBool(q.get(name))
	if err != nil {
		return otherwise
	}
	return b
}

// number is an integer parameter, or otherwise if it is absent.
func (q *query) number(name string, otherwise int) (int, error) {
	text := q.get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, refusef("MalformedInput", "Invalid value for %s: %s", name, text)
	}
	return n, nil
}

// required refuses a request that lacks one of these parameters.
func (q *query) required(names ...string) error {
	for _, name := range names {
		if q.get(name) == "" {
			return validationError("1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", lowerFirst(name))
		}
	}
	return nil
}

func lowerFirst(name string) string { return strings.ToLower(name[:1]) + name[1:] }

// paging names the parameters of a service's pages, and their sizes.
type paging struct {
	size, token    string
	max, byDefault int
}

// page is one page of all, and the token of the next page.
func page[T any](q *query, p paging, all []T) (items []T, next string, err error) {
	size, err := q.number(p.size, p.byDefault)
	if err != nil {
		return nil, "", err
	}
	if size < 1 || size > p.max {
		return nil, "", validationError("1 validation error detected: Value '%d' at '%s' failed to satisfy constraint: Member must have value less than or equal to %d", size, lowerFirst(p.size), p.max)
	}
	token := q.get(p.token)
	switch {
	case q.distortion.EmptyFirstPage && token == "":
		return nil, writeToken(0), nil
	case q.distortion.RepeatToken:
		return all[:min(size, len(all))], writeToken(0), nil
	}
	from, err := readToken(token, len(all))
	if err != nil {
		return nil, "", err
	}
	to := min(from+size, len(all))
	if to < len(all) {
		next = writeToken(to)
	}
	return all[from:to], next, nil
}

// keep leaves out the items that a fault omits. They go by the ids, names or ARNs that a request can
// name.
func keep[T any](q *query, items []T, names func(T) []string) []T {
	if len(q.distortion.Omit) == 0 {
		return items
	}
	return slices.DeleteFunc(slices.Clone(items), func(item T) bool {
		return slices.ContainsFunc(names(item), func(name string) bool { return slices.Contains(q.distortion.Omit, name) })
	})
}

func writeToken(offset int) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "from %d", offset))
}

// readToken reverses writeToken. If the list has become shorter since, the page is empty.
func readToken(token string, length int) (int, error) {
	if token == "" {
		return 0, nil
	}
	var offset int
	text, err := base64.StdEncoding.DecodeString(token)
	if err == nil {
		_, err = fmt.Sscanf(string(text), "from %d", &offset)
	}
	if err != nil || offset < 0 {
		return 0, refusef("InvalidNextToken", "The token '%s' is invalid.", token)
	}
	return min(offset, length), nil
}
