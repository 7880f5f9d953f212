package rotation

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// brief is a duration as an operator says it: 42s, 47m, 2h05m, 3d.
func brief(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}

// clock is an instant as AWS's own documents write it.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// ids joins a few names for one line.
func ids(claims []Claim) string {
	names := make([]string, 0, len(claims))
	for _, c := range claims {
		names = append(names, c.ID)
	}
	slices.Sort(names)
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
	}
	return strings.Join(names, ", ")
}
