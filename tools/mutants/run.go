package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/tools/go/packages"
)

// switchSource is the package that the changed files import.
const switchSource = `// Package mutantswitch turns changes on.
package mutantswitch

import (
	"os"
	"strconv"
	"sync"
)

var (
	active, _ = strconv.Atoi(os.Getenv("MUTANT"))
	trace     = os.Getenv("MUTANT_TRACE")
	mu        sync.Mutex
	reached   = map[int]bool{}
)

// On says whether this change is active.
func On(id int) bool {
	if trace != "" {
		note(id)
	}
	return id == active
}

// Any says whether one of these changes is.
func Any(from, to int) bool { return from <= active && active <= to }

// Pick is the first value, or the second where the change is active.
func Pick[T any](id int, was, is T) T {
	if On(id) {
		return is
	}
	return was
}

func note(id int) {
	mu.Lock()
	defer mu.Unlock()
	if reached[id] {
		return
	}
	reached[id] = true
	f, err := os.OpenFile(trace, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		panic(err)
	}
	f.WriteString(strconv.Itoa(id) + "\n")
	f.Close()
}
`

// A suite is the tests of one package, compiled with every switch.
type suite struct {
	pkg, dir string
	binary   string
	tests    []*test
}

// A test is one top-level test.
type test struct {
	name    string
	costs   time.Duration // of a processor, in which a busy machine changes little
	reaches map[int]bool
	noticed int // how many changes so far
}

type session struct {
	options
	module, dir string // the module's root, and a folder of our own
	suites      []*suite
	files       map[string]string
	mu          sync.Mutex
}

// run makes every change to a package, and says whether every one was noticed or is known to change nothing.
func run(ctx context.Context, o options) (bool, error) {
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	root, err := os.Getwd()
	if err != nil {
		return false, err
	}
	s := &session{options: o, module: root, dir: dir}
	all, err := s.instrument(ctx)
	if err != nil {
		return false, err
	}
	known, err := readEquivalent(filepath.Join(root, o.equivalent))
	if err != nil {
		return false, err
	}
	fmt.Printf("%s: %d changes; timing %s\n", o.pkg, len(all), strings.Join(o.tests, ", "))
	for _, name := range o.tests {
		if err := s.prepare(ctx, name); err != nil {
			return false, err
		}
	}
	return s.report(s.tryAll(ctx, all), known, ctx.Err())
}

// instrument writes the package with its switches.
func (s *session) instrument(ctx context.Context) ([]change, error) {
	pkgs, err := packages.Load(&packages.Config{
		Context: ctx, Dir: s.module,
		Mode: packages.NeedName | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedDeps,
	}, s.pkg)
	if err != nil {
		return nil, err
	}
	if len(pkgs) != 1 || len(pkgs[0].Errors) > 0 {
		return nil, fmt.Errorf("%s: want one package that compiles: %v", s.pkg, pkgs)
	}
	files, all := changes(pkgs[0], s.module)
	files[filepath.Join(s.module, "internal/mutantswitch/switch.go")] = switchSource
	s.files = files
	if err := s.overlay("switches", files); err != nil {
		return nil, err
	}
	return chosen(all, s.only), nil
}

// chosen are the changes that contain one of these texts, in the order of the texts.
func chosen(all []change, only []string) []change {
	rank := func(c change) int {
		return slices.IndexFunc(only, func(text string) bool { return strings.Contains(c.key(), text) })
	}
	if len(only) > 0 {
		all = slices.DeleteFunc(all, func(c change) bool { return rank(c) < 0 })
	}
	slices.SortStableFunc(all, func(a, b change) int { return cmp.Compare(rank(a), rank(b)) })
	return all
}

// overlay writes files that stand in for others, and the list of them that the go command reads.
func (s *session) overlay(name string, files map[string]string) error {
	replace := map[string]string{}
	for path, text := range files {
		to := filepath.Join(s.dir, name+"-"+strings.ReplaceAll(strings.TrimPrefix(path, s.module+"/"), "/", "-"))
		if _, err := format.Source([]byte(text)); err != nil {
			return fmt.Errorf("%s does not parse any more: %w", path, err)
		}
		if err := os.WriteFile(to, []byte(text), 0o644); err != nil {
			return err
		}
		replace[path] = to
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.dir, name+".json"), list, 0o644)
}

// compile compiles a package's tests with an overlay.
func (s *session) compile(ctx context.Context, pkg, overlay, to string) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", filepath.Join(s.dir, overlay+".json"), "-o", to, pkg)
	cmd.Dir = s.module
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s with changes does not compile: %w\n%s", pkg, err, out)
	}
	return nil
}

// prepare compiles a package's tests, and runs each once to see how long it takes and what it reaches.
func (s *session) prepare(ctx context.Context, pkg string) error {
	su := &suite{pkg: pkg, dir: filepath.Join(s.module, pkg), binary: filepath.Join(s.dir, strings.ReplaceAll(strings.Trim(pkg, "./"), "/", "-")+".tests")}
	if err := s.compile(ctx, pkg, "switches", su.binary); err != nil {
		return err
	}
	list := exec.CommandContext(ctx, su.binary, "-test.list", "^(Test|Fuzz|Example)")
	list.Dir = su.dir
	names, err := list.Output()
	if err != nil {
		return fmt.Errorf("list the tests of %s: %w", pkg, err)
	}
	for _, name := range strings.Fields(string(names)) {
		su.tests = append(su.tests, &test{name: name})
	}
	s.suites = append(s.suites, su)
	errs := make([]error, len(su.tests))
	s.each(len(su.tests), func(i int) { errs[i] = su.time(ctx, su.tests[i], filepath.Join(s.dir, fmt.Sprint("trace-", i))) })
	su.tests = slices.DeleteFunc(su.tests, func(t *test) bool { return s.quick > 0 && t.costs > s.quick })
	return errors.Join(errs...)
}

