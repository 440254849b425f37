#!/bin/sh
# Formats every C file, or with --check only says which ones are not formatted.
set -eu
cd "$(dirname "$0")/.."
mode=-i
[ "${1:-}" != --check ] || mode="--dry-run -Werror"
for folder in src include tests examples bench; do
    [ -d $folder ] || continue
    # shellcheck disable=SC2086 # the mode can be two words
    find $folder -name '*.[ch]' -exec clang-format $mode {} +
done
