package format

import (
	"os/exec"
	"testing"
	"time"
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
		"a\nb\tc": "a b c", "red\x1b[31m": "red [31m", "c1\u009b2J": "c1 2J", "bidi\u202etxt": "bidi txt", "\xff": "", " a  b ": "a b",
	} {
		if got := OneLine(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}
