package lab

import (
	"fmt"
	"slices"
	"strings"
)

// Instance is one instance of the fleet and where it finds AWS.
type Instance struct {
	ID       string `json:"id"`
	Zone     string `json:"zone"`
	State    string `json:"state"`
	Region   string `json:"region"`
	API      string `json:"api"`
	Metadata string `json:"metadata"`
	App      string `json:"app"` // where its server answers

	token string // of the lab
}

// vars are what makes a process believe that it runs on the instance. The agent takes
// the Region from IMDS; the AWS CLI has to be told, version 1 by this name.
func (i Instance) vars() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + i.API,
		"AWS_EC2_METADATA_SERVICE_ENDPOINT=" + i.Metadata,
		"AWS_DEFAULT_REGION=" + i.Region,
	}
}

// foreign are settings of the caller's that would win over those of the instance: its
// own credentials, Region, and endpoints per service.
func foreign() []string {
	return []string{
		"AWS_REGION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
		"AWS_ENDPOINT_URL_AUTO_SCALING", "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING",
		"AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2", "AWS_ENDPOINT_URL_STS",
	}
}

// noFiles keeps the caller's own profiles out: a default profile there would sign.
func noFiles() []string {
	return []string{"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null"}
}

// Line sets the variables in one line that can be pasted into a shell.
func (i Instance) Line() string { return "export " + strings.Join(i.vars(), " ") }

// Export is a script for eval: the variables, and away with what would win over them.
func (i Instance) Export() string {
	var b strings.Builder
	fmt.Fprintf(&b, "unset %s\n", strings.Join(foreign(), " "))
	for _, v := range slices.Concat(i.vars(), noFiles(), i.labVars()) {
		name, value, _ := strings.Cut(v, "=")
		fmt.Fprintf(&b, "export %s=%s\n", name, quote(value))
	}
	return b.String()
}

// Environ is an environment for a process on the instance, made from another: all
// AWS settings in it are replaced.
func (i Instance) Environ(from []string) []string {
	env := slices.DeleteFunc(slices.Clone(from), func(v string) bool { return strings.HasPrefix(v, "AWS_") })
	return slices.Concat(env, i.vars(), noFiles(), i.labVars())
}

// labVars let a command on the instance find the lab.
func (i Instance) labVars() []string {
	return []string{instanceVar + "=" + i.ID, urlVar + "=" + i.API, tokenVar + "=" + i.token}
}

// quote makes one word of the shell out of any text.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
