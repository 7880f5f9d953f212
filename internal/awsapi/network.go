package awsapi

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// settingBehind finds failures below HTTP that a setting causes and no wait fixes: a certificate that this host does not
// trust, a proxy that refuses, keys that no header can carry. It returns nil for all others.
func settingBehind(err error) error {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	switch {
	case errors.As(err, &authority):
		return &SettingsError{Fix: trustFix(), Err: fmt.Errorf("%s has a certificate of an authority that this host does not trust", host(err))}
	case errors.As(err, &name):
		return &SettingsError{Fix: "check DNS, the proxy and AWS_ENDPOINT_URL: somebody else answers in place of AWS", Err: fmt.Errorf("%s has a certificate of another name", host(err))}
	}
	if p, ok := errors.AsType[*proxyError](err); ok && p.final() {
		return &SettingsError{Fix: proxyFix("https"), Err: p}
	}
	if s, ok := errors.AsType[*strangeAnswer](err); ok && s.status == http.StatusProxyAuthRequired {
		return &SettingsError{Fix: proxyFix("http"), Err: errors.New("the proxy asks for a login (HTTP 407)")}
	}
	if strings.Contains(err.Error(), "invalid header field value") { // net/http, before anything is sent
		return &wrongKeys{err: errors.New("they hold a character that no request can carry, such as a line break")}
	}
	return nil
}

func trustFix() string {
	if bundle := os.Getenv("AWS_CA_BUNDLE"); bundle != "" {
		return "add the authority to " + bundle + " (AWS_CA_BUNDLE) or unset AWS_CA_BUNDLE"
	}
	return "set AWS_CA_BUNDLE to the file with the certificate of the authority, or add it to this host's trusted ones"
}

func proxyFix(scheme string) string {
	variable := proxyVariable(scheme)
	if variable == "" {
		return "make the proxy let this host reach the AWS APIs"
	}
	return "fix " + variable + ", or add the AWS endpoints to NO_PROXY"
}

// proxyFailed: the connection to the proxy, or through it, could not be made.
func proxyFailed(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "proxyconnect" {
		return true
	}
	_, ok := errors.AsType[*proxyError](err)
	return ok
}

// outOfDate: a certificate is over or not yet valid, which a clock that is being set fixes.
func outOfDate(err error) bool {
	var invalid x509.CertificateInvalidError
	return errors.As(err, &invalid) && invalid.Reason == x509.Expired
}

// host is the one that a request was sent to.
func host(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		if to, parseErr := url.Parse(u.URL); parseErr == nil {
			return to.Host
		}
	}
	return "the endpoint"
}

// connection: the request could not be sent, or its answer not be received.
func connection(err error) bool {
	_, ok := errors.AsType[*smithyhttp.RequestSendError](err)
	return ok
}
