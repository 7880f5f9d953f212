package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"slices"
)

// tableValue is the value of an attribute: its type (S, N, B, BOOL, NULL, M, L, SS, NS or BS) and what JSON has for it. Maps and
// lists hold attributes.
type tableValue struct {
	kind  string
	value any
}

// MarshalJSON writes the attribute as {"S": "text"}.
func (a tableValue) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{a.kind: a.value})
}

var errOneType = errors.New("an attribute value has exactly one type")

// UnmarshalJSON reads an attribute.
func (a *tableValue) UnmarshalJSON(text []byte) error {
	var typed map[string]json.RawMessage
	if err := json.Unmarshal(text, &typed); err != nil {
		return fmt.Errorf("an attribute value: %w", err)
	}
	if len(typed) != 1 {
		return errOneType
	}
	for kind, raw := range typed {
		a.kind = kind
		return a.read(raw)
	}
	return nil
}

func (a *tableValue) read(raw json.RawMessage) error {
	var into any
	switch a.kind {
	case "S", "B", "N":
		into = new(string)
	case "BOOL", "NULL":
		into = new(bool)
	case "M":
		into = new(map[string]tableValue)
	case "L":
		into = new([]tableValue)
	case "SS", "NS", "BS":
		into = new([]string)
	default:
		return fmt.Errorf("an attribute value has the unknown type %q", a.kind)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("an attribute value of type %s: %w", a.kind, err)
	}
	a.value = reflect.ValueOf(into).Elem().Interface()
	if n, ok := a.value.(string); ok && a.kind == "N" {
		if _, ok := new(big.Rat).SetString(n); !ok {
			return fmt.Errorf("the number %q cannot be converted to a numeric value", n)
		}
	}
	return nil
}

// text is what tells the attribute from others of its type. Numbers are equal whatever they look like, and sets in
// any order.
func (a tableValue) text() string {
	switch v := a.value.(type) {
	case string:
		if n, ok := new(big.Rat).SetString(v); ok && a.kind == "N" {
			return n.RatString()
		}
		return v
	case []string:
		return fmt.Sprintf("%q", slices.Sorted(slices.Values(v)))
	case map[string]tableValue:
		var all []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			all = append(all, name, v[name].kind, v[name].text())
		}
		return fmt.Sprintf("%q", all)
	case []tableValue:
		var all []string
		for _, member := range v {
			all = append(all, member.kind, member.text())
		}
		return fmt.Sprintf("%q", all)
	}
	return fmt.Sprint(a.value)
}

func (a tableValue) equals(b tableValue) bool { return a.kind == b.kind && a.text() == b.text() }

// size is roughly what the attribute counts in bytes.
func (a tableValue) size() int {
	switch v := a.value.(type) {
	case map[string]tableValue:
		n := 3
		for name, member := range v {
			n += len(name) + member.size() + 1
		}
		return n
	case []tableValue:
		n := 3
		for _, member := range v {
			n += member.size() + 1
		}
		return n
	case []string:
		n := 0
		for _, member := range v {
			n += len(member)
		}
		return n
	}
	return len(a.text())
}
