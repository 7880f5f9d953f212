package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// FailedError says that a check had not passed when the time was over, or when somebody
// asked to stop: errors.Is and errors.As find why the context ended. Check.Differs lists
// what may be different for the load balancer.
type FailedError struct {
	Check  Check         // one that did not pass
	Asked  string        // the last attempt: "GET http://10.0.1.5:8080/health as ELB-HealthChecker/2.0"
	Answer string        // to it: "503", "connection refused", "no answer within 5s"
	After  time.Duration // from the first attempt

	ended, cause error
}

// Error is one line: "GET :8080/health: 503 after 42s".
func (e *FailedError) Error() string {
	return fmt.Sprintf("%s: %s after %v", e.Check, e.Answer, e.After.Round(time.Second))
}

// Unwrap returns the cause of the context's end, and its plain error.
func (e *FailedError) Unwrap() []error { return []error{e.cause, e.ended} }

// NotImitatedError says that this program cannot make the check that a load balancer
// makes. It says nothing about the host, which may be healthy: ask something else with
// --probe URL, or nothing with --probe off.
type NotImitatedError struct {
	Check  Check
	Asked  string // as in FailedError
	Reason string
}

// Error is one line.
func (e *NotImitatedError) Error() string {
	return fmt.Sprintf("%s: this check cannot be imitated here: %s", e.Check, e.Reason)
}

// failure is the answer for an attempt that ended with err, in a few words. Addresses
// are known, and what the server sent may be confidential.
func (q *question) failure(err error) answer {
	if n, ok := errors.AsType[*notImitatedError](err); ok {
		return answer{text: n.Error(), notImitated: true}
	}
	return answer{text: q.describe(err)}
}

func (q *question) describe(err error) string {
	if n, ok := errors.AsType[net.Error](err); ok && n.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return "no answer within " + q.timeout().String()
	}
	if cutOff(err) {
		return "connection closed before the end of the answer"
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns.Err
	}
	if errors.Is(err, errTooLong) {
		return errTooLong.Error()
	}
	text := withoutQuotes(err.Error())
	if q.upToTLS12() && strings.HasSuffix(text, "protocol version not supported") {
		text += " (this load balancer speaks no TLS 1.3 to targets)"
	}
	return text
}

// cutOff reports that the server closed the connection. Which of these errors comes
// depends on microseconds.
func cutOff(err error) bool {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}

// withoutQuotes leaves out the server's own words, which net/http quotes or puts after a
// colon.
func withoutQuotes(text string) string {
	text, _, _ = strings.Cut(text, `"`)
	if strings.HasPrefix(text, "malformed") {
		text, _, _ = strings.Cut(text, ":")
	}
	return strings.TrimRight(text, " :")
}
