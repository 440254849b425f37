#!/usr/bin/python3
"""Makes a fixture for tests/test_oldest_journal.py: a ledger with every event, on both engines.

PAWL_BIN=build/asan/src/pawl PYTHONPATH=tests scripts/make_journal.py tests/fixtures/journal-N

Writes FOLDER/postgres.sql and FOLDER/sqlite.sql, plain dumps of a database that this build has
written through its commands alone (but for what a break of the chain needs, and an instance that
comes back), and the migrations that belong to them in FOLDER/postgres and FOLDER/sqlite. A folder that exists is refused: a fixture
never changes (docs/ledger.md). Where a new event comes, a new fixture stands beside the old ones.
"""

import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from support import ledger
from support.pawl import Pawl
from support.postgres import CLIENT_BINARIES, Cluster
from support.server import wait_until
from support.sqlite import SqliteDatabase

LONG = {
    "postgres": "SELECT pg_sleep(60);",
    "sqlite": "CREATE TABLE long AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
              " LIMIT 1000000000) SELECT max(i) FROM n;",
}
STEPS = {
    "postgres": "CREATE TABLE steps (id int);\nCREATE INDEX CONCURRENTLY steps_id ON steps (id);\n"
                "ALTER TABLE steps ADD COLUMN n int;",
    "sqlite": "-- pawl: no-transaction\nCREATE TABLE steps (id int);\nVACUUM;\n"
              "ALTER TABLE steps ADD COLUMN n int;",
}
VIEW = {
    "postgres": "CREATE OR REPLACE VIEW counts AS SELECT count(*) AS n FROM users;",
    "sqlite": "DROP VIEW IF EXISTS counts;\nCREATE VIEW counts AS SELECT count(*) AS n FROM users;",
}
OLD = "as-of-1.2"
TOKEN = "CREATE TABLE IF NOT EXISTS token (id int);"


def name(number, words):
    return f"{ledger.version(number)}_{words}"


def deploy(pawl, *args, code=0):
    pawl.run("deploy", *args, check=code)


def end_within(pawl, database, end):
    """Ends a deploy whose attempt is open."""
    begun = ledger.events(database).count("begin")
    process = pawl.spawn("deploy")
    wait_until(lambda: ledger.events(database).count("begin") > begun, "the deploy has begun")
    end(process)


def stop(process):
    process.signal(signal.SIGTERM)
    process.finish(check=128 + signal.SIGTERM)


def announce(pawl, database):
    """Nothing of it is in force at the end."""
    pawl.run("maintenance", "on", "--reason", "release 1.2, größer", check=0)
    pawl.run("reserve", "--until", "1h", "--reason", "the nightly load", check=0)
    number = len(ledger.rows(database))
    pawl.write(name(11, "noted"), "CREATE TABLE noted (id int);")
    deploy(pawl, code=5)
    deploy(pawl, "--override", "reservation", "--reason", "hotfix")
    pawl.run("reserve", "end", number, "--reason", "it is loaded", check=0)
    if database.engine == "postgres":
        (number,), = database.query("SELECT pawl.reserve(clock_timestamp() + interval '1 h', 'in SQL')")
        database.query(f"SELECT pawl.end_reservation({number})")
    pawl.run("maintenance", "off", check=0)
    deploy(pawl, "--release", "1.2")
    shutil.copytree(pawl.migrations, pawl.folder / OLD)


def walk(pawl, database):
    """A backfill that is paused from another shell, and goes on."""
    pawl.write(name(13, "fill_noted"), "INSERT INTO noted (id) VALUES (1), (2), (3);\n"
               "CREATE TABLE walked (id int PRIMARY KEY NOT NULL, n int);\n"
               "INSERT INTO walked (id, n) VALUES (1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (6, 0), (7, 0), (8, 0);")
    pawl.write(name(14, "walk"), "-- pawl: kind=backfill batch=1\nUPDATE walked SET n = n + 1;")
    process = pawl.spawn("deploy", env={"PAWL_REST": "10000"})
    wait_until(lambda: ledger.events(database).count("backfill_begin") == 1, "the backfill has begun")
    pawl.run("backfill", "pause", "--reason", "the sale, größer", check=0)
    process.wait_for("paused by")
    pawl.run("backfill", "resume", check=0)
    process.finish(check=0)


def wait_for_releases(pawl, database):
    """A contract step that is held, closing, reopened, and applied at last."""
    pawl.write(name(15, "narrow"), "-- pawl: phase=contract\nDROP TABLE more;")
    pawl.run("release", "start", "1.3", check=0)
    old = {"PAWL_MIGRATIONS": pawl.folder / OLD}
    command = ("run", "--release", "1.2", "--", "sh", "-c", "echo serving; exec sleep 60")
    process = pawl.spawn(*command, env=old)
    process.wait_for("serving")
    deploy(pawl, "--release", "1.3")
    stop(process)
    closing = pawl.spawn("deploy", env={"PAWL_SETTLE": "5s"})
    wait_until(lambda: ledger.events(database)[-1] == "closing", "it is closing")
    database.query(f"UPDATE {ledger.table(database, 'instance')} SET left_at = NULL")
    closing.finish(check=0)
    database.query(f"UPDATE {ledger.table(database, 'instance')} SET left_at = seen_at")
    pawl.run("release", "retire", "1.2", "--reason", "scaled to zero, größer", check=0)
    deploy(pawl)
    pawl.run("run", "--release", "1.2", "--override", "blocked", "--reason", "one report, größer", "--", "true",
             env=old, check=0)


