#!/usr/bin/env bash
# All tests. On a bare Debian 12 with Rust it installs what is missing first.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/scripts/stages.sh
export CARGO_TERM_PROGRESS_WHEN=never RUSTDOCFLAGS="-D warnings"
log=${CARGO_TARGET_DIR:-target}/test.log
mkdir -p "${log%/*}"
exec > >(tee "$log") 2>&1

installed() { tests/scripts/install.sh build screen network clips; }
# The Raspberry Pi's program is a workspace of its own.
pi=(--manifest-path tests/vm/pi/buttons/Cargo.toml)
pi_target=(--target-dir "${CARGO_TARGET_DIR:-target}")
formatting() { cargo fmt --all --check && cargo fmt "${pi[@]}" --check; }
clippy() {
  cargo clippy --workspace --all-targets --locked -q -- -D warnings &&
    cargo clippy "${pi[@]}" "${pi_target[@]}" --locked -q -- -D warnings
}
documentation() {
  cargo doc --workspace --no-deps --locked -q --document-private-items &&
    cargo doc "${pi[@]}" "${pi_target[@]}" --no-deps --locked -q --document-private-items
}
# The wire format alone, without std: it must go on to need neither std nor an allocator.
wire_without_std() { cargo check -p vestibule-common --no-default-features --locked -q; }
cores_and_sockets() { cargo test --workspace --exclude vestibule-tests --locked -q; }
both_programs() { cargo build --workspace --bins --locked -q && cargo test -p vestibule-tests --locked -q -- --skip vm_; }
fuzzing() { cargo run -q -p vestibule-tests --bin fuzz --locked -- --seconds 30; }
demo() { HEADLESS=1 PROFILE=dev tests/scripts/demo.sh; }
machine() { tests/scripts/vm-test.sh; }
licences() { tests/scripts/licences.sh; }

stage "install what is missing" installed
stage "formatting" formatting
stage "clippy" clippy
stage "documentation" documentation
stage "wire format without std" wire_without_std
stage "cores in virtual time, real sockets" cores_and_sockets
stage "both programs" both_programs
stage "fuzzing all parsers, 30 s together" fuzzing
stage "the demonstration, played by itself" demo
stage "real kernel drivers in a virtual machine" machine
stage "licences, bans, sources" licences
stages_report
echo
skipped=$({ grep -E '^\*\*\* (SKIPPED, NOT TESTED|NOT RUN): ' "$log" || true; } | sort -u | wc -l)
echo "${#stage_names[@]} stages passed, 0 failed, $skipped tests skipped for what this machine lacks"
