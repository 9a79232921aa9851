#!/usr/bin/env bash
# The tests on real kernel drivers in virtual machines, alone: installs what is missing, builds, and runs every vm_*
# test, one emulator at a time. What cannot run here is skipped loudly; with CI set nothing may be skipped.
# Arguments: names of test files (vm_rig, vm_pi, vm_kiosk, vm_sound, vm_cameras, vm_presentation, vm_hotplug), to run only those.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/scripts/stages.sh
export CARGO_TERM_PROGRESS_WHEN=never

log=${CARGO_TARGET_DIR:-target}/vm-test.log
scenarios=("$@")
if [ $# = 0 ]; then
  for file in tests/tests/vm_*.rs; do scenarios+=("$(basename "$file" .rs)"); done
fi
skipped=()

# Three tries: what is fetched from the network the first time may fail for the network's reasons. Not where the
# script says (69) that the machine is unfit.
retried() {
  local status
  for attempt in 1 2 3; do
    "$@" && return 0 || status=$?
    [ "$status" != 69 ] || return 69
    echo "$1 failed (status $status, attempt $attempt of 3)" >&2
    sleep $((attempt * 5))
  done
  return "$status"
}

# A machine that is unfit for one rig runs the tests of the other.
unfit() {
  [ -z "${CI:-}" ] || return 1
  skipped+=("$1: cannot run here, the reason is above")
}
screen_rig() {
  local status=0
  retried tests/vm/build.sh >/dev/null || status=$?
  case $status in 0) ;; 69) unfit "the machine with camera, sound, pins and screen" ;; *) return 1 ;; esac
}
raspberry_pi() {
  local status=0
  { retried tests/vm/pi/build.sh && retried tests/vm/pi/buttons/build.sh; } >/dev/null || status=$?
  case $status in 0) ;; 69) unfit "the Raspberry Pi" ;; *) return 1 ;; esac
}
packages() { tests/scripts/install.sh build screen; }
programs() { cargo build --workspace --bins --locked -q && cargo test -p vestibule-tests --locked -q --no-run; }

# One test file's scenarios, with their names and times.
scenario() {
  local status=0
  cargo test -p vestibule-tests --locked -q --test "$1" -- vm_ --test-threads=1 --nocapture >"$log" 2>&1 || status=$?
  cat "$log"
  while read -r line; do skipped+=("$line"); done < <(sed -n 's/^\*\*\* SKIPPED, NOT TESTED: //p' "$log")
  [ "$status" = 0 ] || return 1
  # A file whose tests were all filtered away has tested nothing.
  if ! grep -q 'test result: ok\. [1-9]' "$log"; then echo "$1 has no vm_ test" >&2; return 1; fi
}

mkdir -p "${log%/*}"
stage "install what is missing" packages
stage "the programs" programs
stage "kernel and root file system (built once)" screen_rig
stage "the Raspberry Pi's kernel and program (built once)" raspberry_pi
for name in "${scenarios[@]}"; do stage "$name" scenario "$name"; done
stages_report
if [ ${#skipped[@]} -gt 0 ]; then
  printf '\n'
  printf '*** SKIPPED, NOT TESTED: %s\n' "${skipped[@]}"
  [ -z "${CI:-}" ] || { echo "With CI set nothing may be skipped." >&2; exit 1; }
fi
