"""kill -9 at every point of a deploy, and at any time: the next deploy ends as if nothing had been.

PAWL_TEST_FULL=1 takes every point (make test-kill); without it the run takes every fourth.
"""

import os
import random
import shutil
import signal
import time
from contextlib import closing

import psycopg
import pytest
from psycopg import sql
from support.ledger import Journal
from support.pawl import Pawl
from support.postgres import Database
from support.server import wait_until
from support.sqlite import SqliteDatabase

FULL = os.environ.get("PAWL_TEST_FULL") == "1"
STRIDE = 1 if FULL else 4
SHARDS = 4

# What is applied before the deploy that is killed, under a name that it then no longer has.
OLD_NAME, NEW_NAME = "20250101000001_start", "20250101000001_first_tables"

POSTGRES_START = """
    CREATE TABLE users (id int PRIMARY KEY, name text, email text);
    INSERT INTO users SELECT n, 'name ' || n, n || '@example.org' FROM generate_series(1, 50) n;
    CREATE TABLE runs (migration int);
    CREATE TYPE mood AS ENUM ('good');
    INSERT INTO runs VALUES (1);"""

# Each one leaves a row in runs, so that one that ran twice shows.
POSTGRES_HISTORY = {
    "20250101000002_named_index": "CREATE INDEX CONCURRENTLY users_name_idx ON users (name);",
    "20250101000003_unnamed_index": "CREATE INDEX CONCURRENTLY ON users (email);",
    "20250101000004_mixed": """
        ALTER TABLE users ADD COLUMN age int;
        INSERT INTO runs VALUES (4);
        CREATE UNIQUE INDEX CONCURRENTLY users_age_idx ON users (age, id);
        UPDATE users SET age = coalesce(age, 0) + id;
        INSERT INTO runs VALUES (40);""",
    "20250101000005_no_index": "DROP INDEX CONCURRENTLY users_name_idx;",
    "20250101000006_enum": """
        ALTER TYPE mood ADD VALUE 'bad';
        CREATE TABLE moods (mood mood);
        INSERT INTO moods VALUES ('bad');
        INSERT INTO runs VALUES (6);""",
    "20250101000007_no_transaction": """-- pawl: no-transaction
        CREATE TABLE posts (id int PRIMARY KEY, author int);
        INSERT INTO posts SELECT n, n FROM generate_series(1, 20) n;
        BEGIN;
        INSERT INTO runs VALUES (7);
        INSERT INTO runs VALUES (70);
        COMMIT;
        VACUUM posts;""",
    "20250101000008_nothing": "-- on purpose\n",
    "20250101000009_data": """-- pawl: kind=data
        INSERT INTO runs VALUES (9);
        UPDATE users SET age = age + 1;""",
    "20250101000010_last": """
        ALTER TABLE posts ADD FOREIGN KEY (author) REFERENCES users (id);
        INSERT INTO runs VALUES (10);""",
}

SQLITE_START = """
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
    INSERT INTO users VALUES (1, 'a'), (2, 'b');
    CREATE TABLE posts (id INTEGER PRIMARY KEY, author INTEGER REFERENCES users (id));
    INSERT INTO posts VALUES (1, 1), (2, 2);
    CREATE TABLE runs (migration INTEGER);"""

SQLITE_HISTORY = {
    "20250101000002_column": """
        ALTER TABLE users ADD COLUMN age INTEGER;
        INSERT INTO runs VALUES (2);""",
    "20250101000003_vacuum": "VACUUM;",
    "20250101000004_mixed": """
        CREATE INDEX users_name_idx ON users (name);
        INSERT INTO runs VALUES (4);
        VACUUM;
        UPDATE users SET age = coalesce(age, 0) + id;
        INSERT INTO runs VALUES (40);""",
    "20250101000005_rebuild": """
        PRAGMA foreign_keys=OFF;
        CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER);
        INSERT INTO users_new SELECT id, name, age FROM users;
        DROP TABLE users;
        ALTER TABLE users_new RENAME TO users;
        INSERT INTO runs VALUES (5);
        PRAGMA foreign_keys=ON;""",
    "20250101000006_journal_mode": "PRAGMA journal_mode=WAL;",
    "20250101000007_no_transaction": """-- pawl: no-transaction
        CREATE TABLE comments (id INTEGER PRIMARY KEY);
        INSERT INTO runs VALUES (7);
        BEGIN;
        INSERT INTO runs VALUES (70);
        INSERT INTO comments VALUES (1);
        COMMIT;""",
    "20250101000008_nothing": "-- on purpose\n",
    "20250101000009_data": "INSERT INTO runs VALUES (9);\nUPDATE users SET age = age + 1;",
    "20250101000010_last": "CREATE TABLE last (id INTEGER);\nINSERT INTO runs VALUES (10);",
}

