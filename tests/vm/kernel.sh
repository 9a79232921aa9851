#!/bin/sh
# Fetches Debian's current stable kernel, as packages of one and the same version, and leaves in OUT:
#   vmlinux    the kernel as the emulator starts it fastest (x86-64: decompressed here, not by the guest)
#   modules/   VERSION/...: the modules asked for, what they need, and gpio-sim built from Debian's source
#   busybox    a static shell for the first stage
#   dtb/       arm64: the Raspberry Pi device trees
# usage: kernel.sh version ARCH | kernel.sh build ARCH OUT MODULE...      ARCH: amd64 | arm64
# Nothing is installed and no kernel source is kept. Exit status 69: the packages cannot be had.
set -eu

arch=${2:?usage: kernel.sh version|build amd64|arm64 [OUT MODULE...]}
# The native architecture's packages are named without a suffix.
suffix=
[ "$arch" = "$(dpkg --print-architecture)" ] || suffix=:$arch

# Prints "RELEASE VERSION", such as "6.1.0-56-amd64 6.1.192-2": what the meta package stands for today.
current() {
    apt-cache show --no-all-versions "linux-image-$arch$suffix" 2>/dev/null |
        sed -n 's/^Depends: linux-image-\([^ ]*\) (= \([^)]*\)).*/\1 \2/p' | grep -m 1 .
}
refresh() {
    root=
    [ "$(id -u)" -eq 0 ] || root="sudo -n"
    $root apt-get -qq -o Acquire::Retries=3 update >&2
}
unavailable() {
    echo "hardware rig: $1" >&2
    echo "hardware rig: to do by hand: check the network and apt's proxy, then: apt-get update" >&2
    exit 69
}

current=$(current) || { refresh && current=$(current); } || unavailable "apt knows no package linux-image-$arch"
if [ "$1" = version ]; then
    echo "$current"
    exit 0
fi

out=${3:?}
shift 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
cd "$work"

tries=3
while :; do
    release=${current% *} version=${current#* }
    series=$(echo "$release" | cut -d. -f1,2)
    apt-get -q -o APT::Sandbox::User=root -o Acquire::Retries=3 download \
        "linux-image-$release$suffix=$version" "linux-headers-$release$suffix=$version" \
        "linux-headers-${release%-"$arch"}-common=$version" "linux-kbuild-$series=$version" \
        "linux-source-$series=$version" "busybox-static$suffix" >&2 && break
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || unavailable "the packages of kernel $release ($version) cannot be fetched"
    # The usual reason: the archive has moved on to a newer version since the lists were fetched.
    refresh || sleep 5
    current=$(current) || unavailable "apt knows no package linux-image-$arch"
done
for package in *.deb; do
    dpkg-deb -x "$package" "$work/x"
    rm "$package"
done

tree=$work/x modules=$work/x/lib/modules/$release
mkdir -p "$out"
if [ "$arch" = amd64 ]; then
    # The xz stream starts at its magic; what follows it in the boot image makes xz complain after the last byte.
    offset=$(LC_ALL=C grep -abom1 "$(printf '\3757zXZ')" "$tree/boot/vmlinuz-$release" | head -n 1 | cut -d: -f1)
    tail -c +$((offset + 1)) "$tree/boot/vmlinuz-$release" | xz -dc >"$out/vmlinux" 2>"$work/xz.log" || true
    [ "$(head -c 4 "$out/vmlinux" | tail -c 3)" = ELF ] || { cat "$work/xz.log" >&2; exit 1; }
    cross="" karch=x86
else
    cp "$tree/boot/vmlinuz-$release" "$out/vmlinux"
    mkdir -p "$out/dtb"
    cp "$tree/usr/lib/linux-image-$release"/broadcom/bcm2*-rpi-*.dtb "$out/dtb/"
    cross=aarch64-linux-gnu- karch=arm64
fi
cp "$tree/bin/busybox" "$out/busybox"

# gpio-sim with the interrupt simulator it selects, which Debian's kernel leaves out. The simulator's call of a
# function the kernel keeps to itself becomes the exported one that does the same.
mkdir "$work/gpio-sim"
tar -xJf "$tree/usr/src/linux-source-$series.tar.xz" -C "$work/gpio-sim" --strip-components=3 \
    "linux-source-$series/drivers/gpio/gpio-sim.c" "linux-source-$series/drivers/gpio/gpiolib.h" \
    "linux-source-$series/kernel/irq/irq_sim.c"
mv "$work/gpio-sim/gpio-sim.c" "$work/gpio-sim/gpio-sim-main.c"
sed -i 's/handle_simple_irq(irq_to_desc(irqnum))/generic_handle_irq(irqnum)/' "$work/gpio-sim/irq_sim.c"
# Nor does a chip that is unplugged take its interrupts with it: this kernel lets programs keep them, and freeing one whose
# descriptor is gone writes into memory that is somebody else's by then. What is left over is a few hundred bytes.
sed -i -e '/^static void gpio_sim_dispose_mappings/,/^}/d' -e '/gpio_sim_dispose_mappings/,/return ret/d' \
    -e 's/devm_irq_domain_create_sim(dev, swnode, /irq_domain_create_sim(NULL, /' "$work/gpio-sim/gpio-sim-main.c"
grep -q 'irq_domain_create_sim(NULL, ' "$work/gpio-sim/gpio-sim-main.c"
printf '%s\n' 'obj-m := gpio-sim.o' 'gpio-sim-y := gpio-sim-main.o irq_sim.o' >"$work/gpio-sim/Makefile"
headers=$tree/usr/src/linux-headers-$release
for file in "$headers/Makefile" "$headers/.kernelvariables"; do
    [ ! -f "$file" ] || sed -i "s#\([ =]\)/usr/src/#\1$tree/usr/src/#g" "$file"
done
make -s -C "$headers" M="$work/gpio-sim" ARCH="$karch" CROSS_COMPILE="$cross" modules >"$work/make.log" 2>&1 ||
    { cat "$work/make.log" >&2; exit 1; }
mkdir "$modules/extra"
cp "$work/gpio-sim/gpio-sim.ko" "$modules/extra/"
depmod -b "$tree" "$release"

# Only what was asked for, and what that depends on. Without this machine's own module options (-C).
for module in "$@"; do
    modprobe -C /dev/null -d "$tree" -S "$release" --show-depends "$module" ||
        { echo "hardware rig: kernel $release has no module $module" >&2; exit 1; }
done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | sort -u >"$work/keep"
[ -s "$work/keep" ]
rm -rf "$out/modules"
while read -r file; do
    target=$out/modules/${file#"$tree/lib/modules/"}
    mkdir -p "${target%/*}"
    cp "$file" "$target"
done <"$work/keep"
cp "$modules"/modules.builtin* "$modules/modules.order" "$out/modules/$release/"
mkdir -p "$work/pruned/lib"
ln -s "$out/modules" "$work/pruned/lib/modules"
depmod -b "$work/pruned" "$release"
