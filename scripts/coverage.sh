#!/bin/sh
# Runs the unit tests and pytest on a build that counts lines, and prints what share of each source
# file they reach: coverage.sh BUILD [PYTEST ARGUMENT…]
# A process that a signal ends loses its counts, and a test that ends one is no less a test for it.
set -eu
cd "$(dirname "$0")/.."
build=$1
shift

# Tests also run pawl as other users, who add to the same counters; one that cannot says nothing.
find "$build" -name '*.gcda' -delete
export GCOV_ERROR_FILE=/dev/null
export PAWL_BIN="$PWD/$build/src/pawl"
"$PAWL_BIN" --version >/dev/null
find "$build/src" -type d -exec chmod a+rwx {} +
find "$build/src" -name '*.gcda' -exec chmod a+rw {} +

failed=0
meson test -C "$build" --no-rebuild --print-errorlogs >"$build/units.log" 2>&1 || failed=1
tail -n 8 "$build/units.log"
/usr/bin/python3 -m pytest tests -q -n "$(nproc)" "$@" || failed=1

gcovr --root . --filter 'src/' --object-directory "$build" --gcov-ignore-parse-errors \
    --csv "$build/coverage.csv" --txt "$build/coverage.txt"
echo
echo "lines reached, by file (which lines were not: $build/coverage.txt)"
awk -F, 'NR > 1 && $2 > 0 { printf "%5.1f %%  %5d  %s\n", 100 * $3 / $2, $2, $1 }' \
    "$build/coverage.csv" | sort -k 4
echo
echo "under 90 %:"
awk -F, 'NR > 1 && $2 > 0 && $3 < 0.9 * $2 { printf "%5.1f %%  %5d  %s\n", 100 * $3 / $2, $2, $1 }' \
    "$build/coverage.csv" | sort -n
awk -F, 'NR > 1 { lines += $2; reached += $3 }
    END { printf "\npawl coverage: %.1f %% of %d lines\n", 100 * reached / lines, lines }' \
    "$build/coverage.csv"
exit $failed
