package main

import (
	"context"
	"os"
	"testing"
)

// TestMain lets this binary be balanced-lab too: the servers of the instances are
// processes of it, and so is deploy.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "app" || os.Args[1] == "deploy") {
		os.Exit(run(context.Background(), os.Args, os.Stdout, os.Stderr))
	}
	code := m.Run()
	os.RemoveAll(programsDir)
	os.Exit(code)
}
