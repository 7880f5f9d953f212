package awsapi

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

// closable is a body like the SDK's: once closed, a read of it fails.
type closable struct {
	io.Reader
	closed bool
}

func (c *closable) Close() error { c.closed = true; return nil }

func (c *closable) Read(p []byte) (int, error) {
	if c.closed {
		return 0, io.ErrClosedPipe
	}
	return c.Reader.Read(p)
}

// A transport that is still reading the request when the SDK closes its body must not
// find it closed: it would cut the connection, and with it the answer.
func TestClosingTheBodyDoesNotCutTheRequest(t *testing.T) {
	const text = "Action=EnterStandby"
	body := &closable{Reader: strings.NewReader(text)}
	req, err := http.NewRequest(http.MethodPost, "http://api.sim", body)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = int64(len(text))
	sent := ""
	client := inMemory{doer(func(r *http.Request) (*http.Response, error) {
		if err := body.Close(); err != nil {
			return nil, err
		}
		got, err := io.ReadAll(r.Body)
		again, _ := r.GetBody() // what a fresh connection would be sent
		second, _ := io.ReadAll(again)
		if sent = string(got); sent != string(second) {
			t.Errorf("a second try would send %q after %q", second, got)
		}
		return nil, err
	})}
	if _, err := client.Do(req); err != nil {
		t.Errorf("the transport could not read the request to its end: %v", err)
	}
	if sent != text {
		t.Errorf("sent %q, want %q", sent, text)
	}
}
