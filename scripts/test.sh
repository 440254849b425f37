#!/bin/sh
# Runs every proof on a finished build: test.sh BUILD [PYTEST ARGUMENT…]
# A failing stage does not stop the next one; the last line sums up, the exit code is 0 or 1.
set -eu
cd "$(dirname "$0")/.."
build=$1
shift

# One worker more than processors, as many tests wait; 3 or 4: each brings a PostgreSQL of its own.
workers=$(($(nproc) + 1))
[ "$workers" -ge 3 ] || workers=3
[ "$workers" -le 4 ] || workers=4

# The sanitizer's default is to go on after undefined behaviour, and to pass.
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export PAWL_BIN="$PWD/$build/src/pawl"

summary=
failed=0
start=$(date +%s)
stage() {
    name=$1
    shift
    if "$@"; then
        summary="$summary $name ok,"
    else
        summary="$summary $name FAILED,"
        failed=1
    fi
}

stage floors scripts/check_floors.py
stage units meson test -C "$build" --no-rebuild --print-errorlogs
stage pytest /usr/bin/python3 -m pytest tests -q -n "$workers" "$@"

echo "pawl tests:$summary $(($(date +%s) - start)) s"
exit $failed
