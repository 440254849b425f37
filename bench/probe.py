"""What `pawl probe` costs on a large table: each query beside a plain scan of the table and beside the
statement itself, rolled back; a writer that must not wait, and a time limit that must hold.

PROBE_ROWS is how many rows the child has (10 million); its parent has a tenth of them."""

import os
import sys
import tempfile
import threading
import time
from pathlib import Path

from support.pawl import Pawl
from support.postgres import Cluster

ROWS = int(os.environ.get("PROBE_ROWS", "10000000"))
WRITER_WAIT_MS = 500
LIMIT_MS = 1000

SETUP = f"""
CREATE UNLOGGED TABLE parent (id bigint PRIMARY KEY);
INSERT INTO parent SELECT generate_series(1, {ROWS // 10});
CREATE UNLOGGED TABLE child (id bigint, parent_id bigint, code text, keyed bigint, amount text);
INSERT INTO child SELECT i, i % {ROWS // 10} + 1, 'code ' || i, i, i::text FROM generate_series(1, {ROWS}) AS i;
CREATE INDEX ON child (keyed);
VACUUM (ANALYZE) child; VACUUM (ANALYZE) parent;
"""
STATEMENTS = {
    "foreign key": "ALTER TABLE child ADD FOREIGN KEY (parent_id) REFERENCES parent (id)",
    "NOT NULL": "ALTER TABLE child ALTER parent_id SET NOT NULL",
    "CHECK": "ALTER TABLE child ADD CHECK (parent_id > 0)",
    "UNIQUE, no index": "ALTER TABLE child ADD UNIQUE (id)",
    "UNIQUE, an index is there": "ALTER TABLE child ADD UNIQUE (keyed)",
    "UNIQUE of text": "ALTER TABLE child ADD UNIQUE (code)",
    "text to int": "ALTER TABLE child ALTER amount TYPE int USING amount::int",
}


def timed_ms(call):
    start = time.monotonic()
    call()
    return (time.monotonic() - start) * 1000


class Writer:
    """One row after another is updated; longest_ms is the longest of these."""

    def __init__(self, database):
        self.connection = database.connect()
        self.longest_ms, self.done = 0.0, False
        self.thread = threading.Thread(target=self.run)

    def run(self):
        number = 0
        while not self.done:
            number += 1
            statement = f"UPDATE child SET amount = amount WHERE keyed = {number % 1000 + 1}"
            self.longest_ms = max(self.longest_ms, timed_ms(lambda: self.connection.execute(statement)))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done = True
        self.thread.join()
        self.connection.close()


def statement_ms(database, statement):
    with database.connect() as connection:
        connection.execute("BEGIN")
        elapsed_ms = timed_ms(lambda: connection.execute(statement))
        connection.execute("ROLLBACK")
    return elapsed_ms


def probe(pawl, statement, *options):
    pawl.write("20250102000000_next", f"{statement};\n")
    return pawl.run("--json", "probe", *options, timeout=1800, check=0).json()["probes"]


def main():
    missed = False
    with Cluster(shared_buffers="256MB") as cluster, tempfile.TemporaryDirectory() as folder:
        database = cluster.create_database()
        for statement in SETUP.strip().split(";"):
            if statement.strip():
                database.query(statement)
        pawl = Pawl(Path(folder), database.url)
        pawl.config({"check": {"probe_timeout": "30m"}, "target.main": {"url": database.url}})
        pawl.run("adopt", "--as-of", "none", check=0)
        scan = "SELECT count(*) FROM child"
        with database.connect() as connection:
            connection.execute("SET max_parallel_workers_per_gather = 0")
            connection.execute(scan)
            scan_ms = min(timed_ms(lambda: connection.execute(scan)) for _ in range(3))
        print(f"pawl probe, {ROWS:,} rows, {ROWS // 10:,} in the parent; {scan}: {scan_ms:,.0f} ms")
        print(f"{'':26} {'probe':>9} {'statement':>10} {'to scan':>8} {'to statement':>13}")
        for name, statement in STATEMENTS.items():
            found = probe(pawl, statement)
            assert {one["verdict"] for one in found} <= {"holds", "loses"}, found
            own_ms, real_ms = sum(one["ms"] for one in found), statement_ms(database, statement)
            print(f"{name:26} {own_ms:6,.0f} ms {real_ms:7,.0f} ms {own_ms / scan_ms:8.1f} {own_ms / real_ms:13.2f}",
                  flush=True)
        with Writer(database) as writer:
            probe(pawl, STATEMENTS["foreign key"])
        late = writer.longest_ms > WRITER_WAIT_MS
        print(f"longest UPDATE beside the probe of the foreign key: {writer.longest_ms:,.0f} ms{' MISSED' * late}")
        one = probe(pawl, STATEMENTS["UNIQUE of text"], "--timeout", f"{LIMIT_MS}ms")[0]
        over = one["ms"] > LIMIT_MS + 500 and one["verdict"] == "not asked"
        print(f"with --timeout {LIMIT_MS}ms: {one['verdict']} after {one['ms']:,} ms{' MISSED' * over}")
        missed = late or over
    return 1 if missed else 0


sys.exit(main())
