package tls12

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"slices"
)

const (
	typeClientHello       = 1
	typeServerHello       = 2
	typeNewSessionTicket  = 4
	typeCertificate       = 11
	typeServerKeyExchange = 12
	typeCertRequest       = 13
	typeServerHelloDone   = 14
	typeClientKeyExchange = 16
	typeFinished          = 20
	typeCertStatus        = 22

	extServerName           = 0
	extSupportedGroups      = 10
	extPointFormats         = 11
	extSignatureAlgorithms  = 13
	extALPN                 = 16
	extExtendedMasterSecret = 23

	// maxMessage bounds a handshake message, in bytes; a chain of certificates is the
	// longest. crypto/tls has the same limit.
	maxMessage = 256 << 10
	// maxTranscript bounds all messages together, in bytes, so that a server that never
	// comes to the end does not fill the memory.
	maxTranscript = 1 << 20
)

// curves by their number in TLS (RFC 8422 §5.1.1), in the order of preference.
var curves = []struct {
	id    uint16
	curve ecdh.Curve
}{{29, ecdh.X25519()}, {23, ecdh.P256()}, {24, ecdh.P384()}, {25, ecdh.P521()}}

// signatures are offered because servers insist on one that fits their key. None is
// checked: ECDSA, RSA-PSS, PKCS #1 v1.5 and SHA-1 of both, and the Edwards curves.
var signatures = []uint16{
	0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201, 0x0807, 0x0808,
}

// handshake is the state between ClientHello and Finished.
type handshake struct {
	*Conn
	unread     []byte // handshake bytes of records already read
	transcript []byte // all messages so far, both directions

	clientRandom, serverRandom []byte
	suite                      suite
	extendedMaster             bool
	curve                      ecdh.Curve
	serverShare                []byte
	certRequested              bool
	master                     []byte
}

func (h *handshake) sendHello(cfg Config) error {
	h.clientRandom = make([]byte, 32)
	rand.Read(h.clientRandom)
	body := binary.BigEndian.AppendUint16(nil, version12)
	body = append(body, h.clientRandom...)
	body = append(body, 0) // no session to resume
	body = append16(body, uint16s(suiteIDs()...))
	body = append(body, 1, 0) // no compression
	body = append16(body, cfg.extensions())
	return h.send(typeClientHello, body)
}

func (cfg Config) extensions() []byte {
	groups := make([]uint16, 0, len(curves))
	for _, c := range curves {
		groups = append(groups, c.id)
	}
	all := extension(nil, extSupportedGroups, append16(nil, uint16s(groups...)))
	all = extension(all, extPointFormats, []byte{1, 0})
	all = extension(all, extSignatureAlgorithms, append16(nil, uint16s(signatures...)))
	all = extension(all, extExtendedMasterSecret, nil)
	if cfg.ServerName != "" {
		name := append16([]byte{0}, []byte(cfg.ServerName))
		all = extension(all, extServerName, append16(nil, name))
	}
	if len(cfg.NextProtos) > 0 {
		var list []byte
		for _, p := range cfg.NextProtos {
			list = append8(list, []byte(p))
		}
		all = extension(all, extALPN, append16(nil, list))
	}
	return all
}

func (h *handshake) readHello() error {
	kind, body, err := h.receive()
	if err != nil {
		return err
	}
	r := reader{rest: body}
	version := r.uint16()
	h.serverRandom = r.bytes(32)
	r.bytes(int(r.uint8())) // session
	id := r.uint16()
	compression := r.uint8()
	switch {
	case kind != typeServerHello || r.failed:
		return errMalformed
	case version != version12 || compression != 0 || suites[id].keyLen == 0:
		return ErrUnsupported
	}
	h.suite = suites[id]
	return h.readExtensions(r.rest)
}

func (h *handshake) readExtensions(block []byte) error {
	if len(block) == 0 {
		return nil
	}
	outer := reader{rest: block}
	r := reader{rest: outer.bytes(int(outer.uint16()))}
	for len(r.rest) > 0 && !r.failed {
		id := r.uint16()
		data := reader{rest: r.bytes(int(r.uint16()))}
		switch id {
		case extExtendedMasterSecret:
			h.extendedMaster = true
		case extALPN:
			data.uint16() // of the list, which has one name
			h.protocol = string(data.bytes(int(data.uint8())))
			r.failed = r.failed || data.failed
		}
	}
	if outer.failed || r.failed {
		return errMalformed
	}
	return nil
}

