package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"balanced/internal/conform"
)

// directClient uses no proxy: the metadata service is on the link.
func directClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil
	return &http.Client{Transport: t}
}

// confirm asks before the first move. No answer is no.
func confirm(ctx context.Context, from io.Reader, to io.Writer, plan conform.Plan) error {
	fmt.Fprintf(to, "Move instances of group %s into Standby and back (%s)?\nThis takes about %s. yes or no: ",
		plan.Group, strings.Join(plan.Members, ", "), plan.Longest.Round(time.Minute))
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(from).ReadString('\n')
		answer <- strings.TrimSpace(line)
	}()
	select {
	case text := <-answer:
		if text == "yes" || text == "y" {
			return nil
		}
		return usageErrorf("no move was made; answer yes, or give --yes")
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// words are the verdicts for people.
var words = map[conform.Verdict]string{
	conform.AsModelled: "as modelled", conform.Different: "different", conform.New: "newly known", conform.NotTried: "not tried",
}

// printReport prints a line per fact, with more where it is not as modelled, and the measurements.
func printReport(w io.Writer, r *conform.Report) {
	widest := 0
	for _, f := range r.Facts {
		widest = max(widest, len(f.ID))
	}
	for _, f := range r.Facts {
		detail := ""
		switch f.Verdict {
		case conform.NotTried:
			continue
		case conform.New:
			detail = fmt.Sprintf("%s; in the Region: %s", f.Observed, f.Knob)
		case conform.Different:
			detail = f.Observed
		}
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%-11s  %-*s  %s", words[f.Verdict], widest, f.ID, detail), " "))
		if f.Verdict == conform.Different {
			fmt.Fprintf(w, "%-11s  %-*s  in the Region: %s\n", "", widest, "", f.Modelled)
		}
	}
	printNotTried(w, r.Facts)
	printMeasurements(w, r.Measurements)
	fmt.Fprintf(w, "%d as modelled, %d different, %d newly known, %d not tried\n",
		r.Count(conform.AsModelled), r.Count(conform.Different), r.Count(conform.New), r.Count(conform.NotTried))
}

// printNotTried prints a line per reason.
func printNotTried(w io.Writer, facts []conform.Result) {
	var reasons []string
	of := map[string][]string{}
	for _, f := range facts {
		if f.Verdict != conform.NotTried {
			continue
		}
		if of[f.Reason] == nil {
			reasons = append(reasons, f.Reason)
		}
		of[f.Reason] = append(of[f.Reason], f.ID)
	}
	for _, reason := range reasons {
		which := strings.Join(of[reason], ", ")
		if n := len(of[reason]); n > 4 {
			which = plural(n, "fact", "facts")
		}
		fmt.Fprintf(w, "%-11s  %s: %s\n", words[conform.NotTried], which, reason)
	}
}

func printMeasurements(w io.Writer, m conform.Measurements) {
	if len(m.ReadLag) == 0 {
		return
	}
	fmt.Fprintf(w, "\nread lag after a move, looked at every %gs:\n", m.Resolution)
	for _, call := range slices.Sorted(maps.Keys(m.ReadLag)) {
		lag := m.ReadLag[call]
		fmt.Fprintf(w, "  %-28s  at most %gs; first to show it in %d of %d\n", call, lag.Max, lag.First, len(lag.Samples))
	}
	for _, d := range m.Drains {
		fmt.Fprintf(w, "  %-28s  drained from %gs to %gs, delay %gs\n", d.LoadBalancer, d.Began, d.Ended, d.Delay)
	}
	for _, times := range []struct {
		what    string
		seconds []float64
	}{{"EnterStandby to Standby", m.Standby}, {"ExitStandby to InService", m.InService}, {"ExitStandby to healthy", m.Healthy}} {
		if len(times.seconds) > 0 {
			fmt.Fprintf(w, "  %-28s  %s\n", times.what, strings.Trim(strings.ReplaceAll(fmt.Sprint(times.seconds), " ", "s, "), "[]")+"s")
		}
	}
	fmt.Fprintln(w)
}
