#!/bin/sh
# Measures the peers, each with its own benchmark, and prints one JSON object for each.
#
#   bench/peers/run.sh                        all measurements
#   bench/peers/run.sh cold_start fib30       some of them
#
# Needs Node 20 or later, npm, and for the first run a C++ compiler: isolated-vm is compiled when it is installed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

cd "$here/isolated-vm"
if ! [ node_modules/.package-lock.json -nt package-lock.json ]; then
    npm ci --no-audit --no-fund >&2
fi
exec node --expose-gc --no-node-snapshot bench.mjs "$@"
