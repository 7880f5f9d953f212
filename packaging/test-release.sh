# Sourced by test: programs, sums, signatures, repositories, and the second build.
# shellcheck shell=bash disable=SC2154,SC2164 # test sets what is used here, and set -e

# unpacked OS/ARCH prints where the archive is unpacked.
unpacked() {
	local name=balanced-$version-${1/\//-}
	[ -d "$tmp/$name" ] || tar xzf "dist/$name.tar.gz" -C "$tmp"
	echo "$tmp/$name"
}

static() {
	local platform program kind
	for platform in "${platforms[@]}"; do
		for program in "$(unpacked "$platform")"/bin/*; do
			kind=$(file -b "$program")
			case $platform in
			linux/amd64) has "$kind" 'x86-64' ;;
			linux/arm64) has "$kind" 'ARM aarch64' ;;
			darwin/amd64) has "$kind" 'Mach-O 64-bit x86_64' ;;
			darwin/arm64) has "$kind" 'Mach-O 64-bit arm64' ;;
			windows/*) has "$kind" 'PE32+ executable (console) x86-64' ;;
			esac
			if [[ $platform = linux/* ]]; then
				has "$kind" 'statically linked'
				equal "$program" "$(readelf --program-headers "$program" | grep -c INTERP)" 0
			fi
		done
	done
}

small() {
	local arch size
	for arch in "${arches[@]}"; do
		size=$(stat -c %s "$(unpacked "linux/$arch")/bin/balanced")
		echo "$arch: $size bytes"
		[ "$size" -le $((17 * 1024 * 1024)) ]
	done
}

runs_arm64() {
	fresh
	dpkg-deb -x "dist/${deb/amd64/arm64}" "$root"
	has "$(qemu-aarch64-static "$root/usr/bin/balanced" version)" 'linux/arm64'
}

sbom_complete() {
	local module count=0 sbom=dist/balanced-$version-linux-amd64.cdx.json
	for module in $("$go" version -m "$(unpacked linux/amd64)/bin/balanced" | awk '$1 == "dep" { print $2 "@" $3 }'); do
		grep -qF "pkg:golang/$module?" "$sbom" || { echo "no $module in $sbom"; return 1; }
		count=$((count + 1))
	done
	[ "$count" -gt 10 ]
	grep -qF 'pkg:golang/github.com/aws/aws-sdk-go-v2@' "$sbom"
}

# key makes a key and sets SIGN_KEY; the release is signed with it, and the repository.
key() {
	export GNUPGHOME=$tmp/gnupg SIGN_KEY=test@balanced.example
	[ -d "$GNUPGHOME" ] && return
	mkdir -m 700 "$GNUPGHOME"
	gpg --batch --quiet --passphrase '' --quick-generate-key "$SIGN_KEY" ed25519 sign never
	gpg --batch --armor --export "$SIGN_KEY" >"$tmp/key.asc"
	packaging/repo.sh
}

signed() {
	key
	sign dist/SHA256SUMS "$tmp/SHA256SUMS.asc" --detach-sign
	gpg --batch --verify "$tmp/SHA256SUMS.asc" dist/SHA256SUMS
	cd dist && sha256sum --check --strict SHA256SUMS
	equal 'files without a sum' "$(find . -maxdepth 1 -name 'balanced*' -printf '%f\n' | grep -vxFf <(cut -c 67- SHA256SUMS))" ''
	echo >>SHA256SUMS
	! gpg --batch --verify "$tmp/SHA256SUMS.asc" SHA256SUMS || { echo 'a changed file passes'; return 1; }
	sed -i '$d' SHA256SUMS
}

apt_installs() {
	key
	fresh
	mkdir -p "$root"/{etc/apt/apt.conf.d,etc/apt/preferences.d,var/lib/apt/lists/partial,var/cache/apt/archives/partial,var/log/apt}
	echo "deb [arch=amd64 signed-by=$tmp/key.asc] file:$top/dist/repo/apt stable main" >"$root/etc/apt/sources.list"
	cat >"$root/apt.conf" <<-END
		Dir "$root"; Dir::State::status "$root/var/lib/dpkg/status";
		Dir::Bin::Methods "/usr/lib/apt/methods"; Dir::Bin::dpkg "/usr/bin/dpkg";
		APT::Architecture "amd64"; APT::Architectures "amd64"; APT::Sandbox::User "root";
		DPkg::Options { "--root=$root"; };
	END
	export APT_CONFIG=$root/apt.conf
	apt-get --error-on=any update
	apt-get --yes install balanced balanced-lab
	has "$(runs balanced version)" "balanced $version ("
}

dnf_installs() {
	key
	fresh
	command -v dnf >/dev/null || fail 'dnf is not installed; it is in dnf'
	mkdir -p "$root/log"
	cat >"$root/etc/balanced.repo" <<-END
		[balanced]
		name=balanced
		baseurl=file://$top/dist/repo/yum
		repo_gpgcheck=1
		gpgcheck=0
		gpgkey=file://$tmp/key.asc
	END
	local here=()
	for option in cachedir=cache logdir=log reposdir=etc varsdir=none pluginpath=none; do
		here+=(--setopt="${option%=*}=$root/${option#*=}")
	done
	dnf --assumeyes --installroot="$root" --releasever=1 "${here[@]}" install balanced balanced-lab
	has "$(runs balanced version)" "balanced $version ("
}

# versions are those of a repository's history, oldest first.
versions() {
	local work=$tmp/versions last='' now
	git init -q "$work"
	step() { git -C "$work" -c user.name=t -c user.email=t@example.com -c tag.gpgsign=false "$@"; }
	for tag in '' v0.1.0-rc.1 v0.1.0 '' '' v0.1.1; do
		step commit -q --allow-empty -m change
		[ -z "$tag" ] || step tag -a -m "$tag" "$tag"
		now=$(packaging/version.sh "$work")
		case $tag in
		v*) equal "$tag" "$now" "$(echo "${tag#v}" | tr - '~')" ;;
		esac
		if [ -n "$last" ]; then
			dpkg --compare-versions "$last-1" lt "$now-1" || { echo "dpkg: $last is not before $now"; return 1; }
			! command -v rpm >/dev/null || equal "rpm: $last, $now" "$(rpm --eval "%{lua: print(rpm.vercmp('$last', '$now'))}")" -1
		fi
		last=$now
	done
	echo change >"$work/file" && step add file
	equal dirty "$(packaging/version.sh "$work")" "$last+dirty"
}

# reproducible: another folder, without git, and another umask, locale, time zone and
# home. What is compiled for one platform alone starts from an empty build cache: to do
# so for all would take minutes.
reproducible() {
	local copy=$tmp/elsewhere/balanced
	mkdir -p "$copy" "$tmp/home"
	git ls-files -z | tar --create --null --files-from=- | tar --extract --directory "$copy"
	(
		cd "$copy"
		umask 077
		export TZ=Pacific/Kiritimati LC_ALL=C.UTF-8 LANG=tr_TR.UTF-8 HOME=$tmp/home GOCACHE=$caches GOMODCACHE=$modules
		make --no-print-directory release
		GOCACHE=$tmp/home/cache compile balanced linux amd64 "$tmp/home/balanced"
	)
	diff dist/SHA256SUMS "$copy/dist/SHA256SUMS"
	cmp "$tmp/home/balanced" "$(unpacked linux/amd64)/bin/balanced"
}

# repositories_reproducible compares with those of what reproducible has made.
repositories_reproducible() {
	local copy=$tmp/elsewhere/balanced
	SIGN_KEY='' packaging/repo.sh
	(cd "$copy" && umask 077 && SIGN_KEY='' packaging/repo.sh)
	diff --recursive dist/repo "$copy/dist/repo"
}
