#!/bin/sh
# The version, from git: valid in a DEB and in an RPM, and sorted alike by both.
# Tag v1.2.3: 1.2.3. Tag v1.2.3-rc.1: 1.2.3~rc.1, which is before 1.2.3. Five commits
# after a tag: 1.2.3+5.gHASH. Without a tag: 0.0.0~git and the time of the commit.
# Nothing where there is no git, and with changes that are not committed +dirty.
set -eu
cd "${1:-$(dirname "$0")/..}"
commit=$(git rev-parse --short=9 HEAD 2>/dev/null) || exit 0

if long=$(git describe --tags --long --abbrev=9 --match 'v[0-9]*' 2>/dev/null); then
	tag=${long%-*-*}
	since=${long#"$tag"-}
	since=${since%-*}
	version=$(echo "${tag#v}" | tr - '~')
	[ "$since" = 0 ] || version=$version+$since.g$commit
else
	version=0.0.0~git$(TZ=UTC git log -1 --format=%cd --date=format-local:%Y%m%d%H%M%S).$commit
fi
[ -z "$(git status --porcelain --untracked-files=no)" ] || version=$version+dirty
echo "$version"
