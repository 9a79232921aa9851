#!/usr/bin/env bash
# Licences, bans and sources of every dependency, by cargo-deny (built once, kept under target/tools).
set -euo pipefail
cd "$(dirname "$0")/../.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
tool=$target/tools/bin/cargo-deny
if ! [ -x "$tool" ]; then
  if command -v cargo-deny >/dev/null; then
    tool=cargo-deny
  else
    echo "cargo-deny is missing and will be built."
    cargo install -q cargo-deny --version 0.20.2 --locked --root "$target/tools"
  fi
fi
"$tool" --log-level warn check licenses bans sources