// each does n things, some at a time.
func (s *session) each(n int, do func(i int)) {
	var all sync.WaitGroup
	slots := make(chan struct{}, s.parallel)
	for i := range n {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			do(i)
		})
	}
	all.Wait()
}

// time runs a test without any change.
func (su *suite) time(ctx context.Context, t *test, trace string) error {
	out, costs, err := su.exec(ctx, su.binary, 10*time.Minute, []string{"MUTANT_TRACE=" + trace}, t.name)
	if err != nil {
		return fmt.Errorf("%s of %s fails without any change: %w\n%s", t.name, su.pkg, err, out)
	}
	t.costs, t.reaches = max(costs-start, time.Millisecond), map[int]bool{}
	ids, err := os.ReadFile(trace)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	_ = os.Remove(trace)
	for _, id := range strings.Fields(string(ids)) {
		n, err := strconv.Atoi(id)
		if err != nil {
			return err
		}
		t.reaches[n] = true
	}
	return nil
}

// start is about what a process costs before its first test.
const start = 30 * time.Millisecond

// exec runs some tests in a process of their own, and says what that cost of a processor.
func (su *suite) exec(ctx context.Context, binary string, limit time.Duration, env []string, names ...string) (string, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for i, name := range names {
		names[i] = regexp.QuoteMeta(name)
	}
	cmd := exec.CommandContext(ctx, binary, "-test.failfast", "-test.run", "^("+strings.Join(names, "|")+")$")
	cmd.Dir = su.dir
	cmd.Env = append(os.Environ(), env...)
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if cmd.ProcessState == nil {
		return out.String(), 0, err
	}
	return out.String(), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), err
}

// A result is what became of a change.
type result struct {
	change
	by string // the first test that failed; empty: it survived
}

// notTried is what became of a change after an interruption.
const notTried = "not tried"

func (s *session) tryAll(ctx context.Context, all []change) []result {
	results := make([]result, len(all))
	s.each(len(all), func(i int) {
		by := s.try(ctx, all[i])
		results[i] = result{all[i], by}
		if (s.verbose || by == "") && by != notTried {
			s.mu.Lock()
			defer s.mu.Unlock()
			fmt.Printf("%s:%d %s: %s\n", all[i].file, all[i].line, cmp.Or(by, "SURVIVED"), all[i].key())
		}
	})
	return results
}

// try makes one change, and says which test noticed it.
func (s *session) try(ctx context.Context, c change) string {
	for _, su := range s.suites {
		if ctx.Err() != nil {
			return notTried
		}
		binary := su.binary
		if c.constant != "" {
			binary = filepath.Join(s.dir, fmt.Sprintf("constant-%d-%s", c.id, filepath.Base(su.binary)))
			if err := s.compileConstant(ctx, su, c, binary); err != nil {
				return "the compiler"
			}
			defer os.Remove(binary)
		}
		for _, batch := range s.batches(su, c) {
			if by := s.failing(ctx, su, binary, c, batch); by != "" {
				return by
			}
		}
	}
	return ""
}

func (s *session) compileConstant(ctx context.Context, su *suite, c change, to string) error {
	name := fmt.Sprintf("constant-%d", c.id)
	if err := s.overlay(name, map[string]string{filepath.Join(s.module, c.file): c.constant}); err != nil {
		return err
	}
	return s.compile(ctx, su.pkg, name, to)
}

// batches are the tests that reach a change: those that notice much for their time first, so that most changes are done
// with quickly.
func (s *session) batches(su *suite, c change) [][]*test {
	s.mu.Lock()
	defer s.mu.Unlock()
	var near []*test
	for _, t := range su.tests {
		if t.reaches[c.id] || c.constant != "" {
			near = append(near, t)
		}
	}
	slices.SortFunc(near, func(a, b *test) int {
		return cmp.Compare(a.costs/time.Duration(1+a.noticed), b.costs/time.Duration(1+b.noticed))
	})
	var all [][]*test
	for limit := 60 * time.Millisecond; len(near) > 0; limit *= 3 {
		var sum time.Duration
		n := 0
		for n < len(near) && (n == 0 || sum+near[n].costs <= limit) {
			sum += near[n].costs
			n++
		}
		all = append(all, near[:n])
		near = near[n:]
	}
	return all
}

var failed = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)

// failing runs tests with a change, and says which one failed.
func (s *session) failing(ctx context.Context, su *suite, binary string, c change, batch []*test) string {
	var names []string
	limit := 8 * time.Second
	for _, t := range batch {
		names = append(names, t.name)
		limit += 20 * t.costs
	}
	out, _, err := su.exec(ctx, binary, limit, []string{"MUTANT=" + strconv.Itoa(c.id)}, names...)
	if err == nil {
		return ""
	}
	by := su.pkg + " does not end"
	if found := failed.FindStringSubmatch(out); found != nil {
		by = found[1]
	} else if strings.Contains(out, "panic:") || strings.Contains(out, "fatal error:") {
		by = "a panic in " + su.pkg
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range batch {
		if t.name == by {
			t.noticed++
		}
	}
	return by
}
