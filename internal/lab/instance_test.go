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

func TestExportScriptSetsTheVariablesInAShell(t *testing.T) {
	odd := sample()
	odd.Region = `it's "$HOME"`
	cmd := exec.Command("sh", "-c", odd.ExportScript()+`echo "$AWS_ENDPOINT_URL|$AWS_EC2_METADATA_SERVICE_ENDPOINT|$AWS_DEFAULT_REGION|$AWS_PROFILE"`)
	cmd.Env = []string{"AWS_PROFILE=production", "HOME=/"}
	out, err := cmd.CombinedOutput()
	if want := "http://127.0.0.1:1|http://127.0.0.1:2|" + odd.Region + "|\n"; err != nil || string(out) != want {
		t.Errorf("got %q, %v; want %q: the user's own profile is still set, or a value was run", out, err, want)
	}
}

// A script that is cut off anywhere changes nothing, and eval fails.
func TestPartOfTheExportScriptChangesNothing(t *testing.T) {
	script := sample().ExportScript()
	for cut := 1; cut < len(script)-2; cut += 7 {
		cmd := exec.Command("sh", "-c", `eval "$1"; echo "$? $AWS_PROFILE $AWS_ENDPOINT_URL"`, "sh", script[:cut])
		cmd.Env = []string{"AWS_PROFILE=mine"}
		out, _ := cmd.Output() // some shells exit at a syntax error in eval
		if text := string(out); text != "" && (strings.HasPrefix(text, "0 ") || !strings.HasSuffix(text, " mine \n")) {
			t.Fatalf("the first %d of %d bytes: eval and variables %q, want a failure and mine", cut, len(script), text)
		}
	}
}

func TestEnvironReplacesAllAWSVariables(t *testing.T) {
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
