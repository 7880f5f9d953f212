package page_test

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// node is an element of the page.
type node struct{ *html.Node }

func (n node) attr(key string) string {
	for _, a := range n.Attr {
		if strings.EqualFold(a.Key, key) {
			return a.Val
		}
	}
	return ""
}

func (n node) has(class string) bool {
	return slices.Contains(strings.Fields(n.attr("class")), class)
}

// all finds the elements with a name, and with a class unless it is empty.
func (n node) all(name, class string) []node {
	var found []node
	for d := range n.Descendants() {
		if e := (node{d}); d.Type == html.ElementNode && strings.EqualFold(d.Data, name) && (class == "" || e.has(class)) {
			found = append(found, e)
		}
	}
	return found
}

// one finds the only element whose attribute has a value.
func (n node) one(t *testing.T, key, value string) node {
	t.Helper()
	var found []node
	for d := range n.Descendants() {
		if e := (node{d}); d.Type == html.ElementNode && e.attr(key) == value {
			found = append(found, e)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d elements with %s=%q", len(found), key, value)
	}
	return found[0]
}

func (n node) text() string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.TrimSpace(b.String())
}

func (n node) percent(t *testing.T, key string) float64 {
	t.Helper()
	text, is := strings.CutSuffix(n.attr(key), "%")
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !is {
		t.Fatalf("%s=%q is no percentage", key, n.attr(key))
	}
	return v
}

func (n node) number(t *testing.T, key string) int {
	t.Helper()
	return count(t, n.attr(key))
}

func count(t *testing.T, text string) int {
	t.Helper()
	v, err := strconv.Atoi(strings.ReplaceAll(text, ",", ""))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func assertNear(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 0.01 {
		t.Errorf("%s at %.3f%%, want %.3f%%", what, got, want)
	}
}

func grouped(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return grouped(n/1000) + fmt.Sprintf(",%03d", n%1000)
}
