locals {
  names = {
    group     = var.group
    partition = local.partition
  }

  # What `balanced policy --group NAME` prints, and the statements that --ready adds.
  base  = templatefile("${path.module}/policy.json.tftpl", local.names)
  hooks = templatefile("${path.module}/ready.json.tftpl", local.names)

  with_hooks = jsonencode({
    Version   = jsondecode(local.base).Version
    Statement = concat(jsondecode(local.base).Statement, jsondecode(local.hooks).Statement)
  })

  policy = var.ready ? local.with_hooks : local.base
}
