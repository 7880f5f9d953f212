package probe

import (
	"context"
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"balanced/internal/probe/tls12"
)

var errNoHTTP2 = errors.New("no answer in HTTP/2")

// refusedError says that crypto/tls refuses a certificate that a load balancer, which
// verifies none, would take.
type refusedError struct {
	cause error
	// certain is false where the cause may be another one.
	certain bool
}

func (e *refusedError) Error() string { return e.cause.Error() }

// notImitatedError says that the handshake works neither with the certificate nor
// without.
type notImitatedError struct{ refused *refusedError }

func (e *notImitatedError) Error() string {
	cause := withoutQuotes(strings.TrimPrefix(e.refused.Error(), "tls: "))
	cause, _, _ = strings.Cut(cause, " (see ")
	return fmt.Sprintf("this program refuses the server's certificate (%s), and the server has no %s, which would do without reading it",
		strings.TrimPrefix(cause, "failed to parse certificate from server: "), strings.TrimPrefix(tls12.ErrUnsupported.Error(), "no "))
}

func (q *question) handshake(ctx context.Context, raw net.Conn) (net.Conn, error) {
	if q.refused != nil {
		return q.handshakeUnread(raw)
	}
	conn := tls.Client(raw, q.tlsConfig())
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, refusal(err, conn)
	}
	if q.http2() && conn.ConnectionState().NegotiatedProtocol != "h2" {
		return nil, errNoHTTP2
	}
	return conn, nil
}

// handshakeUnread does not look at the certificate.
func (q *question) handshakeUnread(raw net.Conn) (net.Conn, error) {
	conn, err := tls12.Client(raw, tls12.Config{ServerName: q.serverName(), NextProtos: q.protocols()})
	switch {
	case errors.Is(err, tls12.ErrUnsupported):
		return nil, &notImitatedError{q.refused}
	case err != nil:
		return nil, err
	case q.http2() && conn.NegotiatedProtocol() != "h2":
		return nil, errNoHTTP2
	}
	return conn, nil
}

// tlsConfig takes any certificate and all that crypto/tls can do, old and weak too: load
// balancers do not verify targets and speak TLS 1.0 to them if they must (ELB user
// guide, "Target groups", "HTTPS"). Nothing confidential is sent.
//
// Targets that speak only TLS 1.3 fail the HTTPS checks of Network Load Balancers (ELB
// user guide, "Health checks for Network Load Balancer target groups"), and Classic Load
// Balancers have no TLS 1.3. An Application Load Balancer speaks it to targets where one
// of its listeners has a TLS 1.3 policy, which is not known here.
func (q *question) tlsConfig() *tls.Config {
	c := &tls.Config{InsecureSkipVerify: true, ServerName: q.serverName(), MinVersion: tls.VersionTLS10, NextProtos: q.protocols()}
	if q.upToTLS12() {
		c.MaxVersion = tls.VersionTLS12
	}
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		c.CipherSuites = append(c.CipherSuites, s.ID)
	}
	return c
}

func (q *question) upToTLS12() bool { return q.Kind == Network || q.Kind == Classic }

func (q *question) protocols() []string {
	if q.http2() {
		return []string{"h2"}
	}
	return nil
}

// serverName is the name in an operator's URL. Load balancers reach targets by address,
// which SNI does not carry (RFC 6066 §3).
func (q *question) serverName() string {
	if _, err := netip.ParseAddr(q.host); err == nil {
		return ""
	}
	return q.host
}

// refusal is err, as a *refusedError where it is about the certificate. A signature that
// does not fit the key is another matter: load balancers check it too.
func refusal(err error, conn *tls.Conn) error {
	for _, text := range []string{
		"tls: failed to parse certificate from server",
		"tls: server's certificate contains an unsupported type of public key",
		"tls: server sent certificate containing RSA key larger than",
		"tls: certificate used with invalid signature algorithm", // SHA-1, in TLS 1.2
	} {
		if strings.HasPrefix(err.Error(), text) {
			return &refusedError{err, true}
		}
	}
	switch {
	case weakKey(conn):
		return &refusedError{err, true}
	case err.Error() == "remote error: tls: handshake failure":
		// Among other things this is a server whose key needs a signature algorithm
		// that crypto/tls does not offer: Ed448, or SHA-1 in TLS 1.2.
		return &refusedError{err, false}
	}
	return err
}

// weakKey reports whether the server has an RSA key that crypto/rsa refuses to use.
func weakKey(conn *tls.Conn) bool {
	chain := conn.ConnectionState().PeerCertificates
	if len(chain) == 0 {
		return false
	}
	key, ok := chain[0].PublicKey.(*rsa.PublicKey)
	return ok && key.N.BitLen() < 1024
}
