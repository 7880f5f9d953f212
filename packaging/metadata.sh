# What every package says of itself, whoever builds it.
# shellcheck shell=bash disable=SC2034 # used by those who source it

programs=(balanced balanced-lab)
arches=(amd64 arm64) # of the packages
platforms=(linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64) # of the archives
maintainer='balanced maintainers <maintainers@balanced.example>'
licence=Apache-2.0
homepage=https://balanced.example/
section='admin'
built='Built from the sources of this version; changelog.gz says what changed.'
release=1 # of the package, where the version stays the same

# describe PROGRAM: sets summary and description.
describe() {
	case $1 in
	balanced)
		summary='take an EC2 instance out of service and put it back, safely'
		description='An instance of an Auto Scaling group takes itself out of service before an
upgrade and returns after it: balanced out && chef-client && balanced in.
The exit code tells the tool that calls it whether to go on.
One static program: no daemon, no configuration, no state on disk.'
		;;
	balanced-lab)
		summary='simulated EC2 instances on loopback, to try balanced on'
		description='Serves an Auto Scaling group of simulated instances, their load balancers and
their metadata service. balanced, the AWS CLI and any SDK can be pointed at
it, so that a rollout can be rehearsed without an AWS account.'
		;;
	esac
}
