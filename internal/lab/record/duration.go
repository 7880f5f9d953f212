package record

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"balanced/internal/format"
)

// Duration writes a number of seconds: below one minute with tenths, 0.4s or 12.5s, from then on
// as balanced writes durations everywhere, 5m12s or 1h2m.
func Duration(seconds float64) string {
	if math.IsNaN(seconds) || seconds < 0 {
		seconds = 0
	}
	if tenths := math.Round(seconds*10) / 10; tenths < 60 {
		return strconv.FormatFloat(tenths, 'f', -1, 64) + "s"
	}
	return format.Duration(time.Duration(seconds * float64(time.Second)))
}

// Grouped writes 12345 as 12,345.
func Grouped(n int) string {
	if n < 0 {
		return "-" + Grouped(-n)
	}
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return Grouped(n/1000) + fmt.Sprintf(",%03d", n%1000)
}
