#!/bin/sh
# Runs one fuzz target with coverage, on the stable toolchain of this workspace:
#
#     fuzz/run.sh event_json 60          for 60 seconds
#     fuzz/run.sh event_json 60 -jobs=2  further words go to libFuzzer
#
# cargo-fuzz would want nightly for `-Zsanitizer`; the coverage pass alone is in every LLVM, and all that our code, which
# forbids `unsafe`, needs is coverage and comparisons. A C++ compiler is needed for libFuzzer itself.
# What was found worth keeping stays in fuzz/corpus/TARGET, what breaks us in fuzz/artifacts/TARGET.
set -eu
target=${1:?usage: fuzz/run.sh TARGET [SECONDS] [libFuzzer options]}
seconds=${2:-60}
shift
[ $# -eq 0 ] || shift
cd "$(dirname "$0")/.."

host=$(rustc -vV | sed -n 's/^host: //p')
# `--target` keeps these flags away from build scripts and procedural macros, which have no libFuzzer to report to.
RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions -Coverflow-checks --cfg fuzzing" \
    cargo build --quiet --release --target "$host" --target-dir target/fuzz -p auditward-fuzz --bin "$target"

mkdir -p "fuzz/corpus/$target" "fuzz/artifacts/$target"
# The seeds are read only; so a run may start from nothing but them.
seeds="fuzz/seeds/$target"
[ -d "$seeds" ] || seeds=
# shellcheck disable=SC2086 # no seeds, no argument
exec "target/fuzz/$host/release/$target" -max_total_time="$seconds" -max_len=8192 \
    -artifact_prefix="fuzz/artifacts/$target/" "$@" "fuzz/corpus/$target" $seeds
