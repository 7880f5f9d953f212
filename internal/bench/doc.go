// Package bench measures what a run costs: API calls and polls, the time from the end of
// a drain to the exit, and the CPU, memory and size of the binary. It holds tests and
// benchmarks only. What is counted is asserted by make test; what is timed is only
// written down, by make bench, in docs/benchmarks.md.
package bench
