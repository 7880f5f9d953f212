# Sourced by the scripts beside it: what a build rests on is set here, so that it is
# the same whoever builds, and wherever.
# shellcheck shell=bash

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
umask 022
export LC_ALL=C TZ=UTC
export CGO_ENABLED=0 GOFLAGS='' GOEXPERIMENT='' GOAMD64=v1 GOARM64=v8.0
go=${GO:-go}
# shellcheck source=metadata.sh
. packaging/metadata.sh

fail() {
	echo "packaging: $*" >&2
	exit 1
}

# need PROGRAM WHERE: it is installed, or we say so and stop.
need() { command -v "$1" >/dev/null || fail "$1 is not installed; it is in $2"; }

need "$go" 'Go, see go.mod for its release'
version=${VERSION:-$(packaging/version.sh)}
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || true)}
if [ -z "$version" ] || [ -z "$SOURCE_DATE_EPOCH" ]; then
	fail 'git tells no version (no checkout, or one of another user): set VERSION and SOURCE_DATE_EPOCH'
fi

# tags leave out what only makes the binary larger.
tags=urfave_cli_no_docs

# compile PROGRAM OS ARCH FILE
compile() {
	GOOS=$2 GOARCH=$3 "$go" build -trimpath -buildvcs=false -tags "$tags" \
		-ldflags "-s -w -X balanced/internal/cli.release=$version" -o "$4" "./cmd/$1"
}

# executable OS: what the name of a program ends in.
executable() { [ "$1" != windows ] || echo .exe; }

# sign FILE SIGNATURE [OPTION...]: with the key SIGN_KEY, if one is given.
sign() {
	[ -n "${SIGN_KEY:-}" ] || return 0
	gpg --batch --yes --local-user "$SIGN_KEY" --armor --output "$2" "${@:3}" "$1"
}
if [ -n "${SIGN_KEY:-}" ]; then need gpg 'the package gnupg'; fi

# same DIR: times that do not tell when it was built. Links have theirs set too.
same() { find "$1" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +; }
