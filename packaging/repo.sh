#!/bin/bash
# repo.sh: the packages in dist/ as an apt and a yum repository below dist/repo, to be
# copied to any web server or bucket. With SIGN_KEY, the id of a key that gpg has, the
# metadata is signed, and the public key put beside it.
# shellcheck source=settings.sh
. "$(dirname "$0")/settings.sh"
need apt-ftparchive 'the package apt-utils'
need createrepo_c 'the package createrepo-c or createrepo_c'
compgen -G 'dist/*.deb' >/dev/null || fail 'no packages in dist/: make package comes first'
repo=$PWD/dist/repo
rm -rf "$repo"

apt() {
	mkdir -p "$repo/apt/pool/main"
	cp dist/*.deb "$repo/apt/pool/main"
	cd "$repo/apt"
	for arch in "${arches[@]}"; do
		local index=dists/stable/main/binary-$arch
		mkdir -p "$index"
		apt-ftparchive --arch "$arch" packages pool >"$index/Packages"
		gzip -9nk "$index/Packages"
	done
	apt-ftparchive -o APT::FTPArchive::Release::Origin=balanced -o APT::FTPArchive::Release::Label=balanced \
		-o APT::FTPArchive::Release::Suite=stable -o APT::FTPArchive::Release::Codename=stable \
		-o APT::FTPArchive::Release::Architectures="${arches[*]}" -o APT::FTPArchive::Release::Components=main \
		release dists/stable |
		sed "s/^Date: .*/Date: $(date -R -d "@$SOURCE_DATE_EPOCH")/" >Release
	mv Release dists/stable/Release
	sign dists/stable/Release dists/stable/Release.gpg --detach-sign
	sign dists/stable/Release dists/stable/InRelease --clearsign
}

yum() {
	mkdir -p "$repo/yum"
	cp dist/*.rpm "$repo/yum"
	same "$repo/yum" # the index has the times of the files
	createrepo_c --quiet --revision "$SOURCE_DATE_EPOCH" --set-timestamp-to-revision --no-database "$repo/yum"
	sign "$repo/yum/repodata/repomd.xml" "$repo/yum/repodata/repomd.xml.asc" --detach-sign
}

(apt)
yum
[ -z "${SIGN_KEY:-}" ] || gpg --batch --armor --export "$SIGN_KEY" >"$repo/balanced.asc"
echo "$repo"
