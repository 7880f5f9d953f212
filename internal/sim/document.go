package sim

import (
	"bytes"
	"encoding/xml"
	"strconv"
	"time"
)

// document is the XML body of an answer, written element by element. The query protocol's answers
// are too simple, and those of large groups too long, for encoding/xml's reflection.
type document struct{ bytes.Buffer }

func (d *document) open(name string)  { d.WriteByte('<'); d.WriteString(name); d.WriteByte('>') }
func (d *document) close(name string) { d.WriteString("</"); d.WriteString(name); d.WriteByte('>') }

// text writes <name>value</name>.
func (d *document) text(name, value string) {
	d.open(name)
	xml.EscapeText(&d.Buffer, []byte(value)) // a bytes.Buffer never fails
	d.close(name)
}

// textIf writes an element unless its value is empty.
func (d *document) textIf(name, value string) {
	if value != "" {
		d.text(name, value)
	}
}

func (d *document) number(name string, n int)   { d.text(name, strconv.Itoa(n)) }
func (d *document) boolean(name string, b bool) { d.text(name, strconv.FormatBool(b)) }

// seconds writes a duration as a whole number of seconds.
func (d *document) seconds(name string, t time.Duration) { d.number(name, int(t/time.Second)) }

func (d *document) timestamp(name string, t time.Time) { d.text(name, milliseconds(t)) }

// element writes <name>…</name> around what body writes.
func (d *document) element(name string, body func()) {
	d.open(name)
	body()
	d.close(name)
}

// list writes <name><member>…</member>…</name>. An empty list is an empty element.
func list[T any](d *document, name string, items []T, each func(T)) {
	d.open(name)
	for _, item := range items {
		d.open("member")
		each(item)
		d.close("member")
	}
	d.close(name)
}

// strings writes a list of strings.
func (d *document) strings(name string, items []string) {
	list(d, name, items, func(s string) { xml.EscapeText(&d.Buffer, []byte(s)) })
}

// response wraps a result as every action of the query protocol does.
func response(q *query, result *document, requestID string) []byte {
	var d document
	d.WriteString(xml.Header)
	d.WriteString(`<` + q.action + `Response xmlns="` + q.service.namespace + `">`)
	d.open(q.action + "Result")
	d.Write(result.Bytes())
	d.close(q.action + "Result")
	d.element("ResponseMetadata", func() { d.text("RequestId", requestID) })
	d.close(q.action + "Response")
	return d.Bytes()
}

// errorResponse writes an error.
func errorResponse(q *query, f *refusal, requestID string) []byte {
	var d document
	d.WriteString(`<ErrorResponse xmlns="` + q.service.namespace + `">`)
	d.element("Error", func() {
		d.text("Type", f.faultType())
		d.text("Code", f.code)
		d.text("Message", f.message)
	})
	d.text("RequestId", requestID)
	d.close("ErrorResponse")
	return d.Bytes()
}
