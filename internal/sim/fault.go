package sim

import (
	"cmp"
	"context"
	"net/http"
	"time"
)

// Fault is what goes wrong with one request. The zero Fault is no fault. Fields combine, except that a
// Reset leaves nothing to combine with but Delay, and a refused request is neither served nor doubled.
type Fault struct {
	Delay         time.Duration // before it is served. If the caller gives up meanwhile it has no effect
	LateEffect    bool          // … unless this: then it takes effect at the end of the delay all the same
	Status        int           // refuse with this error; default 400 with a Code, else 503
	Code, Message string
	LoseReply     bool          // serve it, then break the connection without an answer
	Reset         bool          // break the connection without serving it
	Lag           time.Duration // describes answer with the state this long ago, at most Config.MaxLag
	Twice         bool          // the network delivers it twice; the caller gets the second answer
	Skew          time.Duration // the answer's Date is off by this: to the caller its own clock seems to be
}

// Throttled is Auto Scaling's refusal of a caller that asks too often.
func Throttled() *Fault {
	return &Fault{Status: http.StatusBadRequest, Code: "Throttling", Message: "Rate exceeded"}
}

// SetFaults asks f about every request before it is served; nil is no fault. Metadata requests are
// asked about too: their Service is "imds", and f should let them pass unless it means them. f may be
// called from several requests at once. It runs without the Region's lock, so it may use levers.
func (r *Region) SetFaults(f func(Call) *Fault) {
	r.lock()
	defer r.unlock()
	r.faults = f
}

// fault asks the fault function, if there is one.
func (r *Region) fault(c *Call) *Fault {
	r.lock()
	faults, call := r.faults, *c
	r.unlock()
	if faults != nil {
		if f := faults(call); f != nil {
			return f
		}
	}
	return &Fault{}
}

// delivery is a request that can be served, by the APIs or by the metadata service.
type delivery interface {
	call() Call
	// serve runs with the Region locked. It returns the answer and the error code, "" on success.
	serve(*Fault) (answer, string)
	// refuse is the answer for an error of the Fault's making.
	refuse(error) (answer, string)
}

// deliver takes a request through its fault, serves it and answers.
func (r *Region) deliver(w http.ResponseWriter, req *http.Request, d delivery) {
	c := r.arrive(d.call())
	f := r.fault(c)
	if !r.delayed(req.Context(), c, f, d) || f.Reset {
		r.lose(c)
		panic(http.ErrAbortHandler) // breaks the connection
	}
	a := r.serve(c, f, d)
	if f.Twice && !f.refuses() {
		r.lose(c)
		c = r.arrive(d.call())
		a = r.serve(c, f, d)
	}
	if f.LoseReply {
		r.lose(c)
		panic(http.ErrAbortHandler)
	}
	if f.Skew != 0 {
		w.Header().Set("Date", time.Now().Add(f.Skew).UTC().Format(http.TimeFormat))
	}
	if err := a.write(w); err != nil || req.Context().Err() != nil {
		r.lose(c)
	}
}

// delayed waits out a slow call and says whether the caller waited too. A late effect is then put on
// the agenda: no goroutine outlives its request.
func (r *Region) delayed(ctx context.Context, c *Call, f *Fault, d delivery) bool {
	wait := f.Delay + r.timing.CallTime
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
		r.at(c.At.Add(wait), func() { r.serveLocked(c, f, d) })
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
		a, code = d.refuse(f.refusal())
	} else {
		a, code = d.serve(f)
	}
	c.served(a.status, code)
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
