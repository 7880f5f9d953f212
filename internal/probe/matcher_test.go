package probe

import (
	"regexp"
	"strconv"
	"testing"
)

func TestMatcher(t *testing.T) {
	for _, c := range []struct {
		text     string
		yes, not []int
	}{
		{"200", []int{200}, []int{0, 199, 201}},
		{"200,202", []int{200, 202}, []int{201}},
		{"200-204,301", []int{200, 204, 301}, []int{199, 205, 300, 302}},
		{"200-200", []int{200}, []int{199, 201}},
		{"0", []int{0}, []int{1}},
		{"0-99", []int{0, 12, 99}, []int{100}},
		{"200, 204", []int{200, 204}, []int{202}},
	} {
		m, err := ParseMatcher(c.text)
		if err != nil {
			t.Error(err)
		}
		for _, code := range c.yes {
			if !m.Match(code) {
				t.Errorf("%s does not match %d", c.text, code)
			}
		}
		for _, code := range c.not {
			if m.Match(code) {
				t.Errorf("%s matches %d", c.text, code)
			}
		}
	}
}

func TestMatchersThatAreNone(t *testing.T) {
	for text, want := range map[string]string{
		"":            `matcher "": "" is not a code`,
		"200,":        `matcher "200,": "" is not a code`,
		"204-200":     `matcher "204-200": 204-200 runs backwards`,
		"200-":        `matcher "200-": "" is not a code`,
		"200-204-206": `matcher "200-204-206": "204-206" is not a code`,
		"-1":          `matcher "-1": "" is not a code`,
		"+200":        `matcher "+200": "+200" is not a code`,
		"1000":        `matcher "1000": "1000" is not a code`,
		"2xx":         `matcher "2xx": "2xx" is not a code`,
	} {
		if _, err := ParseMatcher(text); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// FuzzParseMatcher: whatever is taken matches every code it names, and none beyond
// the smallest and the largest of them.
func FuzzParseMatcher(f *testing.F) {
	for _, s := range []string{
		"200", "200-499", "200-204,301", "0", "0-99", "12", "200, 204", "007", "", ",", "-", "204-200", "1000", "２００", "1_0", "0x1",
	} {
		f.Add(s)
	}
	number := regexp.MustCompile(`[0-9]+`)
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseMatcher(s)
		if err != nil {
			return
		}
		low, high := 1000, -1
		for _, text := range number.FindAllString(s, -1) {
			code, _ := strconv.Atoi(text)
			low, high = min(low, code), max(high, code)
			if !m.Match(code) {
				t.Errorf("%q does not match %d", s, code)
			}
		}
		if m.Match(low-1) || m.Match(high+1) || high < 0 {
			t.Errorf("%q matches more than from %d to %d", s, low, high)
		}
	})
}
