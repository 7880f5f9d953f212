package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// tableTarget begins the X-Amz-Target header of a request to DynamoDB. Its protocol is JSON 1.0, not the query protocol.
const tableTarget = "DynamoDB_20120810."

// tableQuery is a request to DynamoDB.
type tableQuery struct {
	query
	params tableRequest
	err    error // what is wrong with its body
}

// serveTables serves a request to DynamoDB.
func (r *Region) serveTables(w http.ResponseWriter, req *http.Request) {
	q := &tableQuery{query: query{
		service: service{name: "dynamodb", version: "2012-08-10", iamPrefix: "dynamodb"},
		action:  strings.TrimPrefix(req.Header.Get("X-Amz-Target"), tableTarget),
		key:     accessKey(req.Header.Get("Authorization")),
	}}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the caller went away
	}
	q.read(body)
	r.deliver(w, req, &tableDelivery{r, q})
}

// read reads the parameters. One that the Region does not model is refused rather than ignored.
func (q *tableQuery) read(body []byte) {
	decode := json.NewDecoder(bytes.NewReader(body))
	decode.DisallowUnknownFields()
	if err := decode.Decode(&q.params); err != nil {
		q.err = refusef("SerializationException", "%v", err)
	}
	q.query.params = url.Values{"TableName": {q.params.TableName}}
	for name, it := range map[string]item{"Key": q.params.Key, "Item": q.params.Item} {
		if text, err := json.Marshal(it); err == nil && it != nil {
			q.query.params.Set(name, string(text))
		}
	}
}

// tableDelivery is a request to DynamoDB with the Region that serves it.
type tableDelivery struct {
	r *Region
	q *tableQuery
}

func (d *tableDelivery) call() Call {
	return Call{Service: d.q.service.name, Action: d.q.action, Params: d.q.query.params, Caller: d.r.caller(d.q.key)}
}

func (d *tableDelivery) serve(f *Fault) (answer, string) {
	d.q.asOf = d.r.now.Add(-min(f.Lag, d.r.config.MaxLag))
	result, err := d.run()
	if err != nil {
		return d.errorAnswer(err)
	}
	body, err := json.Marshal(result)
	if err != nil {
		return d.errorAnswer(err)
	}
	a := d.answer(http.StatusOK, body)
	if f.Answer.EmptyBody { // what answers without a body does not know DynamoDB's checksum
		delete(a.header, checksumHeader)
	}
	return a, ""
}

func (d *tableDelivery) run() (any, error) {
	r, q := d.r, d.q
	if err := r.admitTable(q); err != nil {
		return nil, err
	}
	op := tableOperations()[q.action]
	switch {
	case op == nil:
		return nil, refusef("UnknownOperationException", "")
	case q.err != nil:
		return nil, q.err
	}
	return op(r, q)
}

// admitTable checks credentials, rate and permission, and words the errors as DynamoDB does.
func (r *Region) admitTable(q *tableQuery) error {
	err := r.admit(&q.query)
	var f *refusal
	if !errors.As(err, &f) {
		return err
	}
	t := r.tables[q.params.TableName]
	switch {
	case f.code == "AccessDenied":
		action := "dynamodb:" + q.action
		return refusef("AccessDeniedException", "User: %s is not authorized to perform: %s on resource: %s because no identity-based policy allows the %s action",
			r.principal(q.key), action, r.tableARN(q.params.TableName), action)
	case f.code == "ThrottlingException" && t != nil && t.Provisioned:
		return refusef("ProvisionedThroughputExceededException", "The level of configured provisioned throughput for the table was exceeded. "+
			"Consider increasing your provisioning level with the UpdateTable API.")
	case f.code == "ThrottlingException":
		return refusef("ThrottlingException", "Throughput exceeds the current capacity of your table or index. "+
			"DynamoDB is automatically scaling your table or index so please try again shortly.")
	}
	return err
}

// errorAnswer is the answer for an error. Everything that the caller did wrong has the status 400, a denial too
// (Developer Guide, "Error handling with DynamoDB").
func (d *tableDelivery) errorAnswer(err error) (answer, string) {
	var f *refusal
	if !errors.As(err, &f) {
		f = &refusal{http.StatusInternalServerError, "InternalServerError", err.Error()}
	}
	code, status, member := f.code, f.status, "message"
	if status < http.StatusInternalServerError {
		status = http.StatusBadRequest
	}
	switch code {
	case "ExpiredToken", "AccessDenied", "Throttling":
		code += "Exception"
	}
	space := "com.amazonaws.dynamodb.v20120810#"
	switch code {
	case "ValidationException":
		space = "com.amazon.coral.validate#"
	case "AccessDeniedException", "ExpiredTokenException", "UnknownOperationException", "SerializationException", "UnrecognizedClientException":
		space, member = "com.amazon.coral.service#", "Message"
	}
	body, err := json.Marshal(map[string]string{"__type": space + code, member: f.message})
	if err != nil {
		panic(fmt.Sprintf("sim: the error %v: %v", f, err))
	}
	return d.answer(status, body), code
}

const checksumHeader = "X-Amz-Crc32"

// answer is an answer with the checksum by which SDKs recognise one that arrived whole.
func (d *tableDelivery) answer(status int, body []byte) answer {
	return answer{status, map[string]string{
		"Content-Type": "application/x-amz-json-1.0", "x-amzn-RequestId": strings.ToUpper(d.r.names.uuid()),
		checksumHeader: strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10),
	}, body}
}

// invalid is DynamoDB's error for a request that makes no sense.
func invalid(format string, args ...any) error {
	return refusef("ValidationException", format, args...)
}
