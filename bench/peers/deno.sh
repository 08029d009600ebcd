#!/bin/sh
# Prints where Deno is: what $DENO says, or else the one of npm, which it installs here at first.
set -eu
if [ -n "${DENO:-}" ]; then
    echo "$DENO"
    exit
fi
cd "$(dirname "$0")/deno"
# The package's own script, which puts the program in its place, may not be allowed to run.
if ! [ node_modules/.package-lock.json -nt package-lock.json ]; then
    npm ci --no-audit --no-fund --ignore-scripts >&2
fi
found=$(find "$PWD/node_modules/@deno" -name deno -type f -perm -u+x | head -n 1)
[ -n "$found" ] || {
    echo "npm brought no deno; set DENO" >&2
    exit 1
}
echo "$found"
