package page

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// instant is a time since the beginning, as minutes and seconds.
func instant(seconds float64) string {
	tenths := int(math.Round(max(seconds, 0) * 10))
	return fmt.Sprintf("%d:%02d.%d", tenths/600, tenths/10%60, tenths%10)
}

// lasting is a length of time.
func lasting(seconds float64) string {
	if seconds < 60 {
		return fmt.Sprintf("%.1f s", max(seconds, 0))
	}
	whole := int(math.Round(seconds))
	return fmt.Sprintf("%d min %d s", whole/60, whole%60)
}

// number groups the digits by thousands.
func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// millis is a latency.
func millis(ms float64) string {
	switch {
	case ms >= 9999.5:
		return fmt.Sprintf("%.1f s", ms/1000)
	case ms >= 100:
		return number(int(math.Round(ms))) + " ms"
	case ms >= 10:
		return fmt.Sprintf("%.0f ms", ms)
	}
	return strconv.FormatFloat(ms, 'g', 2, 64) + " ms"
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

// cut ends a text after so many characters.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for i := range s {
		if most == 0 {
			return s[:i] + "…"
		}
		most--
	}
	return s
}

// named is a version as it is shown; answers of none have a name too.
func named(version string) string {
	if strings.TrimSpace(version) == "" {
		return "no version"
	}
	return cut(version, 40)
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
