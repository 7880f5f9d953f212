package awsapi

import "strings"

// policyKinds are the policies that can deny a call, as AWS's refusal names them ("… with an explicit deny in a service
// control policy", "… because no VPC endpoint policy allows the … action"; IAM User Guide, "Troubleshoot access denied
// error messages"), with who can change each.
var policyKinds = []struct{ says, fix string }{
	{"service control policy", "ask the administrators of the AWS organization to allow %s in the service control policy"},
	{"resource control policy", "ask the administrators of the AWS organization to allow %s in the resource control policy"},
	{"permissions boundary", "allow %s in the permissions boundary of the role, too"},
	{"session policy", "allow %s in the session policy that the role was assumed with"},
	{"VPC endpoint policy", "allow %s in the policy of the VPC endpoint that this host reaches AWS through"},
	{"resource-based policy", "allow %s in the resource's own policy"},
}

// deniedBy finds out which policy denied a call. says is AWS's own words about it and fix what to change; both are empty
// where AWS names none but the role's own.
func deniedBy(message string) (says, fix string) {
	for _, kind := range policyKinds {
		if !strings.Contains(message, kind.says) {
			continue
		}
		for _, begins := range []string{"with an explicit deny in ", "because no "} {
			if _, rest, _ := strings.Cut(message, begins); strings.Contains(rest, kind.says) {
				return begins + rest, kind.fix
			}
		}
		return kind.says, kind.fix
	}
	if _, rest, ok := strings.Cut(message, "with an explicit deny in "); ok { // of the role's own policy
		return "with an explicit deny in " + rest, "remove the explicit deny of %s from the role's policies"
	}
	return "", ""
}
