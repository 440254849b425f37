#!/bin/sh
# Outage C, replayed: c-old-code-on-new-schema.sh PAWL URL
#
# The database is altered before the new code takes over, and until then the old code talks to the
# new schema. First what a console does to it, then pawl, both under steady sign-ins through a
# blue/green swap, and pawl once more with nothing configured. URL names an empty PostgreSQL database; runs in a temporary folder.
set -eu
pawl=$1
url=$2
drills=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'jobs -p >jobs; xargs -r kill <jobs 2>/dev/null || :; rm -rf "$folder"' EXIT
cd "$folder"
. "$drills/common.sh"

# ---- the application ----

until_serving() {
    for _ in $(seq 300); do
        if grep -q serving "$1.log"; then
            return
        fi
        sleep 0.1
    done
    cat "$1.log" >&2
    echo "$1 does not serve within half a minute" >&2
    exit 1
}

# NAME COLUMN: without pawl, in a schema of its own.
start_plain() {
    /usr/bin/python3 "$drills/sign_in.py" "$url" "$2" plain >"$1.log" 2>&1 &
    echo $! >"$1.pid"
    until_serving "$1"
}

# NAME COLUMN RELEASE
start_app() {
    printf '$ pawl run --release %s -- sign_in.py &\n' "$3"
    "$pawl" run --release "$3" -- /usr/bin/python3 "$drills/sign_in.py" "$url" "$2" >"$1.log" 2>&1 &
    echo $! >"$1.pid"
    until_serving "$1"
}

stop_app() {
    pid=$(cat "$1.pid")
    kill "$pid"
    wait "$pid" || :
    echo "$1: $(tail -1 "$1.log")"
}

say "A console: the column is renamed, then the new code is started beside the old, then they swap."
sql "CREATE SCHEMA plain" "CREATE TABLE plain.users (id integer PRIMARY KEY, name text)" \
    "INSERT INTO plain.users VALUES (1, 'ada')"
start_plain old name
sql "ALTER TABLE plain.users RENAME COLUMN name TO handle"
start_plain new handle
sleep 1
stop_app old
stop_app new

say "pawl: release 1 serves."
cat >pawl.conf <<CONF
[releases]
soak = 0
[target.main]
url = $url
CONF
mkdir migrations
sql "DROP SCHEMA plain CASCADE" 2>/dev/null
write migrations/20250703075850_users.sql \
    'CREATE TABLE users (id integer PRIMARY KEY, name text);'
expect 0 deploy --release 1
sql "INSERT INTO users VALUES (1, 'ada')"
cp -r migrations old_code
start_app old name 1

say "Release 2 adds the new column beside the old one, fills it, and drops the old one in a contract step." \
    "The deploy does what release 1 can live with, and says what waits for whom."
write migrations/20250704080000_add_handle.sql 'ALTER TABLE users ADD COLUMN handle text;'
write migrations/20250704080100_fill_handle.sql '-- pawl: kind=data
UPDATE users SET handle = name WHERE handle IS NULL;'
write migrations/20250704080200_drop_name.sql '-- pawl: phase=contract
ALTER TABLE users DROP COLUMN name;'
expect 0 deploy --release 2
start_app new handle 2
expect 0 release

say "Both serve. Another deploy changes nothing about that."
expect 0 deploy --release 2

say "The swap: release 1 is stopped. Now the contract step runs, under the traffic of release 2."
sleep 1
stop_app old
expect 0 deploy --release 2
sleep 1
stop_app new

say "Release 1 does not start again."
expect 6 run --migrations old_code --release 1 -- true
expect 0 log --timeline

say "And with nothing configured, by people who have registered nobody: the old code is a session that" \
    "pawl knows nothing of, so the contract step waits for it. (A ledger of its own, in the same database.)"
mkdir -p unconfigured/migrations
cd unconfigured
cat >pawl.conf <<CONF
[target.main]
url = $url
ledger = unconfigured
CONF
expect 0 adopt --as-of none
write migrations/20250703075850_users.sql \
    'CREATE SCHEMA plain; CREATE TABLE plain.users (id integer PRIMARY KEY, name text);'
expect 0 deploy
start_plain old name
write migrations/20250704080200_drop_name.sql '-- pawl: phase=contract
ALTER TABLE plain.users DROP COLUMN name;'
expect 0 deploy
sleep 1
stop_app old
expect 0 deploy
