data "aws_partition" "current" {}

locals {
  partition = data.aws_partition.current.partition
}

data "aws_iam_policy_document" "instances" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.${data.aws_partition.current.dns_suffix}"]
    }
  }
}

resource "aws_iam_role" "this" {
  name               = var.name
  description        = "Instances of the Auto Scaling group ${var.group}"
  assume_role_policy = data.aws_iam_policy_document.instances.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "balanced" {
  name   = var.name
  role   = aws_iam_role.this.id
  policy = local.policy
}

resource "aws_iam_role_policy_attachment" "further" {
  for_each = var.policy_arns

  role       = aws_iam_role.this.name
  policy_arn = each.value
}

resource "aws_iam_instance_profile" "this" {
  name = var.name
  role = aws_iam_role.this.name
  tags = var.tags

  # Whatever is launched with the profile finds the permissions there: `balanced ready`
  # of a first boot would exit with 77 otherwise.
  depends_on = [aws_iam_role_policy.balanced, aws_iam_role_policy_attachment.further]
}
