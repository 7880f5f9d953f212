data "aws_caller_identity" "current" {}

locals {
  topic = var.topic_arn != "" ? var.topic_arn : aws_sns_topic.this[0].arn
}

resource "aws_sns_topic" "this" {
  count = var.topic_arn == "" ? 1 : 0

  name_prefix = "balanced-standby-"
  tags        = var.tags
}

data "aws_iam_policy_document" "topic" {
  count = var.topic_arn == "" ? 1 : 0

  statement {
    sid       = "Alarm"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.this[0].arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }

  # No condition on the account: EventBridge does not support one in a topic's policy.
  statement {
    sid       = "Moves"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.this[0].arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
  }
}

resource "aws_sns_topic_policy" "this" {
  count = var.topic_arn == "" ? 1 : 0

  arn    = aws_sns_topic.this[0].arn
  policy = data.aws_iam_policy_document.topic[0].json
}

resource "aws_cloudwatch_metric_alarm" "in_standby" {
  alarm_name        = "${var.group}: an instance in Standby for ${var.minutes} minutes"
  alarm_description = "Run `balanced status` on any instance of the group: it names the instance, which most often is one whose upgrade failed. Finish the work there, then run `balanced in` on it."

  namespace   = "AWS/AutoScaling"
  metric_name = "GroupStandbyInstances"
  dimensions  = { AutoScalingGroupName = var.group }

  # The least of each minute, in all of them: one rollout after the other without a minute between them also counts.
  statistic           = "Minimum"
  period              = 60
  evaluation_periods  = var.minutes
  datapoints_to_alarm = var.minutes
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1

  # A minute without a value changes nothing. All without one: INSUFFICIENT_DATA, where the metric is off.
  treat_missing_data        = "missing"
  alarm_actions             = [local.topic]
  ok_actions                = [local.topic]
  insufficient_data_actions = [local.topic]
  tags                      = var.tags
}

resource "aws_cloudwatch_event_rule" "moved" {
  count = var.moves ? 1 : 0

  name_prefix = "balanced-standby-"
  description = "Moves into Standby and out of it in ${var.group}"
  tags        = var.tags

  # There is no event of Auto Scaling's own for these moves; CloudTrail has the calls.
  event_pattern = jsonencode({
    source      = ["aws.autoscaling"]
    detail-type = ["AWS API Call via CloudTrail"]
    detail = {
      eventSource       = ["autoscaling.amazonaws.com"]
      eventName         = ["EnterStandby", "ExitStandby"]
      requestParameters = { autoScalingGroupName = [var.group] }
    }
  })
}

resource "aws_cloudwatch_event_target" "topic" {
  count = var.moves ? 1 : 0

  rule = aws_cloudwatch_event_rule.moved[0].name
  arn  = local.topic

  # The session of an instance's role is named by the instance. A call that was refused is told too.
  input_transformer {
    input_paths = {
      call     = "$.detail.eventName"
      group    = "$.detail.requestParameters.autoScalingGroupName"
      instance = "$.detail.requestParameters.instanceIds[0]"
      time     = "$.detail.eventTime"
      who      = "$.detail.userIdentity.arn"
    }
    input_template = "\"<time> <call> of <instance> in <group> by <who>\""
  }
}
