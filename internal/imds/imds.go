// Package imds says who this instance is and what is planned for it, from the
// instance metadata service, version 2 only. It speaks plain values: no AWS SDK type
// leaves it.
package imds

// Identity is who this instance is.
type Identity struct {
	Instance, Zone, Region, Account, Type string
	PrivateIP                             string // IPv4; empty on a host that has IPv6 only
	IPv6                                  string // the primary one; empty where there is none
}
