#!/bin/sh
# A tour in a temporary folder, on SQLite, so that it needs no server: demo.sh PAWL
set -eu
pawl=$1
top=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
url=sqlite:pawl.db
. "$top/drills/common.sh"

say "A project: a configuration and an empty folder of migrations."
expect 0 init

say "Two migrations, and the deploy that applies them."
write migrations/20250703075850_create_users.sql \
    'CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);'
write migrations/20250704090000_add_email.sql 'ALTER TABLE users ADD COLUMN email TEXT;'
expect 4 ready
expect 0 deploy --release 1.0
expect 0 status

say "A second deploy has nothing to do; a service asks before it starts."
expect 0 deploy --release 1.0
expect 0 ready

say "A migration that fails leaves nothing but its trace."
write migrations/20250705090000_broken.sql 'CREATE TABLE posts (id INTEGER PRIMARY KEY);
INSERT INTO post VALUES (1);'
expect 1 deploy --release 1.1
rm migrations/20250705090000_broken.sql

say "What happened, as Markdown for a postmortem."
expect 0 log --timeline

say "" "Outage A, replayed" ""
"$top/drills/a-poisoned-mark.sh" "$pawl"
