#!/bin/sh
# Installs the kiosk's udev rules and what they start, or removes them: install.sh install|uninstall
# Under DESTDIR nothing but files is touched; without it, the group gpio is made and the running udev takes the rules.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=${DESTDIR:-}
# WHAT MODE WHERE
files="70-vestibule.rules 644 /etc/udev/rules.d/70-vestibule.rules
kiosk-stick 755 /usr/local/lib/vestibule/kiosk-stick
kiosk-stick@.service 644 /etc/systemd/system/kiosk-stick@.service
gpio.sysusers 644 /etc/sysusers.d/vestibule-gpio.conf"

case ${1:-} in
install | uninstall) ;;
*) echo "usage: $0 install|uninstall" >&2; exit 64 ;;
esac
if [ -z "$root" ] && [ "$(id -u)" -ne 0 ]; then
    echo "udev/install.sh: writing to /etc needs root; to do: sudo make $1-udev, or DESTDIR=FOLDER make $1-udev" >&2
    exit 77
fi
# udev ignores a rule whose group does not exist, so the group comes first.
if [ "$1" = install ] && [ -z "$root" ]; then
    getent group gpio >/dev/null || groupadd --system gpio
fi
echo "$files" | while read -r what mode where; do
    if [ "$1" = install ]; then
        install -D -m "$mode" "$here/$what" "$root$where"
        echo "installed $root$where"
    else
        rm -f "$root$where"
        echo "removed $root$where"
    fi
done
if [ "$1" = uninstall ]; then
    rmdir "$root/usr/local/lib/vestibule" 2>/dev/null || true
    [ -n "$root" ] || echo "The group gpio stays, since files may belong to it."
fi
[ -z "$root" ] || exit 0

# In a container or before the first boot neither of them runs; they read the files when they start.
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
if [ -S /run/udev/control ]; then
    udevadm control --reload
    udevadm trigger --subsystem-match=video4linux --subsystem-match=sound --subsystem-match=gpio \
        --subsystem-match=input --subsystem-match=block
fi
[ "$1" = uninstall ] || echo "The kiosk's user belongs into these groups: usermod -aG video,audio,input,gpio USER"
