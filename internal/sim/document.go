package sim

import (
	"bytes"
	"encoding/xml"
	"strconv"
	"time"
)

// document is the XML body of an answer, written element by element: the query protocol's answers
// are too plain, and those of large groups too long, for reflection.
type document struct{ bytes.Buffer }

func (d *document) open(name string)  { d.WriteByte('<'); d.WriteString(name); d.WriteByte('>') }
func (d *document) close(name string) { d.WriteString("</"); d.WriteString(name); d.WriteByte('>') }

// text writes <name>value</name>.
func (d *document) text(name, value string) {
	d.open(name)
	xml.EscapeText(&d.Buffer, []byte(value)) // a bytes.Buffer takes every write
	d.close(name)
}

// textIf leaves an element out when there is nothing to say.
func (d *document) textIf(name, value string) {
	if value != "" {
		d.text(name, value)
	}
}

func (d *document) number(name string, n int) { d.text(name, strconv.Itoa(n)) }
func (d *document) flag(name string, b bool)  { d.text(name, strconv.FormatBool(b)) }

// seconds writes a duration as AWS does: a number of seconds.
func (d *document) seconds(name string, t time.Duration) { d.number(name, int(t/time.Second)) }

func (d *document) moment(name string, t time.Time) { d.text(name, milliseconds(t)) }

// within writes <name>…</name> round what body writes.
func (d *document) within(name string, body func()) {
	d.open(name)
	body()
	d.close(name)
}

// list writes <name><member>…</member>…</name>; an empty list is an empty element, never absent.
func list[T any](d *document, name string, items []T, each func(T)) {
	d.open(name)
	for _, item := range items {
		d.open("member")
		each(item)
		d.close("member")
	}
	d.close(name)
}

// words writes a list of plain strings.
func (d *document) words(name string, items []string) {
	list(d, name, items, func(s string) { xml.EscapeText(&d.Buffer, []byte(s)) })
}

// response wraps a result the way every action of the query protocol does.
func response(q *query, result *document, requestID string) []byte {
	var d document
	d.WriteString(xml.Header)
	d.WriteString(`<` + q.action + `Response xmlns="` + q.service.namespace + `">`)
	d.open(q.action + "Result")
	d.Write(result.Bytes())
	d.close(q.action + "Result")
	d.within("ResponseMetadata", func() { d.text("RequestId", requestID) })
	d.close(q.action + "Response")
	return d.Bytes()
}

// errorResponse is the one shape of an error.
func errorResponse(q *query, f *refusal, requestID string) []byte {
	var d document
	d.WriteString(`<ErrorResponse xmlns="` + q.service.namespace + `">`)
	d.within("Error", func() {
		d.text("Type", f.kind())
		d.text("Code", f.code)
		d.text("Message", f.message)
	})
	d.text("RequestId", requestID)
	d.close("ErrorResponse")
	return d.Bytes()
}
