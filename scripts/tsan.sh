#!/bin/sh
# Runs what is concurrent on a build with ThreadSanitizer: tsan.sh BUILD [PYTEST ARGUMENT…]
# libpq, SQLite and libpg_query are not instrumented: of them only calls into libc are seen.
set -eu
cd "$(dirname "$0")/.."
build=$1
shift

export TSAN_OPTIONS=halt_on_error=1
export PAWL_BIN="$PWD/$build/src/pawl"
failed=0
meson test -C "$build" --no-rebuild --print-errorlogs api classify base ledger || failed=1
# Of the library: threads with handles of their own, and a call that is stopped from outside.
/usr/bin/python3 -m pytest -q -n "$(nproc)" tests/test_races.py tests/test_signals.py tests/test_connecting.py \
    tests/test_blocked.py tests/test_blockers.py tests/test_run.py tests/test_lost_connection.py tests/test_lint.py \
    tests/test_library.py::test_threads_with_handles_of_their_own \
    tests/test_library.py::test_a_signal_ends_the_statement_on_the_server "$@" || failed=1
exit $failed
