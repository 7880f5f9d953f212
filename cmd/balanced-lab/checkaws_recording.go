package main

import (
	"os"

	"balanced/internal/sim"
)

// readRecording reads the file of --from; "" is none.
func readRecording(path string) (*sim.Recording, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, usageErrorf("--from: %v", err)
	}
	defer f.Close()
	rec, err := sim.ReadRecording(f)
	if err != nil {
		return nil, usageErrorf("--from %s: %v", path, err)
	}
	return rec, nil
}
