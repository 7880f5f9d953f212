data "aws_partition" "current" {}

locals {
  partition = data.aws_partition.current.partition
}

resource "aws_iam_role_policy" "balanced" {
  name   = var.name
  role   = var.role
  policy = local.policy
}
