#!/bin/sh
# Makes a Debian or Ubuntu machine ready to build, and with `test` to run every test as well. Quiet and quick when it
# is ready already.
#
# As root, or where sudo asks for no password, it installs what is missing. Otherwise it says what to install: it
# stops where nothing can be built without it, and goes on where only some tests will be skipped.
set -eu
cd "$(dirname "$0")/.."
purpose=${1:?usage: scripts/setup.sh run|test}

say() { printf 'setup: %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }
installed() { dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }

as_root=
if [ "$(id -u)" -ne 0 ]; then
    as_root='sudo -n'
    have sudo && sudo -n true 2>/dev/null || as_root=none
fi

# Installs Debian packages; fails where that is not possible.
install() {
    [ "$as_root" != none ] && have apt-get || return 1
    say "installing $*"
    # Lists of packages that are too old name files that are gone.
    $as_root apt-get update -qq >/dev/null || return 1
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" </dev/null >/dev/null
}

# What the compiler cannot do without.
missing=
have cc || missing="$missing gcc libc6-dev"
have make || missing="$missing make"
have git || missing="$missing git"
if [ "$purpose" = test ]; then
    have c++ || missing="$missing g++"
fi
# shellcheck disable=SC2086 # a list of words
if [ -n "$missing" ] && ! install $missing; then
    say "these packages are missing and could not be installed:$missing"
    say "as root: apt-get install$missing"
    exit 1
fi

# Rust, of the version in rust-toolchain.toml.
version=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
if ! have cargo && ! have rustup && ! install rustup; then
    say "Rust is missing. Either install the package rustup, or:"
    say "  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --default-toolchain none"
    exit 1
fi
if have rustup; then
    rustup toolchain list | grep -q "^$version-" || {
        say "installing Rust $version"
        rustup toolchain install "$version" --profile minimal --component rustfmt --component clippy
    }
elif ! cargo --version | grep -q "^cargo $version"; then
    say "this is $(cargo --version); the project is built with $version, and other versions may find other faults"
fi
[ "$purpose" = test ] || exit 0

# For `cargo xtask tidy`. About two minutes, once.
cargo deny --version >/dev/null 2>&1 || {
    say "installing cargo-deny"
    cargo install --quiet --locked cargo-deny
}

# What a real control-plane node is made of, and what alerts are sent to. Without root there is no node, and so no use
# for it.
missing=
for package in $(cat crates/testkit/packages.txt); do
    installed "$package" || missing="$missing $package"
done
# shellcheck disable=SC2086
if [ -n "$missing" ] && ! install $missing; then
    say "tests with a real node, Alertmanager or rsyslogd will be skipped: these packages are missing:$missing"
fi

# The real kube-apiserver is built from source. Any Go since 1.21 fetches the version that go.mod asks for.
have go || install golang-go || true
if (cd crates/testkit/hyperkube && go version) >/dev/null 2>&1; then
    cargo xtask kubernetes >/dev/null
else
    say "tests with a real kube-apiserver will be skipped: they need Go 1.26 (https://go.dev/dl), or 1.21 and the network"
fi

# Readers of Parquet that are not ours, for the test that any of them can open a store's files.
readers="${XDG_CACHE_HOME:-$HOME/.cache}/auditward/readers"
"$readers/bin/python" -c 'import duckdb, chdb' 2>/dev/null || {
    say "installing duckdb and chdb"
    { python3 -m venv "$readers" &&
        "$readers/bin/pip" install --quiet --disable-pip-version-check --no-deps \
            duckdb==2.0.1 chdb==4.4.0 chdb-core==26.9.0; } >/dev/null 2>&1 ||
        say "tests with other readers of Parquet will be skipped: they need python3-venv and the network"
}
