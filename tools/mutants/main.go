// Mutants changes a package of this module in many small ways, one at a time, and runs the nearest tests: what no test
// notices is printed. Run it from the root of the module, with make mutants.
//
// All changes to expressions and statements are compiled into one test binary, each behind a switch, so that a change
// costs only the run of the tests that reach it. A change to a constant is compiled by itself.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"time"
)

func main() {
	var o options
	with := flag.String("with", "", "packages whose tests are near, too, separated by commas")
	flag.StringVar(&o.pkg, "pkg", "./internal/fleet", "the package to change")
	flag.StringVar(&o.equivalent, "equivalent", "tools/mutants/equivalent.txt", "survivors that are known to change nothing, each with the reason")
	flag.Func("only", "only changes whose line of output contains this; given more than once, in the order given", func(v string) error {
		o.only = append(o.only, v)
		return nil
	})
	flag.IntVar(&o.parallel, "parallel", runtime.NumCPU(), "how many test processes at a time")
	flag.DurationVar(&o.quick, "quick", 0, "leave out tests that take longer than this: what then survives is worth a second run without")
	flag.BoolVar(&o.verbose, "v", false, "print every change, and the test that noticed it")
	flag.Parse()
	o.tests = append([]string{o.pkg}, strings.FieldsFunc(*with, func(r rune) bool { return r == ',' })...)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ok, err := run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

type options struct {
	pkg        string   // as go list names it
	tests      []string // packages, nearest first
	equivalent string   // file
	only       []string
	parallel   int
	quick      time.Duration
	verbose    bool
}
