"""Makes the group of the test in moto: three instances behind an ALB target group and a Classic Load Balancer."""
import boto3

ec2 = boto3.client("ec2")
subnets = [s["SubnetId"] for s in ec2.describe_subnets()["Subnets"]][:2]
vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
image = ec2.describe_images()["Images"][0]["ImageId"]

elbv2 = boto3.client("elbv2")
balancer = elbv2.create_load_balancer(Name="front", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
groups = [
    elbv2.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]["TargetGroupArn"]
    for name in ("web", "spare")
]
for group in groups:
    elbv2.modify_target_group_attributes(
        TargetGroupArn=group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "1"}]
    )
elbv2.create_listener(
    LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[{"Type": "forward", "TargetGroupArn": groups[0]}]
)
elb = boto3.client("elb")
elb.create_load_balancer(
    LoadBalancerName="old",
    AvailabilityZones=["eu-west-1a", "eu-west-1b"],
    Listeners=[{"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 80}],
)
autoscaling = boto3.client("autoscaling")
autoscaling.create_launch_configuration(LaunchConfigurationName="web", ImageId=image, InstanceType="t4g.nano")
autoscaling.create_auto_scaling_group(
    AutoScalingGroupName="web",
    LaunchConfigurationName="web",
    MinSize=2,
    MaxSize=4,
    DesiredCapacity=3,
    VPCZoneIdentifier=",".join(subnets),
    TargetGroupARNs=[groups[0]],
    LoadBalancerNames=["old"],
    HealthCheckType="ELB",
    HealthCheckGracePeriod=300,
    Tags=[{"Key": "balanced-check", "Value": "yes", "PropagateAtLaunch": False}],
)
