# What the drills share: showing a command, running it, and holding its exit code against the
# expected one. Sourced with $pawl (the program) and $url (the target) set.
#
# shellcheck shell=sh

# A line of comment for each argument.
say() {
    echo
    printf '# %s\n' "$@"
}

# Shows the command as one would type it, runs it, and stops the drill unless it ends as expected.
expect() {
    wanted=$1
    shift
    printf '$ pawl %s\n' "$*"
    code=0
    "$pawl" "$@" 2>&1 || code=$?
    ended "$wanted" "$code"
}

# The exit code that a command was to end with, and the one that it has.
ended() {
    if [ "$1" -ne 0 ]; then
        printf '(exit code %s)\n' "$2"
    fi
    if [ "$2" -ne "$1" ]; then
        printf 'the drill expected exit code %s, not %s\n' "$1" "$2" >&2
        exit 1
    fi
}

# One or more SQL statements on the target, past pawl: what a person with a console would do.
sql() {
    case $url in
    sqlite:*) /usr/bin/python3 -c 'import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
try:
    for statement in sys.argv[2:]:
        for row in connection.execute(statement):
            print(*row, sep="|")
except sqlite3.Error as error:
    sys.exit(f"ERROR: {error}")' "${url#sqlite:}" "$@" ;;
    *)
        for statement in "$@"; do
            psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$url" -c "$statement"
        done
        ;;
    esac
}

# The file's name, then its text.
write() {
    printf '%s\n' "$2" >"$1"
}
