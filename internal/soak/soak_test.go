package soak

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"testing"
	"testing/synctest"
)

var (
	seeds  = flag.Int("seeds", 0, "how many seeds to run; 0: a few, with -short the cheap ones")
	from   = flag.Uint64("from", 1, "the first of them")
	hashes = flag.Bool("hashes", false, "print a hash of each seed's event log and API calls")
	calls  = flag.Bool("calls", false, "log every API call of -seed, too")
	seed   = flag.Uint64("seed", 0, "replay this one seed, with its event log")
)

func TestMain(m *testing.M) {
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		os.Setenv(name, os.DevNull)
	}
	os.Unsetenv("AWS_CA_BUNDLE") // read anew for every process, for nothing
	debug.SetGCPercent(400)
	flag.Parse()
	os.Exit(m.Run())
}

// kept are seeds that found something once: an undo not reported as a move, undos that
// outlasted their budget, one that was told as an unknown state after the instance had been terminated.
var kept = []uint64{199, 1050, 44947, 45857}

// cheap are seeds whose fleets take little time: with -short they are all there is.
var cheap = []uint64{3, 4, 199, 1050, 45857}

// TestSeeds runs seeded fleets and checks every promise against the Region's own
// state. A failing seed prints the line that replays it, and its event log.
func TestSeeds(t *testing.T) {
	testSeeds(t, kept, cheap, draw)
}

// testSeeds runs seeds with the plans that are drawn from them.
func testSeeds(t *testing.T, kept, cheap []uint64, draw func(uint64) plan) {
	eachSeed(t, kept, cheap, 24, func(t *testing.T, seed uint64) string { return replay(t, draw(seed)) })
}

// eachSeed runs the seeds that the flags name and those that are kept, side by side: without flags so many, with -short the
// cheap ones.
func eachSeed(t *testing.T, kept, cheap []uint64, long int, replay func(*testing.T, uint64) string) {
	all, n := slices.Clone(kept), *seeds
	switch {
	case *seed > 0:
		all, n = []uint64{*seed}, 0
	case n == 0 && testing.Short():
		all = cheap
	case n == 0:
		n = long
	}
	for s := *from; s < *from+uint64(n); s++ {
		all = append(all, s)
	}
	logs := make([]string, len(all))
	t.Run("seed", func(t *testing.T) {
		for i, s := range all {
			t.Run(fmt.Sprint(s), func(t *testing.T) {
				t.Parallel()
				logs[i] = replay(t, s)
			})
		}
	})
	if *hashes {
		for i, s := range all {
			fmt.Printf("seed %d %s\n", s, logs[i])
		}
	}
}

// replay runs the plan of one seed, and returns a hash of all that happened.
func replay(t *testing.T, p plan) (hash string) {
	var f *seededRun
	defer func() {
		if f != nil && (t.Failed() || *seed > 0) {
			t.Logf("make soak SEED=%d%s\n%v\n%s", p.seed, p.lock.replayed(), p, f.story())
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		f = newFleet(t, p)
		f.run()
		f.checkEnd()
		hash = f.hash()
		if *seed > 0 && *calls {
			t.Logf("API calls:\n%s", f.asked())
		}
	})
	return hash
}
