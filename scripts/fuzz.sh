#!/bin/sh
# Runs each fuzz target of a build for a while: fuzz.sh BUILD SECONDS [JOBS]
# Seeds are read from tests/fuzz/seeds/TARGET; what is learnt is kept in BUILD/corpus/TARGET. JOBS
# targets run side by side. An input that breaks a target is named and kept in BUILD; the other
# targets go on, and the exit code is 1.
set -eu
cd "$(dirname "$0")/.."
build=$1
seconds=$2
jobs=${3:-1}

targets=$(find "$build/tests/fuzz" -name 'fuzz_*' -type f -perm -u+x | sort)
if [ -z "$targets" ]; then
    echo "fuzz.sh: no fuzz target in \"$build\"" >&2
    exit 1
fi

run_target() {
    target=$1
    name=$(basename "$target")
    corpus=$build/corpus/$name
    log=$build/$name.log
    mkdir -p "$corpus"
    if "$target" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=2048 -max_len=4096 \
        -print_final_stats=1 -artifact_prefix="$build/$name-" \
        "$corpus" "tests/fuzz/seeds/$name" >"$log" 2>&1; then
        echo "$name: ok, $(sed -n 's/^stat::number_of_executed_units: //p' "$log") inputs"
    else
        echo "$name: FAILED; see $log:"
        grep -E 'does not hold|ERROR:|runtime error|Test unit written' "$log" || tail -n 5 "$log"
        return 1
    fi
}

# The sanitizer's default is to go on after undefined behaviour.
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
failed=0
lanes=
lane=0
while [ "$lane" -lt "$jobs" ]; do
    (
        number=0
        failed=0
        for target in $targets; do
            [ $((number % jobs)) -ne "$lane" ] || run_target "$target" || failed=1
            number=$((number + 1))
        done
        exit $failed
    ) &
    lanes="$lanes $!"
    lane=$((lane + 1))
done
for pid in $lanes; do
    wait "$pid" || failed=1
done
exit $failed
