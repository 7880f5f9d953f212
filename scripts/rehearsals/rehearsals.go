// Package rehearsals holds the scenarios that come with balanced-lab.
package rehearsals

import "embed"

// Files are the scenarios, by name with .yaml.
//
//go:embed *.yaml
var Files embed.FS
