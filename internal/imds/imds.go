// Package imds says who this instance is and what is planned for it, from the
// instance metadata service, version 2 only. It speaks plain values: no AWS SDK type
// leaves it.
package imds

// Identity is who this instance is.
type Identity struct {
	Instance, Zone, Region, Account, Type string
	PrivateIP                             string
}
