package sim

import (
	"cmp"
	"context"
	"net/http"
	"time"
)

// Fault is what goes wrong with one request; the zero value is no fault. Fields combine, with two
// exceptions: Reset combines only with Delay, and a refused request is neither served nor delivered
// twice.
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
	if faults != nil {
		if f := faults(call); f != nil {
			return f
		}
	}
	return &Fault{}
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
	if f.Twice && !f.refuses() {
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
	if f.refuses() {
		a, code = d.errorAnswer(f.refusal())
	} else {
		a, code = d.serve(f)
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
