#!/bin/sh
# A tour in a temporary folder, on SQLite, so that it needs no server: demo.sh PAWL
set -eu
pawl=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

say() {
    printf '\n# %s\n' "$*"
}
# Shows the command as one would type it, then runs it.
run() {
    printf '$ pawl %s\n' "$*"
    "$pawl" "$@"
}
# The same for a command that has to refuse with that exit code.
refused() {
    code=0
    expected=$1
    shift
    run "$@" || code=$?
    if [ "$code" -ne "$expected" ]; then
        echo "demo.sh: exit code $code instead of $expected" >&2
        exit 1
    fi
    echo "(exit code $code)"
}
write() {
    printf '%s\n' "$2" >"migrations/$1"
    printf '$ cat migrations/%s\n%s\n' "$1" "$2"
}

say "A project: a configuration and an empty folder of migrations."
run init

say "A first migration, and the deploy that applies it."
write 20250101090000_create_users.sql 'CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);'
run plan
run deploy --release 1.0
run status

say "A second deploy finds nothing to do, and release 1.0 is told that it may start."
run deploy --release 1.0
run ready --release 1.0

say "A new column is safe; dropping a table that a live release may read is not, and is refused"
say "before anything runs until the file says that it means it."
write 20250102090000_add_email.sql 'ALTER TABLE users ADD COLUMN email TEXT;'
write 20250103090000_drop_users.sql 'DROP TABLE users;'
refused 3 deploy --release 2.0
rm migrations/20250103090000_drop_users.sql
run deploy --release 2.0

say "What happened, from the ledger inside the database."
run log