TABLES = {
    "postgres": ("users", "runs", "moods", "posts"),
    "sqlite": ("users", "runs", "posts", "comments", "last"),
}


def rows_of(database):
    return {table: sorted(map(str, database.query(f"SELECT * FROM {table}")))
            for table in TABLES[database.engine]}


def invalid_indexes(database):
    if database.engine == "sqlite":
        return []
    return database.query("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid")


class Stage:
    """Fresh databases in which the first migration is applied, and what a whole deploy makes."""

    def __init__(self, tmp_path, cluster):
        self.tmp_path, self.cluster = tmp_path, cluster
        self.engine = "sqlite" if cluster is None else "postgres"
        self.start = SQLITE_START if cluster is None else POSTGRES_START
        self.history = SQLITE_HISTORY if cluster is None else POSTGRES_HISTORY
        self.template = None
        self.databases = []
        self.checkout = Pawl(tmp_path, name="kill")

    def fresh(self, with_start):
        """A database: empty, or with the first migration applied under its old name."""
        if with_start and self.template is None:
            self.template = self._make()
            self._deploy_start(self.template)
        return self._make(self.template if with_start else None)

    def _make(self, template=None):
        number = len(self.databases)
        if self.cluster is None:
            database = SqliteDatabase(self.tmp_path / f"kill{number}.db")
            if template is not None:
                shutil.copyfile(template.path, database.path)
        else:
            name = f"kill_{os.getpid()}_{id(self)}_{number}"
            self.cluster.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template.name if template else "template1")))
            database = Database(self.cluster, name)
        self.databases.append(database)
        return database

    def _deploy_start(self, database):
        self.checkout.write(OLD_NAME, self.start)
        self.checkout.run("--url", database.url, "deploy", check=0)
        (self.checkout.migrations / f"{OLD_NAME}.sql").unlink()

    def write_all(self):
        self.checkout.write(NEW_NAME, self.start)
        for name, text in self.history.items():
            self.checkout.write(name, text)

    def deploy(self, database, **env):
        return self.checkout.run("--url", database.url, "deploy", env=env)

    def points(self, database):
        """Deploys, and returns the name of each point that was reached."""
        path = self.tmp_path / "points"
        path.unlink(missing_ok=True)
        result = self.deploy(database, PAWL_FAULT_LOG=path)
        assert result.code == 0, str(result)
        return path.read_text().split("\n")[:-1]

    def drop(self, database):
        database.drop()
        if self.cluster is None:
            database.path.unlink(missing_ok=True)

    def close(self):
        self.checkout.close()
        for database in self.databases:
            database.drop()


@pytest.fixture(params=["sqlite", "postgres"])
def stage(request, tmp_path):
    cluster = request.getfixturevalue("cluster") if request.param == "postgres" else None
    with closing(Stage(tmp_path, cluster)) as made:
        yield made


def check_whole(database, clean, where):
    """The database is what an undisturbed deploy makes of it, and its ledger is whole."""
    journal = Journal(database).verify()
    assert sorted(journal.applied()) == clean["applied"], f"{where}\n{journal}"
    assert database.dump() == clean["dump"], where
    assert rows_of(database) == clean["rows"], where
    assert invalid_indexes(database) == [], where
    assert journal.open_attempts() == [], where
    assert len(journal.of("renamed")) == clean["renamed"], where
    return journal


def clean_run(stage, with_start):
    database = stage.fresh(with_start)
    stage.write_all()
    points = stage.points(database)
    journal = Journal(database).verify()
    assert journal.of("abandoned") == [] and journal.open_attempts() == []
    assert invalid_indexes(database) == []
    clean = {"applied": sorted(journal.applied()), "dump": database.dump(),
             "rows": rows_of(database), "renamed": len(journal.of("renamed")), "points": points}
    stage.drop(database)
    return clean


