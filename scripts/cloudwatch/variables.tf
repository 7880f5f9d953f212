variable "group" {
  description = "Name of the Auto Scaling group. Its metric GroupStandbyInstances must be collected: enabled_metrics of the group."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[^*?\"\\\\[:cntrl:]]{1,255}$", var.group))
    error_message = "Want the name of one group, without * and ?."
  }
}

variable "minutes" {
  description = "How long at least one instance must have been in Standby, without a gap, in minutes. Longer than a rollout that goes well."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.minutes >= 5 && var.minutes <= 1440 && floor(var.minutes) == var.minutes
    error_message = "Want 5 to 1440 whole minutes."
  }
}

variable "topic_arn" {
  description = "ARN of a topic that is there already, whose policy lets cloudwatch.amazonaws.com and events.amazonaws.com publish. Empty makes a topic."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+)?$", var.topic_arn))
    error_message = "Want the ARN of an SNS topic, or nothing."
  }
}

variable "moves" {
  description = "Whether each call of EnterStandby and ExitStandby is told. It needs a CloudTrail trail in this Region that records management events."
  type        = bool
  default     = true
  nullable    = false
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
  nullable    = false
}
