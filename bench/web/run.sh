#!/usr/bin/env bash
# URL, text and Blob here and in Node, one after the other: bash bench/web/run.sh
# Needs the web platform tests in target/wpt (or where WPT says), node, and a release build of the command.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
data="${WPT:-target/wpt}/url/resources/urltestdata.json"
work="$(mktemp -d)"
trap 'rm -r "$work"' EXIT
node -e "
  const all = JSON.parse(require('fs').readFileSync(process.argv[1], 'utf8')).filter((t) => typeof t === 'object');
  console.log('const urls = ' + JSON.stringify(all.map((t) => t.input)) + ';');
" "$data" >"$work/data.js"
cargo build --release -q -p isolate-cli
for name in url bytes; do
    {
        if [ "$name" = url ]; then cat "$work/data.js"; fi
        cat "bench/web/$name.js"
    } >"$work/$name.js"
    for command in 'target/release/isolate run --memory 4G --timeout none' node; do
        echo "== $name: ${command%% *}"
        $command "$work/$name.js"
    done
done
