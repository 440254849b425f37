#!/bin/sh
# Makes a static library of one object that shows pawl_* names alone and contains what it needs:
# static_library.sh OUTPUT ARCHIVE... -- COMPILER WORD... OPTION...
#
# An ordinary archive would show the host program every name of pawl's, of libpg_query's and of
# jansson's, ask it to link all of them, and in a build with link-time optimisation hold nothing
# that another compiler can read.
set -eu
output=$1
shift
# What the first archive holds is wanted; of the others only what that needs.
parts="-Wl,--whole-archive $1 -Wl,--no-whole-archive"
shift
while [ "$1" != -- ]; do
    parts="$parts $1"
    shift
done
shift
object=$(dirname "$output")/pawl.o
# -d: what is only announced (a "common" name) gets its place here, or it could not be hidden.
# shellcheck disable=SC2086 # the words are paths below the build folder
"$@" -r -nostdlib -Wl,-d -o "$object" $parts -l:libpg_query.a -l:libjansson.a -l:libcrypto.a
objcopy --wildcard --keep-global-symbol='pawl_*' "$object"
rm -f "$output"
ar rcsD "$output" "$object"
rm -f "$object"
