locals {
  targets = concat(
    [for t in var.target_groups : t.port == null ? t.arn : "${t.arn}:${t.port}"],
    [for name in var.classic_load_balancers : "classic/${name}"],
  )

  # For /etc/default/balanced on each instance: the hooks of scripts/codedeploy read it.
  environment = <<-EOT
    BALANCED_TARGETS=${join(",", local.targets)}
    BALANCED_MIN_HEALTHY=${var.min_healthy}
  EOT

  # What `balanced policy --targets LIST` prints.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid    = "Look"
        Effect = "Allow"
        Action = [
          "autoscaling:DescribeAutoScalingInstances",
          "elasticloadbalancing:DescribeInstanceHealth",
          "elasticloadbalancing:DescribeLoadBalancerAttributes",
          "elasticloadbalancing:DescribeLoadBalancers",
          "elasticloadbalancing:DescribeTargetGroupAttributes",
          "elasticloadbalancing:DescribeTargetGroups",
          "elasticloadbalancing:DescribeTargetHealth",
          "elasticloadbalancing:DescribeTags",
        ]
        Resource = ["*"]
      }],
      length(var.target_groups) == 0 ? [] : [{
        Sid      = "MoveTargets"
        Effect   = "Allow"
        Action   = ["elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:RegisterTargets"]
        Resource = distinct(var.target_groups[*].arn)
      }],
      length(var.classic_load_balancers) == 0 ? [] : [{
        Sid      = "MoveInstances"
        Effect   = "Allow"
        Action   = ["elasticloadbalancing:DeregisterInstancesFromLoadBalancer", "elasticloadbalancing:RegisterInstancesWithLoadBalancer"]
        Resource = [for name in var.classic_load_balancers : "arn:${local.partition}:elasticloadbalancing:*:*:loadbalancer/${name}"]
      }],
    )
  })
}
