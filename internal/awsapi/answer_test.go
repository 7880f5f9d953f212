package awsapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestErrorDocuments(t *testing.T) {
	marked := http.Header{"X-Amzn-Errortype": {"Denied"}}
	for text, c := range map[string]struct {
		header http.Header
		id     string
		ok     bool
	}{
		"<E><Error><Code>Throttling</Code></Error><RequestId>r-1</RequestId></E>": {nil, "r-1", true},
		" \n<E><Error><Code>a.b:c/d#e-f_9</Code></Error></E>":                     {nil, "", true},
		"<E><Error><Code></Code></Error><RequestId>r-1</RequestId></E>":           {nil, "r-1", false},
		"<E><Error><Code>no such</Code></Error></E>":                              {nil, "", false},
		"<E><Error><Code>half":       {nil, "", false},
		"<html><body></body></html>": {marked, "", false},
		`{"__type":"x#Denied"}`:      {nil, "", true},
		`{"code":"Denied"}`:          {nil, "", true},
		`{"message":"no"}`:           {nil, "", false},
		` {"message":"no"}`:          {marked, "", true},
		`{"code":7}`:                 {marked, "", false},
		"Denied":                     {marked, "", false},
		"":                           {marked, "", false},
		`{"code":"` + strings.Repeat("x", 128) + `"}`: {nil, "", true},
		`{"code":"` + strings.Repeat("x", 129) + `"}`: {nil, "", false},
	} {
		if id, ok := errorDocument([]byte(text), c.header); id != c.id || ok != c.ok {
			t.Errorf("%.80q: %v, request %q", text, ok, id)
		}
	}
}

// A success is a document of the service's own protocol.
func TestASuccessIsADocumentOfItsProtocol(t *testing.T) {
	for _, c := range []struct {
		body string
		json bool
		ok   bool
	}{
		{"<R/>", false, true},
		{"\r\n\t <R/>", false, true},
		{"<R/>", true, false},
		{"{}", true, true},
		{" {}", true, true},
		{"{}", false, false},
		{"", true, false},
		{" ", false, false},
	} {
		resp := &smithyhttp.Response{Response: reply(http.StatusOK, c.body)}
		if err := checkSuccess(resp, c.json); (err == nil) != c.ok {
			t.Errorf("%q, JSON %v: %v", c.body, c.json, err)
		}
		if left, err := io.ReadAll(resp.Body); c.ok && (string(left) != strings.TrimSpace(c.body) || err != nil) {
			t.Errorf("%q is left of %q, %v", left, c.body, err)
		}
	}
}

