package sim

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"
)

// Fault is what goes wrong with one request; the zero value is no fault. Fields combine, with these
// exceptions: Reset combines only with Delay, and a request that is refused or answered by a proxy is
// neither served nor delivered twice.
type Fault struct {
	Delay         time.Duration // time before it is served; if the caller gives up meanwhile, it has no effect
	LateEffect    bool          // with Delay: it takes effect even if the caller gives up
	Status        int           // answer with an error of this status; default 400 with a Code, otherwise 503
	Code, Message string
	LoseReply     bool          // serve it, then close the connection without an answer
	Reset         bool          // close the connection without serving it
	Lag           time.Duration // a describe answers with the state this long ago, at most Config.MaxLag
	Twice         bool          // it is delivered twice, and the caller gets the second answer
	Skew          time.Duration // added to the answer's Date header, so that the caller's clock seems wrong
	Answer        Distortion    // what is wrong with an answer that arrives
}

// Distortion is what is wrong with an answer that AWS, or a proxy in between, gives.
type Distortion struct {
	ProxyStatus    int      // the answer is a proxy's HTML page with this status, and AWS never got the request
	EmptyBody      bool     // the request is served, and the answer is 200 without a body
	EmptyFirstPage bool     // the first page of a list is empty and has a token; the next page is the first
	RepeatToken    bool     // every page of a list has the same token, whatever page was asked for
	Omit           []string // ids, names or ARNs that are left out of the answer although they were asked for
}

// Throttled is Auto Scaling's answer to a caller over its request rate.
func Throttled() *Fault {
	return &Fault{Status: http.StatusBadRequest, Code: "Throttling", Message: "Rate exceeded"}
}

// SetFaults calls f for every request before it is served; nil means no fault. Requests to the
// metadata service, whose Service is "imds", are included. f may run concurrently. The Region is
// not locked, so f may call its methods.
func (r *Region) SetFaults(f func(Call) *Fault) {
	r.lock()
	defer r.unlock()
	r.requests.faults = f
}

// fault asks the fault function about a call.
func (r *Region) fault(c *Call) *Fault {
	r.lock()
	faults, call := r.requests.faults, *c
	r.unlock()
	var f Fault
	if faults != nil {
		if chosen := faults(call); chosen != nil {
			f = *chosen
		}
	}
	f.Delay += r.tokenTime(c)
	return &f
}

// tokenTime is the time that the answer to a token request takes.
func (r *Region) tokenTime(c *Call) time.Duration {
	r.lock()
	defer r.unlock()
	if in := r.instances[c.Caller]; in != nil && c.Action == http.MethodPut+" "+tokenPath {
		return in.metadata.TokenTime
	}
	return 0
}

// delivery is a request to the APIs or to a metadata service.
type delivery interface {
	call() Call
	// serve runs with the Region locked. It returns the answer and the error code, "" if there is none.
	serve(*Fault) (answer, string)
	// errorAnswer is the answer to a request that the Fault refuses, and its error code.
	errorAnswer(error) (answer, string)
}

// deliver serves a request with its fault.
func (r *Region) deliver(w http.ResponseWriter, req *http.Request, d delivery) {
	c := r.recordArrival(d.call())
	f := r.fault(c)
	if !r.delayed(req.Context(), c, f, d) || f.Reset {
		r.recordLost(c)
		panic(http.ErrAbortHandler) // closes the connection
	}
	a := r.serve(c, f, d)
	if f.Twice && !f.refuses() && f.Answer.ProxyStatus == 0 {
		r.recordLost(c)
		c = r.recordArrival(d.call())
		a = r.serve(c, f, d)
	}
	if f.LoseReply {
		r.recordLost(c)
		panic(http.ErrAbortHandler)
	}
	if f.Skew != 0 {
		w.Header().Set("Date", time.Now().Add(f.Skew).UTC().Format(http.TimeFormat))
	}
	if err := a.write(w); err != nil || req.Context().Err() != nil {
		r.recordLost(c)
	}
}

// delayed waits for a slow call and says whether the caller waited too. If not, a late effect is
// scheduled, because no goroutine outlives its request.
func (r *Region) delayed(ctx context.Context, c *Call, f *Fault, d delivery) bool {
	wait := f.Delay + r.config.Timing.CallTime
	if wait <= 0 {
		return true
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	}
	if f.LateEffect {
		r.lock()
		defer r.unlock()
		r.schedule(c.At.Add(wait), func() { r.serveLocked(c, f, d) })
	}
	return false
}

func (r *Region) serve(c *Call, f *Fault, d delivery) answer {
	r.lock()
	defer r.unlock()
	return r.serveLocked(c, f, d)
}

func (r *Region) serveLocked(c *Call, f *Fault, d delivery) answer {
	var a answer
	var code string
	switch {
	case f.Answer.ProxyStatus != 0:
		a, code = proxyPage(f.Answer.ProxyStatus), http.StatusText(f.Answer.ProxyStatus)
	case f.refuses():
		a, code = d.errorAnswer(f.refusal())
	default:
		a, code = d.serve(f)
	}
	if f.Answer.EmptyBody {
		a.status, a.body = http.StatusOK, nil
	}
	c.recordOutcome(a.status, code)
	return a
}

func (f *Fault) refuses() bool { return f.Status != 0 || f.Code != "" }

func (f *Fault) refusal() error {
	switch {
	case f.Code == "":
		return &refusal{f.Status, "ServiceUnavailable", cmp.Or(f.Message, "Service is unable to handle request.")}
	case f.Status == 0:
		return &refusal{http.StatusBadRequest, f.Code, f.Message}
	}
	return &refusal{f.Status, f.Code, f.Message}
}

// proxyPage is the error page of a proxy, which knows nothing of AWS's error documents.
func proxyPage(status int) answer {
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	body := "<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" + title + "</h1></center>\r\n</body>\r\n</html>\r\n"
	return answer{status, map[string]string{"Content-Type": "text/html"}, []byte(body)}
}
