#!/usr/bin/env bash
# The long runs that do not fit `make test`: an hour of fuzzing, the main job twenty times over, and a thousand unplugs of a
# room's devices in a meeting, several at once in an order of VESTIBULE_SEED (printed with what leaked).
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/scripts/stages.sh
tests/scripts/install.sh build screen clips
fuzzing() { cargo run -q --release -p vestibule-tests --bin fuzz --locked -- --seconds 3600; }
demos() { for round in $(seq 20); do echo "round $round"; HEADLESS=1 tests/scripts/demo.sh || return 1; done; }
unplugs() { VESTIBULE_UNPLUGS=1000 tests/scripts/vm-test.sh vm_hotplug; }
stage "fuzzing, an hour" fuzzing
stage "the main job, twenty times" demos
stage "a thousand unplugs in a meeting" unplugs
stages_report
