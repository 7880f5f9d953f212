# The AMI of the application: on that of scripts/packer, which has balanced, the application's package and the gate.
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

variable "base_ami" {
  description = "AMI with balanced, as scripts/packer/ami.pkr.hcl builds it."
  type        = string

  validation {
    condition     = can(regex("^ami-[0-9a-f]{8,17}$", var.base_ami))
    error_message = "Want the id of an AMI."
  }
}

variable "package" {
  description = "Path of the RPM of the application on this machine. It brings the service that the load balancers ask."
  type        = string

  validation {
    condition     = can(regex("[.]rpm$", var.package))
    error_message = "Want a file that ends with .rpm."
  }
}

variable "service" {
  description = "Name of the service of the application, without .service."
  type        = string
  default     = "web"

  validation {
    condition     = can(regex("^[A-Za-z0-9@_-]+$", var.service))
    error_message = "Want the name of a systemd service."
  }
}

variable "instance_type" {
  description = "Type of the instance on which the AMI is built. Its architecture must be that of the base AMI."
  type        = string
  default     = "t3.small"
}

variable "subnet_id" {
  description = "Subnet for the instance on which the AMI is built. Empty takes one of the default VPC."
  type        = string
  default     = ""
}

locals {
  uploaded = "/tmp/${basename(var.package)}"
}

source "amazon-ebs" "application" {
  region        = var.region
  source_ami    = var.base_ami
  instance_type = var.instance_type
  subnet_id     = var.subnet_id
  ssh_username  = "ec2-user"
  ami_name      = "${var.service}-${formatdate("YYYYMMDD-hhmmss", timestamp())}"
  imds_support  = "v2.0"

  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "required"
  }

  tags = {
    Name    = var.service
    Package = basename(var.package)
  }
}

build {
  sources = ["source.amazon-ebs.application"]

  provisioner "shell" {
    inline = ["sudo cloud-init status --wait >/dev/null || test $? -eq 2"]
  }

  provisioner "file" {
    source      = var.package
    destination = local.uploaded
  }

  provisioner "file" {
    source      = "${path.root}/../systemd/balanced-ready.service"
    destination = "/tmp/balanced-ready.service"
  }

  provisioner "shell" {
    script           = "${path.root}/install.sh"
    environment_vars = ["PACKAGE=${local.uploaded}", "SERVICE=${var.service}"]
    execute_command  = "chmod +x {{ .Path }} && sudo env {{ .Vars }} {{ .Path }}"
  }

  post-processor "manifest" {
    output = "image.json"
  }
}
