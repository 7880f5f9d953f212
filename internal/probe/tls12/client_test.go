package tls12

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// unreadable is what the servers here send instead of a certificate.
var unreadable = [][]byte{[]byte("not a certificate"), {}}

func ecdsaKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rsaKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func edwardsKey(t testing.TB) crypto.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// serve accepts one connection on loopback and echoes what it reads.
func serve(t testing.TB, cfg *tls.Config) net.Conn {
	t.Helper()
	return connect(t, func(raw net.Conn) {
		conn := tls.Server(raw, cfg)
		defer conn.Close()
		io.Copy(conn, conn)
	})
}

func connect(t testing.TB, server func(net.Conn)) net.Conn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		server(c)
	}()
	raw, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { raw.Close() })
	raw.SetDeadline(time.Now().Add(time.Minute)) // so that a fault does not hang the test
	return raw
}

func TestServersWhoseCertificateCannotBeRead(t *testing.T) {
	ec, rsa2048, ed := ecdsaKey(t), rsaKey(t), edwardsKey(t)
	for name, c := range map[string]struct {
		key    crypto.Signer
		change func(*tls.Config)
	}{
		"ECDSA":   {key: ec},
		"RSA":     {key: rsa2048},
		"Ed25519": {key: ed},
		"AES-256": {key: rsa2048, change: func(c *tls.Config) {
			c.CipherSuites = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384}
		}},
		"P-256":              {key: ec, change: func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.CurveP256} }},
		"P-384":              {key: ec, change: func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.CurveP384} }},
		"P-521":              {key: ec, change: func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.CurveP521} }},
		"TLS 1.2 at most":    {key: ec, change: func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }},
		"no session tickets": {key: ec, change: func(c *tls.Config) { c.SessionTicketsDisabled = true }},
		"wants a client certificate": {key: ec, change: func(c *tls.Config) {
			c.ClientAuth = tls.RequestClientCert
		}},
		"staples OCSP": {key: ec, change: func(c *tls.Config) { c.Certificates[0].OCSPStaple = []byte("good") }},
		"long chain": {key: ec, change: func(c *tls.Config) {
			c.Certificates[0].Certificate = [][]byte{make([]byte, 50_000), make([]byte, 50_000)}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := &tls.Config{Certificates: []tls.Certificate{{Certificate: unreadable, PrivateKey: c.key}}}
			if c.change != nil {
				c.change(cfg)
			}
			conn, err := Client(serve(t, cfg), Config{})
			if err != nil {
				t.Fatal(err)
			}
			sent := bytes.Repeat([]byte("all of it "), 10_000) // several records
			go conn.Write(sent)
			got := make([]byte, len(sent))
			if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, sent) {
				t.Errorf("%v; what came back differs: %v", err, !bytes.Equal(got, sent))
			}
		})
	}
}

func TestTheServersChoiceOfProtocolAndName(t *testing.T) {
	var name string
	cfg := &tls.Config{
		Certificates: []tls.Certificate{{Certificate: unreadable, PrivateKey: ecdsaKey(t)}},
		NextProtos:   []string{"http/1.1", "h2"},
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			name = h.ServerName
			return nil, nil
		},
	}
	conn, err := Client(serve(t, cfg), Config{ServerName: "app.example", NextProtos: []string{"h2"}})
	if err != nil || conn.NegotiatedProtocol() != "h2" || name != "app.example" {
		t.Errorf("%v, protocol %q, name %q", err, conn.NegotiatedProtocol(), name)
	}
}

func TestTheEndOfTheStream(t *testing.T) {
	cfg := &tls.Config{Certificates: []tls.Certificate{{Certificate: unreadable, PrivateKey: ecdsaKey(t)}}}
	conn, err := Client(connect(t, func(raw net.Conn) {
		secure := tls.Server(raw, cfg)
		io.WriteString(secure, "bye")
		secure.CloseWrite() // the announcement alone: the connection stays open
		io.Copy(io.Discard, raw)
	}), Config{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if err != nil || string(got) != "bye" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestWhatThisClientDoesNotSpeakIsUnsupported(t *testing.T) {
	rsa2048 := rsaKey(t)
	for name, change := range map[string]func(*tls.Config){
		"TLS 1.3 alone": func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 },
		"TLS 1.1":       func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 },
		"CBC": func(c *tls.Config) {
			c.CipherSuites, c.MaxVersion = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA}, tls.VersionTLS12
		},
		"RSA key exchange": func(c *tls.Config) {
			c.CipherSuites, c.MaxVersion = []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}, tls.VersionTLS12
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := &tls.Config{Certificates: []tls.Certificate{{Certificate: unreadable, PrivateKey: rsa2048}}}
			change(cfg)
			if _, err := Client(serve(t, cfg), Config{}); !errors.Is(err, ErrUnsupported) {
				t.Errorf("%v", err)
			}
		})
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{{Certificate: unreadable, PrivateKey: rsa2048}}, NextProtos: []string{"http/1.1"}}
	if _, err := Client(serve(t, cfg), Config{NextProtos: []string{"h2"}}); !errors.Is(err, ErrNoProtocol) {
		t.Errorf("no protocol in common: %v", err)
	}
}

// A record with a handshake message in it.
func message(kind byte, body string) string {
	text := string([]byte{kind, byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}) + body
	return string([]byte{recordHandshake, 3, 3, byte(len(text) >> 8), byte(len(text))}) + text
}

