# Source me (sh) to cross compile for the Raspberry Pi and other 64-bit ARM boards with Debian's compiler and libraries:
#   . tests/vm/cross-env.sh && cargo build -p vestibule-kiosk
# Packages: tests/vm/install.sh pi, and the :arm64 -dev packages of what is linked (libpango1.0-dev:arm64, ...).
# The usual cargo drives Debian's rustc, because that one has a standard library for arm64 without rustup. Its build
# products go to a folder of their own, as another compiler's are of no use.
# With VESTIBULE_STATIC=1 the program is linked statically, and runs where there is no root file system.
export RUSTC=/usr/bin/rustc
export CARGO_BUILD_TARGET=aarch64-unknown-linux-gnu
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/arm64"
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc
export CXX_aarch64_unknown_linux_gnu=aarch64-linux-gnu-g++
export AR_aarch64_unknown_linux_gnu=aarch64-linux-gnu-ar
export PKG_CONFIG_ALLOW_CROSS=1
export PKG_CONFIG_LIBDIR_aarch64_unknown_linux_gnu=/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig
export PKG_CONFIG_SYSROOT_DIR_aarch64_unknown_linux_gnu=/
export BINDGEN_EXTRA_CLANG_ARGS_aarch64_unknown_linux_gnu="--target=aarch64-linux-gnu -I/usr/include/aarch64-linux-gnu"
[ -z "${VESTIBULE_STATIC:-}" ] ||
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C target-feature=+crt-static"
