package probe

import (
	"fmt"
	"strconv"
	"strings"
)

// Matcher is a set of codes that pass a health check.
type Matcher struct{ spans []span }

type span struct{ low, high int }

// ParseMatcher reads a list of codes and ranges of codes, HTTP or gRPC: "200",
// "200-204,301", "0-99" (API reference, Matcher). Ranges include both ends. It does not
// ask whether AWS would take a code in the place it is for.
func ParseMatcher(s string) (Matcher, error) {
	var m Matcher
	for item := range strings.SplitSeq(s, ",") {
		one, err := parseSpan(strings.TrimSpace(item))
		if err != nil {
			return Matcher{}, fmt.Errorf("matcher %q: %w", s, err)
		}
		m.spans = append(m.spans, one)
	}
	return m, nil
}

func parseSpan(item string) (span, error) {
	from, to, isRange := strings.Cut(item, "-")
	if !isRange {
		to = from
	}
	low, err := parseCode(from)
	if err != nil {
		return span{}, err
	}
	high, err := parseCode(to)
	if err != nil {
		return span{}, err
	}
	if low > high {
		return span{}, fmt.Errorf("%s runs backwards", item)
	}
	return span{low, high}, nil
}

func parseCode(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n > 999 {
		return 0, fmt.Errorf("%q is not a code", s)
	}
	return int(n), nil
}

// Match reports whether code passes.
func (m Matcher) Match(code int) bool {
	for _, s := range m.spans {
		if s.low <= code && code <= s.high {
			return true
		}
	}
	return false
}
