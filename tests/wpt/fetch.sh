#!/usr/bin/env bash
# Fetches the web-platform-tests that Debian's source package of Node carries into target/wpt.
#
#   bash tests/wpt/fetch.sh
#
# It uses sources, lists and a cache of apt of its own, in a scratch directory: it neither needs a deb-src entry nor
# changes anything of the machine's, and need not be root. What it needs is apt, Debian's archive keyring, tar and xz.
# It does nothing if the tests are there already.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# The expectations belong to the tests of this upstream version. Security updates of the package keep its tarball.
upstream='18.20.4+dfsg'
sha256='6ce58062c71eae37d9c5ac31eeaeff9c2d48561d21c2849179d056c9c1bd9ebc'
suite='bookworm'
mirror='http://deb.debian.org/debian'
keyring='/usr/share/keyrings/debian-archive-keyring.gpg'
inside='test/fixtures/wpt'

target='target/wpt'
stamp="$target/.stamp"
wanted="nodejs $upstream sha256:$sha256"

say() { echo "wpt: $*"; }
die() {
    echo "wpt: $*" >&2
    exit 1
}

if [ -f "$stamp" ] && [ "$(head -n 1 "$stamp")" = "$wanted" ]; then
    say "$target is there already ($(sed -n 2p "$stamp"))"
    exit 0
fi

for tool in apt-get apt-cache tar xz sha256sum; do
    command -v "$tool" >/dev/null || die "$tool is needed, and is not here"
done
[ -r "$keyring" ] || die "$keyring is needed (package debian-archive-keyring), and is not here"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch"/{state,lists/partial,cache/archives/partial,fetched,unpacked}
cat >"$scratch/sources.list" <<LIST
deb-src [signed-by=$keyring] $mirror $suite main
LIST
own=(
    -o "Dir::Etc::SourceList=$scratch/sources.list" -o 'Dir::Etc::SourceParts=-'
    -o "Dir::State=$scratch/state" -o "Dir::State::Lists=$scratch/lists" -o 'Dir::State::status=/dev/null'
    -o "Dir::Cache=$scratch/cache" -o "APT::Sandbox::User=$(id -un)"
    -o 'Acquire::Languages=none' -o 'Acquire::Retries=3'
)

say "reading the list of sources of $suite"
# Without the error mode, lists that could not be fetched are a warning.
apt-get "${own[@]}" -o 'APT::Update::Error-Mode=any' -qq update >"$scratch/log" 2>&1 ||
    { cat "$scratch/log" >&2; die 'apt-get update failed'; }

# The newest Debian revision of the pinned upstream version; all of them come with the same tarball.
versions=$(apt-cache "${own[@]}" showsrc --only-source nodejs | sed -n 's/^Version: //p' | sort -Vu) ||
    die 'apt-cache showsrc failed'
version=$(grep -F -- "$upstream-" <<<"$versions" | tail -n 1) ||
    die "no nodejs of upstream version $upstream is in $suite any more; there are: $(tr '\n' ' ' <<<"$versions")"
say "fetching the source of nodejs $version"
(cd "$scratch/fetched" && apt-get "${own[@]}" -qq source --download-only --tar-only "nodejs=$version") \
    >"$scratch/log" 2>&1 || { cat "$scratch/log" >&2; die 'apt-get source failed'; }

tarball="$scratch/fetched/nodejs_$upstream.orig.tar.xz"
sha256sum --check --status <<<"$sha256  $tarball" || die "the checksum of $(basename "$tarball") is not $sha256"
tar --extract --xz --file "$tarball" --directory "$scratch/unpacked" --no-same-owner --wildcards "*/$inside"
found=("$scratch"/unpacked/*/"$inside")
[ -f "${found[0]}/resources/testharness.js" ] || die "$inside is not in $(basename "$tarball")"

rm -rf "$target" "$target.new"
mkdir -p target
cp -R "${found[0]}" "$target.new"
printf '%s\nnodejs %s of Debian %s\n' "$wanted" "$version" "$suite" >"$target.new/.stamp"
mv "$target.new" "$target"
say "$(find "$target" -type f | wc -l) files of nodejs $version are in $target"
