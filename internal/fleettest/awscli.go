package fleettest

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// AWSCLI finds the AWS CLI on the PATH, if it is one that AWS_ENDPOINT_URL can point at a
// simulated Region: 1.29, 2.13, or newer (AWS SDKs and Tools Reference Guide,
// service-specific endpoints). An older one would ask the real AWS.
func AWSCLI() (path string, err error) {
	path, err = exec.LookPath("aws")
	if err != nil {
		return "", fmt.Errorf("no AWS CLI: %w", err)
	}
	said, err := exec.Command(path, "--version").CombinedOutput() // old ones say it on stderr
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", path, err)
	}
	if !takesEndpoint(string(said)) {
		return "", fmt.Errorf("the AWS CLI is too old for AWS_ENDPOINT_URL: %s", strings.TrimSpace(string(said)))
	}
	return path, nil
}

// takesEndpoint reads "aws-cli/1.45.11 Python/3.11.7 ...".
func takesEndpoint(said string) bool {
	_, version, _ := strings.Cut(said, "aws-cli/")
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	if err1 != nil || err2 != nil {
		return false
	}
	return major > 2 || major == 2 && minor >= 13 || major == 1 && minor >= 29
}
