#!/usr/bin/env bash
# Runs the web platform tests of fetch, FormData, WebSocket and EventSource, with the tests' own server, here and in Node and
# Deno, and writes FETCH.md.
#
#   bash tests/wpt/fetch-server.sh
#
# These tests are not in Debian's source package of Node. They come from that of Firefox, of which this downloads 680 MB and
# keeps 60 MB in target/wpt-fetch: too much for every run of CI, so it is done by hand. Needs python3 (the server is the tests'
# own wptserve), apt's archive (ARCHIVE, with the version VERSION, which security updates replace), curl, tar, xz, and what
# peers.sh needs. With ENGINES='quickjs v8' both engines run. The server uses ports 8800 to 8867 of localhost.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

archive=${ARCHIVE:-http://deb.debian.org/debian/pool/main/f/firefox-esr}
version=${VERSION:-140.12.0esr}
engines=${ENGINES:-quickjs}
root=$PWD/target/wpt-fetch
out=$PWD/target/wpt-peers
page=tests/wpt/FETCH.md
folders=(fetch/api fetch/content-encoding fetch/content-length fetch/content-type fetch/data-urls fetch/range
    fetch/http-cache xhr/formdata websockets eventsource)
mkdir -p "$out"

if [ "$(cat "$root/.version" 2>/dev/null)" != "$version" ]; then
    rm -rf "$root"
    mkdir -p "$root"
    inside='*/testing/web-platform/tests'
    names=()
    for name in common eventsource fetch interfaces resources tools websockets xhr; do names+=("$inside/$name/*"); done
    curl -fsS "$archive/firefox-esr_$version.orig.tar.xz" |
        tar -xJ -C "$root" --strip-components=4 --wildcards "${names[@]}"
    # The server of HTTP/2 does not run here, and nothing listens there.
    sed -i 's/{{ports\[h2\]\[0\]}}/8900/' "$root/websockets/constants.sub.js"
    echo "$version" >"$root/.version"
fi

cat >"$root/server.json" <<'JSON'
{ "browser_host": "localhost", "alternate_hosts": { "alt": "127.0.0.1" }, "check_subdomains": false,
  "ports": { "http": [8800, 8801], "https": [8843, 8844], "ws": [8866], "wss": [8867], "http-local": [8810],
    "http-public": [8811], "https-local": [8812], "https-public": [8813], "h2": [], "webtransport-h3": [], "dns": [] } }
JSON
cat >"$root/server.py" <<'PYTHON'
import sys
sys.path.insert(0, '.')
from tools import localpaths
from tools.serve import serve
if __name__ == '__main__':
    serve.run(**vars(serve.get_parser().parse_args(['--config', 'server.json', '--no-h2'])))
PYTHON
(cd "$root" && exec setsid python3 server.py) >"$root/server.log" 2>&1 &
server=$!
trap 'kill -- -"$server" 2>/dev/null || true' EXIT
for _ in $(seq 60); do
    curl -sfo /dev/null http://localhost:8800/fetch/api/resources/clean-stash.py?token=550e8400-e29b-41d4-a716-446655440000 && break
    sleep 0.5
done

features=()
case $engines in *v8*) features=(--features v8) ;; esac
cargo build --quiet --release -p isolate-wpt "${features[@]}"
deno=${DENO:-$(find "$out/node_modules/@deno" -name deno -type f -perm -u+x 2>/dev/null | head -n 1)}
[ -n "$deno" ] || { echo "fetch-server.sh: run peers.sh first, or set DENO" >&2; exit 1; }
export WPT_SERVER=http://localhost:8800 DENO_DIR=$out/deno-dir

results=()
measure() {
    local name=$1
    shift
    echo "== $name"
    target/release/wpt --root "$root" "${folders[@]}" --timeout 5 "$@" --json "$out/fetch-$name.json"
    results+=("$out/fetch-$name.json")
}
for engine in $engines; do measure "$engine" --engine "$engine" --no-compare; done
measure node --peer node
measure deno --peer "$deno run -A -q --no-prompt"

{
    cat <<'TEXT'
# fetch, FormData, WebSocket, EventSource: the same tests elsewhere

Subtests passed / all subtests that gave a result, for each folder, with the tests' own server. Addresses are made absolute
in the same way for every engine, since none of them has a page. What fails here is what needs a page's origin (CORS, opaque
responses, referrers, cookies, caches, forbidden headers), HTTP/2 or TLS of the server (its certificates are nobody's), and
`WebSocketStream`.

TEXT
    target/release/wpt --side-by-side "${results[@]}"
    cat <<TEXT

Measured with \`ENGINES='$engines' bash tests/wpt/fetch-server.sh\`; the tests are those of Firefox $version.
TEXT
} >"$page"
cat "$page"
