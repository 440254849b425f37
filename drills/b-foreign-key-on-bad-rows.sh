#!/bin/sh
# Outage B, replayed: b-foreign-key-on-bad-rows.sh PAWL URL
#
# A foreign key is added to a table with rows that refer to nothing: the deploy fails in its middle,
# and the service does not start. First what running the files one by one leaves behind, then pawl,
# which asks the rows before anything is changed. URL names an empty PostgreSQL database; runs in a
# temporary folder.
set -eu
pawl=$1
url=$2
drills=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
. "$drills/common.sh"

# An ordinary runner: file by file, statement by statement, and it stops at the first error.
run_files() {
    for file in "$@"; do
        printf '$ psql -v ON_ERROR_STOP=1 -f %s\n' "$file"
        code=0
        psql -X -q -v ON_ERROR_STOP=1 -d "$url" -f "$file" 2>&1 || code=$?
        if [ "$code" -ne 0 ]; then
            printf '(exit code %s)\n' "$code"
            return
        fi
    done
    echo "the runner came to its end: the drill needs it to fail" >&2
    exit 1
}

shows() {
    printf '$ psql -c "%s"\n' "$1"
    sql "$1"
}

cat >pawl.conf <<CONF
[target.main]
url = $url
CONF
mkdir migrations
write migrations/20250703070000_shop.sql \
    'CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, total text NOT NULL);'
expect 0 deploy --release 1.0
sql "INSERT INTO customers SELECT i, 'customer ' || i FROM generate_series(1, 100) AS i" \
    "INSERT INTO orders SELECT i, i % 100 + 1, '1' FROM generate_series(1, 1000) AS i" \
    "UPDATE orders SET customer_id = 4711 WHERE id IN (17, 404, 933)" # customers that somebody deleted

write migrations/20250704090000_state.sql \
    "ALTER TABLE orders ADD COLUMN state text;
UPDATE orders SET state = 'open';"
write migrations/20250704100000_orders_customer.sql \
    'ALTER TABLE orders RENAME COLUMN total TO total_cents;
ALTER TABLE orders ADD CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES customers (id);
ALTER TABLE orders ALTER COLUMN state SET NOT NULL;'

say "An ordinary runner sends one file after another, and the foreign key meets three old rows."
run_files migrations/20250704090000_state.sql migrations/20250704100000_orders_customer.sql

say "What is before the error stays, what is behind it is missing. The old code has lost its column, the" \
    "new code wants one that is NOT NULL: neither release starts, and a second run fails at once."
query="SELECT total FROM orders LIMIT 1"
printf '$ psql -c "%s"\n' "$query"
if sql "$query" 2>&1; then
    echo "the old code still runs: the drill needs it to fail" >&2
    exit 1
fi
shows "SELECT attname, CASE WHEN attnotnull THEN 'NOT NULL' ELSE 'may be NULL' END FROM pg_attribute
    WHERE attrelid = 'orders'::regclass AND attname IN ('total_cents', 'state')"
shows "SELECT count(*) || ' foreign keys' FROM pg_constraint WHERE conrelid = 'orders'::regclass AND contype = 'f'"
run_files migrations/20250704100000_orders_customer.sql

say "Back to where it was, by hand, for pawl's turn."
shows "ALTER TABLE orders RENAME COLUMN total_cents TO total"
shows "ALTER TABLE orders DROP COLUMN state"

say "pawl asks the rows before anything is changed: which migration, which statement, how many rows, which."
expect 3 probe

say "It writes what would mend them, as a migration before the one that would fail. Whether that is what" \
    "should become of these orders, a person decides: here they lose their customer, and are kept."
expect 3 probe --write-repair
cat migrations/*_repair_rows.sql
expect 0 probe

say "One deploy of both: the rows are mended and the foreign key is there. That code of the release before" \
    "loses a column is told too, and is meant here."
expect 0 deploy --release 1.1 --override lint --reason 'the shop is closed for this release'
shows "SELECT id, customer_id IS NULL AS mended, state FROM orders WHERE id IN (17, 404, 933) ORDER BY id"
shows "SELECT conname || ' ' || pg_get_constraintdef(oid) || CASE WHEN convalidated THEN '' ELSE ' NOT VALID' END
    FROM pg_constraint WHERE conrelid = 'orders'::regclass AND contype = 'f'"
expect 0 ready

say "A row that comes between the question and the deploy is found: the deploy asks again. Where it was told" \
    "not to, nothing is half done either: a migration is one transaction, and all of it is taken back."
write migrations/20250705090000_orders_total.sql \
    'ALTER TABLE orders ADD COLUMN note text;
ALTER TABLE orders ADD CONSTRAINT orders_total CHECK (total_cents::integer > 0);'
expect 0 probe
sql "INSERT INTO orders (id, total_cents, state) VALUES (1001, '0', 'open')"
expect 3 deploy --release 1.2
expect 1 deploy --release 1.2 --override data --reason 'to see what the server says'
shows "SELECT count(*) || ' columns called note' FROM pg_attribute
    WHERE attrelid = 'orders'::regclass AND attname = 'note'"
expect 3 probe
