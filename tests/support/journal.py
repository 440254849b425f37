"""The ledger as a test reads it: from the tables, by the rules of docs/ledger.md, without pawl."""

import hashlib
import json
from dataclasses import dataclass

FIRST_PREV_HASH = "0" * 64
HASHED = ("prev_hash", "seq", "at", "event", "migration", "checksum", "kind", "phase", "detail",
          "digest")


@dataclass(frozen=True)
class Row:
    seq: int
    at: int  # microseconds since 1970 UTC
    event: str
    migration: str | None
    checksum: str | None
    kind: str | None
    phase: str | None
    detail: str
    digest: str | None
    prev_hash: str
    hash: str

    @property
    def facts(self):
        return json.loads(self.detail)

    def computed_hash(self):
        text = b"pawl-journal 1\n"
        for name in HASHED:
            value = getattr(self, name)
            if value is None:
                text += b"-\n"
            else:
                data = str(value).encode()
                text += b"%d:%s\n" % (len(data), data)
        return hashlib.sha256(text).hexdigest()


class Journal:
    """The rows of a database's ledger; empty where there is none."""

    def __init__(self, database):
        postgres = database.engine == "postgres"
        self.rows, self.head = [], (0, FIRST_PREV_HASH)
        if postgres:
            exists = database.query("SELECT to_regclass('pawl.journal') IS NOT NULL")[0][0]
            at, dot = "round(extract(epoch FROM at) * 1000000)::bigint", "."
        else:
            exists = database.query("SELECT 1 FROM sqlite_schema WHERE name = 'pawl_journal'")
            at, dot = "at", "_"
        if not exists:
            return
        self.rows = [Row(*values) for values in database.query(
            f"SELECT seq, {at}, event, migration, checksum, kind, phase, detail, digest, prev_hash,"
            f" hash FROM pawl{dot}journal ORDER BY seq")]
        self.head = tuple(database.query(f"SELECT seq, hash FROM pawl{dot}head")[0])

    def verify(self):
        """Asserts that no row is missing, changed or out of place."""
        before = FIRST_PREV_HASH
        for number, row in enumerate(self.rows, start=1):
            assert row.seq == number, f"seq {row.seq} stands in place {number}"
            assert row.prev_hash == before, f"row {number} does not follow the one before"
            assert row.computed_hash() == row.hash, f"row {number} was changed"
            before = row.hash
        assert self.head == (len(self.rows), before), "the head does not fit"
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
