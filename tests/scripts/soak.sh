#!/usr/bin/env bash
# The long runs that do not fit `make test`: an hour of fuzzing, and the main job twenty times over.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/scripts/stages.sh
tests/scripts/install.sh build screen clips
fuzzing() { cargo run -q --release -p vestibule-tests --bin fuzz --locked -- --seconds 3600; }
demos() { for round in $(seq 20); do echo "round $round"; HEADLESS=1 tests/scripts/demo.sh || return 1; done; }
stage "fuzzing, an hour" fuzzing
stage "the main job, twenty times" demos
stages_report
