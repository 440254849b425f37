"""The ledger as anyone can read it: with SQL and SHA-256, without pawl."""

import hashlib
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass


FIELDS = ("prev_hash", "seq", "at", "event", "migration", "checksum", "kind", "phase", "detail",
          "digest")
NO_HASH = "0" * 64


def table(database, name, ledger="pawl"):
    """The SQL name of a ledger's table: journal, head, text, migration."""
    return f"{ledger}{'.' if database.engine == 'postgres' else '_'}{name}"


@dataclass(frozen=True)
class Row:
    """A row of the journal; at in microseconds since 1970."""

    prev_hash: str
    seq: int
    at: int
    event: str
    migration: str
    checksum: str
    kind: str
    phase: str
    detail: str
    digest: str
    hash: str

    @property
    def facts(self):
        return json.loads(self.detail)

    def computed_hash(self):
        """The documented form: each field as its length in bytes, a colon and UTF-8."""
        text = b"pawl-journal 1\n"
        for name in FIELDS:
            value = getattr(self, name)
            if value is None:
                text += b"-\n"
            else:
                encoded = str(value).encode()
                text += b"%d:%s\n" % (len(encoded), encoded)
        return hashlib.sha256(text).hexdigest()


def rows(database, ledger="pawl"):
    """All rows of the journal by seq."""
    at = "round(extract(epoch FROM at) * 1000000)::bigint" if database.engine == "postgres" else "at"
    columns = ", ".join(at if name == "at" else name for name in FIELDS)
    return [Row(*row) for row in database.query(
        f"SELECT {columns}, hash FROM {table(database, 'journal', ledger)} ORDER BY seq")]


def head(database, ledger="pawl"):
    """seq:hash, as a deploy prints it."""
    (seq, hash_), = database.query(f"SELECT seq, hash FROM {table(database, 'head', ledger)}")
    return f"{seq}:{hash_}"


def events(database, ledger="pawl"):
    return [row.event for row in rows(database, ledger)]


def applied(database, ledger="pawl"):
    """The ids of the applied and adopted rows, in the journal's order."""
    return [row.migration for row in rows(database, ledger) if row.event in ("applied", "adopted")]


def verify(journal, newest):
    """Recomputes the chain. newest: the head, as head() gives it."""
    previous = NO_HASH
    for number, row in enumerate(journal, 1):
        assert (row.seq, row.prev_hash, row.hash) == (number, previous, row.computed_hash())
        previous = row.hash
    assert newest == f"{len(journal)}:{previous}"


def assert_whole(database, ledger="pawl"):
    verify(rows(database, ledger), head(database, ledger))


def exists(database, ledger="pawl"):
    if database.engine == "postgres":
        return database.query("SELECT to_regclass(%s) IS NOT NULL", f"{ledger}.journal") == [(True,)]
    return database.query("SELECT count(*) FROM sqlite_schema WHERE name = %s",
                          f"{ledger}_journal") == [(1,)]


def whole_dump(database):
    """Schema, rows and ledger as text: equal text means that nothing at all was written."""
    if database.engine == "sqlite":
        # To SQLite a file without a byte is an empty database, as is no file.
        if not database.path.exists() or database.path.stat().st_size == 0:
            return ""
        with closing(sqlite3.connect(database.path)) as connection:
            return "\n".join(connection.iterdump())
    return database.whole_dump()


def by_hand(engine, *statements, name="journal"):
    """What a superuser, or anyone with the SQLite file, can do."""
    with engine.connect() as connection:
        if engine.engine == "postgres":
            connection.execute(f"ALTER TABLE {table(engine, name)} DISABLE TRIGGER ALL")
        else:
            triggers = connection.execute(
                "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name LIKE 'pawl%'"
            ).fetchall()
            for trigger, _ in triggers:
                connection.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            connection.execute(statement)
        if engine.engine == "postgres":
            connection.execute(f"""
                ALTER TABLE {table(engine, name)} ENABLE ALWAYS TRIGGER refuse_change;
                ALTER TABLE {table(engine, name)} ENABLE REPLICA TRIGGER drop_replicated""")
        else:
            for _, text in triggers:
                connection.execute(text)


def version(number):
    """The id's first part of the migration of that number, 0 to 3599."""
    return f"2025010109{number // 60:02d}{number % 60:02d}"


class Journal:
    """What the journal holds at one moment; empty where there is no ledger."""

    def __init__(self, database):
        there = exists(database)
        self.rows = rows(database) if there else []
        self.head = head(database) if there else f"0:{NO_HASH}"

    def verify(self):
        """Asserts that no row is missing, changed or out of place."""
        verify(self.rows, self.head)
        return self

    def of(self, event):
        return [row for row in self.rows if row.event == event]

    def applied(self):
        return [row.migration for row in self.of("applied")]

    def open_attempts(self):
        """The begin rows that no row ends."""
        ended = {row.facts["attempt"] for row in self.rows
                 if row.event in ("end", "failed", "stopped", "abandoned")}
        return [row for row in self.of("begin") if row.facts["attempt"] not in ended]

    def partial(self):
        """(migration, steps done, whether a step is open) of the one that stopped part-way."""
        found = None
        for row in self.rows:
            if row.event == "step_begin":
                found = (row.migration, row.facts["step"], True)
            elif row.event in ("step", "step_end"):
                found = (row.migration, row.facts["step"] + 1, False)
            elif row.event == "applied" and found is not None and found[0] == row.migration:
                found = None
        return found

    def __str__(self):
        return "\n".join(f"{row.seq} {row.event} {row.migration} {row.detail}" for row in self.rows)
