// Package host is what runs on one simulated instance: a web server in a process of its
// own, which is stopped and started as a deploy does it.
package host

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

const (
	// HealthPath is what load balancers ask for: 200, or 503 while the server warms up,
	// or 500 from a version that is no good.
	HealthPath = "/health"
	// SlowPath answers bit by bit, for as many seconds as its query asks for.
	SlowPath = "/slow"
	// VersionHeader is in every answer.
	VersionHeader = "X-Lab-Version"
)

// Release is what a deploy puts on an instance.
type Release struct {
	Version string
	Bad     bool          // it fails its health checks and every request
	WarmUp  time.Duration // it answers 503 for so long after its start
}

func (r Release) args(listen string) []string {
	args := []string{"--listen", listen, "--version", r.Version, "--warm-up", r.WarmUp.String()}
	if r.Bad {
		args = append(args, "--bad")
	}
	return args
}

// Main is the server process. It says ready on stdout when it listens, and ends when
// stdin does: it does not outlive the process that started it, however that one ends.
func Main(args []string, stdin io.Reader, stdout io.Writer) error {
	var r Release
	flags := flag.NewFlagSet("app", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:0", "address")
	flags.StringVar(&r.Version, "version", "v1", "what it answers with")
	flags.DurationVar(&r.WarmUp, "warm-up", 0, "how long it is not ready")
	flags.BoolVar(&r.Bad, "bad", false, "never healthy")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ln, err := net.Listen("tcp4", *listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: r.handler(time.Now()), ReadHeaderTimeout: 10 * time.Second}
	ctx, end := context.WithCancel(context.Background())
	go func() {
		defer end()
		io.Copy(io.Discard, stdin)
	}()
	context.AfterFunc(ctx, func() { server.Close() })
	fmt.Fprintln(stdout, ready)
	if err := server.Serve(ln); ctx.Err() == nil {
		return err
	}
	return nil
}

const ready = "ready"

func (r Release) handler(started time.Time) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(HealthPath, r.answer)
	mux.HandleFunc(SlowPath, r.slow)
	mux.HandleFunc("/", r.answer)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set(VersionHeader, r.Version)
		switch {
		case time.Since(started) < r.WarmUp:
			http.Error(w, r.Version+" is starting", http.StatusServiceUnavailable)
		case r.Bad:
			http.Error(w, r.Version+" does not work", http.StatusInternalServerError)
		default:
			mux.ServeHTTP(w, req)
		}
	})
}

func (r Release) answer(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, r.Version) }

// slow sends a line ten times a second.
func (r Release) slow(w http.ResponseWriter, req *http.Request) {
	seconds, err := strconv.ParseFloat(req.URL.Query().Get("seconds"), 64)
	if err != nil || seconds < 0 || seconds > 3600 {
		http.Error(w, "seconds: want 0 to 3600", http.StatusBadRequest)
		return
	}
	end := time.After(time.Duration(seconds * float64(time.Second)))
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		fmt.Fprintln(w, r.Version)
		http.NewResponseController(w).Flush() // a cut before the end is seen by the client
		select {
		case <-tick.C:
		case <-end:
			return
		case <-req.Context().Done():
			return
		}
	}
}
