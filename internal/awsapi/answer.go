package awsapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Not every answer that arrives is AWS's, and not every one of AWS's arrives whole. The SDK takes an empty body for an
// empty result, and a list that is missing for an empty list. Both would read as "there is nothing": no group, no load
// balancer, no refresh. So each answer is checked here, once for all calls, before anybody reads it.

// strangeAnswer is an answer without the document that AWS sends with this status: a proxy's page, a redirect, nothing.
type strangeAnswer struct {
	status  int
	content string // its Content-Type
	to      string // the host that a redirect points to
}

func (e *strangeAnswer) Error() string {
	text := fmt.Sprintf("HTTP %d without an AWS document", e.status)
	if e.content != "" {
		text += " (" + e.content + ")"
	}
	if e.to != "" {
		text += ", a redirect to " + e.to
	}
	return text
}

// checkDocument refuses answers that are not AWS's before the SDK decodes them.
func checkDocument(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
	middleware.DeserializeOutput, middleware.Metadata, error,
) {
	out, meta, err := next.HandleDeserialize(ctx, in)
	resp, ok := out.RawResponse.(*smithyhttp.Response)
	if err != nil || !ok || resp.Response == nil {
		return out, meta, err
	}
	if resp.StatusCode/100 == 2 {
		return out, meta, checkSuccess(resp, awsmiddleware.GetServiceID(ctx) == jsonService)
	}
	return out, meta, checkFailure(resp, &meta)
}

// jsonService is the one service here that answers in JSON; the others do in XML.
const jsonService = "DynamoDB"

// checkSuccess: a body that is empty, or no document of the protocol, is nobody's answer. The SDK reads a text without any
// element as an empty result.
func checkSuccess(resp *smithyhttp.Response, isJSON bool) error {
	begins := byte('<')
	if isJSON {
		begins = '{'
	}
	text := bufio.NewReader(resp.Body)
	first, err := firstByte(text)
	if err == io.EOF || err == nil && first != begins {
		return strange(resp)
	}
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	resp.Body = body{text, resp.Body}
	return nil
}

// firstByte is the first of a document, after white space, which it leaves to be read again.
func firstByte(text *bufio.Reader) (byte, error) {
	for {
		first, err := text.ReadByte()
		switch {
		case err != nil:
			return first, err
		case !strings.ContainsRune(" \t\r\n", rune(first)):
			return first, text.UnreadByte()
		}
	}
}

// checkFailure: AWS sends an error document with every other status.
func checkFailure(resp *smithyhttp.Response, meta *middleware.Metadata) error {
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return strange(resp)
	}
	resp.Body = body{bytes.NewReader(text), resp.Body}
	id, ok := errorDocument(text, resp.Header)
	if !ok {
		return strange(resp)
	}
	if id != "" { // the SDK writes that of the header over it
		awsmiddleware.SetRequestIDMetadata(meta, shorten(id, 100))
	}
	return nil
}

// body reads from one place and closes another.
type body struct {
	io.Reader
	io.Closer
}

func strange(resp *smithyhttp.Response) error {
	s := &strangeAnswer{status: resp.StatusCode, content: shorten(resp.Header.Get("Content-Type"), 100)}
	if to, err := resp.Location(); err == nil {
		s.to = shorten(to.Host, 100)
	}
	return s
}

// errorCode is how AWS's error codes look, also those of the JSON protocol with a namespace before them.
var errorCode = regexp.MustCompile(`^[A-Za-z0-9._:/#-]+$`)

// isErrorCode: it looks like one, and is no longer than any.
func isErrorCode(text string) bool { return len(text) <= 128 && errorCode.MatchString(text) }

// errorDocument says whether a text is AWS's error document, of the query protocol (XML) or the JSON protocols, and
// which request it answers.
func errorDocument(text []byte, header http.Header) (requestID string, ok bool) {
	text = bytes.TrimSpace(text)
	switch {
	case bytes.HasPrefix(text, []byte("<")):
		var doc struct {
			Code      string `xml:"Error>Code"`
			RequestID string `xml:"RequestId"`
		}
		if xml.Unmarshal(text, &doc) != nil {
			return "", false
		}
		return doc.RequestID, isErrorCode(doc.Code)
	case bytes.HasPrefix(text, []byte("{")):
		var doc struct {
			Type string `json:"__type"`
			Code string `json:"code"`
		}
		if json.Unmarshal(text, &doc) != nil {
			return "", false
		}
		return "", isErrorCode(doc.Type) || isErrorCode(doc.Code) || header.Get("X-Amzn-Errortype") != ""
	}
	return "", false
}

// checkResult refuses a decoded answer that lacks one of its lists, and empties what a failed attempt has decoded: the
// SDK decodes all attempts of a call into one value, so a page token of the first would come out of the last.
func checkResult(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
	middleware.DeserializeOutput, middleware.Metadata, error,
) {
	out, meta, err := next.HandleDeserialize(ctx, in)
	if err == nil && strings.HasPrefix(awsmiddleware.GetOperationName(ctx), "Describe") {
		err = lacking(out.Result)
	}
	if v := reflect.ValueOf(out.Result); err != nil && v.Kind() == reflect.Pointer && !v.IsNil() {
		v.Elem().SetZero()
	}
	return out, meta, err
}

// lacking finds the first list or structure that a describe call's answer should have and does not. The query protocol
// writes an empty list as an empty element (real answers, such as that about an instance in no group, do), so a list
// that is missing was lost on the way. Texts and numbers may be missing: page tokens are.
func lacking(result any) error {
	v := reflect.Indirect(reflect.ValueOf(result))
	if v.Kind() != reflect.Struct {
		return nil
	}
	for i := range v.NumField() {
		f, field := v.Type().Field(i), v.Field(i)
		if f.IsExported() && required(f.Type) && field.IsNil() {
			return &IncompleteError{Lacks: f.Name}
		}
	}
	return nil
}

func required(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Slice, reflect.Map:
		return true
	case reflect.Pointer:
		return t.Elem().Kind() == reflect.Struct && t.Elem() != reflect.TypeFor[time.Time]()
	}
	return false
}

// shorten cuts a text of a peer to a number of bytes, at a character's end.
func shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit] + "…"
}
