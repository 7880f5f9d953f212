"""Creates the stack of scripts/check-aws in moto and prints its status and the group's sizes."""
import pathlib
import sys

import boto3

cloudformation = boto3.client("cloudformation")
cloudformation.create_stack(
    StackName="balanced-check-moto", TemplateBody=pathlib.Path(sys.argv[1]).read_text(), Capabilities=["CAPABILITY_IAM"]
)
stack = cloudformation.describe_stacks(StackName="balanced-check-moto")["Stacks"][0]
group = boto3.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=["balanced-check-moto"])["AutoScalingGroups"][0]
print(stack["StackStatus"], group["MinSize"], group["DesiredCapacity"], group["MaxSize"])
print(*sorted(o["OutputKey"] for o in stack["Outputs"]))
print(*(f"{t['Key']}={t['Value']}" for t in group["Tags"] if t["Key"] == "balanced-check"))
