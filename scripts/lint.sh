#!/bin/sh
# What can be said about the source without building it. Every check runs; one failure fails.
set -eu
cd "$(dirname "$0")/.."
failed=0

scripts/format.sh --check || failed=1
scripts/check_floors.py || failed=1
# Left to the sanitizers: leaks, as cppcheck does not know the cleanup attribute. It cannot read
# __typeof__ either. An index looked at before its limit is no fault in a text that ends with NUL.
cppcheck --quiet --std=c11 --enable=warning --inline-suppr --error-exitcode=1 --library=posix \
    --suppress=resourceLeak --suppress=memleak --suppress=arrayIndexThenCheck \
    -j "$(nproc)" -D_GNU_SOURCE -DPAWL_VERSION='""' -DPAWL_DATE='""' \
    -D'__typeof__(x)=void *' -I src -I include \
    src || failed=1

[ $failed -eq 0 ] && echo "lint: ok"
exit $failed
