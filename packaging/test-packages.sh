# Sourced by test: what is in the packages, and what installing them does.
# shellcheck shell=bash disable=SC2154,SC2164 # test sets what is used here, and set -e

dpkg_installs() {
	fresh
	dpkg --root="$root" -i "dist/$deb" "dist/${deb/balanced_/balanced-lab_}"
	has "$(runs balanced version)" "balanced $version ("
	runs balanced-lab --help
	dpkg --root="$root" --remove balanced balanced-lab
	equal left "$(cd "$root" && find . -mindepth 2 ! -path './var/*')" ''
}

rpm_installs() {
	fresh
	rpm --root "$root" --initdb
	rpm --root "$root" --install "dist/$rpm" "dist/${rpm/balanced-/balanced-lab-}"
	has "$(runs balanced version)" "balanced $version ("
	runs balanced-lab --help
	rpm --root "$root" --verify balanced balanced-lab
	rpm --root "$root" --erase balanced balanced-lab
	equal left "$(cd "$root" && find usr ! -type d -o -path '*balanced*' -o -path '*/zsh*' -o -path '*/fish*')" ''
}

nothing_else() {
	local package
	for package in dist/*.deb; do
		equal "$package" "$(dpkg-deb --ctrl-tarfile "$package" | tar t | sort | tr '\n' ' ')" './conffiles ./control ./md5sums '
		equal "$package" "$(dpkg-deb --info "$package" conffiles)" ''
		equal "$package" "$(dpkg-deb --fsys-tarfile "$package" | tar t | grep -v '^\./usr/\(bin\|share\)\?/\?')" ''
	done
	command -v rpm >/dev/null || return 0
	for package in dist/*.rpm; do
		equal "$package" "$(rpm -qp --scripts --triggers "$package")" ''
	done
}

man_page() {
	fresh
	dpkg-deb -x "dist/$deb" "$root"
	local page text command
	for page in "$root"/usr/share/man/man1/*; do
		equal warnings "$(LC_ALL=C.UTF-8 MANROFFSEQ='' man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)" ''
	done
	text=$(MANWIDTH=200 man -M "$root/usr/share/man" balanced)
	has "$text" 'NAME'
	has "$text" 'balanced - takes its own EC2 instance'
	for command in $(runs balanced --help | sed -n '/^COMMANDS/,/^$/s/^   \([a-z-]*\) .*/\1/p'); do
		has "$text" "   balanced $command"
		echo "$command"
	done >"$tmp/commands"
	[ "$(wc -l <"$tmp/commands")" -ge 10 ]
}

# links_resolve: what the documents link to is in the package.
links_resolve() {
	fresh
	dpkg-deb -x "dist/$deb" "$root"
	local page link count=0
	for page in "$root"/usr/share/doc/balanced/{,docs/}*.md; do
		while read -r link; do
			[ -e "$(dirname "$page")/$link" ] || { echo "${page#"$root"} links to $link"; return 1; }
			count=$((count + 1))
		done < <(grep -oP '\]\(\K[^):#]+(?=[#)])' "$page")
	done
	[ "$count" -gt 20 ]
}

bash_completion() {
	fresh
	dpkg-deb -x "dist/$deb" "$root"
	# shellcheck disable=SC2016 # expanded by the shell inside
	equal offered "$(bash --norc -euc '
		. "$1"
		function=$(complete -p balanced | sed "s/.*-F \([^ ]*\).*/\1/")
		COMP_WORDS=(balanced o) COMP_CWORD=1 COMP_LINE="balanced o" COMP_POINT=10
		"$function" balanced o balanced
		echo "${COMPREPLY[*]}"' bash "$root/usr/share/bash-completion/completions/balanced" | xargs)" out
}

# statically-linked-binary: the point of it is to run on any distribution.
no_lint_deb() {
	lintian --allow-root --fail-on error --suppress-tags statically-linked-binary dist/*.deb | tee "$tmp/lintian"
	warnings lintian "$tmp/lintian"
}

# An RPM of nfpm has absolute names inside. rpmlint unpacks with cpio, which would
# write them over this host's.
no_lint_rpm() {
	mkdir -p "$tmp/bin"
	printf '#!/bin/sh\nexec %s --no-absolute-filenames "$@"\n' "$(command -v cpio)" >"$tmp/bin/cpio"
	chmod +x "$tmp/bin/cpio"
	PATH=$tmp/bin:$PATH rpmlint --config packaging/rpmlint.toml dist/*.rpm | tee "$tmp/rpmlint"
	warnings rpmlint "$tmp/rpmlint"
}

# warnings TOOL FILE tells them on the terminal, whatever became of the check.
warnings() { grep ' W: \|^W: ' "$2" | sort -u | sed "s/^/      $1: /" >&3 || true; }

# Files, owners, modes and sizes; an RPM does not keep the modes of links, and has no
# folders but its own.
listed() {
	case $1 in
	*.deb) dpkg-deb --fsys-tarfile "$1" | tar tv --numeric-owner | sed 's| \./| /|; s| -> .*||' | awk '!/^d/ { print $1, $2, $3, $6 }' ;;
	*.rpm) rpm -qp --qf '[%{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME} %{FILESIZES} %{FILENAMES}\n]' "$1" | grep -v '^d' | sed 's| root/root | 0/0 |' ;;
	esac | sed -E 's/^l\S+ (\S+) \S+/l \1/' | sort -k 4
}

same_files() {
	local package
	for package in "${programs[@]}"; do
		equal "$package" "$(listed "dist/${deb/balanced_/${package}_}")" "$(listed "dist/${rpm/balanced-/${package}-}")"
	done
	[ "$(listed "dist/$deb" | wc -l)" -gt 10 ]
}

# fpm may make the other folders part of a DEB or not; what counts are files and, in an
# RPM, the folders it owns.
same_builders() {
	local other package
	for other in fpm nfpm; do
		mkdir "$tmp/$other"
		BUILDER=$other packaging/package.sh
		cp dist/*.deb dist/*.rpm "$tmp/$other"
	done
	for package in "$tmp/fpm"/*; do
		equal "${package##*/}" "$(listed "$package")" "$(listed "$tmp/nfpm/${package##*/}")"
	done
}
