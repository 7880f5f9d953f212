package awsapi

import "context"

// Read is one read action that can be tried by itself, to learn whether it is allowed.
type Read struct {
	Action string // in IAM's spelling, "autoscaling:DescribeAutoScalingGroups"
	Try    func(context.Context) error
}
