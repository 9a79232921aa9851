#!/usr/bin/env bash
# Installs the Debian packages of the named groups that are missing, and says which.
# Usage: install.sh GROUP...   Groups: build screen network clips peers
set -euo pipefail

packages() {
  case $1 in
    # What compiling needs: C, C++ and CMake for the bundled codecs, bindgen's libclang, the headers of the screen and of ALSA.
    build) echo gcc g++ make cmake pkg-config nasm libclang-dev libpango1.0-dev libxkbcommon-dev libxkbcommon-x11-dev libasound2-dev ;;
    # What a virtual display needs, and the fonts of the screen.
    screen) echo xvfb xdotool x11-utils fonts-inter fonts-noto-core fonts-noto-cjk ;;
    # What a network of a test's own is made with.
    network) echo iproute2 util-linux ;;
    # What the demonstration's real clip and real speech are made from.
    clips) echo ffmpeg alsa-utils python3-pip ;;
    # What measurements compare the kiosk with.
    peers) echo libwebrtc-audio-processing-dev ;;
    *) echo "install.sh: no such group: $1" >&2; exit 2 ;;
  esac
}

missing=()
for group in "$@"; do
  for package in $(packages "$group"); do
    if [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then missing+=("$package"); fi
  done
done
[ ${#missing[@]} -eq 0 ] && exit 0

echo "These Debian packages are missing and will be installed: ${missing[*]}"
if ! command -v apt-get >/dev/null; then
  echo "This is not a Debian system. Please install what corresponds to these packages, then try again." >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "Please run as root: apt-get install ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
for attempt in 1 2 3; do
  if "${as_root[@]}" apt-get update -q >/dev/null &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null; then
    exit 0
  fi
  echo "apt-get did not succeed (attempt $attempt of 3)." >&2
  sleep $((attempt * 5))
done
echo "The packages could not be installed. Is the network reachable? By hand: apt-get install ${missing[*]}" >&2
exit 1
