package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// readEquivalent reads the list of survivors that are known to change nothing: a line "CHANGE | REASON" each, besides
// empty lines and comments.
func readEquivalent(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseEquivalent(path, string(text))
}

func parseEquivalent(path, text string) (map[string]string, error) {
	known := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		at := strings.LastIndex(line, " | ")
		if at < 0 || strings.TrimSpace(line[at+3:]) == "" {
			return nil, fmt.Errorf("%s: no reason: %s", path, line)
		}
		known[strings.TrimSpace(line[:at])] = line[at+3:]
	}
	return known, nil
}

// report prints the survivors and the sums, and says whether all is well.
func (s *session) report(results []result, known map[string]string, interrupted error) (bool, error) {
	noticed, equivalent, tried := 0, 0, 0
	var unexplained, wrong []string
	for _, r := range results {
		_, listed := known[r.key()]
		switch {
		case r.by == notTried:
			continue
		case r.by != "" && listed:
			wrong = append(wrong, fmt.Sprintf("listed as equivalent, but %s noticed: %s", r.by, r.key()))
			noticed++
		case r.by != "":
			noticed++
		case listed:
			equivalent++
		default:
			unexplained = append(unexplained, fmt.Sprintf("%s:%d survived: %s", r.file, r.line, r.key()))
		}
		tried++
	}
	if len(s.only) == 0 && interrupted == nil {
		wrong = append(wrong, stale(results, known)...)
	}
	slices.Sort(unexplained)
	for _, line := range append(unexplained, wrong...) {
		fmt.Println(line)
	}
	fmt.Printf("%s: %d changes tried, %d noticed, %d equivalent, %d unexplained\n", s.pkg, tried, noticed, equivalent, len(unexplained))
	return len(unexplained)+len(wrong) == 0, interrupted
}

// stale are lines of the list about this package that are about no change to it any more.
func stale(results []result, known map[string]string) []string {
	if len(results) == 0 {
		return nil
	}
	folder := results[0].file[:strings.LastIndex(results[0].file, "/")+1]
	made := map[string]bool{}
	for _, r := range results {
		made[r.key()] = true
	}
	var lines []string
	for key := range known {
		rest, here := strings.CutPrefix(key, folder)
		if here && !strings.Contains(strings.Fields(rest)[0], "/") && !made[key] {
			lines = append(lines, "listed as equivalent, but no such change: "+key)
		}
	}
	slices.Sort(lines)
	return lines
}

func readFile(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		panic(err) // the compiler has just read it
	}
	return string(text)
}
