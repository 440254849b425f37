"""A history that shows what ran twice, fresh databases to deploy it to, and what must hold after."""

import itertools
import os
import shutil

from psycopg import sql

from support.ledger import Journal
from support.pawl import Pawl
from support.postgres import Database
from support.sqlite import SqliteDatabase

# What is applied before the deploy that is disturbed, under a name that it then no longer has.
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

def rows_of(database):
    return {table: sorted(map(str, database.query(f"SELECT * FROM {table}")))
            for table in database.tables()}


def invalid_indexes(database):
    if database.engine == "sqlite":
        return []
    return database.query("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid")


class Stage:
    """Fresh databases, and a checkout whose history is deployed to them. cluster None: SQLite."""

    def __init__(self, tmp_path, cluster, history=None):
        self.tmp_path, self.cluster = tmp_path, cluster
        self.engine = "sqlite" if cluster is None else "postgres"
        self.start = SQLITE_START if cluster is None else POSTGRES_START
        self.history = history or (SQLITE_HISTORY if cluster is None else POSTGRES_HISTORY)
        self.template = None
        self.databases = []
        self.numbers = itertools.count()
        self.checkout = Pawl(tmp_path, name="stage")

    def fresh(self, with_start=False):
        """A database: empty, or with the first migration applied under its old name."""
        if with_start and self.template is None:
            self.template = self._make()
            self._deploy_start(self.template)
        return self._make(self.template if with_start else None)

    def _make(self, template=None):
        number = next(self.numbers)
        if self.cluster is None:
            database = SqliteDatabase(self.tmp_path / f"stage{number}.db")
            if template is not None:
                shutil.copyfile(template.path, database.path)
        else:
            name = f"stage_{os.getpid()}_{id(self)}_{number}"
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

    def deploy(self, database, *args, **env):
        return self.checkout.run("--url", database.url, "deploy", *args, env=env)

    def spawn(self, url, **env):
        return self.checkout.spawn("--url", url, "deploy", env=env)

    def points(self, database):
        """Deploys, and returns the name of each point that was reached."""
        path = self.tmp_path / "points"
        path.unlink(missing_ok=True)
        result = self.deploy(database, PAWL_FAULT_LOG=path)
        assert result.code == 0, str(result)
        return path.read_text().split("\n")[:-1]

    def drop(self, database):
        database.drop()
        self.databases.remove(database)
        if self.cluster is None:
            database.path.unlink(missing_ok=True)

    def close(self):
        self.checkout.close()
        for database in self.databases:
            database.drop()


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


def clean_run(stage, with_start=False):
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
