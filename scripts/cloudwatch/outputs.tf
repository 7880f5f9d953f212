output "topic_arn" {
  description = "ARN of the topic that is told, for subscriptions."
  value       = local.topic
}

output "alarm_name" {
  description = "Name of the alarm."
  value       = aws_cloudwatch_metric_alarm.in_standby.alarm_name
}
