variable "group" {
  description = "Name of the Auto Scaling group whose instances may move. A name, not a reference: the group needs the profile, so the role cannot need the group."
  type        = string
  nullable    = false

  # A wildcard would allow the moves in other groups too.
  validation {
    condition     = can(regex("^[^*?\"\\\\[:cntrl:]]{1,255}$", var.group))
    error_message = "Want the name of one group, without * and ?."
  }
}

variable "name" {
  description = "Name of the role, of its policy and of the instance profile."
  type        = string
  default     = "balanced"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@_-]{1,64}$", var.name))
    error_message = "Want 1 to 64 of the characters that IAM allows in the name of a role."
  }
}

variable "ready" {
  description = "Allow what `balanced ready` needs, too: to complete the launch hook of new instances."
  type        = bool
  default     = false
  nullable    = false
}

variable "policy_arns" {
  description = "ARNs of managed policies that the role gets besides, such as AmazonSSMManagedInstanceCore, by a name of your own."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "tags" {
  description = "Tags of the role and of the instance profile."
  type        = map(string)
  default     = {}
  nullable    = false
}
