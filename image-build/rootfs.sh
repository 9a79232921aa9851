#!/bin/sh
# Makes the kiosk's Debian 12 root file system as a squashfs image.
#   rootfs.sh OUT.squashfs [LIST...]
# The packages are those of kiosk.packages and of every further LIST (one a line, # starts a comment).
# Writes OUT.squashfs and OUT.manifest (package, version, architecture: what is in it). Needs mmdebstrap and
# squashfs-tools; takes one to three minutes. Only packages go in: kernel, kernel modules and Vestibule's own files
# are put on top by whoever uses the image.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: rootfs.sh OUT.squashfs [LIST...]}
shift
packages=$(cat "$here/kiosk.packages" "$@" | sed 's/[[:space:]]*#.*//' | grep -v '^$' | paste -sd,)
work=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM

# Group gpio owns the pins (udev/70-vestibule.rules); udev resolves group names only if they exist.
# shellcheck disable=SC2016 # $1 is mmdebstrap's, expanded in the hook
bootstrap() {
    mmdebstrap --variant=minbase --format=tar --quiet \
        --aptopt='Acquire::Retries "3"' --aptopt='Acquire::Languages "none"' \
        --aptopt='APT::Install-Recommends "false"' \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
        --include="$packages" \
        --customize-hook='chroot "$1" groupadd --system --force gpio' \
        --customize-hook='chroot "$1" dpkg-query -W -f "\${Package} \${Version} \${Architecture}\n" > '"$work/manifest" \
        --customize-hook='rm -rf "$1"/var/cache/fontconfig/*; chroot "$1" fc-cache -s' \
        bookworm "$work/root.tar"
}
tries=3
until bootstrap; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { echo "rootfs.sh: mmdebstrap failed three times; its last lines are above" >&2; exit 1; }
    echo "rootfs.sh: mmdebstrap failed, trying again" >&2
    rm -f "$work/root.tar"
done
mksquashfs - "$work/root.squashfs" -tar -comp "${SQUASHFS_COMPRESSION:-lz4}" -noappend -quiet -no-progress \
    <"$work/root.tar" >"$work/squashfs.log" 2>&1 || { cat "$work/squashfs.log" >&2; exit 1; }
mv "$work/manifest" "${out%.squashfs}.manifest"
mv "$work/root.squashfs" "$out"
