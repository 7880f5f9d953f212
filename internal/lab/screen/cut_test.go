package screen

import (
	"strings"
	"testing"
)

func TestRowsAreCutAndTextIsWrapped(t *testing.T) {
	var b strings.Builder
	w := CutRows(&b, 30)
	for _, part := range []string{"INSTANCE   VERSION    EXIT   LOST   NOW\n", "i-1   v1\nstopped at i-1: ", "exit 80; 1 of 4 in Standby\n", "\n"} {
		if _, err := w.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	want := "INSTANCE   VERSION    EXIT   …\ni-1   v1\nstopped at i-1: exit 80; 1 of\n        4 in Standby\n\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}
