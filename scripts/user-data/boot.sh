#!/bin/bash
# User data, as a shell script: start the application, then let the instance into service once it passes. Runs at the
# first boot only; for a warm pool use systemd/balanced-ready.service in the AMI. However it ends, CloudFormation is told.
set -euo pipefail
export HOME=/root PATH="$PATH:/opt/aws/bin:/usr/local/bin"

# CHANGE: the stack and the logical ID of its group. Leave them empty where no stack waits for a signal.
stack=web
resource=Group

tell() {
	[ -z "$stack" ] || cfn-signal -e "$1" --stack "$stack" --resource "$resource" --region "$(region)" ||
		echo 'not signalled; that matters only while the stack is created or updated' >&2
}

region() { # as the metadata service has it
	local token
	token=$(curl -fsS --retry 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)
	curl -fsS --retry 5 -H "X-aws-ec2-metadata-token: $token" http://169.254.169.254/latest/meta-data/placement/region
}

trap 'tell $?' EXIT

# CHANGE: what starts the application.
systemctl start web.service

balanced ready
