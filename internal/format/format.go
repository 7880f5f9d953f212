// Package format writes durations, times and texts the way people read them in one line.
package format

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Duration is a duration to the second, without a tail of zeros: 0s, 41s, 5m12s, 12m, 1h, 2h5m; from two days on in
// days and hours: 3d4h.
func Duration(d time.Duration) string {
	if d = d.Round(time.Second); d >= 48*time.Hour {
		days, hours := d/(24*time.Hour), d%(24*time.Hour)/time.Hour
		if hours == 0 {
			return fmt.Sprintf("%dd", days)
		}
		return fmt.Sprintf("%dd%dh", days, hours)
	}
	s := d.String()
	if m, ok := strings.CutSuffix(s, "m0s"); ok {
		s = m + "m"
	}
	if h, ok := strings.CutSuffix(s, "h0m"); ok {
		s = h + "h"
	}
	return s
}

// Time is an instant as AWS's own documents write it, in UTC.
func Time(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// ShellWord is a text as one word of a shell's command.
func ShellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=@+,", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// OneLine makes one line of a text, with nothing in it that moves a cursor or turns the writing direction: what AWS
// or a person named may hold any character.
func OneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != utf8.RuneError {
			return r
		}
		return ' '
	}, s)
	return strings.Join(strings.Fields(s), " ")
}
