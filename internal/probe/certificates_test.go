package probe

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
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

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// tlsServer serves 200 over HTTP/1.1 and HTTP/2. httptest's own would parse the
// certificate.
func tlsServer(t *testing.T, cfg *tls.Config) net.Addr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ok := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) })
	s := &http.Server{Handler: ok, TLSConfig: cfg, ErrorLog: log.New(io.Discard, "", 0)}
	go s.ServeTLS(l, "", "")
	t.Cleanup(func() { s.Close() })
	return l.Addr()
}

func certificate(t *testing.T, change func(*parts)) tls.Certificate {
	t.Helper()
	key := newKey(t)
	p := goodParts(t, key.Public())
	if change != nil {
		change(&p)
	}
	return tls.Certificate{Certificate: [][]byte{p.encode()}, PrivateKey: key}
}

func TestTheGoodPartsMakeACertificate(t *testing.T) {
	if _, err := x509.ParseCertificate(certificate(t, nil).Certificate[0]); err != nil {
		t.Fatal(err)
	}
}

// Each of these failed before: crypto/tls parses the certificate although it does not
// verify it.
func TestCertificatesThatGoRefusesPass(t *testing.T) {
	for name, change := range refusedParts {
		t.Run(name, func(t *testing.T) {
			refused := certificate(t, change)
			if c, err := x509.ParseCertificate(refused.Certificate[0]); err == nil && c.PublicKey != nil && !strings.Contains(name, "10,000") {
				t.Fatal("Go takes this certificate, so it shows nothing")
			}
			at := tlsServer(t, &tls.Config{Certificates: []tls.Certificate{refused}})
			for _, c := range []Check{
				{Protocol: "HTTPS"},
				{Protocol: "HTTPS", HTTP2: true},
				{Protocol: "HTTPS", Kind: Classic},
				{Protocol: "HTTPS", Kind: Network, ProxyV2: false},
				{Protocol: "SSL", Kind: Classic},
			} {
				answers(t, askTwice(t, at, c), "")
			}
		})
	}
}

func TestCertificatesThatNobodyShouldTrustPass(t *testing.T) {
	for name, change := range map[string]func(*parts){
		"self-signed": nil,
		"expired":     func(p *parts) { p.notAfter = der(utcTime, []byte("200102000000Z")) },
		"another name": func(p *parts) {
			p.extensions = extension(der(seq, der(0x82, []byte("other.example"))), 2, 5, 29, 17)
		},
		"a critical extension nobody knows": func(p *parts) {
			p.extensions = der(seq, oidOf(1, 2, 3, 4), der(0x01, []byte{isTrue}), der(octets, []byte("x")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			at := tlsServer(t, &tls.Config{Certificates: []tls.Certificate{certificate(t, change)}})
			answers(t, askTwice(t, at, Check{Protocol: "HTTPS"}), "")
		})
	}
}

func TestOldAndNewTLS(t *testing.T) {
	const tooNew = "remote error: tls: protocol version not supported (this load balancer speaks no TLS 1.3 to targets)"
	ec := certificate(t, nil)
	rsaCerts := httptest.NewTLSServer(http.NotFoundHandler())
	defer rsaCerts.Close()
	rsa := rsaCerts.TLS.Certificates[0]
	for name, c := range map[string]struct {
		server *tls.Config
		kind   Kind
		want   string
	}{
		"TLS 1.0":                       {&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, Application, ""},
		"TLS 1.1":                       {&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, Classic, ""},
		"TLS 1.2":                       {&tls.Config{MaxVersion: tls.VersionTLS12}, Network, ""},
		"TLS 1.3 at an Application one": {&tls.Config{MinVersion: tls.VersionTLS13}, Application, ""},
		"TLS 1.3 at a Network one":      {&tls.Config{MinVersion: tls.VersionTLS13}, Network, tooNew},
		"TLS 1.3 at a Classic one":      {&tls.Config{MinVersion: tls.VersionTLS13}, Classic, tooNew},
		"TLS 1.3 at the operator's":     {&tls.Config{MinVersion: tls.VersionTLS13}, "", ""},
		"RSA key exchange":              {&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}}, Classic, ""},
		"CBC with SHA-256":              {&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA256}}, Application, ""},
		"3DES":                          {&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}}, Application, ""},
		"the oldest with a certificate of version 1": {&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10, Certificates: []tls.Certificate{certificate(t, func(p *parts) { p.version = nil })}}, Classic, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if c.server.Certificates == nil {
				c.server.Certificates = []tls.Certificate{ec}
			}
			if strings.Contains(name, "RSA") || strings.Contains(name, "CBC") || strings.Contains(name, "3DES") {
				c.server.Certificates = []tls.Certificate{rsa}
			}
			at := listen(t, func(raw net.Conn) { tls.Server(raw, c.server).Handshake(); io.Copy(io.Discard, raw) })
			answers(t, askTwice(t, at, Check{Protocol: "TLS", Kind: c.kind}), c.want)
		})
	}
}