// readServerFlight reads from Certificate to ServerHelloDone. The certificate and the
// signature of the key exchange are passed over.
func (h *handshake) readServerFlight() error {
	for {
		kind, body, err := h.receive()
		if err != nil {
			return err
		}
		switch kind {
		case typeCertificate, typeCertStatus:
		case typeCertRequest:
			h.certRequested = true
		case typeServerKeyExchange:
			if err := h.readServerShare(body); err != nil {
				return err
			}
		case typeServerHelloDone:
			if h.curve == nil {
				return errMalformed
			}
			return nil
		default:
			return errMalformed
		}
	}
}

func (h *handshake) readServerShare(body []byte) error {
	const namedCurve = 3
	r := reader{rest: body}
	kind, id := r.uint8(), r.uint16()
	h.serverShare = r.bytes(int(r.uint8()))
	if kind != namedCurve || r.failed {
		return errMalformed
	}
	for _, c := range curves {
		if c.id == id {
			h.curve = c.curve
			return nil
		}
	}
	return errMalformed // one we did not offer
}

func (h *handshake) sendClientFlight() error {
	if h.certRequested { // a load balancer has none either
		if err := h.send(typeCertificate, []byte{0, 0, 0}); err != nil {
			return err
		}
	}
	secret, share, err := h.agree()
	if err != nil {
		return err
	}
	if err := h.send(typeClientKeyExchange, append8(nil, share)); err != nil {
		return err
	}
	h.master = h.masterSecret(secret)
	if err := h.writeRecord(recordChangeCipherSpec, []byte{1}); err != nil {
		return err
	}
	var next half
	h.out, next = h.keys()
	if err := h.send(typeFinished, h.verifyData("client finished")); err != nil {
		return err
	}
	return h.changeIn(next)
}

func (h *handshake) agree() (secret, share []byte, err error) {
	key, err := h.curve.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	server, err := h.curve.NewPublicKey(h.serverShare)
	if err != nil {
		return nil, nil, err
	}
	secret, err = key.ECDH(server)
	return secret, key.PublicKey().Bytes(), err
}

// changeIn waits for the server to begin encrypting.
func (h *handshake) changeIn(next half) error {
	for {
		kind, plain, err := h.readRecord()
		switch {
		case err != nil:
			return unexpected(err)
		case kind == recordChangeCipherSpec && len(h.unread) == 0:
			h.in = next
			return nil
		case kind != recordHandshake || len(h.unread)+len(plain) > maxMessage:
			return errMalformed
		}
		h.unread = append(h.unread, plain...)
		if err := h.passTickets(); err != nil {
			return err
		}
	}
}

// passTickets takes the session tickets in what has been read.
func (h *handshake) passTickets() error {
	for h.whole() {
		if kind, _, err := h.receive(); err != nil || kind != typeNewSessionTicket {
			return errors.Join(errMalformed, err)
		}
	}
	return nil
}

func (h *handshake) readFinished() error {
	want := h.verifyData("server finished")
	kind, body, err := h.receive()
	if err != nil {
		return err
	}
	if kind != typeFinished || !bytes.Equal(body, want) {
		return errMalformed
	}
	return nil
}

func (h *handshake) send(kind byte, body []byte) error {
	message := append([]byte{kind, byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}, body...)
	h.transcript = append(h.transcript, message...)
	return h.writeRecord(recordHandshake, message)
}

// whole reports whether a complete message has been read.
func (h *handshake) whole() bool { return len(h.unread) >= 4 && len(h.unread) >= 4+h.nextLength() }

func (h *handshake) nextLength() int {
	return int(h.unread[1])<<16 | int(h.unread[2])<<8 | int(h.unread[3])
}

func (h *handshake) receive() (byte, []byte, error) {
	for !h.whole() {
		if len(h.unread) >= 4 && h.nextLength() > maxMessage || len(h.transcript) > maxTranscript {
			return 0, nil, errMalformed
		}
		kind, plain, err := h.readRecord()
		if err != nil {
			return 0, nil, unexpected(err)
		}
		if kind != recordHandshake {
			return 0, nil, errMalformed
		}
		h.unread = append(h.unread, plain...)
	}
	message := slices.Clone(h.unread[:4+h.nextLength()])
	h.unread = h.unread[len(message):]
	h.transcript = append(h.transcript, message...)
	return message[0], message[4:], nil
}
