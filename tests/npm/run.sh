#!/bin/sh
# Runs unmodified npm bundles under `isolate run` and under Node and compares what they print, byte for byte.
#
#   tests/npm/run.sh              every case
#   tests/npm/run.sh lodash esm   some of them
#
# ISOLATE names the binary; without it target/release/isolate is taken, else target/debug/isolate. ISOLATE_ENGINE names
# the engine; without it the default one runs.
# Needs Node 20 or later and npm. Packages are pinned in package-lock.json and go to node_modules (ignored by git).
set -eu
here=$(cd "$(dirname "$0")" && pwd)

if ! [ "$here/node_modules/.package-lock.json" -nt "$here/package-lock.json" ]; then
    (cd "$here" && npm ci --ignore-scripts --no-audit --no-fund >&2)
fi

exec node "$here/compare.mjs" "$@"
