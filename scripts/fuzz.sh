#!/bin/sh
# Runs each fuzz target of a build for a while: fuzz.sh BUILD SECONDS
# Seeds are read from tests/fuzz/seeds/TARGET; what is learnt is kept in BUILD/corpus/TARGET.
set -eu
cd "$(dirname "$0")/.."
build=$1
seconds=$2

targets=$(find "$build" -name 'fuzz_*' -type f -perm -u+x | sort)
if [ -z "$targets" ]; then
    echo "fuzz.sh: no fuzz target in \"$build\"" >&2
    exit 1
fi
for target in $targets; do
    name=$(basename "$target")
    corpus=$build/corpus/$name
    mkdir -p "$corpus"
    set -- "$corpus"
    [ ! -d "tests/fuzz/seeds/$name" ] || set -- "$@" "tests/fuzz/seeds/$name"
    echo "== $name, $seconds s"
    "$target" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=2048 -max_len=4096 \
        -print_final_stats=1 -artifact_prefix="$build/" "$@"
done
