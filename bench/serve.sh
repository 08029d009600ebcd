#!/usr/bin/env bash
# Requests per second of `isolate serve`, `workerd serve` and `deno serve` on the same scripts, by `wrk`.
#
#   bash bench/serve.sh            prints a table
#   bash bench/serve.sh --write    and puts it into bench/RESULTS-SERVE.md
#
# Each server has one processor to itself (taskset), and wrk has another. They take turns for some rounds; a figure is the
# median of its rounds. Needs wrk (Debian's package), taskset, and Node with npm for workerd and Deno, or $WORKERD and $DENO.
# ENGINES='quickjs v8' measures Isolate on both, if it is built with both.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

rounds=${ROUNDS:-3} seconds=${SECONDS_EACH:-4} connections=${CONNECTIONS:-32}
work=$PWD/target/bench-serve
mkdir -p "$work"
for tool in wrk taskset curl; do
    command -v "$tool" >/dev/null || { echo "serve.sh: $tool is needed (apt-get install wrk util-linux curl)" >&2; exit 1; }
done

engines=${ENGINES:-quickjs}
if [ -z "${ISOLATE:-}" ]; then
    features=()
    case $engines in *v8*) features=(--features v8) ;; esac
    cargo build --quiet --release -p isolate-cli "${features[@]}"
    ISOLATE=target/release/isolate
fi
program() { find "$work/node_modules/$1" -name "$2" -type f -perm -u+x 2>/dev/null | head -n 1; }
if [ -z "${WORKERD:-}" ] || [ -z "${DENO:-}" ]; then
    [ -n "$(program @cloudflare workerd)" ] && [ -n "$(program @deno deno)" ] ||
        npm install --silent --no-audit --no-fund --prefix "$work" workerd@1.20251118.0 deno@2.9.6
    WORKERD=${WORKERD:-$(program @cloudflare workerd)} DENO=${DENO:-$(program @deno deno)}
fi

cat >"$work/hello.mjs" <<'JS'
export default { fetch() { return new Response('Hello, world!'); } };
JS
cat >"$work/echo.mjs" <<'JS'
export default { async fetch(request) { return Response.json(await request.json()); } };
JS
node -e '
    const things = Array.from({ length: 100 }, (_, id) => ({ id, name: "thing " + id, tags: ["a", "b", "c"], price: id * 1.25, ok: id % 2 === 0, note: "x".repeat(12) }));
    let text = JSON.stringify(things);
    while (text.length > 10240) { things.pop(); text = JSON.stringify(things); }
    process.stdout.write("wrk.method = \"POST\"\nwrk.headers[\"content-type\"] = \"application/json\"\nwrk.body = " + JSON.stringify(text) + "\n");
' >"$work/echo.lua"
printf '' >"$work/hello.lua"
for script in hello echo; do
    cat >"$work/$script.capnp" <<CAPNP
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .app)],
  sockets = [(name = "http", address = "127.0.0.1:8701", http = (), service = "main")],
);
const app :Workerd.Worker = (modules = [(name = "app", esModule = embed "$script.mjs")], compatibilityDate = "2024-01-01");
CAPNP
done

start() {
    case $1 in
    isolate-*) exec taskset -c 0 "$ISOLATE" serve --engine "${1#isolate-}" --port 8701 "$work/$2.mjs" ;;
    workerd) exec taskset -c 0 "$WORKERD" serve "$work/$2.capnp" ;;
    deno) export DENO_DIR=$work/deno; exec taskset -c 0 "$DENO" serve --port 8701 --host 127.0.0.1 "$work/$2.mjs" ;;
    esac >"$work/log" 2>&1 &
    server=$!
    # Nobody else may answer in its place.
    for _ in $(seq 100); do
        kill -0 "$server" 2>/dev/null || break
        curl -so /dev/null http://127.0.0.1:8701/ && return
        sleep 0.05
    done
    echo "serve.sh: $1 does not answer" >&2
    cat "$work/log" >&2
    exit 1
}
stop() {
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
}
trap 'stop 2>/dev/null' EXIT

names=()
for engine in $engines; do names+=("isolate-$engine"); done
names+=(workerd deno)
rm -f "$work"/figures
for round in $(seq "$rounds"); do
    for script in hello echo; do
        for name in "${names[@]}"; do
            start "$name" "$script"
            taskset -c 1 wrk -t1 -c"$connections" -d1s -s "$work/$script.lua" http://127.0.0.1:8701/ >/dev/null
            taskset -c 1 wrk -t1 -c"$connections" -d"${seconds}s" --latency -s "$work/$script.lua" http://127.0.0.1:8701/ >"$work/wrk"
            stop
            if grep -q 'Non-2xx' "$work/wrk"; then
                echo "serve.sh: $name answered $script with errors" >&2
                exit 1
            fi
            awk -v n="$name" -v s="$script" '
                function ms(t) { return t ~ /us$/ ? t / 1000 : t ~ /ms$/ ? t + 0 : t * 1000 }
                $1 == "50%" { p50 = ms($2) } $1 == "99%" { p99 = ms($2) } /^Requests\/sec/ { print s, n, $2, p50, p99 }' \
                "$work/wrk" >>"$work/figures"
        done
    done
done

{
    printf '| what | server | requests/s | p50 | p99 | beside workerd |\n| --- | --- | ---: | ---: | ---: | ---: |\n'
    node -e '
        const lines = require("fs").readFileSync(process.argv[1], "utf8").trim().split("\n").map((l) => l.split(" "));
        const median = (a) => a.sort((x, y) => x - y)[a.length >> 1];
        const of = (s, n, i) => median(lines.filter((l) => l[0] === s && l[1] === n).map((l) => +l[i]));
        const titles = { hello: "hello, world", echo: "JSON of 10 KB parsed and sent back" };
        for (const script of ["hello", "echo"]) for (const name of new Set(lines.map((l) => l[1]))) {
            const base = of(script, "workerd", 2), rate = of(script, name, 2);
            console.log(`| ${titles[script]} | ${name.replace("-", " serve, ")} | ${Math.round(rate)} | ${of(script, name, 3).toFixed(2)} ms | ${of(script, name, 4).toFixed(2)} ms | ${(rate / base).toFixed(2)} × |`);
        }' "$work/figures"
} | tee "$work/table"
if [ "${1:-}" = --write ]; then
    {
        cat <<TEXT
# Serving

Made by \`bash bench/serve.sh --write\` on $(date -u +%F), $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores.
\`wrk\` with $connections connections on one processor, each server on another; medians of $rounds rounds of $seconds s. The machine is
shared, so read the ratios. workerd $("$WORKERD" --version | awk '{ print $NF }'), Deno $("$DENO" --version | awk 'NR == 1 { print $2 }').

TEXT
        cat "$work/table"
    } >bench/RESULTS-SERVE.md
fi
