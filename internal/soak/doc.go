// Package soak runs seeded fleets: a simulated Region and real agents in virtual time, with everything going wrong that a
// seed decides, and the promises checked against the Region's own state. It holds tests only: make soak runs many seeds,
// make soak SEED=n replays one with its event log, which is the same each time.
package soak
