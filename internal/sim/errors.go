package sim

import (
	"fmt"
	"net/http"
)

// refusal is an error answer of an AWS API.
type refusal struct {
	status        int
	code, message string
}

func (f *refusal) Error() string { return f.code + ": " + f.message }

// faultType is the Type element. Auto Scaling says Sender even for the status 500 of
// ResourceContention (API reference, EnterStandby, Errors).
func (f *refusal) faultType() string {
	if f.status >= http.StatusInternalServerError && f.code != "ResourceContention" {
		return "Receiver"
	}
	return "Sender"
}

func refusef(code, format string, args ...any) error {
	return &refusal{http.StatusBadRequest, code, fmt.Sprintf(format, args...)}
}

// validationError is Auto Scaling's error for nearly every refusal. Only the message tells them
// apart.
func validationError(format string, args ...any) error {
	return refusef("ValidationError", format, args...)
}

func contention() error {
	return &refusal{
		http.StatusInternalServerError, "ResourceContention",
		"You already have a pending update to an Amazon EC2 Auto Scaling resource (for example, an Auto Scaling group, instance, or load balancer).",
	}
}

func groupNotFound(name string) error {
	return validationError("AutoScalingGroup name not found - AutoScalingGroup: %s not found", name)
}

func notPartOf(g *group, id string) error {
	return validationError("The instance %s is not part of Auto Scaling group %s.", id, g.Name)
}
