package conform_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"balanced/internal/conform"
	"balanced/internal/procgroup"
)

// motoVersion is the one whose departures from AWS are kept in testdata/moto.txt.
const motoVersion = "5.2.1"

// motoServer starts moto_server on a free port of loopback.
func motoServer(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: moto takes a minute to start")
	}
	version, err := exec.Command("python3", "-c", "import moto, boto3; print(moto.__version__)").Output()
	if err != nil {
		t.Skipf("no Python with moto and boto3: %v", err)
	}
	if got := strings.TrimSpace(string(version)); got != motoVersion {
		t.Skipf("moto is %s; the kept list is of %s", got, motoVersion)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	ln.Close()
	server := exec.Command("python3", "-m", "moto.server", "-H", "127.0.0.1", "-p", fmt.Sprint(port))
	server.SysProcAttr = procgroup.Attr(true)
	stderr, err := server.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Skipf("moto.server: %v", err)
	}
	t.Cleanup(func() {
		server.Process.Kill()
		server.Wait()
	})
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "Running on") {
			go func() { // it logs every request
				for lines.Scan() {
				}
			}()
			return fmt.Sprintf("http://127.0.0.1:%d", port)
		}
	}
	t.Skip("moto.server did not start")
	return ""
}

// inMoto runs a script of boto3.
func inMoto(t *testing.T, endpoint string, script ...string) string {
	t.Helper()
	cmd := exec.Command("python3", script...)
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+endpoint, "AWS_DEFAULT_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", script[0], err, &stderr)
	}
	return stdout.String()
}

func TestTheStackIsCreatedInMoto(t *testing.T) {
	t.Parallel()
	got := inMoto(t, motoServer(t), "testdata/moto_stack.py", "../../scripts/check-aws/stack.yaml")
	if want := "CREATE_COMPLETE 2 3 4\nBucket Group SlowUrl\n" + conform.MovesTag + "=yes\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestMotoDepartsFromAWSWhereItIsKnownTo runs every fact against another emulator: none may crash the
// run, and what differs is a kept list.
func TestMotoDepartsFromAWSWhereItIsKnownTo(t *testing.T) {
	t.Parallel()
	endpoint := motoServer(t)
	inMoto(t, endpoint, "testdata/moto_group.py")
	report, err := conform.Run(t.Context(), conform.Options{
		Config: aws.Config{
			Region: "eu-west-1", BaseEndpoint: &endpoint, HTTPClient: http.DefaultClient,
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "x", SecretAccessKey: "x"}, nil
			}),
		},
		Group: "web", Moves: true, Samples: 1,
		// Nothing takes time in moto, and what does not happen at once never does.
		Times: conform.Times{Tick: 10 * time.Millisecond, Settle: time.Millisecond, Patience: time.Second},
	})
	if report == nil {
		t.Fatal(err)
	}
	t.Logf("the run ended with %v", err) // moto counts wrongly, and so the sizes are not as before
	var got []string
	for _, f := range report.Facts {
		if f.Verdict == conform.Different || f.Verdict == conform.New {
			got = append(got, strings.TrimSpace(f.ID+": "+regexp.MustCompile(`\d{4}-\d\d-\d\d [\d:.]+`).ReplaceAllString(f.Observed, "TIME")))
		}
	}
	kept, err := os.ReadFile("testdata/moto.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSpace(string(kept)), "\n")
	want = slices.DeleteFunc(want, func(line string) bool { return strings.HasPrefix(line, "#") })
	for i, line := range got {
		id, _, _ := strings.Cut(line, ":")
		if slices.Contains(want, id+": *") {
			got[i] = id + ": *" // how far moto has come by then varies
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("moto's departures, kept (-) and found (+):\n%s\nfound:\n%s", diff, strings.Join(got, "\n"))
	}
}
