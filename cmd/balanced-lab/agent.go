package main

import (
	"os"
	"os/exec"
	"path/filepath"
)

// findAgent is the absolute path of an agent that can be run under its own name.
func findAgent(given string) (string, error) {
	candidates := []string{given}
	if given == "" {
		self, err := os.Executable()
		if err != nil {
			return "", err
		}
		candidates = []string{filepath.Join(filepath.Dir(self), "balanced"), "balanced"}
	}
	for _, c := range candidates {
		if path, err := exec.LookPath(c); err == nil && filepath.Base(path) == "balanced" {
			return filepath.Abs(path)
		}
	}
	if given != "" {
		return "", misused("--balanced %s: no program named balanced there", given)
	}
	return "", misused("no balanced beside balanced-lab or on the PATH; make build puts both in bin")
}
