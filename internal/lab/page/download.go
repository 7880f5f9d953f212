package page

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"

	"balanced/internal/lab/record"
)

// download is the record as a file that the page itself contains.
type download struct {
	URL      template.URL
	Size     string
	TooLarge bool // the page does not contain it
}

// maxDownload is the largest record that the page contains, in bytes of JSON. The record of 200
// instances over half an hour has about 1 MB.
const maxDownload = 2_000_000

func newDownload(r record.Rehearsal) download {
	if leastSize(r) > maxDownload {
		return download{TooLarge: true}
	}
	text, err := json.Marshal(r)
	if err != nil { // only for times that are not numbers, which no rehearsal has
		return download{}
	}
	if len(text) > maxDownload {
		return download{TooLarge: true}
	}
	return download{
		URL:  template.URL("data:application/json;base64," + base64.StdEncoding.EncodeToString(text)),
		Size: fmt.Sprintf("%d KB", (len(text)+999)/1000),
	}
}

// leastSize is less than the size of the JSON, and quick to find for a record that is much too
// large.
func leastSize(r record.Rehearsal) int {
	size := 0
	for _, e := range r.Events {
		size += len(e.Text)
	}
	for _, l := range r.Traffic.Losses {
		size += len(l.Cause)
	}
	for _, i := range r.Instances {
		for _, s := range i.Spans {
			size += len(s.Version) + len(s.Running)
		}
	}
	if r.Without != nil {
		size += leastSize(*r.Without)
	}
	return size
}
