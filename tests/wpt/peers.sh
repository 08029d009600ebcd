#!/usr/bin/env bash
# Runs the same tests, wrapped in the same way, here and in Node and Deno, and writes PEERS.md.
#
#   bash tests/wpt/peers.sh
#
# Takes `node` from the PATH, and Deno from $DENO or else from npm. With PEERS_ONLY=1 it leaves Isolate out.
# The results stay in target/wpt-peers, for `--diff`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

deno_version='2.9.6'
out='target/wpt-peers'
page='tests/wpt/PEERS.md'
mkdir -p "$out"

deno=${DENO:-}
if [ -z "$deno" ]; then
    # The package's own script, which puts the program in its place, may not be allowed to run.
    find_deno() { find "$out/node_modules/@deno" -name deno -type f -perm -u+x 2>/dev/null | head -n 1; }
    [ -n "$(find_deno)" ] || npm install --silent --no-audit --no-fund --prefix "$out" "deno@$deno_version"
    deno=$(find_deno)
    [ -n "$deno" ] || {
        echo "peers: npm brought no deno; set DENO" >&2
        exit 1
    }
fi
# Nothing is left in the home directory.
export DENO_DIR="$PWD/$out/deno-dir"

bash tests/wpt/fetch.sh
cargo build --quiet --release -p isolate-wpt
wpt() { cargo run --quiet --release -p isolate-wpt -- "$@"; }

results=()
measure() {
    local name=$1
    shift
    echo "== $name"
    wpt "$@" --json "$out/$name.json"
    results+=("$out/$name.json")
}
[ -n "${PEERS_ONLY:-}" ] || measure isolate --no-compare
measure node --peer node
measure deno --peer "$deno run -q --no-prompt"

{
    cat <<'TEXT'
# The same tests elsewhere

Subtests passed / all subtests that gave a result, for each folder. Every engine runs the same files, one process for
each, as `node FILE` and `deno run -q --no-prompt FILE`; what is left out, and why, is in
[COMPATIBILITY.md](../../COMPATIBILITY.md#web-platform-tests). A column can have fewer subtests in all, where a test
throws before it has made them all.

TEXT
    wpt --side-by-side "${results[@]}"
    cat <<TEXT

Measured with \`bash tests/wpt/peers.sh\`; the tests are those of $(sed -n 2p target/wpt/.stamp).
TEXT
} >"$page"
cat "$page"
