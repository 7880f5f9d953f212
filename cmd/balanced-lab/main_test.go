package main

import (
	"context"
	"os"
	"testing"
)

// TestMain makes this binary balanced-lab for the commands app and deploy, which tests run as
// processes.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "app" || os.Args[1] == "deploy") {
		os.Exit(run(context.Background(), os.Args, os.Stdout, os.Stderr))
	}
	code := m.Run()
	os.RemoveAll(programsDir)
	os.Exit(code)
}
