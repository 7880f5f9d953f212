locals {
  # What `balanced policy --group NAME` prints.
  policy = templatefile("${path.module}/policy.json.tftpl", {
    group     = var.group
    partition = local.partition
  })
}
