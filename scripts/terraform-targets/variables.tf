variable "role" {
  description = "Name of the role of the instances, which gets the policy."
  type        = string
  nullable    = false
}

variable "target_groups" {
  description = "The target groups in which the instances are registered, each with a port where that is not the target group's own."
  type        = list(object({ arn = string, port = optional(number) }))
  default     = []
  nullable    = false
}

variable "classic_load_balancers" {
  description = "Names of the Classic Load Balancers with which the instances are registered."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "min_healthy" {
  description = "How many other instances must be healthy at each of them while one is out."
  type        = number
  nullable    = false

  validation {
    condition     = var.min_healthy >= 0 && floor(var.min_healthy) == var.min_healthy
    error_message = "Want a whole number, 0 or more."
  }
}

variable "name" {
  description = "Name of the policy."
  type        = string
  default     = "balanced"
  nullable    = false
}