def give_up(pawl, database):
    """A backfill that is stopped part-way, and given up with its file."""
    path = pawl.write(name(16, "walk_on"), "-- pawl: kind=backfill batch=1\nUPDATE walked SET n = n + 1;")
    process = pawl.spawn("deploy", env={"PAWL_REST": "10000"})
    wait_until(lambda: ledger.events(database).count("backfill_begin") == 2, "the backfill has begun")
    pawl.run("backfill", "pause", check=0)
    process.wait_for("paused by")
    process.signal(signal.SIGTERM)
    process.finish(check=7)
    pawl.run("backfill", "cancel", "--reason", "it is not wanted, größer", check=0)
    path.unlink()
    deploy(pawl)


def stand_in_the_way(pawl, database):
    """Only PostgreSQL knows of sessions."""
    if database.engine != "postgres":
        return
    with closing(database.connect(application_name="report, größer")) as holder:
        holder.execute("BEGIN")
        holder.execute("SELECT * FROM noted")
        holder.execute("SELECT pg_sleep(1)")  # what is younger is waited for
        pawl.write(name(12, "wider"), "ALTER TABLE noted ADD COLUMN width int;")
        deploy(pawl, "--on-blocked", "fail", code=5)
        deploy(pawl, "--on-blocked", "terminate", "--blocker-age", "0")


def history(pawl, database):
    """Every event, in the order in which a team might meet them."""
    engine = database.engine
    database.query("CREATE TABLE users (id int)")
    pawl.write(name(1, "users"), "CREATE TABLE users (id int);")
    pawl.run("adopt", "--as-of", name(1, "users"), check=0)

    old = pawl.write(name(2, "sizes"), "CREATE TABLE size (id int); -- Größe")
    pawl.write(name(3, "fill"), "-- pawl: kind=data\nINSERT INTO users VALUES (1);")
    pawl.write(name(4, "drop"), "-- pawl: phase=contract\nDROP TABLE size;")
    pawl.write(name(5, "counts"), f"-- pawl: kind=repeatable\n{VIEW[engine]}")
    deploy(pawl, "--release", "1.0")

    pawl.write(name(6, "steps"), "CREATE TABEL steps (id int);")
    deploy(pawl, code=1)
    pawl.write(name(6, "steps"), STEPS[engine])
    deploy(pawl)

    pawl.write(name(7, "long"), LONG[engine])
    end_within(pawl, database, stop)
    end_within(pawl, database, lambda process: process.kill())
    pawl.write(name(7, "long"), "CREATE TABLE brief (id int);")
    deploy(pawl, "--release", "1.1")

    old.rename(old.with_name(f"{name(2, 'size')}.sql"))
    token = pawl.write(name(8, "token"), TOKEN)
    pawl.write(name(9, "more"), "CREATE TABLE more (id int);")
    deploy(pawl)

    pawl.write(name(3, "fill"), "-- pawl: kind=data\nINSERT INTO users VALUES (2);")
    pawl.run("repair", "--accept-edit", name(3, "fill"), "--reason", "the same rows, größer", check=0)

    token.unlink()
    pawl.write(name(10, "token"), TOKEN)
    deploy(pawl, code=3)
    pawl.run("repair", "--new", name(10, "token"), "--reason", "it is another one", check=0)
    token.write_text(TOKEN)
    deploy(pawl)

    announce(pawl, database)
    stand_in_the_way(pawl, database)
    walk(pawl, database)
    wait_for_releases(pawl, database)
    give_up(pawl, database)

    pawl.run("backup", check=0)

    seq = len(ledger.rows(database))
    database.query(f"UPDATE {ledger.table(database, 'head')} SET seq = 3")
    deploy(pawl, code=8)
    pawl.run("repair", "--accept-break", seq, "--reason", "the head was set back by hand", check=0)
    pawl.run("ready", check=0)
    ledger.assert_whole(database)


def dump_postgres(database):
    """Without owners, so that any role can load it; without the comments, which name versions."""
    text = subprocess.run([CLIENT_BINARIES / "pg_dump", "--no-owner", "-d", database.url], text=True,
                          capture_output=True, timeout=60, check=True).stdout
    # \restrict carries a random key, and older versions of psql do not know it.
    text = re.sub(r"^(--.*|\\(un)?restrict .*)\n", "", text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", text).lstrip("\n")


def dump_sqlite(database):
    with closing(sqlite3.connect(database.path)) as connection:
        return "\n".join(connection.iterdump()) + "\n"


def make(folder, database, dump):
    with tempfile.TemporaryDirectory() as scratch:
        with closing(Pawl(Path(scratch))) as pawl:
            # A role that every server has, so that any can load the grants.
            pawl.config({"target.main": {"url": database.url, "reserve_role": "pg_monitor"},
                         "releases": {"others": "postgres", "soak": "0"}})
            history(pawl, database)
            shutil.copytree(pawl.migrations, folder / database.engine)
    (folder / f"{database.engine}.sql").write_text(dump(database))


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True)
    with Cluster() as cluster:
        make(folder, cluster.create_database(), dump_postgres)
    with tempfile.TemporaryDirectory() as scratch:
        make(folder, SqliteDatabase(Path(scratch) / "database.db"), dump_sqlite)


if __name__ == "__main__":
    main()
