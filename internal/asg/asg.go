// Package asg says what Auto Scaling says about this instance and its group, and
// asks it to move the instance. It speaks plain values: no AWS SDK type leaves it.
package asg
