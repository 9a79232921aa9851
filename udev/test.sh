#!/bin/sh
# Checks 70-vestibule.rules: its syntax, and what every rule does to devices that match it and to some that do not.
# The devices are described in devices.umockdev; no hardware, no virtual machine, and nothing of this machine changes:
# rules and groups are laid over its own in a mount namespace. Needs udev and umockdev, and root or user namespaces.
# Exit status 69: this cannot be done here, the last line on stderr says why.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
if [ "${1:-}" != inside ]; then
    for tool in udevadm umockdev-run; do
        command -v $tool >/dev/null || { echo "udev/test.sh: no $tool; to do: apt-get install udev umockdev" >&2; exit 69; }
    done
    namespace=--mount
    [ "$(id -u)" -eq 0 ] || namespace="--mount --map-root-user"
    # shellcheck disable=SC2086 # two options
    unshare $namespace true || { echo "udev/test.sh: mount namespaces are not allowed here" >&2; exit 69; }
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT INT TERM
    mkdir -p "$work/udev/rules.d"
    cp "$here/70-vestibule.rules" "$work/udev/rules.d/"
    # systemd's own rules tag devices too; only ours are judged.
    ln -s /dev/null "$work/udev/rules.d/99-systemd.rules"
    echo "LIBINPUT_CALIBRATION_MATRIX=0 -1 1 1 0 0" >"$work/udev/kiosk-touchscreen"
    # A rule that names a group which does not exist is ignored by udev.
    { grep -v '^gpio:' /etc/group; echo gpio:x:61234:; } >"$work/group"
    # shellcheck disable=SC2086
    unshare $namespace "$0" inside "$work"
    exit
fi

work=$2
mount --bind "$work/udev" /etc/udev
mount --bind "$work/group" /etc/group
# udevadm test makes links and records what it found out: here, not on the machine.
mkdir -p "$work/dev" "$work/run"
mount -t tmpfs tmpfs "$work/run"
mount -t tmpfs tmpfs "$work/dev"
mkdir "$work/dev/pts"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$work/dev/pts"
ln -s pts/ptmx "$work/dev/ptmx"
for node in null urandom; do
    : >"$work/dev/$node"
    mount --bind /dev/$node "$work/dev/$node"
done
mount --rbind "$work/dev" /dev
mount --rbind "$work/run" /run
# Since systemd 254.
if udevadm verify --help >/dev/null 2>&1; then
    udevadm verify "$here/70-vestibule.rules"
fi

# umockdev takes no comments, and a description at the very start.
sed '/^#/d' "$here/devices.umockdev" | sed '/./,$!d' >"$work/devices"
failures=0
# expect DEVICE WHAT...: what our rules did to the device, in one line. Links have no common part /dev/kiosk/.
expect() {
    device=$1
    shift
    # shellcheck disable=SC2016 # for the inner shell
    umockdev-run -d "$work/devices" -- sh -c '
        udevadm test --action=add "$1" 2>&1
        echo "id=$(cat "/sys$1/id" "/sys${1%/*}/id" 2>/dev/null)"
        number=$(cat "/sys$1/dev" 2>/dev/null) && sed "s/^/db /" "/run/udev/data/"[bc]"$number"' - "$device" >"$work/log" 2>&1 || true
    ours=$(sed -n 's/.*70-vestibule\.rules:[0-9]* //p' "$work/log")
    got=$(
        echo "$ours" | sed -n 's/^GROUP \([0-9]*\)$/\1/p' | while read -r id; do getent group "$id" | cut -d: -f1; done
        echo "$ours" | sed -n 's/^MODE //p'
        echo "$ours" | sed -n "s/^LINK 'kiosk\/\(.*\)'$/\1/p"
        sed -n 's/^db L:/priority=/p' "$work/log"
        sed -n 's/^CURRENT_TAGS=.*:systemd:.*/systemd/p' "$work/log"
        sed -n '/^id=./p' "$work/log"
        sed -n 's/^db E:SYSTEMD_WANTS=/starts=/p; s/^db E:LIBINPUT_CALIBRATION_MATRIX=/matrix=/p' "$work/log"
    )
    got=$(echo "$got" | xargs)
    if [ "$got" != "$*" ] || grep -qiE '70-vestibule.*(invalid|unknown|ignoring|failed)' "$work/log"; then
        echo "FAILED ${device##*/}: expected '$*', got '$got'"
        grep 70-vestibule "$work/log" || true
        failures=$((failures + 1))
    else
        echo "ok ${device##*/}: ${got:-nothing}"
    fi
}

usb=/devices/pci0/usb1
expect $usb/1-1/1-1:1.0/video4linux/video0 video 0660 camera-pci-usb-0_1_1_0 camera priority=100 systemd
expect $usb/1-1/1-1:1.0/video4linux/video1 video 0660
expect $usb/1-1/1-1:1.2/video4linux/video2 video 0660
expect /devices/platform/csi.0/video4linux/video3 video 0660 camera-platform-csi_0 camera priority=10 systemd
expect $usb/1-5/1-5:1.0/video4linux/video4 video 0660 presentation-pci-usb-0_5_1_0 presentation priority=100 systemd
expect $usb/1-5/1-5:1.0/video4linux/video5 video 0660
expect $usb/1-6/1-6:1.0/video4linux/video6 video 0660 presentation-pci-usb-0_6_1_0 presentation priority=100 systemd
expect $usb/1-7/1-7:1.0/video4linux/video7 video 0660 presentation-pci-usb-0_7_1_0 presentation priority=100 systemd
expect /devices/platform/hdmirx/video4linux/video8 video 0660 presentation-platform-hdmirx presentation priority=10 systemd
expect $usb/1-8/1-8:1.0/video4linux/video9 video 0660 camera-pci-usb-0_8_1_0 camera priority=100 systemd
expect $usb/1-9/1-9:1.0/video4linux/video11 video 0660 camera-pci-usb-0_9_1_0 camera priority=100 systemd
expect /devices/platform/bcm2835-codec/video4linux/video10 video 0660
expect /devices/platform/bcm2835-isp/video4linux/video14 video 0660
expect $usb/1-2/1-2:1.0/sound/card1 id=Speak
expect $usb/1-2/1-2:1.0/sound/card1/controlC1 audio 0660 id=Speak
expect $usb/1-2/1-2:1.0/sound/card1/pcmC1D0p audio 0660 sound priority=100 systemd id=Kiosk
expect $usb/1-2/1-2:1.0/sound/card1/pcmC1D1p audio 0660 id=Speak
expect $usb/1-1/1-1:1.3/sound/card2/pcmC2D0c audio 0660 id=Webcam
expect /devices/platform/board/sound/card0/controlC0 audio 0660 id=Headphones
expect /devices/platform/board/sound/card0/pcmC0D0p audio 0660 sound priority=10 systemd id=Headphones
expect /devices/platform/gpio/gpiochip0 gpio 0660 systemd
expect /devices/platform/gpiomem/bcm2835-gpiomem/gpiomem gpio 0660
expect /devices/virtual/mem/mem
expect $usb/1-3/input/input5/event5 touchscreen systemd matrix=0 -1 1 1 0 0
expect $usb/1-4/input/input6/event6
stick=$usb/1-10/1-10:1.0/host0/target0/block/sda
expect $stick
expect $stick/sda1 systemd starts=kiosk-stick@sda1.service
expect $stick/sda2
expect /devices/pci0/ata1/host1/block/sdb/sdb1
[ "$failures" -eq 0 ]
