package probe

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// TestTheRequestByteForByte compares with captures of load balancers' requests, whose
// first one, of 2024, has 130 bytes for the path "/" and the address below.
func TestTheRequestByteForByte(t *testing.T) {
	const (
		alb = "GET / HTTP/1.1\r\nHost: 10.0.7.140:8080\r\nConnection: close\r\n" +
			"User-Agent: ELB-HealthChecker/2.0\r\nAccept-Encoding: gzip, compressed\r\n\r\n"
		classic = "GET / HTTP/1.1\r\nhost: 10.0.7.140:8080\r\nUser-Agent: ELB-HealthChecker/1.0\r\n" +
			"Accept: */*\r\nConnection: keep-alive\r\n\r\n"
	)
	for kind, want := range map[Kind]string{Application: alb, Network: alb, Gateway: alb, Classic: classic, "": alb} {
		q, err := New("10.0.7.140", Options{}).question(Check{Kind: kind, Protocol: "HTTP", Port: 8080})
		if err != nil {
			t.Fatal(err)
		}
		if got := q.request1(); got != want {
			t.Errorf("%s sends\n%q, want\n%q", kind, got, want)
		}
	}
	if len(alb) != 130 {
		t.Errorf("%d bytes, the captured one had 130", len(alb))
	}
}

// TestThePageShowsWhatIsSent keeps docs/probe.md to the bytes.
func TestThePageShowsWhatIsSent(t *testing.T) {
	text, err := os.ReadFile("../../docs/probe.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for _, kind := range []Kind{Application, Classic} {
		q, err := New("10.0.1.5", Options{}).question(Check{Kind: kind, Protocol: "HTTP", Port: 8080, Path: "/health"})
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.ReplaceAll(strings.TrimSpace(q.request1()), "\r\n", "\n    ")
		if !strings.Contains(page, "\n\n    "+lines+"\n\n") {
			t.Errorf("the page does not show\n%s", lines)
		}
	}
	for _, target := range []string{"10.0.1.5", "::1"} {
		if sum := fmt.Sprintf("% x", proxyHeader(target)[19:23]); !strings.Contains(page, sum) {
			t.Errorf("the page does not show the checksum %s", sum)
		}
	}
	refused := &refusedError{errors.New("tls: failed to parse certificate from server: x509: negative serial number"), true}
	for _, said := range []string{errTooLong.Error(), (&notImitatedError{refused}).Error()} {
		if !strings.Contains(page, said) {
			t.Errorf("the page does not show %q", said)
		}
	}
}

// A Classic Load Balancer keeps the connection open, so an answer whose end only its
// close could show does not end. Such a server closes by itself or fails.
func TestAClassicAnswerNeedsItsLength(t *testing.T) {
	says := func(answer string) net.Addr {
		return listen(t, func(c net.Conn) {
			http.ReadRequest(bufio.NewReader(c))
			io.WriteString(c, answer)
			io.Copy(io.Discard, c)
		})
	}
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
	} {
		answers(t, askTwice(t, says(answer), Check{Kind: Classic, Protocol: "HTTP"}), "")
	}
}

func TestApplicationsThatAnswerLoadBalancersAlone(t *testing.T) {
	only := func(agent string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.UserAgent() != agent {
				w.WriteHeader(http.StatusForbidden)
			}
		}
	}
	h := host{"1": only("ELB-HealthChecker/1.0"), "2": only("ELB-HealthChecker/2.0")}
	for _, c := range []Check{
		{Kind: Application, Port: 2, Protocol: "HTTP"},
		{Kind: Application, Port: 2, Protocol: "HTTP", HTTP2: true},
		{Kind: Network, Port: 2, Protocol: "HTTP"},
		{Kind: Gateway, Port: 2, Protocol: "HTTP"},
		{Kind: Classic, Port: 1, Protocol: "HTTP"},
		{Source: "--probe", Port: 2, Protocol: "HTTP", Matcher: "200-399"},
	} {
		if _, _, err := run(t, h, 5e9, c); err != nil {
			t.Errorf("%s as %s: %v", c, c.Kind, err)
		}
	}
	if _, _, err := run(t, h, 5e9, Check{Kind: Classic, Port: 2, Protocol: "HTTP"}); err == nil {
		t.Error("a Classic Load Balancer passes where only the others would")
	}
}

func TestGRPCCallsNameTheLoadBalancerToo(t *testing.T) {
	only := grpc.UnknownServiceHandler(func(_ any, s grpc.ServerStream) error {
		md, _ := metadata.FromIncomingContext(s.Context())
		if strings.Join(md["user-agent"], "") != "ELB-HealthChecker/2.0" {
			return status.Error(codes.PermissionDenied, "")
		}
		return nil
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(only)
	go s.Serve(l)
	t.Cleanup(s.Stop)
	answers(t, askTwice(t, l.Addr(), Check{Kind: Application, Protocol: "GRPC", Matcher: "0"}), "")
}

// captured is the header of a Network Load Balancer's health check, from a capture on
// IPv4 in 2019.
const captured = "0d0a0d0a000d0a515549540a" + "20" + "11" + "0054" + "030004bce5951f" + "04004a"

func TestTheProxyHeaderIsTheCapturedOne(t *testing.T) {
	want, err := hex.DecodeString(captured + strings.Repeat("00", 74))
	if err != nil {
		t.Fatal(err)
	}
	if got := proxyHeader("10.0.1.5"); !bytes.Equal(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
}

// proxied takes connections that begin with a good PROXY protocol header and gives them
// on without it. It closes the others.
type proxied struct{ net.Listener }

func (l proxied) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil || readProxyHeader(c) == nil {
			return c, err
		}
		c.Close()
	}
}

// readProxyHeader is a strict reader of version 2 (PROXY protocol specification §2.2).
func readProxyHeader(c net.Conn) error {
	fixed := make([]byte, 16)
	if _, err := io.ReadFull(c, fixed); err != nil {
		return err
	}
	if string(fixed[:12]) != "\r\n\r\n\x00\r\nQUIT\n" || fixed[12]>>4 != 2 {
		return errors.New("not version 2")
	}
	rest := make([]byte, binary.BigEndian.Uint16(fixed[14:]))
	if _, err := io.ReadFull(c, rest); err != nil {
		return err
	}
	const local = 0
	if fixed[12]&15 != local {
		return fmt.Errorf("command %d, but a check is the load balancer's own connection", fixed[12]&15)
	}
	family := byte(0x11)
	if c.LocalAddr().(*net.TCPAddr).IP.To4() == nil {
		family = 0x21
	}
	if fixed[13] != family {
		return fmt.Errorf("family %#x on %s", fixed[13], c.LocalAddr())
	}
	return checkSum(append(fixed, rest...))
}

// checkSum walks through the values and compares the sum, computed bit by bit.
func checkSum(header []byte) error {
	var want uint32
	rest := header[16:]
	for len(rest) > 0 {
		if len(rest) < 3 || len(rest) < 3+int(binary.BigEndian.Uint16(rest[1:])) {
			return errors.New("values do not end with the header")
		}
		value := rest[3 : 3+binary.BigEndian.Uint16(rest[1:])]
		if rest[0] == 3 {
			want = binary.BigEndian.Uint32(value)
			clear(value)
		}
		rest = rest[3+len(value):]
	}
	sum := ^uint32(0)
	for _, b := range header {
		sum ^= uint32(b)
		for range 8 {
			sum = sum>>1 ^ 0x82f63b78*(sum&1)
		}
	}
	if ^sum != want {
		return fmt.Errorf("sum %08x, want %08x", want, ^sum)
	}
	return nil
}
