// Package ways tests the ways to roll out that scripts/ has: CodeDeploy, knife, Jenkins,
// Ansible, Systems Manager, GitHub and GitLab, each with the files that ship and, where it
// can be had, the real tool; and every shell sample of README, docs and scripts. It holds
// tests only. go test checks the files; make ways also does a rollout each way over a fleet
// of balanced-lab, and pastes the samples, with the balanced of a built package.
package ways
