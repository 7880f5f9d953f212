package rehearsal

import (
	"fmt"
	"os"
	"testing"

	"balanced/internal/lab/host"
)

// TestMain lets this binary be the servers of the instances too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "app" {
		if err := host.Main(os.Args[2:], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}
