"""kind=data and kind=backfill: rows changed in one transaction, or batch by batch, each exactly once."""

import json
import signal

import pytest
from support.ledger import Journal, version
from support.server import wait_until

ONE, TWO, THREE, FOUR = (f"{version(n)}_{word}" for n, word in enumerate(("one", "two", "three", "four"), 1))
FAST = {"PAWL_REST": "0", "PAWL_BATCH_TIME": "1m"}

TABLE = """
    CREATE TABLE t (id integer PRIMARY KEY, n bigint NOT NULL DEFAULT 0, word text);
    INSERT INTO t (id) WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 1000)
      SELECT i FROM c;"""
ADD_ONE = "-- pawl: kind=backfill batch=100\nUPDATE t SET n = n + 1;\n"


@pytest.fixture
def bench(pawl, engine):
    pawl.env.update(FAST)
    pawl.write(ONE, TABLE)
    pawl.run("deploy", check=0)
    return pawl


def counts(engine, column="n", table="t"):
    """How many rows have each value."""
    return dict(engine.query(f"SELECT {column}, count(*) FROM {table} GROUP BY 1 ORDER BY 1"))


def checkpoints(engine):
    name = "pawl.checkpoint" if engine.engine == "postgres" else "pawl_checkpoint"
    return engine.query(f"SELECT migration, walked, batches FROM {name}")


def test_every_row_once(bench, engine):
    bench.write(TWO, ADD_ONE)
    result = bench.run("deploy", check=0)
    assert "1000 rows" in result.out, str(result)
    assert counts(engine) == {1: 1000}
    assert checkpoints(engine) == []
    journal = Journal(engine).verify()
    [begun] = journal.of("backfill_begin")
    assert (begun.facts["key"], begun.facts["until"]) == (["id"], ["1000"])
    applied = journal.of("applied")[-1].facts
    assert (applied["rows"], applied["walked"], applied["batches"]) == (1000, 1000, 10)
    bench.run("deploy", check=0)
    assert counts(engine) == {1: 1000}
