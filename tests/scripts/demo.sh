#!/usr/bin/env bash
# Two rooms meet. With a display: both windows are opened and left to the person. Without one, or with HEADLESS=1: a
# virtual display, a real clip, recorded speech, and a table of what happened.
# PROFILE=dev builds faster and runs slower; the default is release. DEVICES=sim leaves this machine's camera, microphone and
# speaker alone.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
profile=${PROFILE:-release}
folder=$([ "$profile" = dev ] && echo debug || echo "$profile")
out=$target/demo
mkdir -p "$out"

headless=${HEADLESS:-}
[ -n "${DISPLAY:-}" ] || headless=1
if [ -n "$headless" ]; then tests/scripts/install.sh build screen clips; else tests/scripts/install.sh build screen; fi
echo "Building (profile $profile). The first time this takes 5 to 15 minutes; later it is quick."
cargo build --workspace --bins --locked --profile "$profile"

if [ -n "$headless" ]; then
  tests/scripts/clips.sh || true
  options=()
  [ -f "$target/clips/meeting.y4m" ] && options+=(--clip "$target/clips/meeting.y4m")
  [ -f "$target/clips/speech.wav" ] && options+=(--speech "$target/clips/speech.wav")
  exec "$target/$folder/demo" --out "$out" "${options[@]}"
fi

state=$(mktemp -d)
pids=()
finish() {
  kill "${pids[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$state"
}
trap finish EXIT INT TERM
"$target/$folder/vestibule-relay" --listen 127.0.0.1 --port 0 --no-announce --state-dir "$state/relay" >"$state/relay.out" 2>"$out/relay.log" &
pids+=($!)
for _ in $(seq 300); do grep -qs relay=[0-9a-f] "$out/relay.log" && break; sleep 0.1; done
relay=$(grep -o 'control=[^ ]*' "$state/relay.out" | cut -d= -f2) || { echo "The relay did not start; see $out/relay.log." >&2; exit 1; }
key=$(grep -o 'relay=[0-9a-f]*' "$out/relay.log" | head -1 | cut -d= -f2)
kiosk() {
  local name=$1 devices=$2 position=$3
  "$target/$folder/vestibule-kiosk" --name "$name" --no-discover --relay "$relay" --relay-key "$key" \
    --state-dir "$state/$name" --devices-devices "$devices" --screen 800x480 --screen-position "$position" 2>"$out/$name.log" &
  pids+=($!)
}
kiosk Boardroom "${DEVICES:-auto}" 0,0
kiosk Workshop sim 820,0
cat <<TEXT

Two rooms, Boardroom and Workshop, are on your screen. Workshop's devices are simulated; Boardroom takes this machine's camera,
microphone and speaker if it has them (not with DEVICES=sim). They are touchscreens: click what you would touch. Try this:
  1. Boardroom: Start meeting. It shows a six-digit code.
  2. Workshop: Join meeting, and click the code on its keys. It knocks.
  3. Boardroom: press Approve on the banner, or F2 (the approve button) with the window in front.
  4. Now they see and hear each other. Chat, mute (or F1, the mute button), switch the camera off, leave.
Logs are in $out. Close both windows, or press Ctrl-C here, to end it.
TEXT
wait "${pids[1]}" "${pids[2]}"
