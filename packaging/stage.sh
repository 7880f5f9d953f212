#!/bin/bash
# stage.sh PROGRAM OS/ARCH DIR: the files of a package below DIR, as they will be
# installed.
# shellcheck source=settings.sh
. "$(dirname "$0")/settings.sh"
program=$1 os=${2%/*} arch=${2#*/} root=$3
share=$root/usr/share

# put MODE FILE DESTINATION
put() { install -D -m "$1" "$2" "$3"; }

# written FILE: what comes in, as a file that all may read.
written() {
	install -d "$(dirname "$1")"
	cat >"$1"
	chmod 644 "$1"
}

# tracked DIR: files that belong to the project, leaving out what a build or an editor
# has left there.
tracked() { git ls-files -- "$1" 2>/dev/null | grep . || find "$1" -type f | sort; }

manual() {
	case $program in
	balanced) "$go" run -ldflags "-X balanced/internal/cli.release=$version" ./packaging/man ;;
	*) "$go" run "./cmd/$program" manual --release "$version" --date "$SOURCE_DATE_EPOCH" ;;
	esac
}

completions() {
	local tool=$share/bash-completion/completions/balanced
	"$go" run ./cmd/balanced completion bash | written "$tool"
	"$go" run ./cmd/balanced completion zsh | written "$share/zsh/vendor-completions/_balanced"
	# Debian's zsh reads vendor-completions, others site-functions.
	install -d "$share/zsh/site-functions"
	ln -sf ../vendor-completions/_balanced "$share/zsh/site-functions/_balanced"
	"$go" run ./cmd/balanced completion fish | written "$share/fish/vendor_completions.d/balanced.fish"
}

licences() {
	local texts=$share/licenses/$program
	put 644 LICENSE "$texts/LICENSE"
	GOOS=$os GOARCH=$arch GOFLAGS=-tags=$tags licensed | written "$texts/THIRD-PARTY"
	written "$share/doc/$program/copyright" <<-END
		$program is under the Apache License, Version 2.0. On Debian systems its text is
		in /usr/share/common-licenses/Apache-2.0, and everywhere in
		/usr/share/licenses/$program/LICENSE.

		Copyright 2026 the authors of balanced

		The licences and notices of what the program links are in
		/usr/share/licenses/$program/THIRD-PARTY.
	END
}

# The generator runs here, whatever it is asked about.
licensed() { "$tools/licences" "./cmd/$program"; }

docs() {
	local doc=$share/doc/$program file
	gzip -9n <CHANGELOG.md | written "$doc/changelog.gz"
	gzip -9n <<-END | written "$doc/changelog.Debian.gz"
		$program ($version-$release) unstable; urgency=medium

		  * $built

		 -- $maintainer  $(date -R -d "@$SOURCE_DATE_EPOCH")
	END
	[ "$program" = balanced ] || return 0
	put 644 README.md "$doc/README.md"
	put 644 SECURITY.md "$doc/SECURITY.md"
	tracked docs | while read -r file; do put 644 "$file" "$doc/$file"; done
	[ -d scripts ] || return 0
	tracked scripts | grep -v -e '\.go$' -e '/testdata/' | while read -r file; do
		put "$([ -x "$file" ] && echo 755 || echo 644)" "$file" "$doc/examples/${file#scripts/}"
	done
	# Where the documents look for them. Not everybody may make a link on Windows.
	[ "$os" = windows ] || ln -sf examples "$doc/scripts"
	[ "$os" = windows ] || ln -sf ../../licenses/balanced/LICENSE "$doc/LICENSE"
}

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"$go" build -o "$tools/licences" ./packaging/licences

binary=$root/usr/bin/$program$(executable "$os")
compile "$program" "$os" "$arch" "$binary"
chmod 755 "$binary"
manual | gzip -9n | written "$share/man/man1/$program.1.gz"
[ "$program" != balanced ] || completions
licences
docs