var hello = message(typeServerHello, "\x03\x03"+strings.Repeat("r", 32)+"\x00"+"\xc0\x2f"+"\x00")

func TestServersThatBreakTheProtocol(t *testing.T) {
	point := message(typeServerKeyExchange, "\x03\x00\x1d\x20"+strings.Repeat("\x09", 32))
	done := message(typeServerHelloDone, "")
	for name, c := range map[string]struct {
		says string
		want error
	}{
		"nothing":                    {"", io.ErrUnexpectedEOF},
		"half a record":              {hello[:20], io.ErrUnexpectedEOF},
		"not TLS":                    {"HTTP/1.1 400 Bad Request\r\n\r\n", errMalformed},
		"endless record":             {"\x16\x03\x03\xff\xff", errMalformed},
		"another message first":      {done, errMalformed},
		"short hello":                {message(typeServerHello, "\x03\x03"), errMalformed},
		"hello with half its tail":   {message(typeServerHello, hello[9:]+"\x00\x09\x00"), errMalformed},
		"no key exchange":            {hello + done, errMalformed},
		"a curve not offered":        {hello + message(typeServerKeyExchange, "\x03\x00\x01\x01x"), errMalformed},
		"data too early":             {hello + "\x17\x03\x03\x00\x01x", errMalformed},
		"the end too early":          {hello + "\x15\x03\x03\x00\x02\x01\x00", io.ErrUnexpectedEOF},
		"a fatal alert":              {"\x15\x03\x03\x00\x02\x02\x50", alertError(80)},
		"half an alert":              {"\x15\x03\x03\x00\x01\x02", errMalformed},
		"not encrypted at the end":   {hello + point + done + "\x14\x03\x03\x00\x01\x01" + message(typeFinished, "no secret here"), errMalformed},
		"half a message unencrypted": {hello + point + done + "\x16\x03\x03\x00\x02\x14\x00" + "\x14\x03\x03\x00\x01\x01", errMalformed},
		"gigantic message":           {hello + "\x16\x03\x03\x00\x04\x0b\xff\xff\xff", errMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Client(connect(t, func(raw net.Conn) {
				io.WriteString(raw, c.says)
				raw.(*net.TCPConn).CloseWrite()
				io.Copy(io.Discard, raw)
			}), Config{})
			if !errors.Is(err, c.want) {
				t.Errorf("got  %v\nwant %v", err, c.want)
			}
		})
	}
}

func TestAnEndlessHandshakeEnds(t *testing.T) {
	_, err := Client(connect(t, func(raw net.Conn) {
		io.WriteString(raw, hello)
		for err := error(nil); err == nil; {
			_, err = io.WriteString(raw, message(typeCertificate, strings.Repeat("x", 10_000)))
		}
	}), Config{})
	if !errors.Is(err, errMalformed) {
		t.Error(err)
	}
}

func TestAForgedRecordIsNotRead(t *testing.T) {
	cfg := &tls.Config{Certificates: []tls.Certificate{{Certificate: unreadable, PrivateKey: ecdsaKey(t)}}}
	raw := serve(t, cfg)
	conn, err := Client(raw, Config{})
	if err != nil {
		t.Fatal(err)
	}
	conn.in.seq++ // as if one record had been taken away
	conn.Write([]byte("hello"))
	if n, err := conn.Read(make([]byte, 9)); err == nil {
		t.Errorf("read %d bytes of a record out of order", n)
	}
}

// FuzzServer: whatever a server says, the handshake ends without a panic, and never well.
func FuzzServer(f *testing.F) {
	f.Add([]byte(hello))
	f.Add([]byte(hello + message(typeServerKeyExchange, "\x03\x00\x1d\x20"+strings.Repeat("\x09", 32)) + message(typeServerHelloDone, "")))
	f.Add([]byte("\x15\x03\x03\x00\x02\x02\x28"))
	f.Fuzz(func(t *testing.T, says []byte) {
		if _, err := Client(&script{Reader: bytes.NewReader(says)}, Config{NextProtos: []string{"h2"}}); err == nil {
			t.Error("a handshake with a server that knows no key")
		}
	})
}

// script is a server that says the same whatever it hears.
type script struct {
	net.Conn
	*bytes.Reader
}

func (s *script) Read(p []byte) (int, error)  { return s.Reader.Read(p) }
func (s *script) Write(p []byte) (int, error) { return len(p), nil }

// crypto/tls servers always agree on the extended master secret, older servers do not
// know it.
func TestTheMasterSecretOfOlderServers(t *testing.T) {
	h := &handshake{suite: suites[0xc02f], clientRandom: []byte("client"), serverRandom: []byte("server")}
	want := h.suite.prf([]byte("premaster"), "master secret", []byte("clientserver"), 48)
	if got := h.masterSecret([]byte("premaster")); !bytes.Equal(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
}

// TestPRF has the test vector that was published for SHA-256 on the TLS mailing list.
func TestPRF(t *testing.T) {
	secret, _ := hex.DecodeString("9bbe436ba940f017b17652849a71db35")
	seed, _ := hex.DecodeString("a0ba9f936cda311827a6f796ffd5198c")
	const want = "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a"
	if got := suites[0xc02f].prf(secret, "test label", seed, 32); hex.EncodeToString(got) != want {
		t.Errorf("got %x", got)
	}
}
