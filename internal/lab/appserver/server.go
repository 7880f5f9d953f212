// Package appserver is what runs on a simulated instance: a web server in a process of its
// own, which is stopped and started as a deploy would do it.
package appserver

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
	// HealthPath is the path of health checks. The answer is 200, 503 while the server warms
	// up, or 500 from a bad version.
	HealthPath = "/health"
	// SlowPath is answered bit by bit, over as many seconds as its query says.
	SlowPath = "/slow"
	// VersionHeader has the version, in every answer.
	VersionHeader = "X-Lab-Version"
)

// Release is what a deploy installs on an instance.
type Release struct {
	Version string
	Bad     bool          // it fails every health check and every other request
	WarmUp  time.Duration // how long it answers 503 after its start
}

func (r Release) args(listen string) []string {
	args := []string{"--listen", listen, "--version", r.Version, "--warm-up", r.WarmUp.String()}
	if r.Bad {
		args = append(args, "--bad")
	}
	return args
}

// Main is the server process. It prints "ready" to stdout when it listens. It ends at the end
// of stdin, so it does not outlive the process that started it, even one that was killed.
func Main(args []string, stdin io.Reader, stdout io.Writer) error {
	var r Release
	flags := flag.NewFlagSet("app", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:0", "address")
	flags.StringVar(&r.Version, "version", "v1", "version that the answers have")
	flags.DurationVar(&r.WarmUp, "warm-up", 0, "how long it answers 503")
	flags.BoolVar(&r.Bad, "bad", false, "never become healthy")
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

// slow sends one line every 100 ms.
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
		http.NewResponseController(w).Flush() // so that the client notices if the answer is cut off
		select {
		case <-tick.C:
		case <-end:
			return
		case <-req.Context().Done():
			return
		}
	}
}
