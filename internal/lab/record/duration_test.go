package record

import (
	"math"
	"testing"
)

func TestDurationsHaveOneForm(t *testing.T) {
	for seconds, want := range map[float64]string{
		0: "0s", 0.44: "0.4s", 12: "12s", 12.5: "12.5s", 59.94: "59.9s", 59.96: "1m", 60: "1m", 312.4: "5m12s", 3720: "1h2m",
		-3: "0s", math.Inf(-1): "0s",
	} {
		if got := Duration(seconds); got != want {
			t.Errorf("%g seconds are written %q, want %q", seconds, got, want)
		}
	}
	if got := Duration(math.NaN()); got != "0s" {
		t.Errorf("no number is written %q, want 0s", got)
	}
}

func TestThousandsAreGrouped(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 12345: "12,345", 1000002: "1,000,002", -1234: "-1,234"} {
		if got := Grouped(n); got != want {
			t.Errorf("%d is written %q, want %q", n, got, want)
		}
	}
}