def check_abandoned(journal, before, where):
    """One row for the deploy that was killed with its begin row written, and it says where."""
    opened, buried = before.open_attempts(), journal.of("abandoned")
    assert len(opened) <= 1 and len(buried) == len(opened), f"{where}\n{journal}"
    if not opened:
        return
    facts = buried[0].facts
    assert facts["attempt"] == opened[0].facts["attempt"] and facts["begin"] == opened[0].seq, where
    partial = before.partial()
    if partial is not None:
        assert (facts["migration"], facts["steps_done"], facts["step_open"]) == partial, where
        assert buried[0].migration == partial[0], where
    else:
        done = [row.migration for row in before.rows
                if row.seq > opened[0].seq and row.event in ("applied", "renamed")]
        assert facts.get("after") == (done[-1] if done else None), where
        assert "migration" not in facts, where


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("with_start", [False, True], ids=["empty", "renamed"])
@pytest.mark.parametrize("shard", range(SHARDS))
def test_killed_at_a_point(stage, with_start, shard):
    clean = clean_run(stage, with_start)
    points = clean["points"]
    assert len(points) > 40 and "committed" in points
    assert clean["renamed"] == with_start
    numbers = range(1 + shard * STRIDE, len(points) + 1, SHARDS * STRIDE)
    for number in numbers:
        where = f"killed at point {number}, \"{points[number - 1]}\""
        database = stage.fresh(with_start)
        stage.write_all()
        killed = stage.deploy(database, PAWL_FAULT_KILL=number)
        assert killed.code == -signal.SIGKILL, f"{where}\n{killed}"
        before = Journal(database).verify()
        again = stage.deploy(database)
        assert again.code == 0, f"{where}\n{again}"
        check_abandoned(check_whole(database, clean, where), before, where)
        stage.drop(database)


@pytest.mark.timeout(600)
def test_killed_again_and_again(stage):
    """Each run dies a few points further on than the one before: the last one finishes."""
    clean = clean_run(stage, True)
    database = stage.fresh(True)
    stage.write_all()
    kills = 0
    while True:
        result = stage.deploy(database, PAWL_FAULT_KILL=9 if FULL else 17)
        if result.code == 0:
            break
        assert result.code == -signal.SIGKILL, str(result)
        kills += 1
        assert kills < 100, f"no progress\n{Journal(database)}"
    journal = check_whole(database, clean, f"after {kills} kills")
    assert kills > 2
    # A run may die before its begin row, or after its end row; each of the others is buried once.
    buried = [row.facts["attempt"] for row in journal.of("abandoned")]
    assert len(buried) == len(set(buried)) and 2 <= len(buried) <= kills


@pytest.mark.timeout(120)
def test_killed_at_random_times(stage):
    clean = clean_run(stage, True)
    seed = random.SystemRandom().randrange(1 << 30)
    chance = random.Random(seed)
    for _ in range(24 if FULL else 6):
        database = stage.fresh(True)
        stage.write_all()
        started = time.monotonic()
        process = stage.checkout.spawn("--url", database.url, "deploy")
        time.sleep(chance.uniform(0, 0.6))
        process.kill()
        where = f"seed {seed}, killed after {time.monotonic() - started:.3f} s"
        again = stage.deploy(database)
        assert again.code == 0, f"{where}\n{again}"
        check_whole(database, clean, where)
        stage.drop(database)


# ---- PostgreSQL: a statement that is at work or waits ----

def pawl_backends(pg):
    return pg.query("""
        SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'pawl'""")


def wait_for_query(pg, words):
    wait_until(lambda: pg.query(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'pawl' AND state = 'active'"
        " AND datname = current_database() AND query LIKE %s", f"%{words}%"), f"{words} runs")


def wait_until_noticed(pg):
    """The server looks every second whether its client is there; before 14 a person has to."""
    if pg.cluster.major < 14:
        pg.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                 " WHERE application_name = 'pawl' AND datname = current_database()")
    wait_until(lambda: not pawl_backends(pg), "the backend ends", 10)


def test_killed_while_an_index_waits(pg, make_pawl):
    pawl = make_pawl(pg.url)
    pawl.write("20250101000001_users", "CREATE TABLE users (id int, name text);")
    pawl.run("deploy", check=0)
    pawl.write("20250101000002_index", "CREATE INDEX CONCURRENTLY users_name_idx ON users (name);")
    with pg.connect() as other:
        other.execute("BEGIN; INSERT INTO users VALUES (1, 'a')")
        process = pawl.spawn("deploy")
        wait_for_query(pg, "CREATE INDEX CONCURRENTLY")
        wait_until(lambda: invalid_indexes(pg), "the index is being built")
        process.kill()
        wait_until_noticed(pg)
        other.execute("COMMIT")
    assert invalid_indexes(pg) == [("users_name_idx",)]
    pawl.run("deploy", check=0)
    assert invalid_indexes(pg) == []
    journal = Journal(pg).verify()
    assert journal.applied() == ["20250101000001_users", "20250101000002_index"]
    [buried] = journal.of("abandoned")
    assert buried.migration == "20250101000002_index" and buried.facts["step_open"] is True


