#!/bin/sh
# Runs benchmarks: bench.sh PAWL [SCRIPT...], without names all but the one that takes minutes. Each is a
# script in bench/ that prints its ratios and exits 1 when one is over its limit; it finds the program in
# PAWL_BIN and may import tests/support.
set -eu
cd "$(dirname "$0")/.."
export PAWL_BIN="$1" PYTHONPATH="$PWD/tests"
failed=0
found=0
shift
if [ $# -eq 0 ]; then
    for script in bench/*.py; do
        [ "$script" = bench/backfill.py ] || set -- "$@" "$script"
    done
fi
for script in "$@"; do
    [ -e "$script" ] || continue
    found=1
    /usr/bin/python3 "$script" || failed=1
done
if [ $found -eq 0 ]; then
    echo "bench.sh: no benchmark in bench/" >&2
    exit 1
fi
exit $failed
