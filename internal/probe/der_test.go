package probe

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"slices"
	"testing"
)

// der is a value in the Distinguished Encoding Rules: its tag, its length, its parts.
func der(tag byte, parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	switch n := len(body); {
	case n < 0x80:
		return append([]byte{tag, byte(n)}, body...)
	case n < 0x100:
		return append([]byte{tag, 0x81, byte(n)}, body...)
	default:
		return append([]byte{tag, 0x82, byte(n >> 8), byte(n)}, body...)
	}
}

const (
	integer, bits, octets, null, oid  = 0x02, 0x03, 0x04, 0x05, 0x06
	printable, utcTime, seq, set      = 0x13, 0x17, 0x30, 0x31
	versionTag, extensionsTag, isTrue = 0xa0, 0xa3, 0xff
)

func oidOf(arcs ...int) []byte {
	b, err := asn1.Marshal(asn1.ObjectIdentifier(arcs))
	if err != nil {
		panic(err)
	}
	return b
}

// parts of a certificate, each one of them good.
type parts struct {
	version, serial, name, notAfter, key, extensions, tail []byte
}

// goodParts are those of a self-signed certificate for key. The signature is none: no
// load balancer looks at it, and crypto/tls does not without verification.
func goodParts(t *testing.T, key crypto.PublicKey) parts {
	t.Helper()
	spki, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return parts{
		version:  der(versionTag, der(integer, []byte{2})),
		serial:   der(integer, []byte{1}),
		name:     der(seq, der(set, der(seq, oidOf(2, 5, 4, 3), der(printable, []byte("app"))))),
		notAfter: der(utcTime, []byte("490101000000Z")),
		key:      spki,
	}
}

func (p parts) encode() []byte {
	ecdsaSHA256 := der(seq, oidOf(1, 2, 840, 10045, 4, 3, 2))
	validity := der(seq, der(utcTime, []byte("200101000000Z")), p.notAfter)
	var extensions []byte
	if p.extensions != nil {
		extensions = der(extensionsTag, der(seq, p.extensions))
	}
	tbs := der(seq, p.version, p.serial, ecdsaSHA256, p.name, validity, p.name, p.key, extensions)
	return append(der(seq, tbs, ecdsaSHA256, der(bits, []byte{0}, []byte("no signature"))), p.tail...)
}

func extension(value []byte, arcs ...int) []byte { return der(seq, oidOf(arcs...), der(octets, value)) }

// refusedParts are certificates that OpenSSL parses, or whose key is all it looks at,
// and that Go refuses. Each is one change to a good one.
var refusedParts = map[string]func(*parts){
	"negative serial number":    func(p *parts) { p.serial = der(integer, []byte{0x80}) },
	"serial number not minimal": func(p *parts) { p.serial = der(integer, []byte{0, 1}) },
	"@ in a PrintableString": func(p *parts) {
		p.name = der(seq, der(set, der(seq, oidOf(2, 5, 4, 3), der(printable, []byte("a@b")))))
	},
	"Latin-1 in a UTF8String":    func(p *parts) { p.name = der(seq, der(set, der(seq, oidOf(2, 5, 4, 3), der(0x0c, []byte("caf\xe9"))))) },
	"version 4":                  func(p *parts) { p.version = der(versionTag, der(integer, []byte{3})) },
	"30 February":                func(p *parts) { p.notAfter = der(utcTime, []byte("490230000000Z")) },
	"trailing bytes":             func(p *parts) { p.tail = []byte("\n") },
	"extension twice":            func(p *parts) { p.extensions = slices.Repeat(extension(der(seq), 2, 5, 29, 19), 2) },
	"address of 5 bytes":         func(p *parts) { p.extensions = extension(der(seq, der(0x87, []byte("12345"))), 2, 5, 29, 17) },
	"name that is not ASCII":     func(p *parts) { p.extensions = extension(der(seq, der(0x82, []byte("\xfcber"))), 2, 5, 29, 17) },
	"malformed basicConstraints": func(p *parts) { p.extensions = extension([]byte("\x01\x02"), 2, 5, 29, 19) },
	"URI without a host":         func(p *parts) { p.extensions = extension(der(seq, der(0x86, []byte("http://[::1"))), 2, 5, 29, 17) },
	"RSA-PSS key": func(p *parts) {
		p.key = der(seq, der(seq, oidOf(1, 2, 840, 113549, 1, 1, 10)), der(bits, []byte{0}, rsaPublic(2048)))
	},
	"Ed448 key": func(p *parts) {
		p.key = der(seq, der(seq, oidOf(1, 3, 101, 113)), der(bits, []byte{0}, make([]byte, 57)))
	},
	"brainpool key": func(p *parts) {
		p.key = der(seq, der(seq, oidOf(1, 2, 840, 10045, 2, 1), oidOf(1, 3, 36, 3, 3, 2, 8, 1, 1, 7)), der(bits, []byte{0, 4}, make([]byte, 64)))
	},
	"RSA key of 10,000 bits": func(p *parts) { p.key = rsaSPKI(10_000, der(null)) },
	"RSA key without NULL":   func(p *parts) { p.key = rsaSPKI(2048, nil) },
}

func rsaPublic(size uint) []byte {
	n := new(big.Int).Lsh(big.NewInt(1), size-1)
	n.SetBit(n, 0, 1)
	return der(seq, der(integer, []byte{0}, n.Bytes()), der(integer, []byte{1, 0, 1}))
}

func rsaSPKI(size uint, parameters []byte) []byte {
	return der(seq, der(seq, oidOf(1, 2, 840, 113549, 1, 1, 1), parameters), der(bits, []byte{0}, rsaPublic(size)))
}