def test_killed_while_an_unnamed_index_waits(pg, make_pawl):
    pawl = make_pawl(pg.url)
    pawl.write("20250101000001_users", "CREATE TABLE users (id int, name text);"
               "CREATE INDEX ON users (name);")
    pawl.run("deploy", check=0)
    pawl.write("20250101000002_index", "CREATE INDEX CONCURRENTLY ON users (name);")
    with pg.connect() as other:
        other.execute("BEGIN; INSERT INTO users VALUES (1, 'a')")
        process = pawl.spawn("deploy")
        wait_until(lambda: invalid_indexes(pg), "the index is being built")
        process.kill()
        wait_until_noticed(pg)
        other.execute("COMMIT")
    pawl.run("deploy", check=0)
    assert invalid_indexes(pg) == []
    names = pg.query("SELECT indexname FROM pg_indexes WHERE tablename = 'users' ORDER BY 1")
    assert names == [("users_name_idx",), ("users_name_idx1",)]


@pytest.mark.parametrize("text", [
    "CREATE TABLE a (id int); SELECT pg_sleep(600);",
    "-- pawl: no-transaction\nCREATE TABLE a (id int);\nSELECT pg_sleep(600);",
    "DO $$ BEGIN PERFORM pg_sleep(600); END $$;",
], ids=["transaction", "no-transaction", "do"])
def test_killed_in_a_long_statement(pg, make_pawl, text):
    pawl = make_pawl(pg.url)
    pawl.write("20250101000001_long", text)
    process = pawl.spawn("deploy")
    wait_for_query(pg, "pg_sleep")
    process.kill()
    wait_until_noticed(pg)
    partial = "no-transaction" in text
    assert pg.tables() == (["a"] if partial else [])
    # The next one goes on where it may: nothing else is asked of a person.
    again = pawl.spawn("deploy")
    wait_for_query(pg, "pg_sleep")
    pg.query("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE %s"
             " AND pid <> pg_backend_pid() AND datname = current_database()", "%pg_sleep%")
    assert again.finish().code == (7 if partial else 1)
    journal = Journal(pg).verify()
    assert len(journal.of("abandoned")) == 1 and journal.open_attempts() == []


def test_a_deploy_waits_for_the_backend_of_a_killed_one(pg, make_pawl):
    """Where the server does not notice, the mutex does: nothing runs twice."""
    pawl = make_pawl(pg.url)
    never = "SET LOCAL client_connection_check_interval = 0;" if pg.cluster.major >= 14 else ""
    pawl.write("20250101000001_long",
               f"{never} CREATE TABLE a (id int); SELECT pg_sleep(3);")
    process = pawl.spawn("deploy")
    wait_for_query(pg, "pg_sleep")
    process.kill()
    [(pid,)] = pawl_backends(pg)
    again = pawl.spawn("deploy")
    again.wait_for("another deploy holds the mutex")
    assert (pid,) in pawl_backends(pg)
    again.finish(check=0)
    journal = Journal(pg).verify()
    assert journal.applied() == ["20250101000001_long"] and pg.tables() == ["a"]
    assert len(journal.of("abandoned")) == 1


def test_killed_on_a_ledger_of_another_role(pg, make_pawl):
    """A step that runs as another role is undone by that role too."""
    owner = pg.role("owner", "NOLOGIN")
    pg.query(f"GRANT ALL ON SCHEMA public TO {owner}")
    pawl = make_pawl()
    pawl.config({"target.main": {"url": pg.url, "role": owner}})
    pawl.write("20250101000001_users", "CREATE TABLE users (id int);")
    pawl.write("20250101000002_index", "CREATE INDEX CONCURRENTLY users_idx ON users (id);")
    log = pawl.folder / "points"
    pawl.run("deploy", env={"PAWL_FAULT_LOG": log}, check=0)
    number = log.read_text().split("\n").index("step done") + 1
    pg.query("DROP SCHEMA pawl CASCADE; DROP TABLE users")
    killed = pawl.run("deploy", env={"PAWL_FAULT_KILL": number})
    assert killed.code == -signal.SIGKILL
    pg.query("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'users_idx'::regclass")
    pawl.run("deploy", check=0)
    assert invalid_indexes(pg) == []
    with psycopg.connect(pg.url) as connection:
        [(found,)] = connection.execute(
            "SELECT relowner::regrole::text FROM pg_class WHERE relname = 'users_idx'").fetchall()
    assert found == owner
