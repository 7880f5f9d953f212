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

// kind is the Type element: who is to blame. Auto Scaling blames the sender even for the 500 of
// ResourceContention (API reference, EnterStandby, Errors).
func (f *refusal) kind() string {
	if f.status >= http.StatusInternalServerError && f.code != "ResourceContention" {
		return "Receiver"
	}
	return "Sender"
}

func refuse(code, format string, args ...any) error {
	return &refusal{http.StatusBadRequest, code, fmt.Sprintf(format, args...)}
}

// invalid is Auto Scaling's refusal for nearly everything; causes differ by message only.
func invalid(format string, args ...any) error { return refuse("ValidationError", format, args...) }

func contention() error {
	return &refusal{
		http.StatusInternalServerError, "ResourceContention",
		"You already have a pending update to an Amazon EC2 Auto Scaling resource (for example, an Auto Scaling group, instance, or load balancer).",
	}
}

func groupNotFound(name string) error {
	return invalid("AutoScalingGroup name not found - AutoScalingGroup: %s not found", name)
}
