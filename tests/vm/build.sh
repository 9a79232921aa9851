#!/bin/sh
# Builds what the x86-64 rig boots, or finds it built, and prints its folder:
#   vmlinux  initrd.img  modules.squashfs  root.squashfs  root.manifest
# Everything lies under target/vm/, named after a hash of what it is made from; a run with nothing to do takes a
# second. One build at a time, whoever calls. Exit status 69: QEMU or the packages cannot be had here.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/../.." && pwd)
base=${CARGO_TARGET_DIR:-$project/target}/vm
mkdir -p "$base"
base=$(cd "$base" && pwd)
exec 9>"$base/.lock"
flock 9
# udevadm and depmod live in sbin, which is not in everyone's path.
PATH=$PATH:/usr/sbin:/sbin

"$here/install.sh" >&2

hash_of() { cat "$@" | sha256sum | cut -c1-12; }
modules=$(sed 's/#.*//' "$here/modules.list" | xargs)
# Asking apt for the kernel's version takes a second, so its answer holds until the package lists change.
if [ ! -s "$base/kernel-version" ] || [ -n "$(find /var/lib/apt/lists -maxdepth 1 -newer "$base/kernel-version" -name '*_Packages*')" ]; then
    "$here/kernel.sh" version amd64 >"$base/kernel-version.new"
    mv "$base/kernel-version.new" "$base/kernel-version"
fi

# Runs a build step into a fresh folder, unless the folder is there already: step KIND KEY COMMAND...
# The folders of older inputs go, but for those a machine may still be booting from.
step() {
    dir=$base/$1-$2
    kind=$1
    shift 2
    [ ! -d "$dir" ] || return 0
    echo "hardware rig: building $kind, once (log: $base/$kind.log)" >&2
    rm -rf "$dir.new"
    mkdir "$dir.new"
    # In the background, because set -e does not hold inside a command whose status is being tested.
    "$@" "$dir.new" >"$base/$kind.log" 2>&1 9>&- &
    wait $! || {
        status=$?
        tail -n 20 "$base/$kind.log" >&2
        exit "$status"
    }
    find "$base" -maxdepth 1 -type d -name "$kind-*" ! -path "$dir.new" -mmin +120 -exec rm -rf {} +
    mv "$dir.new" "$dir"
}
make_root() { SQUASHFS_COMPRESSION=lz4 "$project/image-build/rootfs.sh" "$1/root.squashfs" "$here/rig.packages"; }
make_kernel() {
    # shellcheck disable=SC2086 # a list of modules
    "$here/kernel.sh" build amd64 "$1" $modules
    mksquashfs "$1/modules" "$1/modules.squashfs" -comp lz4 -noappend -quiet -no-progress
}
# The first stage: busybox, the modules that reach the disks in loading order, and the files laid over the root.
make_rig() {
    first=$1/first
    mkdir -p "$first/bin" "$first/lib/modules" "$first/proc" "$first/sys" "$first/dev" "$first/mnt" "$first/new" \
        "$first/overlay/sbin" "$first/overlay/etc/X11" "$first/overlay/etc/udev/rules.d"
    cp "$kernel/busybox" "$first/bin/"
    ln -s busybox "$first/bin/sh"
    install -m 755 "$here/guest/init" "$first/init"
    install -m 755 "$here/guest/kinit" "$first/overlay/sbin/kinit"
    cp "$here/guest/xorg.conf" "$first/overlay/etc/X11/"
    cp "$project/udev/"*.rules "$first/overlay/etc/udev/rules.d/"
    release=$(cut -d' ' -f1 "$base/kernel-version")
    mkdir -p "$1/tree/lib"
    ln -s "$kernel/modules" "$1/tree/lib/modules"
    for module in virtio_pci virtio_blk squashfs overlay; do
        modprobe -C /dev/null -d "$1/tree" -S "$release" --show-depends "$module"
    done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' | while read -r file; do
        cp "$file" "$first/lib/modules/"
        basename "$file" >>"$first/modules.order"
    done
    [ -s "$first/modules.order" ]
    (cd "$first" && find . | cpio --quiet -o -H newc) >"$1/initrd.img"
    rm -rf "$first" "$1/tree"
    ln -s "$kernel/vmlinux" "$kernel/modules.squashfs" "$root/root.squashfs" "$root/root.manifest" "$1/"
}

root_key=$(hash_of "$project/image-build/rootfs.sh" "$project/image-build/kiosk.packages" "$here/rig.packages")
step root "$root_key" make_root
root=$dir
kernel_key=$(hash_of "$here/kernel.sh" "$here/modules.list" "$base/kernel-version")
step kernel "$kernel_key" make_kernel
kernel=$dir
rig_key=$(echo "$root_key $kernel_key" | hash_of - "$here/build.sh" "$here"/guest/* "$project/udev/"*.rules)
step rig "$rig_key" make_rig
echo "$dir"
