// Package elb says what the load balancers of a group say about its instances:
// Classic load balancers and target groups behind one type. It speaks plain values:
// no AWS SDK type leaves it.
package elb