func TestWhatASilenceHadComeTo(t *testing.T) {
	for want, err := range map[string]error{
		"no answer within 2s":                &smithy.CanceledError{Err: context.DeadlineExceeded},
		"no answer within 2s: reset by peer": errors.New("reset by peer"),
	} {
		if got := newSilence(2*time.Second, err).Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Lists and structures have to be there; texts, numbers and times may be missing.
func TestWhatAnAnswerLacks(t *testing.T) {
	text, now, list, part := "x", time.Now(), []string{}, &struct{ N *int }{}
	type answer struct {
		List  []string
		Map   map[string]string
		Part  *struct{ N *int }
		Text  *string
		When  *time.Time
		Whole struct{ List []string }
		inner []string
	}
	full := answer{List: list, Map: map[string]string{}, Part: part}
	for name, c := range map[string]struct {
		result any
		want   string
	}{
		"nothing":     {&full, ""},
		"all":         {&answer{list, full.Map, part, &text, &now, full.Whole, list}, ""},
		"a list":      {&answer{Map: full.Map, Part: part}, "List"},
		"a map":       {&answer{List: list, Part: part}, "Map"},
		"a structure": {answer{List: list, Map: full.Map}, "Part"},
		"no answer":   {nil, ""},
		"a text":      {&text, ""},
	} {
		err := lacking(c.result)
		if (err == nil) != (c.want == "") || err != nil && err.Error() != "the answer has no "+c.want {
			t.Errorf("%s: %v, want it to lack %q", name, err, c.want)
		}
	}
}

// document runs a checked answer through the check.
func document(t *testing.T, resp any, failed error) (meta middleware.Metadata, err error) {
	t.Helper()
	next := middleware.DeserializeHandlerFunc(func(context.Context, middleware.DeserializeInput) (middleware.DeserializeOutput, middleware.Metadata, error) {
		return middleware.DeserializeOutput{RawResponse: resp}, middleware.Metadata{}, failed
	})
	_, meta, err = checkDocument(t.Context(), middleware.DeserializeInput{}, next)
	return meta, err
}

func TestDocumentsOfAWS(t *testing.T) {
	broken := errors.New("broken")
	of := func(status int, body io.Reader) *smithyhttp.Response {
		raw := reply(status, "")
		raw.Body = io.NopCloser(body)
		raw.Header.Set("Content-Type", "text/html")
		return &smithyhttp.Response{Response: raw}
	}
	const doc = "<E><Error><Code>No</Code></Error><RequestId>r-1</RequestId></E>"
	for name, c := range map[string]struct {
		resp   any
		failed error
		want   string
		id     string
	}{
		"a success":                {of(200, strings.NewReader("<R/>")), nil, "", ""},
		"the last success":         {of(299, strings.NewReader("<R/>")), nil, "", ""},
		"after a line":             {of(200, strings.NewReader("\r\n <R/>")), nil, "", ""},
		"nothing but lines":        {of(200, strings.NewReader("\n\n")), nil, "HTTP 200 without an AWS document (text/html)", ""},
		"a text":                   {of(200, strings.NewReader("anything")), nil, "HTTP 200 without an AWS document (text/html)", ""},
		"an empty one":             {of(200, strings.NewReader("")), nil, "HTTP 200 without an AWS document (text/html)", ""},
		"one that breaks":          {of(200, iotest.ErrReader(broken)), nil, "read the answer: broken", ""},
		"a failure":                {of(400, strings.NewReader(doc)), nil, "", "r-1"},
		"a redirect":               {of(300, strings.NewReader("anything")), nil, "HTTP 300 without an AWS document (text/html)", ""},
		"a first word":             {of(199, strings.NewReader("anything")), nil, "HTTP 199 without an AWS document (text/html)", ""},
		"a failure that breaks":    {of(400, io.MultiReader(strings.NewReader(doc), iotest.ErrReader(broken))), nil, "HTTP 400 without an AWS document (text/html)", ""},
		"one that was not sent":    {of(400, strings.NewReader("")), broken, "broken", ""},
		"one of another transport": {"text", nil, "", ""},
		"one that is not there":    {&smithyhttp.Response{}, nil, "", ""},
		"an id without an end":     {of(400, strings.NewReader(strings.Replace(doc, "r-1", strings.Repeat("x", 101), 1))), nil, "", strings.Repeat("x", 100) + "…"},
	} {
		meta, err := document(t, c.resp, c.failed)
		if id, _ := awsmiddleware.GetRequestIDMetadata(meta); (err == nil) != (c.want == "") || err != nil && err.Error() != c.want || id != c.id {
			t.Errorf("%s: %v, request %q", name, err, id)
		}
		if resp, ok := c.resp.(*smithyhttp.Response); ok && err == nil && resp.Response != nil {
			if text, err := io.ReadAll(resp.Body); err != nil || len(text) < 4 {
				t.Errorf("%s: the SDK would read %q, %v", name, text, err)
			}
		}
	}
}

// What a peer says of itself is told in short.
func TestStrangeAnswers(t *testing.T) {
	long := strings.Repeat("x", 101)
	for want, header := range map[string]http.Header{
		"HTTP 302 without an AWS document":                                                      {},
		"HTTP 302 without an AWS document (text/html), a redirect to elsewhere.example":         {"Content-Type": {"text/html"}, "Location": {"http://elsewhere.example/x"}},
		"HTTP 302 without an AWS document (" + long[1:] + "…), a redirect to " + long[1:] + "…": {"Content-Type": {long}, "Location": {"http://" + long + "/"}},
	} {
		raw := reply(302, "")
		raw.Header = header
		if got := strange(&smithyhttp.Response{Response: raw}).Error(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Nothing of an attempt that failed is left in the answer of the next.
func TestWhatAFailedAttemptLeaves(t *testing.T) {
	type answer struct{ Token string }
	var none *answer
	for name, c := range map[string]struct {
		result any
		err    error
		want   string
	}{
		"a failure": {&answer{"next"}, errors.New("cut"), ""}, "an answer": {&answer{"next"}, nil, "next"},
		"nothing decoded": {none, errors.New("cut"), ""}, "nothing at all": {nil, errors.New("cut"), ""}, "no pointer": {answer{"next"}, errors.New("cut"), ""},
	} {
		next := middleware.DeserializeHandlerFunc(func(context.Context, middleware.DeserializeInput) (middleware.DeserializeOutput, middleware.Metadata, error) {
			return middleware.DeserializeOutput{Result: c.result}, middleware.Metadata{}, c.err
		})
		out, _, err := checkResult(t.Context(), middleware.DeserializeInput{}, next)
		if a, ok := out.Result.(*answer); err != c.err || ok && a != nil && a.Token != c.want {
			t.Errorf("%s: %+v, %v", name, out.Result, err)
		}
	}
}

// AWS's own id of a request, in the header, is logged rather than that of the document.
func TestWhichRequestIDIsLogged(t *testing.T) {
	hermetic(t)
	core, logs := observer.New(zapcore.DebugLevel)
	synctest.Test(t, func(t *testing.T) {
		headed := func(req *http.Request) (*http.Response, error) {
			resp, err := says(400, "ValidationError", "no")(req)
			resp.Header.Set("X-Amzn-Requestid", "head-1")
			return resp, err
		}
		_ = describe(t.Context(), load(t, &region{script: []step{headed}}, zap.New(core)))
	})
	if got := fmt.Sprint(logs.FilterMessage("aws call").All()[0].ContextMap()["request_id"]); got != "head-1" {
		t.Errorf("logged %s", got)
	}
}
