package sim

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// operation is an action of an API. It runs with the Region locked and writes its result.
type operation func(*Region, *query, *document) error

// operations are all actions, by "service.Action".
func operations() map[string]operation {
	all := map[string]operation{"sts.GetCallerIdentity": (*Region).getCallerIdentity}
	for service, table := range map[string]map[string]operation{
		"autoscaling":            autoScalingOperations(),
		"elasticloadbalancing":   classicOperations(),
		"elasticloadbalancingv2": targetGroupOperations(),
	} {
		for action, op := range table {
			all[service+"."+action] = op
		}
	}
	return all
}

// Handler serves the AWS APIs: Auto Scaling, both generations of Elastic Load Balancing, tables of
// DynamoDB, and GetCallerIdentity of STS.
func (r *Region) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasPrefix(req.Header.Get("X-Amz-Target"), tableTarget) {
			r.serveTables(w, req)
			return
		}
		q, err := readQuery(req)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.deliver(w, req, &apiDelivery{r, q})
	})
}

// apiDelivery is a request to an API.
type apiDelivery struct {
	r *Region
	q *query
}

func (d *apiDelivery) call() Call {
	return Call{Service: d.q.service.name, Action: d.q.action, Params: d.q.params, Caller: d.r.caller(d.q.key)}
}

// serve runs the action with the Region locked.
func (d *apiDelivery) serve(f *Fault) (answer, string) {
	r, q := d.r, d.q
	q.asOf = r.now.Add(-min(f.Lag, r.config.MaxLag))
	q.distortion = f.Answer
	var result document
	err := r.admit(q)
	if err == nil {
		err = r.dispatch(q, &result)
	}
	if err != nil {
		return d.errorAnswer(err)
	}
	id := r.names.uuid()
	return xmlAnswer(http.StatusOK, id, response(q, &result, id)), ""
}

// dispatch finds the action and runs it.
func (r *Region) dispatch(q *query, result *document) error {
	if q.action == "" {
		return refusef("MissingAction", "The request must contain the parameter Action")
	}
	op := r.requests.operations[q.service.name+"."+q.action]
	if op == nil {
		return refusef("InvalidAction", "Could not find operation %s for version %s", q.action, q.get("Version"))
	}
	if err := r.checkOperator(q); err != nil {
		return err
	}
	return op(r, q, result)
}

// errorAnswer is the answer for an error, and its code.
func (d *apiDelivery) errorAnswer(err error) (answer, string) {
	var f *refusal
	if !errors.As(err, &f) {
		f = &refusal{http.StatusInternalServerError, "InternalFailure", err.Error()}
	}
	id := d.r.names.uuid()
	return xmlAnswer(f.status, id, errorResponse(d.q, f, id)), f.code
}

// answer is a complete HTTP response.
type answer struct {
	status int
	header map[string]string
	body   []byte
}

func xmlAnswer(status int, requestID string, body []byte) answer {
	return answer{status, map[string]string{"Content-Type": "text/xml", "x-amzn-RequestId": requestID}, body}
}

// write sends an answer in one piece. Go's SDK has been seen to fail calls, and to repeat mutating
// ones, when the header arrives before the body.
func (a answer) write(w http.ResponseWriter) error {
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	if _, err := w.Write(a.body); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}
