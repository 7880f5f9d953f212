#!/bin/bash
# release.sh: what package.sh has made, an archive and SBOMs for each platform, and
# SHA256SUMS, in dist/. With SIGN_KEY, the id of a key that gpg has, SHA256SUMS.asc.
# shellcheck source=settings.sh
. "$(dirname "$0")/settings.sh"
work=$PWD/dist/work

# archive OS/ARCH: both programs, as below /usr/local.
archive() {
	local name=balanced-$version-${1//\//-} tree=$work/archive-${1//\//-} program
	rm -rf "$tree"
	for program in "${programs[@]}"; do packaging/stage.sh "$program" "$1" "$tree"; done
	mv "$tree/usr" "$tree/$name"
	if [ "${1%/*}" = windows ]; then # man and these shells are not at home there
		rm -r "$tree/$name"/share/{man,bash-completion,zsh,fish}
	fi
	tar --create --format=gnu --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" \
		--directory "$tree" "$name" | gzip -9n >"dist/$name.tar.gz"
	for program in "${programs[@]}"; do
		sbom "$program" "$tree/$name/bin/$program$(executable "${1%/*}")" >"dist/$program-$version-${1//\//-}.cdx.json"
	done
}

# sbom PROGRAM BINARY: the modules that a binary says it links. The time, and the
# hashes of the tool, which depend on the machine it was built for, are put right.
sbom() {
	"$work/cyclonedx-gomod" bin -json -noserial -std -version "$version" "$2" 2>"$work/sbom.log" |
		sed -e "s|\"timestamp\": \".*\"|\"timestamp\": \"$(date -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)\"|" \
			-e '/"tools"/,/"component"/{/"hashes"/,/\],/d}' || { cat "$work/sbom.log" >&2 && return 1; }
}

tar --version 2>/dev/null | grep -q GNU || fail 'tar is not GNU tar, which is needed for archives that can be made again'
mkdir -p "$work"
"$go" build -modfile=tools/sbom/go.mod -o "$work/cyclonedx-gomod" github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod
rm -f dist/*.tar.gz dist/*.cdx.json dist/SHA256SUMS*
for platform in "${platforms[@]}"; do archive "$platform"; done
(cd dist && sha256sum -- *.deb *.rpm *.tar.gz *.cdx.json >SHA256SUMS)
sign dist/SHA256SUMS dist/SHA256SUMS.asc --detach-sign
cat dist/SHA256SUMS
