// Package tls12 is a TLS 1.2 client that does not read the server's certificate.
//
// A load balancer does not verify the certificates of its targets, so targets run with
// certificates that crypto/tls refuses to parse, even with InsecureSkipVerify: negative
// serial numbers, malformed names and extensions, key types it does not know. For such a
// host the probe repeats the handshake with this client. It authenticates nobody and
// checks no signature: never send a secret over it.
//
// It speaks what most servers have in common with ELBSecurityPolicy-2016-08, the policy
// load balancers use towards targets: ECDHE with AES-GCM. Everything else is
// ErrUnsupported.
package tls12

import (
	"errors"
	"fmt"
	"net"
)

// ErrUnsupported says that the server does not speak what this client speaks. It does
// not say that the server is broken.
var ErrUnsupported = errors.New("no TLS 1.2 with ECDHE and AES-GCM")

// ErrNoProtocol is the answer of a server that knows none of Config.NextProtos.
var ErrNoProtocol = errors.New("no application protocol in common")

// Config may be zero.
type Config struct {
	ServerName string   // sent as SNI; must not be an IP address
	NextProtos []string // for ALPN
}

// Client shakes hands on raw, which it does not close when it fails. The caller sets
// the deadline on raw.
func Client(raw net.Conn, cfg Config) (*Conn, error) {
	h := &handshake{Conn: &Conn{Conn: raw}}
	for _, step := range []func() error{
		func() error { return h.sendHello(cfg) },
		h.readHello,
		h.readServerFlight,
		h.sendClientFlight,
		h.readFinished,
	} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("tls 1.2 handshake: %w", err)
		}
	}
	return h.Conn, nil
}

// errMalformed is a message that breaks RFC 5246.
var errMalformed = errors.New("malformed message")

// An alertError is an alert that ended the connection (RFC 5246 §7.2).
type alertError byte

func (e alertError) Error() string { return fmt.Sprintf("alert %d from the server", byte(e)) }

// alertMeaning tells the alerts of a server that speaks something else from the others.
func alertMeaning(code byte) error {
	switch code {
	case 40, 70, 71: // handshake_failure, protocol_version, insufficient_security
		return ErrUnsupported
	case 120: // no_application_protocol
		return ErrNoProtocol
	}
	return alertError(code)
}
