// Package ways goes the ways in that scripts/ has: CodeDeploy, knife, Jenkins, Ansible
// and SSM, each with the files that ship and, where it can be had, the real tool. It
// holds tests only. go test checks the files; make ways also does a rollout through
// each of them over a fleet of balanced-lab, with the balanced of a built package.
package ways
