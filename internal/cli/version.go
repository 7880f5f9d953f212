package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

// release is set by the linker for packages: -X balanced/internal/cli.release=1.2.3.
var release string

// version is the release, else the module's version, else the commit it was built from.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return built(info)
}

func built(info *debug.BuildInfo) string {
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	set := map[string]string{}
	for _, s := range info.Settings {
		set[s.Key] = s.Value
	}
	revision := set["vcs.revision"]
	if revision == "" {
		return "devel"
	}
	if len(revision) > 12 {
		revision = revision[:12]
	}
	if set["vcs.modified"] == "true" {
		revision += "-dirty"
	}
	return revision
}

func (p *program) versionCommand() *cli.Command {
	return p.command(cli.Command{Name: "version", Usage: "print the version", Flags: []cli.Flag{outputFlag()}}, p.version)
}

func (p *program) version(c *cli.Context) error {
	v := p.values(c)
	asJSON := v.oneOf("output") == "json"
	if err := v.err(); err != nil {
		return err
	}
	if asJSON {
		return ignore(writeJSON(p.stdout, map[string]string{
			"version": version(), "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH,
		}))
	}
	_, err := fmt.Fprintf(p.stdout, "balanced %s (%s, %s/%s)\n%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH, whereItRuns)
	return ignore(err)
}

// whereItRuns is in the version for whoever has a binary for another system in hand.
const whereItRuns = "Linux on the instance; other systems for the lab"

// elsewhere warns whoever moves an instance from another system than Linux; "" on Linux.
func elsewhere(goos string) string {
	if goos == "linux" {
		return ""
	}
	text := "on " + goos + " balanced is for the lab: nothing keeps two runs on this host apart"
	if goos == "windows" {
		text += ", and a signal does not reach what COMMAND started"
	}
	return text
}

// ignore is for a stdout whose reader has gone: nothing is left to say to it.
func ignore(error) error { return nil }
