// Command licences prints the licences and notices of what a program links, the Go
// standard library among it: licences ./cmd/balanced. GOOS, GOARCH and GOFLAGS say
// which program. The same text is printed once, below all that it is for.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

// pkg is what go list says of a package.
type pkg struct {
	ImportPath, Dir string
	Standard        bool
	Module          *struct {
		Path, Version, Dir string
		Main               bool
	}
}

func run(programs []string, w io.Writer) error {
	all, err := linked(programs)
	if err != nil {
		return err
	}
	// One text, and the modules it is for.
	owners := map[string]map[string]bool{}
	for _, p := range all {
		if p.Module == nil || p.Module.Main {
			continue
		}
		owner := p.Module.Path + " " + p.Module.Version
		texts, err := above(p.Dir, p.Module.Dir)
		if err != nil {
			return err
		}
		if len(texts) == 0 {
			return fmt.Errorf("%s: no licence found", owner)
		}
		add(owners, owner, texts)
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("go env GOROOT: %w", err)
	}
	texts, err := in(strings.TrimSpace(string(root)))
	if err != nil {
		return err
	}
	add(owners, "Go "+strings.TrimPrefix(runtime.Version(), "go")+", its standard library and runtime", texts)
	return print(w, owners)
}

func linked(programs []string) ([]pkg, error) {
	out, err := exec.Command("go", append([]string{"list", "-deps", "-json=ImportPath,Dir,Standard,Module"}, programs...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p pkg
		if err := dec.Decode(&p); err != nil {
			return nil, fmt.Errorf("read go list: %w", err)
		}
		if !p.Standard {
			all = append(all, p)
		}
	}
	return all, nil
}

func add(owners map[string]map[string]bool, owner string, texts []string) {
	for _, text := range texts {
		if owners[text] == nil {
			owners[text] = map[string]bool{}
		}
		owners[text][owner] = true
	}
}

// above are the texts from a package's folder up to its module's: parts of a module
// may have a licence of their own.
func above(dir, module string) ([]string, error) {
	var all []string
	for {
		texts, err := in(dir)
		if err != nil {
			return nil, err
		}
		all = append(all, texts...)
		if dir == module || len(dir) <= len(module) {
			return all, nil
		}
		dir = filepath.Dir(dir)
	}
}

var licence = regexp.MustCompile(`(?i)^(LICEN[CS]E|COPYING|NOTICE|PATENTS)([.-].*)?$`)

func in(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, e := range entries {
		if e.IsDir() || !licence.MatchString(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		all = append(all, strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")))
	}
	return all, nil
}

// print is in the order of the first module of each text.
func print(w io.Writer, owners map[string]map[string]bool) error {
	var blocks []string
	for text, whose := range owners {
		names := slices.Sorted(maps.Keys(whose))
		blocks = append(blocks, strings.Join(names, "\n")+"\n\n"+text+"\n")
	}
	slices.Sort(blocks)
	rule := strings.Repeat("-", 72) + "\n"
	_, err := io.WriteString(w, strings.Join(blocks, "\n"+rule))
	return err
}
