#!/usr/bin/env bash
# A small Debian as the root file system of containers that are measured, in .build/bench-rootfs; about a minute.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v mmdebstrap >/dev/null || { echo "error: mmdebstrap is missing: apt-get install mmdebstrap" >&2; exit 1; }
[ -f .build/bench-rootfs/etc/debian_version ] && exit 0
mkdir -p .build
rm -rf .build/bench-rootfs
# From where this machine itself has its packages.
cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null \
    | mmdebstrap --variant=minbase bookworm .build/bench-rootfs -
