package probe

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// brief is the error of a question in a few words: addresses are known, and what the
// server sent is nobody's business.
func brief(err error, timeout time.Duration) string {
	if n, ok := errors.AsType[net.Error](err); ok && n.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return "timed out after " + timeout.String()
	}
	if cut(err) {
		return cutOff
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns.Err
	}
	return unquoted(err.Error())
}

// cut: which of these comes is a matter of microseconds.
func cut(err error) bool {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}

const cutOff = "connection closed before the end of the answer"

// unquoted leaves out the server's own words, which net/http quotes or puts behind a
// colon.
func unquoted(text string) string {
	text, _, _ = strings.Cut(text, `"`)
	if strings.HasPrefix(text, "malformed") {
		text, _, _ = strings.Cut(text, ":")
	}
	return strings.TrimRight(text, " :")
}
