#!/usr/bin/env bash
# Every measurement, one after the other, into Benchmarks/results.json. Nothing else should run meanwhile.
#   Benchmarks/run-all.sh            all of them
#   Benchmarks/run-all.sh start …    the named ones
set -euo pipefail
cd "$(dirname "$0")/.."
export PYTHONDONTWRITEBYTECODE=1

for name in bwrap wrk python3; do
    command -v "$name" >/dev/null && continue
    echo "error: $name is missing: apt-get install bubblewrap wrk python3-venv" >&2
    exit 1
done
Benchmarks/setup-peers.sh

all=(start http_rate stream_latency claim_latency workers loop_overhead sandboxes daemon_calls)
[ $# -gt 0 ] || set -- "${all[@]}"
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
failed=0
for name in "$@"; do
    BENCH_RESULTS=$lines python3 "Benchmarks/$name.py" || { echo "error: $name failed" >&2; failed=1; }
done

python3 - "$lines" Benchmarks/results.json <<'PYTHON'
import datetime, json, pathlib, sys

lines, target = map(pathlib.Path, sys.argv[1:])
try:
    results = {entry["benchmark"]: entry for entry in json.loads(target.read_text())["results"]}
except (OSError, ValueError, KeyError):
    results = {}
measured = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
for line in lines.read_text().splitlines():
    entry = json.loads(line)
    results[entry["benchmark"]] = {**entry, "measured_at": measured}
target.write_text(json.dumps({"results": list(results.values())}, indent=1) + "\n")
print(f"wrote {target}")
PYTHON
exit "$failed"
