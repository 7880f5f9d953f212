// Package sim is an AWS Region in one process: Auto Scaling, both generations of Elastic Load
// Balancing, and every instance's metadata service, with their delays and their faults.
package sim
