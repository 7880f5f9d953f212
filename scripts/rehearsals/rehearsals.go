// Package rehearsals embeds the scenarios that come with balanced-lab.
package rehearsals

import "embed"

// Files has each scenario as NAME.yaml.
//
//go:embed *.yaml
var Files embed.FS
