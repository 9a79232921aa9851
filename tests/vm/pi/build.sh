#!/bin/sh
# Builds what the Raspberry Pi scenario boots, or finds it built, and prints its folder:
#   vmlinux  bcm2837-rpi-3-b.dtb  initrd.img
# Cached like ../build.sh. Exit status 69: the emulator or the packages cannot be had here.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/../../.." && pwd)
base=${CARGO_TARGET_DIR:-$project/target}/vm
mkdir -p "$base"
base=$(cd "$base" && pwd)
exec 9>"$base/.lock-pi"
flock 9
PATH=$PATH:/usr/sbin:/sbin

"$here/../install.sh" pi >&2
version=$base/kernel-version-arm64
if [ ! -s "$version" ] || [ -n "$(find /var/lib/apt/lists -maxdepth 1 -newer "$version" -name '*_Packages*')" ]; then
    "$here/../kernel.sh" version arm64 >"$version.new"
    mv "$version.new" "$version"
fi
key=$(cat "$here/../kernel.sh" "$here/build.sh" "$here/init" "$version" | sha256sum | cut -c1-12)
dir=$base/pi-$key
if [ ! -d "$dir" ]; then
    echo "hardware rig: building the Raspberry Pi's kernel, once (log: $base/pi.log)" >&2
    rm -rf "$dir.new"
    mkdir -p "$dir.new/first/bin"
    # configfs is gpio-sim's way in, and a module on arm64.
    "$here/../kernel.sh" build arm64 "$dir.new" configfs gpio-sim >"$base/pi.log" 2>&1 9>&- || {
        status=$?
        tail -n 20 "$base/pi.log" >&2
        exit "$status"
    }
    first=$dir.new/first
    mkdir -p "$first/proc" "$first/sys" "$first/dev" "$first/tmp" "$first/modules"
    cp "$dir.new/busybox" "$first/bin/busybox"
    ln -s busybox "$first/bin/sh"
    install -m 755 "$here/init" "$first/init"
    find "$dir.new/modules" -name '*.ko' -exec cp {} "$first/modules/" \;
    (cd "$first" && find . | cpio --quiet -o -H newc) >"$dir.new/initrd.img"
    rm -rf "$first" "$dir.new/modules" "$dir.new/busybox"
    mv "$dir.new/dtb/bcm2837-rpi-3-b.dtb" "$dir.new/"
    rm -rf "$dir.new/dtb"
    find "$base" -maxdepth 1 -type d -name 'pi-*' ! -path "$dir.new" -mmin +120 -exec rm -rf {} +
    mv "$dir.new" "$dir"
fi
echo "$dir"
