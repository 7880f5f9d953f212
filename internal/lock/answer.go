package lock

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"balanced/internal/format"
)

// answer is what a FleetLock server said to one request.
type answer struct {
	kind answerKind
	text string // what it said, for people
	held bool   // of one that is full: it said that somebody else holds the lock
	// again: requests before this one were not answered, and may have taken effect.
	again bool
	// silent is why there is no answer of a FleetLock server: a later request may be answered.
	silent error
}

type answerKind int

const (
	refused answerKind = iota // by a server that speaks the protocol, for good
	yes
	full         // the slots are taken
	lost         // somebody else changed the lock at the same moment
	unknownGroup // the server's configuration does not have the group
	denied
)

// reply is the body of an error.
type reply struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

// understand classifies an answer by its kind, and by its status where it has none. Only exactly 200 is a yes, and not
// with a page for people, which some proxies answer everything with.
func understand(resp *http.Response, body []byte) answer {
	status := fmt.Sprintf("status %d", resp.StatusCode)
	switch {
	case len(body) > longestAnswer:
		return answer{silent: fmt.Errorf("%s with more than %d KB", status, longestAnswer>>10)}
	case page(resp, body) && resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusForbidden:
		return answer{silent: fmt.Errorf("%s with a web page, so no FleetLock server", status)}
	case resp.StatusCode == http.StatusOK:
		return answer{kind: yes}
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return answer{silent: fmt.Errorf("a redirect to %q, which is not followed", resp.Header.Get("Location"))}
	}
	var r reply
	// What cannot be read has no kind. The content type does not count: airlock says text/plain.
	if json.Unmarshal(body, &r) != nil {
		r = reply{}
	}
	text := format.OneLine(r.Value)
	if text == "" {
		text = status
	}
	return classify(resp.StatusCode, r.Kind, shorten(text))
}

func classify(status int, kind, text string) answer {
	switch {
	case status == http.StatusLocked || kind == "lock_held" || strings.HasPrefix(kind, "failed_lock_") && strings.HasSuffix(kind, "_full"):
		return answer{kind: full, text: text, held: true}
	case kind == "failed_lock":
		return failedLock(text)
	case kind == "unknown_group":
		return answer{kind: unknownGroup, text: text}
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return answer{kind: denied, text: text}
	case kind == "" || status >= http.StatusInternalServerError || status == http.StatusTooManyRequests || status < 400:
		return answer{silent: errors.New(text)}
	}
	return answer{kind: refused, text: text}
}

// failedLock is airlock's one kind for three things: its slots are taken, somebody else was faster, its etcd does not
// work. The text tells the latter two from the first.
func failedLock(text string) answer {
	if strings.Contains(text, "conflict") {
		return answer{kind: lost, text: text}
	}
	for _, broken := range []string{"deadline exceeded", "etcdserver", "rpc error", "connection"} {
		if strings.Contains(text, broken) {
			return answer{silent: errors.New(text)}
		}
	}
	return answer{kind: full, text: text}
}

// page: the answer is an HTML page.
func page(resp *http.Response, body []byte) bool {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")) // known even where its parameters make no sense
	return kind == "text/html" || strings.HasPrefix(http.DetectContentType(body), "text/html")
}

// shorten keeps a server's text from filling a line.
func shorten(text string) string {
	const most = 200
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
