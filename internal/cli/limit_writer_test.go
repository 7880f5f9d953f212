package cli

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLimitWriter(t *testing.T) {
	var b bytes.Buffer
	r := &limitWriter{w: &b, left: 100, more: moreOmitted}
	for _, line := range []string{"short\n", string(bytes.Repeat([]byte("x"), 90)) + "\n", "after\n"} {
		if n, err := r.Write([]byte(line)); n != len(line) || err != nil {
			t.Errorf("%d, %v: a full log must not fail", n, err)
		}
	}
	if diff := cmp.Diff("short\n"+moreOmitted, b.String()); diff != "" {
		t.Errorf("what came through (-want +got):\n%s", diff)
	}
}
