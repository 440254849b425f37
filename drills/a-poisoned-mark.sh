#!/bin/sh
# Outage A, replayed: a-poisoned-mark.sh PAWL [URL]
#
# A migration named with milliseconds poisons a ledger that is one number; the correction by hand
# keeps running code from starting. First what a runner with a high-water mark does, then pawl. Runs
# in a temporary folder, on SQLite unless a URL of an empty PostgreSQL database is given.
set -eu
pawl=$1
drills=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
url=${2:-sqlite:$folder/app.db}
. "$drills/common.sh"

case $url in
sqlite:*)
    journal=pawl_journal
    unlock="DROP TRIGGER pawl_journal_refuse_update; DROP TRIGGER pawl_journal_refuse_delete"
    ;;
*)
    journal=pawl.journal
    unlock="ALTER TABLE pawl.journal DISABLE TRIGGER refuse_change"
    ;;
esac
accounts='CREATE TABLE accounts (id INTEGER PRIMARY KEY, email TEXT NOT NULL);'
storage='ALTER TABLE accounts ADD COLUMN token_storage TEXT;'
audit='CREATE TABLE audit (id INTEGER PRIMARY KEY, what TEXT);'

say "An ordinary runner keeps one number: the highest version that it has applied."
mark=0
for version in 1751529000 1751529530394 1751530000; do
    if [ "$version" -gt "$mark" ]; then
        echo "applied $version"
        mark=$version
    else
        echo "$version is below the mark $mark: skipped, and nobody is told"
    fi
done

say "pawl refuses the name with milliseconds where it is made, in review and at the deploy," \
    "and says which name was meant."
cat >pawl.conf <<CONF
[pawl]
naming = epoch
[target.main]
url = $url
CONF
mkdir migrations
write migrations/1751529000_accounts.sql "$accounts"
expect 2 new 1751529530394_token_storage
write migrations/1751529530394_token_storage.sql "$storage"
expect 3 check
expect 3 deploy

say "With the right name it deploys, and what comes after it is not skipped."
mv migrations/1751529530394_token_storage.sql migrations/1751529530_token_storage.sql
expect 0 deploy
write migrations/1751530000_audit.sql "$audit"
expect 0 deploy

say "Now the file is renamed while old code, with the old name, still runs. Both may start:" \
    "a migration is known by what it says, not by its name. The deploy records the new name once."
mkdir old_code
cp -r migrations old_code/
mv migrations/1751529530_token_storage.sql migrations/1751529600_token_storage.sql
expect 0 ready
expect 0 deploy
expect 0 ready
expect 0 ready --migrations old_code/migrations
expect 0 deploy --migrations old_code/migrations

say "A correction by hand is impossible by accident ..."
edit="UPDATE $journal SET migration = '1751529530394_token_storage' WHERE seq = 4"
printf '$ %s\n' "$edit"
if sql "$edit" 2>&1; then
    echo "the ledger let itself be edited" >&2
    exit 1
fi
say "... and impossible to hide: someone switches the guard off and edits row 4 all the same."
printf '%s\n' "$unlock" | tr ';' '\n' | while read -r statement; do
    sql "$statement"
done
sql "$edit"
write migrations/1751531000_more.sql 'CREATE TABLE more (id INTEGER PRIMARY KEY);'
expect 8 deploy
expect 0 repair --accept-break 4 --reason 'edited by hand during the drill'
expect 0 deploy

say "A deleted last row is found as well: the head of the chain names it."
sql "DELETE FROM $journal WHERE seq = (SELECT max(seq) FROM $journal)"
expect 8 deploy

say "What happened, ready for the postmortem."
expect 0 log --timeline
