package probe

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// answer is what came of asking once.
type answer struct {
	text string
	pass bool
}

// ask asks once, on a connection of its own.
func (p *Prober) ask(ctx context.Context, q *question) answer {
	ctx, cancel := context.WithTimeout(ctx, q.timeout())
	defer cancel()
	a, err := p.converse(ctx, q)
	switch {
	case err == nil:
		return a
	case ctx.Err() != nil: // err may be what became of the connection then
		err = ctx.Err()
	}
	return answer{text: brief(err, q.timeout())}
}

func (p *Prober) converse(ctx context.Context, q *question) (answer, error) {
	conn, err := p.dial(ctx, "tcp", q.at)
	if err != nil {
		return answer{}, err
	}
	// Closed here although a tls.Conn closes it too: of two that close one of those, the
	// second does not wait.
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	talk := conn
	if q.tls() {
		secure, err := q.shakeHands(ctx, conn)
		if err != nil {
			return answer{}, err
		}
		defer secure.Close()
		talk = secure
	}
	switch {
	case q.url == nil:
		return answer{text: "connected", pass: true}, nil
	case q.grpc():
		return q.call(ctx, talk)
	}
	return q.get(ctx, talk)
}

func (q *question) shakeHands(ctx context.Context, raw net.Conn) (net.Conn, error) {
	conn := tls.Client(raw, q.tlsConfig())
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	if q.http2() && conn.ConnectionState().NegotiatedProtocol != "h2" {
		return nil, errNoHTTP2
	}
	return conn, nil
}

// tlsConfig takes any certificate and all that crypto/tls can do, old and weak too:
// load balancers do not verify targets and speak TLS 1.0 to them if they must (ELB user
// guide, "Target groups", "HTTPS"). Nothing confidential is sent.
func (q *question) tlsConfig() *tls.Config {
	c := &tls.Config{InsecureSkipVerify: true, ServerName: q.Host, MinVersion: tls.VersionTLS10}
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		c.CipherSuites = append(c.CipherSuites, s.ID)
	}
	if q.http2() {
		c.NextProtos = []string{"h2"}
	}
	return c
}
