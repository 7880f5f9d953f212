package format

import (
	"encoding/json"
	"os/exec"
	"testing"
	"time"
	"unicode"
)

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 400 * time.Millisecond: "0s", 41 * time.Second: "41s", 312 * time.Second: "5m12s",
		12 * time.Minute: "12m", time.Hour: "1h", 2*time.Hour + 5*time.Minute: "2h5m",
		3*time.Hour + time.Second: "3h0m1s", 76 * time.Hour: "3d4h", 72 * time.Hour: "3d",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%s is written %q, want %q", time.Duration(d), got, want)
		}
	}
}

// A shell reads back what was quoted for it.
func TestShellWord(t *testing.T) {
	for _, word := range []string{"web", "web tier; reboot", "it's", "$HOME", "", "a\nb", `back\slash`, "*"} {
		out, err := exec.Command("sh", "-c", "printf %s "+ShellWord(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q is quoted as %s, which a shell reads as %q, %v", word, ShellWord(word), out, err)
		}
	}
	if got := ShellWord("arn:aws:autoscaling:eu-west-1:1:x/web_1.2@a+b,c=d"); got[0] == '\'' {
		t.Errorf("quoted for no reason: %s", got)
	}
}

func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{
		"a\nb\tc": `a\nb\tc`, "red\x1b[31m": `red\x1b[31m`, "c1\u009b2J": `c1\u009b2J`, "bidi\u202etxt": `bidi\u202etxt`, "\xff": `\xff`, " a  b ": "a b",
		"\ufffd": "\ufffd", "Grüße 😀": "Grüße 😀", "it's \"so\"": "it's \"so\"", "tag\U000e0041": `tag\U000e0041`, "a\u200bb": `a\u200bb`, "a\u2028b": `a\u2028b`,
	} {
		if got := OneLine(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

// The escapes are read back as what they stand for.
func TestEscapeJSON(t *testing.T) {
	name := "a\nb\u009b2J\u202e\x7f\u2066 Grüße 😀 \U000e0041 \\u0041 \u00ad"
	text, err := json.MarshalIndent(map[string]string{"name": name}, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	escaped := EscapeJSON(text)
	for _, r := range string(escaped) {
		if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
			t.Errorf("%U is left in %q", r, escaped)
		}
	}
	var back map[string]string
	if err := json.Unmarshal(escaped, &back); err != nil || back["name"] != name {
		t.Errorf("%v: %q, want %q", err, back["name"], name)
	}
}
