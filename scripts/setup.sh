#!/bin/sh
# Installs the Debian packages that a group of work needs: setup.sh [build] [test] [fuzz] [lint] …
# Nothing missing, nothing done: that takes milliseconds and no network.
set -eu

packages_of() {
    case $1 in
    build)
        echo gcc libc6-dev meson ninja-build pkg-config \
            libpq-dev libsqlite3-dev libpg-query-dev libprotobuf-c-dev libssl-dev libjansson-dev
        ;;
    test)
        echo git g++ procps libcmocka-dev postgresql-15 pgbouncer sqlite3 python3-psycopg \
            python3-pytest python3-pytest-xdist python3-pytest-timeout python3-yaml \
            zsh fish mandoc man-db openssl libfaketime
        ;;
    node) echo nodejs node-pg ;;
    clients) echo default-jdk-headless libpostgresql-jdbc-java golang-go golang-github-lib-pq-dev ;;
    fuzz) echo clang libclang-rt-14-dev ;;
    lint) echo python3 clang-format cppcheck ;;
    format) echo clang-format ;;
    coverage) echo gcovr ;;
    # Any npm will do, and Debian's brings some 350 packages.
    matrix) command -v npm >/dev/null || echo npm ;;
    *)
        echo "setup.sh: unknown group \"$1\"; known: build test node clients fuzz lint format" \
            "coverage matrix" >&2
        return 1
        ;;
    esac
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "setup.sh: these packages are missing and sudo is not here; type as root:" >&2
        echo "  apt-get install -y --no-install-recommends$missing" >&2
        exit 1
    fi
}

apt() {
    # Another apt at work is waited for. env, since sudo drops the variables of its caller.
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}

[ $# -gt 0 ] || set -- build test
wanted=
for group in "$@"; do
    packages=$(packages_of "$group")
    wanted="$wanted $packages"
done

if ! command -v dpkg-query >/dev/null; then
    echo "setup.sh: this is no Debian; going on with what is installed. Needed:$wanted" >&2
    exit 0
fi

# shellcheck disable=SC2016,SC2086 # a dpkg format, not a variable; the words are package names
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null |
    sed -n 's/^installed //p') || true
missing=
for package in $wanted; do
    case "
$installed
" in
    *"
$package
"*) ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

echo "setup.sh: installing$missing"
# A list that cannot be had (a third party's, say) is no reason to stop: the install decides.
apt update || echo "setup.sh: apt-get update had errors; trying to install all the same" >&2
# shellcheck disable=SC2086 # the words are package names
apt install -y --no-install-recommends $missing
