#!/bin/sh
# Outage D, replayed: d-migration-that-hung.sh PAWL URL
#
# Somebody's open transaction holds a table, and a migration hangs on it. First what an ordinary
# runner does to everybody who reads that table, then pawl; at last a deploy that is killed in the
# middle of a statement. URL names an empty PostgreSQL database; runs in a temporary folder.
set -eu
pawl=$1
url=$2
drills=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'jobs -p >jobs; xargs -r kill <jobs 2>/dev/null || :; rm -rf "$folder"' EXIT
cd "$folder"
. "$drills/common.sh"

# ---- the others ----

# Opens a transaction that has changed a row of the table, and leaves it open.
hold() {
    mkfifo console
    PGAPPNAME='nightly import' psql -X -q -d "$url" <console >import.log 2>&1 &
    holder=$!
    exec 3>console
    echo 'BEGIN; UPDATE fields SET area = area + 1 WHERE id = 1;' >&3
    until_true "SELECT EXISTS (SELECT FROM pg_stat_activity
        WHERE application_name = 'nightly import' AND state = 'idle in transaction')"
}

release() {
    echo '\q' >&3
    exec 3>&-
    wait "$holder" || : # it fails where its session was ended
    rm console
}

begin_readers() {
    /usr/bin/python3 "$drills/stalls.py" "$url" fields >stall 2>&1 &
    readers=$!
    until_true "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'checkout page')"
}

# Its argument says whose figure it is.
end_readers() {
    kill "$readers"
    wait "$readers"
    say "$1: $(cat stall)"
}

# Waits until the query says true.
until_true() {
    for _ in $(seq 300); do
        if [ "$(sql "$1")" = t ]; then
            return
        fi
        sleep 0.1
    done
    echo "not true within half a minute: $1" >&2
    exit 1
}

# ---- a deploy in one shell, and something else in another ----

begin() {
    printf '$ pawl %s &\n' "$*"
    "$pawl" "$@" >deploy.log 2>&1 &
    deploy=$!
}

# Waits until the deploy has said so.
until_said() {
    for _ in $(seq 300); do
        if grep -q "$1" deploy.log; then
            return
        fi
        sleep 0.1
    done
    echo "the deploy has not said \"$1\" within half a minute" >&2
    exit 1
}

# Waits for the deploy's end, which has to be that exit code, and shows what it printed.
end() {
    code=0
    wait "$deploy" || code=$?
    cat deploy.log
    ended "$1" "$code"
}

cat >pawl.conf <<CONF
[deploy]
lock_timeout = 400ms
lock_budget = 4s
[target.main]
url = $url
CONF
mkdir migrations
write migrations/20250703070000_fields.sql \
    'CREATE TABLE fields (id integer PRIMARY KEY, area integer NOT NULL);
INSERT INTO fields SELECT i, i FROM generate_series(1, 1000) AS i;'
expect 0 deploy --release 1.0

say "The data team's import is at work on the table. An ordinary runner sends its ALTER TABLE and" \
    "waits; whoever reads the table now queues behind the runner, until the import is done."
hold
begin_readers
echo '$ psql -c "ALTER TABLE fields ADD COLUMN crop text" &'
PGAPPNAME='ordinary runner' psql -X -q -d "$url" -c 'ALTER TABLE fields ADD COLUMN crop text' &
runner=$!
until_true "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'fields'::regclass AND NOT granted)"
sleep 3
release
wait "$runner"
end_readers "the ordinary runner, for an import of three more seconds"

say "pawl looks who has the table before it locks it, names the session and what ends it, and takes" \
    "a try back after lock_timeout. It gives up when lock_budget is spent: an answer, not a hang."
write migrations/20250703075850_add_owner.sql 'ALTER TABLE fields ADD COLUMN owner text;'
hold
begin_readers
expect 5 deploy --release 1.1
end_readers "pawl, while it waited and gave up"

say "Nothing was changed, and no lock is left behind. The next deploy meets the same import. The" \
    "operator has another shell, and sees there what the deploy says."
sed -i 's/^lock_budget = .*/lock_budget = 1m/' pawl.conf
begin_readers
begin deploy --release 1.1
until_said 'trying again'
expect 5 blockers --older-than 1s

say "With the data team's consent it ends the session, by the command that was printed."
command=$(sed -n 's/.*to end it: //p' deploy.log | head -n 1)
printf '$ psql -c "%s"\n' "$command"
sql "$command"
end 0
end_readers "pawl, while it waited and went on"
release

say "A deploy is killed in the middle of a statement: CREATE INDEX CONCURRENTLY, which waits for the" \
    "import of the next night. Its process is gone, so the server ends the statement; before version 14 no" \
    "server notices, and the next deploy ends it."
write migrations/20250703080000_index_area.sql 'CREATE INDEX CONCURRENTLY fields_area ON fields (area);'
hold
begin deploy --release 1.2
working="application_name = 'pawl' AND query LIKE 'CREATE INDEX%' AND state = 'active'"
until_true "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE $working AND wait_event_type = 'Lock')"
printf '$ kill -9 %s\n' "$deploy"
kill -9 "$deploy"
wait "$deploy" || :
orphan=$(sql "SELECT pid FROM pg_stat_activity WHERE $working")
gone="SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = ${orphan:-0})"
notices=$(sql "SELECT current_setting('server_version_num')::int >= 140000")
if [ "$notices" = t ]; then
    until_true "$gone"
    release
    sql "SELECT 'left behind: fields_area is INVALID' FROM pg_index
        WHERE indexrelid = 'fields_area'::regclass AND NOT indisvalid"
fi

say "The next deploy says what happened to that one, removes what it left behind and goes on."
begin deploy --release 1.2
if [ "$notices" = f ]; then
    until_true "$gone"
    release
fi
end 0
echo "sessions of it in the server: $(sql "SELECT count(*) FROM pg_stat_activity WHERE pid = ${orphan:-0}")"

say "What happened, ready for the postmortem."
expect 0 log --timeline
