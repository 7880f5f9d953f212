package record

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Duration writes a number of seconds as balanced writes durations everywhere: 0.4s, 12.5s,
// 5m12s, 1h2m0s. From one minute on, parts of a second are rounded off.
func Duration(seconds float64) string {
	if math.IsNaN(seconds) || seconds < 0 {
		seconds = 0
	}
	if tenths := math.Round(seconds*10) / 10; tenths < 60 {
		return strconv.FormatFloat(tenths, 'f', -1, 64) + "s"
	}
	return time.Duration(math.Round(seconds) * float64(time.Second)).String()
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
