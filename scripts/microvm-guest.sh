#!/usr/bin/env bash
# Prepares what the microvm engine boots, from Debian packages, into a folder:
#   vmlinux      the cloud kernel, unpacked
#   modules/     its modules that a guest loads, in the order of their names
#   root.ext4    the programs of a guest: those of some packages of this machine, with what they depend on
# usage: scripts/microvm-guest.sh FOLDER [PACKAGE…]
# Does nothing where that is there already, made by this very script. Remove the folder to take up newer packages.
set -euo pipefail
folder=${1:?usage: microvm-guest.sh FOLDER [PACKAGE…]}
shift
packages=("$@")
[ ${#packages[@]} -gt 0 ] || packages=(bash coreutils findutils grep sed gawk diffutils tar gzip xz-utils patch less file
    procps util-linux mount hostname ncurses-base git python3 perl-base ca-certificates libc-bin base-files)
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
draft=$(mktemp -d "$folder/.draft.XXXXXX")
trap 'rm -rf "$draft"' EXIT

# The package is unpacked, never installed: it would become a kernel that this machine boots.
download() {
    local package
    package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -1)
    [ -n "$package" ] && (cd "$draft" && apt-get download -qq "$package" && dpkg -x "$package"_*.deb kernel)
}

kernel() {
    local modules name number=0
    # Lists of packages may be missing, or name versions that are gone.
    download || { [ "$(id -u)" -eq 0 ] && apt-get update -qq && download; } \
        || { echo 'error: apt gets no linux-image-cloud-amd64; run apt-get update as root' >&2; exit 1; }
    # The image is a loader with an LZ4 payload (Documentation/x86/boot.rst: setup_sects, payload_offset, payload_length);
    # the last four bytes of the payload are its unpacked size.
    python3 - "$draft"/kernel/boot/vmlinuz-* "$draft/payload" <<'PYTHON'
import struct, sys
image = open(sys.argv[1], "rb").read()
offset, length = struct.unpack_from("<II", image, 0x248)
start = (image[0x1F1] + 1) * 512 + offset
if image[start:start + 4] != b"\x02\x21\x4c\x18":
    sys.exit("the kernel is not packed with LZ4")
open(sys.argv[2], "wb").write(image[start:start + length - 4])
PYTHON
    lz4 -dcq "$draft/payload" >"$draft/vmlinux"
    mkdir "$draft/modules"
    modules=$(echo "$draft"/kernel/lib/modules/*/kernel)
    # Each after those that it needs.
    for name in drivers/virtio/virtio_ring drivers/virtio/virtio drivers/virtio/virtio_mmio drivers/block/virtio_blk \
        drivers/char/virtio_console fs/overlayfs/overlay; do
        number=$((number + 1))
        cp "$modules/$name.ko" "$draft/modules/0$number-${name##*/}.ko"
    done
    chmod 0644 "$draft/vmlinux" "$draft"/modules/*
    rm -rf "$folder/modules"
    mv "$draft/modules" "$folder/modules"
    mv "$draft/vmlinux" "$folder/vmlinux"
}

# The packages with all that they depend on, as far as it is installed here.
closure() {
    apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
        --no-enhances "${packages[@]}" | grep -E '^[a-z0-9]' | sed 's/:.*$//' | sort -u \
        | comm -12 - <(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' | sed -n 's/^ii  *//p' | sort -u)
}

root() {
    local tree=$draft/root list=$draft/list
    mkdir -p "$tree"/{etc,proc,sys,dev,tmp,run,var/tmp,root,opt/perimeter,workspace}
    for name in bin sbin lib lib32 lib64 libx32; do
        [ -e "/$name" ] && ln -s "usr/$name" "$tree/$name"
    done
    closure | xargs dpkg -L 2>/dev/null | sed -E 's,^/(bin|sbin|lib|lib32|lib64|libx32)/,/usr/\1/,' \
        | grep -E '^/usr/' | grep -vE '^/usr/share/(doc|man|info|locale|lintian|bug|doc-base)(/|$)' | sort -u \
        | while read -r path; do
            # Folders come with the files in them.
            if [ -L "$path" ] || [ -f "$path" ]; then echo "${path#/}"; fi
        done >"$list"
    tar -C / --no-recursion -cf - -T "$list" | tar -C "$tree" -xf - --no-same-owner
    # Names that packages choose between, such as awk.
    for path in /etc/alternatives/*; do
        target=$(readlink "$path") && [ -e "$tree$target" ] || continue
        mkdir -p "$tree/etc/alternatives"
        cp -P "$path" "$tree/etc/alternatives/"
        link=/usr/bin/${path##*/}
        [ -L "$link" ] && [ ! -e "$tree$link" ] && cp -P "$link" "$tree$link"
    done
    for name in ssl ca-certificates.conf ld.so.conf ld.so.conf.d ld.so.cache mime.types localtime terminfo perl python3; do
        [ -e "/etc/$name" ] && cp -a "/etc/$name" "$tree/etc/"
    done
    rm -rf "$tree/etc/ssl/private"
    printf '%s\n' 'root:x:0:0:root:/root:/usr/sbin/nologin' 'agent:x:1000:1000:agent:/workspace:/bin/bash' \
        'nobody:x:65534:65534:nobody:/:/usr/sbin/nologin' >"$tree/etc/passwd"
    printf '%s\n' 'root:x:0:' 'agent:x:1000:' 'nogroup:x:65534:' >"$tree/etc/group"
    printf '%s\n' '127.0.0.1 localhost sandbox' '::1 localhost sandbox' >"$tree/etc/hosts"
    printf '%s\n' 'passwd: files' 'group: files' 'hosts: files' >"$tree/etc/nsswitch.conf"
    echo sandbox >"$tree/etc/hostname"
    local mebibytes=$(($(du -sm "$tree" | cut -f1) * 115 / 100 + 16))
    # Read-only for ever: no journal, no reserve.
    truncate -s "${mebibytes}M" "$draft/root.ext4"
    /sbin/mke2fs -q -F -t ext4 -m 0 -O ^has_journal,^resize_inode -E root_owner=0:0,nodiscard -d "$tree" \
        "$draft/root.ext4"
    chmod 0644 "$draft/root.ext4"
    mv "$draft/root.ext4" "$folder/root.ext4"
}

recipe=$(cat "$0" <(echo "${packages[@]}") | sha256sum)
[ "$(cat "$folder/recipe" 2>/dev/null)" = "$recipe" ] && exit 0
for tool in apt-get dpkg lz4 python3 /sbin/mke2fs; do
    command -v "$tool" >/dev/null || { echo "error: $tool is missing: install apt, dpkg, lz4, python3 and e2fsprogs" >&2; exit 1; }
done
rm -f "$folder/recipe"
kernel
root
# Last: it makes the rest complete.
echo "$recipe" >"$folder/recipe"
