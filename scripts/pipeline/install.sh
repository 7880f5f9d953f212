#!/bin/bash
# Installs the application and the gate in the AMI. Run as root with PACKAGE, the path of the application's RPM, and
# SERVICE, the name of its service. Both services start at the boot of an instance, none while the AMI is built.
set -euo pipefail

dnf install -y -q "$PACKAGE"
rm -f "$PACKAGE"
sed "s/ web\.service\$/ $SERVICE.service/" /tmp/balanced-ready.service >/etc/systemd/system/balanced-ready.service
rm -f /tmp/balanced-ready.service
systemctl daemon-reload
systemctl enable "$SERVICE.service" balanced-ready.service
balanced version
