packer {
  required_version = ">= 1.9"

  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = ">= 1.2.8"
    }
  }
}

variable "region" {
  description = "Region in which the AMI is built."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+(-[a-z]+)+-[0-9]+$", var.region))
    error_message = "Want a Region, such as eu-west-1."
  }
}

variable "package" {
  description = "Path of the RPM or DEB of balanced on this machine."
  type        = string

  validation {
    condition     = can(regex("[.](rpm|deb)$", var.package))
    error_message = "Want a file that ends with .rpm or .deb."
  }
}

variable "package_sha256" {
  description = "SHA-256 of the package, as in SHA256SUMS. Another package is not installed."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.package_sha256))
    error_message = "Want 64 hexadecimal digits."
  }
}

variable "architecture" {
  description = "Architecture of the AMI, which must be that of the package: x86_64 or arm64."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "Want x86_64 or arm64."
  }
}

variable "instance_type" {
  description = "Type of the instance on which the AMI is built. Empty takes t3.small or t4g.small."
  type        = string
  default     = ""
}

variable "source_ami" {
  description = "AMI to begin with. Empty takes the newest Amazon Linux 2023 of the architecture."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^(ami-[0-9a-f]{8,17})?$", var.source_ami))
    error_message = "Want the id of an AMI, or nothing."
  }
}

variable "ssh_username" {
  description = "User of the source AMI: ec2-user, or ubuntu, or admin."
  type        = string
  default     = "ec2-user"
}

variable "subnet_id" {
  description = "Subnet for the instance on which the AMI is built. Empty takes one of the default VPC."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^(subnet-[0-9a-f]{8,17})?$", var.subnet_id))
    error_message = "Want the id of a subnet, or nothing."
  }
}

variable "name" {
  description = "What the name of the AMI begins with; the time of the build follows."
  type        = string
  default     = "balanced"

  validation {
    condition     = can(regex("^[A-Za-z0-9()./_-]{3,100}$", var.name))
    error_message = "Want 3 to 100 of the characters that EC2 allows in the name of an AMI."
  }
}

locals {
  uploaded      = "/tmp/${basename(var.package)}"
  instance_type = var.instance_type != "" ? var.instance_type : var.architecture == "arm64" ? "t4g.small" : "t3.small"
}

data "amazon-parameterstore" "al2023" {
  region = var.region
  name   = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${var.architecture}"
}

source "amazon-ebs" "al2023" {
  region        = var.region
  source_ami    = var.source_ami != "" ? var.source_ami : data.amazon-parameterstore.al2023.value
  instance_type = local.instance_type
  subnet_id     = var.subnet_id
  ssh_username  = var.ssh_username

  ami_name        = "${var.name}-${formatdate("YYYYMMDD-hhmmss", timestamp())}"
  ami_description = "balanced, SHA-256 of the package ${var.package_sha256}"

  # Instances of the AMI want IMDSv2 unless their launch template says otherwise. The hop
  # limit is 2 then; a launch template can say 1.
  imds_support = "v2.0"

  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "required"
  }

  tags = {
    Name = var.name
  }
}

build {
  sources = ["source.amazon-ebs.al2023"]

  # Before anything else: the first boot of the source AMI may still be at work with dnf.
  provisioner "shell" {
    inline = ["sudo cloud-init status --wait >/dev/null || test $? -eq 2"]
  }

  provisioner "file" {
    source      = var.package
    destination = local.uploaded
  }

  provisioner "shell" {
    script           = "${path.root}/install.sh"
    environment_vars = ["PACKAGE=${local.uploaded}", "SHA256=${var.package_sha256}"]
    execute_command  = "chmod +x {{ .Path }} && sudo env {{ .Vars }} {{ .Path }}"
  }

  # The proof, as the user of the AMI.
  provisioner "shell" {
    inline = ["balanced version", "balanced exit-codes >/dev/null"]
  }

  post-processor "manifest" {
    output = "manifest.json"
  }
}
