package page

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"balanced/internal/lab/record"
)

// clockTime is a time since the start of the rehearsal, as minutes and seconds.
func clockTime(seconds float64) string {
	tenths := int(math.Round(max(seconds, 0) * 10))
	return fmt.Sprintf("%d:%02d.%d", tenths/600, tenths/10%60, tenths%10)
}

// latencyText is a latency given in milliseconds.
func latencyText(ms float64) string {
	switch {
	case ms >= 9999.5:
		return fmt.Sprintf("%.1f s", ms/1000)
	case ms >= 100:
		return record.Grouped(int(math.Round(ms))) + " ms"
	case ms >= 10:
		return fmt.Sprintf("%.0f ms", ms)
	}
	return strconv.FormatFloat(ms, 'g', 2, 64) + " ms"
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return record.Grouped(n) + " " + many
}

// truncate cuts a text after a number of characters.
func truncate(s string, most int) string {
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

// versionName is a version as the page shows it.
func versionName(version string) string {
	if strings.TrimSpace(version) == "" {
		return "no version"
	}
	return truncate(version, 40)
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
