#!/bin/bash
# package.sh: every DEB and RPM into dist/, each from its staged tree. fpm builds them
# where it is installed, else the nfpm that tools/go.mod names; BUILDER=nfpm or fpm
# decides otherwise.
# shellcheck source=settings.sh
. "$(dirname "$0")/settings.sh"
need install coreutils
builder=${BUILDER:-$(command -v fpm >/dev/null && echo fpm || echo nfpm)}
work=$PWD/dist/work

# ours lists the folders that an RPM has to own, lest they stay behind: the package's
# own, and those of shells that may not be there.
ours() {
	(cd "$tree" && find usr/share -type d \( -path "*/$program" -o -path "*/$program/*" \
		-o -path '*/zsh*' -o -path '*/fish*' -o -path '*/bash-completion*' \) | sort)
}

# config FORMAT: what nfpm reads. Only an RPM knows documents and licences from other
# files, and takes its changelog from outside the tree.
config() {
	cat <<-END
		name: $program
		arch: $arch
		platform: linux
		version: "$version"
		version_schema: none
		release: "$release"
		section: $section
		priority: optional
		maintainer: "$maintainer"
		license: $licence
		homepage: $homepage
		mtime: $(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
		disable_globbing: true
		rpm: {summary: "$summary", group: $section}
	END
	[ "$1" != rpm ] || echo "changelog: $tree.changelog.yaml"
	printf 'description: |\n'
	printf '%s\n' "$([ "$1" = rpm ] || echo "$summary")" "$description" | sed '/^$/d; s/^/  /'
	printf 'contents:\n'
	contents | case $1 in
	rpm) sed -E '/type: file/{\|dst: "/usr/share/(doc\|man)/|s/type: file/type: doc/; \|dst: "/usr/share/licenses/|s/type: file/type: license/}' ;;
	*) cat ;;
	esac
}

contents() {
	ours | sed 's|.*|- {type: dir, dst: "/&", file_info: {mode: 0755}}|'
	find "$tree" -type f -printf '- {type: file, src: "%p", dst: "/%P", file_info: {mode: 0%m}}\n' | sort
	find "$tree" -type l -printf '- {type: symlink, src: "%l", dst: "/%P", file_info: {mode: 0777}}\n' | sort
}

changelog() {
	cat <<-END
		- semver: "$version-$release"
		  date: $(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
		  packager: "$maintainer"
		  changes: [{note: "$built"}]
	END
}

# anonymous COMMAND...: an RPM names the host that built it. A namespace gives it a
# name that says nothing, where one may be made. The file is for the real root alone,
# the program is not everywhere.
anonymous() {
	# shellcheck disable=SC2016 # expanded by the shell inside
	local renamed='{ hostname localhost || echo localhost >/proc/sys/kernel/hostname; } 2>/dev/null && exec "$@"'
	if unshare --map-root-user --uts sh -c "$renamed" sh true 2>/dev/null; then
		unshare --map-root-user --uts sh -c "$renamed" sh "$@"
	else
		"$@"
	fi
}

build_nfpm() {
	config "$1" >"$tree.yaml"
	changelog >"$tree.changelog.yaml"
	anonymous "$work/nfpm" package --config "$tree.yaml" --packager "$1" --target "$2" >/dev/null
}

build_fpm() {
	local owned
	mapfile -t owned < <(ours)
	printf '* %s %s - %s\n- %s\n' "$(date -u -d "@$SOURCE_DATE_EPOCH" '+%a %b %d %Y')" "$maintainer" "$version-$release" "$built" >"$tree.changelog"
	fpm -s dir -t "$1" -C "$tree" -p "$2" --force --log error \
		--name "$program" --version "$version" --iteration "$release" --architecture "$arch" \
		--maintainer "$maintainer" --license "$licence" --url "$homepage" --vendor '' --category "$section" \
		--description "$summary"$'\n'"$description" \
		--deb-priority optional --deb-user root --deb-group root --deb-no-default-config-files \
		--rpm-summary "$summary" --rpm-changelog "$tree.changelog" --rpm-user root --rpm-group root --rpm-os linux --rpm-use-file-permissions --rpm-digest sha256 \
		--rpm-rpmbuild-define '_buildhost localhost' --rpm-rpmbuild-define '_build_id_links none' --rpm-rpmbuild-define 'use_source_date_epoch_as_buildtime 1' \
		"${owned[@]/#/--directories=/}" .
}

rpm_arch() { case $1 in amd64) echo x86_64 ;; arm64) echo aarch64 ;; esac }

case $builder in
nfpm)
	mkdir -p "$work"
	"$go" build -modfile=tools/go.mod -o "$work/nfpm" github.com/goreleaser/nfpm/v2/cmd/nfpm
	;;
fpm) need fpm 'the gem of that name' && need rpmbuild 'the package rpm' ;;
*) fail "BUILDER=$builder: want nfpm or fpm" ;;
esac

rm -f dist/*.deb dist/*.rpm
for program in "${programs[@]}"; do
	describe "$program"
	for arch in "${arches[@]}"; do
		tree=$work/$program-$arch
		rm -rf "$tree"
		packaging/stage.sh "$program" "linux/$arch" "$tree"
		same "$tree"
		"build_$builder" deb "dist/${program}_${version}-${release}_$arch.deb"
		"build_$builder" rpm "dist/$program-$version-$release.$(rpm_arch "$arch").rpm"
	done
done
ls -l dist/*.deb dist/*.rpm
