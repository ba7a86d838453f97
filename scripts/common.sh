# Shared by ./run and ./test: sections with elapsed time, and everything a fresh Debian machine lacks.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
started=$SECONDS

section() { printf '\n== %s  [%d:%02d]\n' "$1" $(((SECONDS - started) / 60)) $(((SECONDS - started) % 60)); }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# apt names; the tools that each one brings are checked first, so a prepared machine needs no root.
need_packages() {
    local missing=()
    for name in "$@"; do
        dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    if [ "$(id -u)" -ne 0 ]; then
        die "these packages are missing; install them as root: apt-get install ${missing[*]}"
    fi
    section "install ${missing[*]}"
    # Programs are wanted, not their services: apt starts none of them while this file says so (invoke-rc.d(8)).
    local policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod +x "$policy"
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    if [ -n "$(trap -p EXIT)" ]; then rm -f "$policy"; trap - EXIT; fi
}

need_swift() {
    command -v swift >/dev/null 2>&1 || PATH="/opt/swift/usr/bin:$HOME/.local/share/swiftly/bin:$PATH"
    command -v swift >/dev/null 2>&1 || die "Swift 6.3 is missing: install it from swift.org and put it on PATH"
    swift --version 2>&1 | grep -qE 'Swift version (6\.[3-9]|[7-9]|[1-9][0-9])' \
        || die "Swift 6.3 or newer is needed; 'swift --version' says: $(swift --version 2>&1 | head -1)"
}

# Runs a long command quietly, with a line of progress every 20 seconds and its output when it fails.
quietly() {
    local log; log=$(mktemp)
    "$@" >"$log" 2>&1 &
    local job=$! waited=0
    trap 'kill "$job" 2>/dev/null || true; rm -f "$log"; exit 130' INT TERM
    while kill -0 "$job" 2>/dev/null; do
        sleep 1; waited=$((waited + 1))
        [ $((waited % 20)) -eq 0 ] && printf '   … %ds  %s\n' "$waited" "$(grep -v '^$' "$log" | tail -1 | cut -c1-90)"
    done
    local status=0; wait "$job" || status=$?
    trap - INT TERM
    if [ "$status" -ne 0 ]; then
        grep -E 'error|Error' "$log" | sort -u | head -40 >&2 || true
        tail -60 "$log" >&2; rm -f "$log"
        die "'$*' failed with status $status"
    fi
    rm -f "$log"
}

build_execd() {
    section "build perimeter-execd (static)"
    quietly swift build -c release --product perimeter-execd --static-swift-stdlib -Xswiftc -static-executable \
        -Xswiftc -Osize --scratch-path .build/execd
    PERIMETER_EXECD=$(swift build -c release --scratch-path .build/execd --show-bin-path)/perimeter-execd
    export PERIMETER_EXECD
    [ -x "$PERIMETER_EXECD" ] || die "the build left no $PERIMETER_EXECD"
}
