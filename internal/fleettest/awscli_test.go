package fleettest

import "testing"

func TestAnAWSCLIThatWouldAskTheRealAWSIsNotTaken(t *testing.T) {
	for said, want := range map[string]bool{
		"aws-cli/1.45.11 Python/3.11.7 Linux/6.18.44 botocore/1.43.11":   true,
		"aws-cli/1.29.0 Python/3.8.10 Linux/5.4 botocore/1.31.0":         true,
		"aws-cli/1.28.9 Python/3.8.10 Linux/5.4 botocore/1.30.9":         false,
		"aws-cli/2.9.19 Python/3.11.2 Linux/6.1 source/x86_64.debian.12": false,
		"aws-cli/2.13.0 Python/3.11.4 Linux/6.1 exe/x86_64.debian.12":    true,
		"aws-cli/3.0.0 Python/3.13.0 Linux/6.1 exe/x86_64.debian.13":     true,
		"aws-cli/2.x":                   false,
		"aws: command not understood\n": false,
		"":                              false,
	} {
		if got := takesEndpoint(said); got != want {
			t.Errorf("%q: %v, want %v", said, got, want)
		}
	}
}
