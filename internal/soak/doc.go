// Package soak runs seeded fleets: a simulated Region and real agents in virtual time,
// with everything going wrong that a seed decides, and the promises checked against
// the Region's own state. It holds tests only: make soak runs many seeds, make soak
// SEED=n replays one with its event log. Where calls of one process are throttled side by
// side, the scheduler decides which is first, so that two replays may differ: one in five
// seeds does. If a seed that failed passes, replay it some more.
package soak
