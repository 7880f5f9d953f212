package lab

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func sample() Instance {
	return Instance{ID: "i-0a", Zone: "eu-west-1a", Region: "eu-west-1", API: "http://127.0.0.1:1", Metadata: "http://127.0.0.1:2"}
}

func TestExportSetsTheInstancesVariablesInAShell(t *testing.T) {
	odd := sample()
	odd.Region = `it's "$HOME"`
	cmd := exec.Command("sh", "-c", odd.Export()+`echo "$AWS_ENDPOINT_URL|$AWS_EC2_METADATA_SERVICE_ENDPOINT|$AWS_DEFAULT_REGION|$AWS_PROFILE"`)
	cmd.Env = []string{"AWS_PROFILE=production", "HOME=/"}
	out, err := cmd.CombinedOutput()
	if want := "http://127.0.0.1:1|http://127.0.0.1:2|" + odd.Region + "|\n"; err != nil || string(out) != want {
		t.Errorf("got %q, %v; want %q: the caller's own profile would sign, or a value be run", out, err, want)
	}
}

func TestEnvironKeepsTheCallersOwnAWSSettingsOut(t *testing.T) {
	env := sample().Environ([]string{"PATH=/bin", "AWS_PROFILE=production", "AWS_ENDPOINT_URL_STS=https://sts"})
	for _, v := range env {
		if strings.Contains(v, "production") || strings.Contains(v, "https://") {
			t.Errorf("%s is left", v)
		}
	}
	for _, want := range []string{"PATH=/bin", "AWS_ENDPOINT_URL=http://127.0.0.1:1", "BALANCED_LAB_INSTANCE=i-0a"} {
		if !slices.Contains(env, want) {
			t.Errorf("%s is missing in %v", want, env)
		}
	}
}
