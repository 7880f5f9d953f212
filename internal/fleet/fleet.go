// Package fleet is one moment of a fleet as plain values: the members of an Auto Scaling group, what its load
// balancers say about them, who is out of service, and the arithmetic on it: health, capacity, the minimum, slots,
// the order of holders, zones and drain times.
//
// It knows no context, clock, log or network: the same values give the same answer on every host that reads them.
package fleet
