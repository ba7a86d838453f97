#!/usr/bin/env bash
# Installs what the measurements compare with, into .build/: the peer server (Python ≥ 3.12) and the official worker.
set -euo pipefail
cd "$(dirname "$0")/.."

python=""
for candidate in "${BENCH_PYTHON312:-}" python3.13 python3.12 "$HOME"/.pyenv/versions/3.12.*/bin/python3; do
    [ -n "$candidate" ] || continue
    "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null && { python=$candidate; break; }
done

if [ ! -f .build/bench-sdk/stamp ] || ! cmp -s Benchmarks/requirements-sdk.txt .build/bench-sdk/stamp; then
    rm -rf .build/bench-sdk
    python3 -m venv .build/bench-sdk
    .build/bench-sdk/bin/pip install -q --disable-pip-version-check -r Benchmarks/requirements-sdk.txt
    cp Benchmarks/requirements-sdk.txt .build/bench-sdk/stamp
fi

if [ -z "$python" ]; then
    # Debian 12 has Python 3.11 only; uv brings one where its downloads are reachable.
    python3 -m venv .build/bench-uv
    .build/bench-uv/bin/pip install -q --disable-pip-version-check uv
    python=$(.build/bench-uv/bin/uv python find 3.12 2>/dev/null || true)
    if [ -z "$python" ]; then
        .build/bench-uv/bin/uv python install 3.12 && python=$(.build/bench-uv/bin/uv python find 3.12)
    fi
fi
if [ -z "$python" ]; then
    echo "no Python 3.12: the peer server is left out" >&2
    exit 0
fi
if [ ! -f .build/bench-peer/stamp ] || ! cmp -s Benchmarks/requirements-peer.txt .build/bench-peer/stamp; then
    rm -rf .build/bench-peer
    "$python" -m venv .build/bench-peer
    .build/bench-peer/bin/pip install -q --disable-pip-version-check -r Benchmarks/requirements-peer.txt
    cp Benchmarks/requirements-peer.txt .build/bench-peer/stamp
fi
