#!/bin/bash
# Installs the package that Packer uploaded, if it is the one that was meant. Run as root
# with PACKAGE, its path, and SHA256.
set -euo pipefail

printf '%s  %s\n' "$SHA256" "$PACKAGE" | sha256sum --check --quiet -
case $PACKAGE in
*.rpm) dnf install -y -q "$PACKAGE" ;;
*.deb) dpkg --install "$PACKAGE" ;;
*)
	echo "$PACKAGE: neither .rpm nor .deb" >&2
	exit 64
	;;
esac
rm -f "$PACKAGE"
balanced version
