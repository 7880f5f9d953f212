package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/urfave/cli/v2"

	"balanced/internal/conform"
)

// Exit codes of check-aws besides those of every command.
const (
	exitDifferent   = 3
	exitDenied      = 77
	exitNotReady    = 78
	exitNotRestored = 82
)

// checkEnd is an end of check-aws with an exit code of its own.
type checkEnd struct {
	code int
	err  error
}

func (e checkEnd) Error() string { return strings.ReplaceAll(e.err.Error(), "\n", "; ") }
func (e checkEnd) Unwrap() error { return e.err }

func checkAWSCommand() *cli.Command {
	return command(cli.Command{
		Name:  "check-aws",
		Usage: "check that the simulated Region is like AWS, with your own credentials",
		Description: "Checks the facts about AWS that the simulated Region is built on (docs/fidelity.md) where the AWS settings of the\n" +
			"environment point to: a Region of AWS, or an emulator. Without --moves it sends describe calls only.\n\n" +
			"With --moves it takes instances of one Auto Scaling group into Standby and back, two at the same moment too, tries what\n" +
			"AWS has to refuse (with Launch suspended and MaxSize lowered for some seconds), and lets one instance be replaced where\n" +
			"MaxSize leaves room. The group must be tagged " + conform.MovesTag + "=yes; scripts/check-aws makes one. It is left as it was found, also\n" +
			"after Ctrl-C.\n\n" +
			"Exit codes: 0; 3 something differs; 64 usage; 69 AWS cannot be reached; 77 not allowed; 78 the group cannot be used;\n" +
			"82 the group could not be left as it was found; 128 and its number for a signal.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "group", Usage: "`NAME` of the Auto Scaling group to look at; default: the first one with an instance"},
			&cli.BoolFlag{Name: "moves", Usage: "move instances of the group, which must be tagged " + conform.MovesTag + "=yes"},
			&cli.BoolFlag{Name: "yes", Usage: "do not ask before the first move"},
			&cli.BoolFlag{Name: "on-instance", Usage: "check the metadata service of this instance too"},
			&cli.IntFlag{Name: "samples", Value: 3, Usage: "measure the read lag on `N` moves out and back"},
			&cli.DurationFlag{Name: "settle", Value: 10 * time.Second, Usage: "`TIME` that AWS's reads may take to catch up with a move"},
			&cli.StringSliceFlag{Name: "hold", Usage: "keep requests to `URL`, which answers late, open while an instance leaves"},
			&cli.StringSliceFlag{Name: "fact", Usage: "check only the fact `ID`"},
			&cli.StringFlag{Name: "json", Usage: "write what was found, without account ids and keys, to `FILE`"},
		},
	}, 0, checkAWS)
}

func checkAWS(c *cli.Context) error {
	o, err := checkOptions(c)
	if err != nil {
		return err
	}
	file, err := openOutput("json", c.String("json"))
	if err != nil {
		return err
	}
	defer file.discard()
	if o.Config, err = awsSettings(c.Context, c.Bool("on-instance")); err != nil {
		return err
	}
	report, err := conform.Run(c.Context, o)
	if report != nil {
		printReport(c.App.Writer, report)
		err = errors.Join(err, file.write(report.Write))
	}
	return checkOutcome(report, err)
}

// checkOptions are the flags.
func checkOptions(c *cli.Context) (conform.Options, error) {
	o := conform.Options{
		Group: c.String("group"), Moves: c.Bool("moves"), Hold: c.StringSlice("hold"), Only: c.StringSlice("fact"), Samples: c.Int("samples"),
		Times:    conform.Times{Settle: c.Duration("settle")},
		Progress: func(line string) { fmt.Fprintf(c.App.ErrWriter, "%s  %s\n", time.Now().Format(time.TimeOnly), line) },
	}
	switch {
	case o.Moves && o.Group == "":
		return o, usageErrorf("--moves: name the group with --group")
	case c.Duration("settle") <= 0 || c.Duration("settle") > time.Hour:
		return o, usageErrorf("--settle %s: want more than 0s, at most 1h", c.Duration("settle"))
	case o.Samples < 1 || o.Samples > 50:
		return o, usageErrorf("--samples %d: want 1 to 50", o.Samples)
	}
	for _, id := range o.Only {
		if !knownFact(id) {
			return o, usageErrorf("--fact %s: there is no such fact; docs/fidelity.md lists them", id)
		}
	}
	if !c.Bool("yes") {
		o.Confirm = func(plan conform.Plan) error { return confirm(c.Context, c.App.Reader, c.App.ErrWriter, plan) }
	}
	if c.Bool("on-instance") {
		o.Metadata = metadataService()
	}
	return o, nil
}

func knownFact(id string) bool {
	for _, f := range conform.Facts() {
		if f.ID == id {
			return true
		}
	}
	return false
}

// awsSettings are the SDK's own, from the environment, shared files or the instance's role. On an
// instance the default Region is its own.
func awsSettings(ctx context.Context, onInstance bool) (aws.Config, error) {
	var options []func(*config.LoadOptions) error
	if onInstance {
		options = append(options, config.WithEC2IMDSRegion())
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	switch {
	case err != nil:
		return cfg, checkEnd{exitNotReady, fmt.Errorf("AWS settings: %w", err)}
	case cfg.Region == "":
		return cfg, checkEnd{exitNotReady, errors.New("no Region is set; set AWS_REGION")}
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil && ctx.Err() == nil {
		return cfg, checkEnd{exitDenied, fmt.Errorf("no AWS credentials; set AWS_PROFILE, or run `aws sso login`: %w", err)}
	}
	return cfg, nil
}

// checkOutcome is the end of a run as an error with its exit code.
func checkOutcome(report *conform.Report, err error) error {
	for _, end := range []struct {
		is   error
		code int
	}{
		{conform.ErrNotRestored, exitNotRestored},
		{conform.ErrDenied, exitDenied},
		{conform.ErrNotReady, exitNotReady},
		{conform.ErrUnreachable, exitNoLab},
	} {
		if errors.Is(err, end.is) {
			return checkEnd{end.code, err}
		}
	}
	if err != nil || report == nil {
		return err
	}
	if n := report.Count(conform.Different); n > 0 {
		return checkEnd{exitDifferent, fmt.Errorf("%s; keep the file of --json: the Region has to follow it", plural(n, "fact differs", "facts differ"))}
	}
	return nil
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// metadataEndpoint is where the metadata service is on EC2 (EC2 User Guide, "Use the Instance Metadata
// Service").
const metadataEndpoint = "http://169.254.169.254"

func metadataService() *conform.Metadata {
	m := &conform.Metadata{Endpoint: os.Getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT"), HTTP: directClient()}
	if m.Endpoint == "" {
		m.Endpoint = metadataEndpoint
	}
	return m
}
