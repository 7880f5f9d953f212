package probe

import (
	"context"
	"errors"
	"io"
	"net"
	"time"
)

// maxRead bounds what one attempt reads from the server, in bytes: headers, body and
// what TLS and HTTP/2 add. An Application Load Balancer takes 32 KB of response headers
// (ELB user guide, "Quotas"); a chain of certificates may be as long again.
const maxRead = 512 << 10

// answer is the result of one attempt.
type answer struct {
	text        string
	pass        bool
	notImitated bool // it says nothing about the host
}

// ask makes one attempt on a connection of its own.
func (p *Prober) ask(ctx context.Context, q *question) answer {
	ctx, cancel := context.WithTimeout(ctx, q.timeout())
	defer cancel()
	a, err := p.attemptEither(ctx, q)
	switch {
	case err == nil:
		return a
	case ctx.Err() != nil: // err may be what the end of ctx did to the connection
		err = ctx.Err()
	}
	return q.failure(err)
}

// attemptEither reads the certificate or not, whichever worked last. What crypto/tls
// refuses is tried again at once without reading it, and the other way round, because
// the server may have another certificate by now.
func (p *Prober) attemptEither(ctx context.Context, q *question) (answer, error) {
	if q.refused != nil {
		a, err := p.attempt(ctx, q)
		if err == nil {
			return a, nil
		}
		q.refused = nil
	}
	a, err := p.attempt(ctx, q)
	refused, ok := errors.AsType[*refusedError](err)
	if !ok {
		return a, err
	}
	q.refused = refused
	if a, err = p.attempt(ctx, q); err != nil {
		q.refused = nil
	}
	if _, ok := errors.AsType[*notImitatedError](err); ok && !refused.certain {
		return a, refused.cause
	}
	return a, err
}

func (p *Prober) attempt(ctx context.Context, q *question) (answer, error) {
	raw, err := p.dial(ctx, "tcp", q.address)
	if err != nil {
		return answer{}, err
	}
	// A tls.Conn closes it too, but tries to say goodbye and may wait for that if it has
	// no deadline. The deferred calls run that close first, then this one.
	defer raw.Close()
	defer context.AfterFunc(ctx, func() { raw.SetDeadline(time.Unix(1, 0)) })()
	conn := net.Conn(&boundedConn{Conn: raw, left: maxRead})
	if q.ProxyV2 {
		if _, err := conn.Write(proxyHeader(q.host)); err != nil {
			return answer{}, err
		}
	}
	if q.tls() {
		if conn, err = q.handshake(ctx, conn); err != nil {
			return answer{}, err
		}
		defer conn.Close()
	}
	switch {
	case q.url == nil:
		return answer{text: "connected", pass: true}, nil
	case q.grpc():
		return q.call(ctx, conn)
	}
	return q.get(ctx, conn)
}

var errTooLong = errors.New("answer too long")

// boundedConn reads no more than it may.
type boundedConn struct {
	net.Conn
	left int
}

func (c *boundedConn) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, errTooLong
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// discard reads what follows of an answer, up to maxBody, so that the server is not cut
// off while it writes.
func discard(body io.Reader) error {
	const maxBody = 64 << 10 // bytes
	_, err := io.Copy(io.Discard, io.LimitReader(body, maxBody))
	return err
}
