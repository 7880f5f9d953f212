package awsapi

import (
	"bytes"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// inMemory sends each request's body from memory.
//
// The SDK closes the body it handed over as soon as the head of the answer is there.
// net/http may at that moment still be asking a body of unknown kind whether there is
// more to send; it takes the closed reader for a failed request and cuts the
// connection before the rest of the answer is read. A mutating call that took effect
// then looks lost. A body net/http knows to be in memory goes out in one write and is
// not asked again, and closing the SDK's does not touch it.
type inMemory struct{ next aws.HTTPClient }

func (c inMemory) Do(req *http.Request) (*http.Response, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return c.next.Do(req)
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, fmt.Errorf("read the request to send: %w", err)
	}
	whole := *req
	// With GetBody, net/http takes a fresh connection where AWS had closed the pooled
	// one before a byte was written. It resends no POST of which anything was.
	whole.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	whole.Body, _ = whole.GetBody()
	return c.next.Do(&whole)
}
