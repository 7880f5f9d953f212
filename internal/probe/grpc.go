package probe

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
)

// call makes a unary gRPC call with an empty message. Its status counts, not what it
// returns, so a grpc.health.v1 server that answers NOT_SERVING passes a matcher of 0, as
// it does at an Application Load Balancer.
func (q *question) call(ctx context.Context, conn net.Conn) (answer, error) {
	req := q.request(ctx, http.MethodPost)
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("TE", "trailers")
	// One message, not compressed, of length 0 (gRPC over HTTP/2, "Length-Prefixed-Message").
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(make([]byte, 5))), 5
	resp, err := q.exchange2(req, conn)
	if err != nil {
		return answer{}, err
	}
	if resp.StatusCode != http.StatusOK {
		return answer{text: "HTTP " + strconv.Itoa(resp.StatusCode)}, nil
	}
	if err := discard(resp.Body); err != nil {
		return answer{}, err
	}
	return q.status(resp), nil
}

// status reads the gRPC status, from the header if there are no trailers.
func (q *question) status(resp *http.Response) answer {
	text := resp.Trailer.Get("Grpc-Status")
	if text == "" {
		text = resp.Header.Get("Grpc-Status")
	}
	code, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return answer{text: "no gRPC status"}
	}
	return answer{text: fmt.Sprintf("gRPC status %d", code), pass: q.matcher.Match(int(code))}
}
