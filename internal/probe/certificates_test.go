package probe

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

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
