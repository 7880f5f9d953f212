package lab

import (
	"fmt"
	"os"
	"testing"

	"balanced/internal/lab/appserver"
)

// TestMain makes this binary the server process if its first argument is app.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "app" {
		if err := appserver.Main(os.Args[2:], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}
