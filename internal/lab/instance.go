package lab

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"balanced/internal/format"
)

// Instance is one instance of the fleet, and the endpoints that it uses.
type Instance struct {
	ID       string `json:"id"`
	Zone     string `json:"zone"`
	State    string `json:"state"`
	Region   string `json:"region"`
	API      string `json:"api"`
	Metadata string `json:"metadata"`
	App      string `json:"app"` // URL of its web server
	// Where there is no group: BALANCED_TARGETS and BALANCED_MIN_HEALTHY.
	Targets    string `json:"targets,omitempty"`
	MinHealthy string `json:"min_healthy,omitempty"`

	token string // of the lab
}

// outside makes it know its load balancers where there is no group.
func (i Instance) outside(f *Fleet) Instance {
	if i.Targets = f.Targets(); i.Targets != "" {
		i.MinHealthy = strconv.Itoa(f.Minimum)
	}
	return i
}

// awsVars are the variables that make the SDK of a process believe that it runs on the
// instance. balanced takes the Region from IMDS, but the AWS CLI does not; its version 1
// reads only AWS_DEFAULT_REGION.
func (i Instance) awsVars() []string {
	vars := []string{
		"AWS_ENDPOINT_URL=" + i.API,
		"AWS_EC2_METADATA_SERVICE_ENDPOINT=" + i.Metadata,
		"AWS_DEFAULT_REGION=" + i.Region,
	}
	if i.Targets != "" {
		vars = append(vars, "BALANCED_TARGETS="+i.Targets, "BALANCED_MIN_HEALTHY="+i.MinHealthy)
	}
	return vars
}

// overridingVars are variables that take precedence over those of the instance:
// credentials, the Region, and the endpoints of single services (AWS SDKs and Tools
// Reference Guide, "Settings reference").
func overridingVars() []string {
	return []string{
		"AWS_REGION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
		"AWS_ENDPOINT_URL_AUTO_SCALING", "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING",
		"AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2", "AWS_ENDPOINT_URL_STS",
	}
}

// noConfigFiles keeps the SDK from reading the user's own files, whose default profile would
// take precedence over the role of the instance.
func noConfigFiles() []string {
	return []string{"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null"}
}

// ExportLine is one line that sets the variables when it is pasted into a shell.
func (i Instance) ExportLine() string { return "export " + strings.Join(i.awsVars(), " ") }

// ExportScript is a script for eval that sets the variables and unsets those that would take
// precedence. It is one compound command: a shell that gets only a part of it reports a
// syntax error and changes nothing.
func (i Instance) ExportScript() string {
	var b strings.Builder
	fmt.Fprintf(&b, "{ unset %s\n", strings.Join(overridingVars(), " "))
	for _, v := range slices.Concat(i.awsVars(), noConfigFiles(), i.labVars()) {
		name, value, _ := strings.Cut(v, "=")
		fmt.Fprintf(&b, "export %s=%s\n", name, format.ShellWord(value))
	}
	b.WriteString("}\n")
	return b.String()
}

// Environ returns the environment of a process on the instance: a given one, in which all
// AWS variables are replaced.
func (i Instance) Environ(from []string) []string {
	env := slices.DeleteFunc(slices.Clone(from), func(v string) bool { return strings.HasPrefix(v, "AWS_") })
	return slices.Concat(env, i.awsVars(), noConfigFiles(), i.labVars())
}

// labVars let `balanced-lab deploy` on the instance find the lab.
func (i Instance) labVars() []string {
	return []string{instanceVar + "=" + i.ID, urlVar + "=" + i.API, tokenVar + "=" + i.token}
}
