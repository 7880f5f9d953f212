package probe

import (
	"cmp"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// FromURL is the check that an operator gives as a URL, instead of those of the load
// balancers: http or https, any status from 200 to 399, twice in a row, five seconds
// for each. A URL without a host ("http://:8080/health") asks the instance's own
// address. No error quotes the URL, which may hold a secret.
func FromURL(raw string) (Check, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || u.Scheme != "http" && u.Scheme != "https" {
		return Check{}, errors.New("not an http or https URL, such as http://:8080/health")
	}
	if strings.Contains(u.Hostname(), "%") {
		return Check{}, errors.New("the address in the URL must not have a zone")
	}
	if u.User != nil {
		return Check{}, errors.New("a URL to probe must not hold a user or a password")
	}
	c := Check{
		Source: operator, Protocol: "HTTP", Host: u.Hostname(), Path: u.RequestURI(),
		Matcher: "200-399", Timeout: 5 * time.Second, Healthy: 2, Interval: time.Second,
	}
	usual := "80"
	if u.Scheme == "https" {
		c.Protocol, usual = "HTTPS", "443"
	}
	if c.Port, err = strconv.Atoi(cmp.Or(u.Port(), usual)); err != nil || c.Port < 1 || c.Port > 65535 {
		return Check{}, errors.New("port of the URL is not from 1 to 65535")
	}
	return c, nil
}
