#!/usr/bin/env bash
# One measurement: measure.sh meet|relay|video|devices|congestion|loss [options of the measuring program]
# Prints lines "key value", then the conditions. Traces go to target/measure/NAME. Definitions: tests/MEASURES.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
name=${1:-}
case $name in
  meet | relay | video | devices | congestion | loss) shift ;;
  *) echo "usage: make measure NAME=meet|relay|video|devices|congestion|loss" >&2; exit 2 ;;
esac

tests/scripts/install.sh build screen clips
[ "$name" != devices ] || { tests/scripts/install.sh peers; tests/scripts/clips.sh; }
echo "Building with optimisation." >&2
cargo build --release --locked -q --bins
out=$target/measure/$name
rm -rf "$out"
mkdir -p "$out"
options=()
sizes=

# The clips at their own size, bigbuckbunny scaled down to 640x360.
video_clip() {
  local clip=$1 scale=$2
  [ -f "$target/clips/$clip.mp4" ] || { echo "measure.sh: without the clip $clip there is nothing to compare" >&2; exit 1; }
  ffmpeg -v error -nostdin -y -i "$target/clips/$clip.mp4" -an -pix_fmt yuv420p -vf "$scale" "$out/$clip.y4m"
  options+=(--clip "$out/$clip.y4m")
}
case $name in
  meet) sizes="640x480 at 30 pictures a second, screens 1280x800, 48 kHz sound captured in periods of 10 ms and played in blocks of 2.5" ;;
  relay) sizes="datagrams of 1,200 and about 1,000 bytes; 1 room of 31 with 1 sender, 10 rooms of 10 with 10 senders" ;;
  devices) sizes="640x480 at 30 pictures a second, 48 kHz sound in 10 ms periods; 60 simulated minutes of 10 ms packets of 48 kHz sound, 0.5 to 2.5 ms under way; 30 s of speech" ;;
  congestion) sizes="one to five sources of 150 to 1500 kbit/s at 30 frames/s, 50 ms each way, 300 ms tail-drop queue unless the case says otherwise; ways down: one or three cameras, one or three receivers" ;;
  loss) sizes="640x480 at 30 pictures a second and at most 1500 kbit/s, 48 kHz sound in 10 ms periods; 25 ms a hop and direction, 10 Mbit/s" ;;
  video)
    tests/scripts/clips.sh
    video_clip carphone_pristine null
    video_clip bikes null
    video_clip bigbuckbunny scale=640:360
    sizes="carphone 176x144, bikes 640x272, bigbuckbunny 640x360"
    ;;
esac

load_before=$(cut -d' ' -f1-3 /proc/loadavg)
"$target/release/measure" "$name" --out "$out" "${options[@]}" "$@" | tee "$out/figures.txt"
{
  echo
  echo "machine $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(uname -sr)"
  echo "cores $(nproc)"
  echo "load $load_before before, $(cut -d' ' -f1-3 /proc/loadavg) after"
  echo "sizes $sizes"
  echo "date $(date -u +%Y-%m-%dT%H:%MZ)"
  echo "commit $(git rev-parse --short HEAD 2>/dev/null || echo none)"
} | tee -a "$out/figures.txt"
