package main

import (
	"os"
	"os/exec"
	"path/filepath"
)

// findAgent returns the absolute path of balanced: the given one, or else the one beside this
// program, or else the one on the PATH.
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
		return "", usageErrorf("--balanced %s: there is no program named balanced", given)
	}
	return "", usageErrorf("there is no balanced beside balanced-lab or on the PATH; make build puts both in bin")
}
