package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestOnlySomeKeysEndAWatch(t *testing.T) {
	for keys, want := range map[string]bool{"q": true, "Q": true, "\x03": true, "\x04": true, "abq": true, "abc\r\x1b[A": false, "": false} {
		ctx, quit := context.WithCancelCause(t.Context())
		readKeys(strings.NewReader(keys), quit)
		if got := errors.Is(context.Cause(ctx), errQuit); got != want {
			t.Errorf("%q ends it: %v, want %v", keys, got, want)
		}
		quit(nil)
	}
}

func TestARawTerminalGetsWholeLineEnds(t *testing.T) {
	var b bytes.Buffer
	if n, err := io.WriteString(rawTerminal{&b}, "a\nb\n"); n != 4 || err != nil || b.String() != "a\r\nb\r\n" {
		t.Errorf("%d, %v, %q", n, err, b.String())
	}
}
