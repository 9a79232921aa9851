#!/bin/sh
# Installs what the hardware rig needs on this machine, and says which packages it is about to install.
#   install.sh        the x86-64 rig: emulator, root file system and kernel module tools
#   install.sh pi     the Raspberry Pi scenario: arm64 emulator and cross compiler
#   install.sh udev   the check of the udev rules
# Exit status 69 (EX_UNAVAILABLE): something cannot be had here. The last lines on stderr then say what to do.
set -eu

case ${1:-rig} in
rig) wanted="qemu-system-x86 mmdebstrap squashfs-tools e2fsprogs kmod cpio xz-utils make gcc" ;;
pi) wanted="qemu-system-arm kmod cpio xz-utils make gcc gcc-aarch64-linux-gnu libc6-dev:arm64 rustc-web libstd-rust-web-dev:arm64" ;;
udev) wanted="udev umockdev" ;;
*) echo "usage: $0 [rig|pi|udev]" >&2; exit 64 ;;
esac
BACKPORTS=/etc/apt/sources.list.d/bookworm-backports.sources

cannot() {
    echo "hardware rig: $1" >&2
    echo "hardware rig: to do by hand, as root: $2" >&2
    exit 69
}

missing=
for package in $wanted; do
    # A package without an architecture is the machine's own; dpkg-query then prints one line.
    state=$(dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | head -n 1 || true)
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

# One installation at a time: whoever waited looks again at what is missing.
[ -n "${VESTIBULE_INSTALLING:-}" ] || exec env VESTIBULE_INSTALLING=1 flock "$0" "$0" "$@"

echo "hardware rig: installing the missing packages:$missing" >&2
. /etc/os-release
[ "${ID:-} ${VERSION_ID:-}" = "debian 12" ] ||
    cannot "made for Debian 12, this is ${PRETTY_NAME:-unknown}" "install the counterparts of:$missing"
root=
if [ "$(id -u)" -ne 0 ]; then
    root="sudo -n"
    $root true 2>/dev/null || cannot "packages are missing and this is not root" "sh $0 ${1:-}"
fi
export DEBIAN_FRONTEND=noninteractive

# Backports, only for the emulator: bookworm's own QEMU 7.2 does not live beside a newer qemu-utils.
if ! grep -qrs bookworm-backports /etc/apt/sources.list /etc/apt/sources.list.d; then
    echo "hardware rig: enabling bookworm-backports in $BACKPORTS" >&2
    printf '%s\n' 'Types: deb' 'URIs: http://deb.debian.org/debian' 'Suites: bookworm-backports' \
        'Components: main' 'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg' |
        $root tee "$BACKPORTS" >/dev/null
fi
case $missing in
*:arm64*) $root dpkg --add-architecture arm64 ;;
esac

apt() {
    tries=3
    until $root apt-get -q -y -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 "$@" >&2; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        echo "hardware rig: apt-get $1 failed, trying again" >&2
        sleep 5
    done
}
emulators= others=
for package in $missing; do
    case $package in
    qemu-*) emulators="$emulators $package" ;;
    *) others="$others $package" ;;
    esac
done
apt update || cannot "the package lists cannot be fetched" "check the network and apt's proxy, then: apt-get update"
# shellcheck disable=SC2086 # the lists are meant to split
{
    [ -z "$emulators" ] || apt install --no-install-recommends -t bookworm-backports $emulators ||
        cannot "QEMU cannot be installed" "apt-get install -t bookworm-backports$emulators"
    [ -z "$others" ] || apt install --no-install-recommends $others ||
        cannot "packages cannot be installed" "apt-get install --no-install-recommends$others"
}
