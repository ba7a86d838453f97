#!/usr/bin/env bash
# Every measurement, one after the other, into Benchmarks/results.json. Nothing else should run meanwhile.
#   Benchmarks/run-all.sh            all of them
#   Benchmarks/run-all.sh start …    the named ones
set -euo pipefail
cd "$(dirname "$0")/.."
export PYTHONDONTWRITEBYTECODE=1

packages="bubblewrap wrk python3-venv mmdebstrap crun runc runsc podman conmon qemu-system-x86 nginx-light tinyproxy squid curl"
for name in bwrap wrk python3 mmdebstrap crun runc runsc podman qemu-system-x86_64 nginx tinyproxy squid curl; do
    command -v "$name" >/dev/null || PATH=$PATH:/usr/sbin command -v "$name" >/dev/null && continue
    echo "error: $name is missing: apt-get install $packages" >&2
    exit 1
done
export PATH=$PATH:/usr/sbin
Benchmarks/setup-peers.sh
Benchmarks/setup-rootfs.sh

all=(start http_rate stream_latency claim_latency workers loop_overhead daemon_calls engines egress)
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
