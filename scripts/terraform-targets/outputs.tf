output "environment" {
  description = "What belongs into /etc/default/balanced on each instance."
  value       = local.environment
}

output "targets" {
  description = "The value of BALANCED_TARGETS."
  value       = join(",", local.targets)
}

output "policy" {
  description = "The policy as JSON."
  value       = local.policy
}