func TestWhatCannotBeImitatedIsNotUnhealthy(t *testing.T) {
	refused := certificate(t, refusedParts["negative serial number"])
	for name, server := range map[string]*tls.Config{
		"TLS 1.3 alone": {MinVersion: tls.VersionTLS13},
		"TLS 1.1":       {MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
		"CBC alone":     {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}},
	} {
		t.Run(name, func(t *testing.T) {
			server.Certificates = []tls.Certificate{refused}
			at := listen(t, func(raw net.Conn) { tls.Server(raw, server).Handshake(); io.Copy(io.Discard, raw) })
			err := askTwice(t, at, Check{Source: "web", Protocol: "HTTPS", Path: "/health?secret", Kind: Application})
			n, ok := errors.AsType[*NotImitatedError](err)
			if _, failed := errors.AsType[*FailedError](err); !ok || failed {
				t.Fatalf("%v", err)
			}
			const why = "this program refuses the server's certificate (x509: negative serial number), " +
				"and the server has no TLS 1.2 with ECDHE and AES-GCM, which would do without reading it"
			if n.Reason != why || n.Check.Source != "web" || !strings.HasPrefix(n.Asked, "GET https://127.0.0.1:") || strings.Contains(err.Error(), "secret") {
				t.Errorf("%+v", n)
			}
		})
	}
}

// A signature that does not fit the key is no matter of the certificate: load balancers
// check it.
func TestAKeyThatIsNotTheCertificatesFails(t *testing.T) {
	c := certificate(t, nil)
	c.PrivateKey = newKey(t)
	err := askTwice(t, tlsServer(t, &tls.Config{Certificates: []tls.Certificate{c}}), Check{Protocol: "HTTPS"})
	answers(t, err, "tls: invalid signature by the server certificate: ECDSA verification failure")
}

// weakSigner has an RSA key that crypto/rsa refuses to use, on either side.
type weakSigner struct{ crypto.Signer }

func (weakSigner) Public() crypto.PublicKey {
	key, err := x509.ParsePKIXPublicKey(rsaSPKI(512, der(null)))
	if err != nil {
		panic(err)
	}
	return key
}

func (weakSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return make([]byte, 64), nil
}

func TestRSAKeysThatGoRefusesPass(t *testing.T) {
	c := certificate(t, func(p *parts) { p.key = rsaSPKI(512, der(null)) })
	c.PrivateKey = weakSigner{}
	at := tlsServer(t, &tls.Config{Certificates: []tls.Certificate{c}, MaxVersion: tls.VersionTLS12})
	answers(t, askTwice(t, at, Check{Protocol: "HTTPS"}), "")
}

// A server whose key needs what crypto/tls does not offer, such as an Ed448 key, refuses
// the handshake before it sends the certificate.
func TestARefusedHandshakeIsTriedWithoutTheCertificate(t *testing.T) {
	cfg := &tls.Config{Certificates: []tls.Certificate{certificate(t, nil)}}
	var hellos atomic.Int32
	server := func(passes func(n int32) bool) net.Addr {
		hellos.Store(0)
		return listen(t, func(raw net.Conn) {
			if passes(hellos.Add(1)) {
				tls.Server(raw, cfg).Handshake()
			} else {
				io.WriteString(raw, "\x15\x03\x03\x00\x02\x02\x28")
			}
			io.Copy(io.Discard, raw)
		})
	}
	answers(t, askTwice(t, server(func(n int32) bool { return n > 1 }), Check{Protocol: "TLS"}), "")
	if n := hellos.Load(); n != 3 { // the second attempt does not begin with what was refused
		t.Errorf("%d handshakes for 2 attempts", n)
	}
	answers(t, askTwice(t, server(func(int32) bool { return false }), Check{Protocol: "TLS"}), "remote error: tls: handshake failure")
}

// The server changes its certificate with each connection: what was learnt about an old
// one is not held against a new one.
func TestACertificateReplacedMeanwhile(t *testing.T) {
	refused, good := certificate(t, refusedParts["negative serial number"]), certificate(t, nil)
	modern := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{good}}
	first := &tls.Config{Certificates: []tls.Certificate{refused}}
	for name, then := range map[string][]*tls.Config{ // nil closes the connection
		"by one that needs no reading":    {first, first, {Certificates: []tls.Certificate{good}}},
		"by one that has to be read":      {first, first, modern},
		"after the connection was closed": {first, nil, modern},
	} {
		t.Run(name, func(t *testing.T) {
			var n atomic.Int32
			at := listen(t, func(raw net.Conn) {
				if cfg := then[min(int(n.Add(1)), len(then))-1]; cfg != nil {
					tls.Server(raw, cfg).Handshake()
					io.Copy(io.Discard, raw)
				}
			})
			c := Check{Protocol: "TLS", Port: at.(*net.TCPAddr).Port, Healthy: 2, Interval: time.Millisecond}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := New("127.0.0.1", Options{}).Run(ctx, []Check{c}, nil); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestARefusedCertificateDoesNotHideTheRest(t *testing.T) {
	refused := []tls.Certificate{certificate(t, refusedParts["negative serial number"])}
	first := listen(t, func(raw net.Conn) {
		tls.Server(raw, &tls.Config{Certificates: refused}).Handshake()
		io.Copy(io.Discard, raw)
	})
	answers(t, askTwice(t, first, Check{Protocol: "HTTPS", HTTP2: true}), errNoHTTP2.Error())
	web := tlsServer(t, &tls.Config{Certificates: refused})
	answers(t, askTwice(t, web, Check{Protocol: "HTTPS", Matcher: "204"}), "200")
	var n atomic.Int32
	mute := listen(t, func(raw net.Conn) {
		if n.Add(1) == 1 {
			tls.Server(raw, &tls.Config{Certificates: refused}).Handshake()
		}
	})
	answers(t, askTwice(t, mute, Check{Protocol: "HTTPS"}), "connection closed before the end of the answer")
	old := listen(t, func(raw net.Conn) { io.WriteString(raw, "\x15\x03\x03\x00\x02\x02\x46"); io.Copy(io.Discard, raw) })
	answers(t, askTwice(t, old, Check{Protocol: "TLS", Kind: Application}), "remote error: tls: protocol version not supported")
}
