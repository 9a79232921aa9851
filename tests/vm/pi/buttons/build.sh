#!/bin/sh
# Builds the program of the Raspberry Pi scenario, statically for arm64, or finds it built, and prints its path.
# Cached like ../../build.sh, by what it is made from. Exit status 69: the compiler cannot be had here.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/../../../.." && pwd)
base=${CARGO_TARGET_DIR:-$project/target}/vm
mkdir -p "$base"
base=$(cd "$base" && pwd)
exec 9>"$base/.lock-buttons-arm64"
flock 9

"$here/../../install.sh" pi >&2
device=$project/firmware-app/src/device
key=$(find "$here" "$here/../../cross-env.sh" "$project/common/src" "$project/common/Cargo.toml" "$device" \
    -name target -prune -o -type f -print | LC_ALL=C sort | xargs cat | sha256sum | cut -c1-12)
dir=$base/buttons-arm64-$key
if [ ! -d "$dir" ]; then
    echo "hardware rig: building the Raspberry Pi's program (log: $base/buttons-arm64.log)" >&2
    rm -rf "$dir.new"
    mkdir "$dir.new"
    cd "$project"
    # Where a test of another toolchain calls this, its libraries are of no use to Debian's compiler.
    unset LD_LIBRARY_PATH
    VESTIBULE_STATIC=1
    . "$here/../../cross-env.sh"
    cargo build --locked --manifest-path "$here/Cargo.toml" >"$base/buttons-arm64.log" 2>&1 9>&- || {
        status=$?
        tail -n 20 "$base/buttons-arm64.log" >&2
        exit "$status"
    }
    cp "$CARGO_TARGET_DIR/$CARGO_BUILD_TARGET/debug/vestibule-pi-buttons" "$dir.new/"
    find "$base" -maxdepth 1 -name 'buttons-arm64-*' ! -path "$dir.new" -mmin +120 -exec rm -rf {} +
    mv "$dir.new" "$dir"
fi
echo "$dir/vestibule-pi-buttons"
