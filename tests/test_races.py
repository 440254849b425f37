"""Many deployers at once: each migration exactly once, and everyone succeeds."""

import hashlib
import os
from contextlib import contextmanager

import pytest

from support import ledger
from support.server import wait_until

DEPLOYERS = 50
MIGRATIONS = 20

pytestmark = pytest.mark.timeout(180)


def mutex_key(name="pawl"):
    """The published key of a ledger's mutex."""
    return int.from_bytes(hashlib.sha256(f"pawl:{name}".encode()).digest()[:8], "big", signed=True)


@contextmanager
def gate(database):
    """What no deployer passes while it is held, so that all of them arrive at the same place."""
    connection = database.connect()
    try:
        if database.engine == "sqlite":
            connection.execute("BEGIN IMMEDIATE")
        else:
            connection.execute(f"SELECT pg_advisory_lock({mutex_key()})")
        yield
    finally:
        connection.close()


def has_database_open(process):
    """Whether the process has a connection or the database's file."""
    folder = f"/proc/{process.pid}/fd"
    try:
        links = [os.readlink(f"{folder}/{number}") for number in os.listdir(folder)]
    except OSError:
        return False
    return any(link.startswith("socket:") or link.endswith("database.db") for link in links)


def write_migrations(pawl, first, last):
    """None of them could run twice unnoticed."""
    for number in range(first, last):
        pawl.write(f"{ledger.version(number)}_step_{number}",
                   f"INSERT INTO runs VALUES ({number});\n")


def race(pawl, database, existing):
    pawl.write(f"{ledger.version(0)}_runs", "CREATE TABLE runs (n integer);\n")
    if existing:
        pawl.run("deploy", check=0)
    write_migrations(pawl, 1, MIGRATIONS + (1 if existing else 0))
    with gate(database):
        deployers = [pawl.spawn("deploy", "--json") for _ in range(DEPLOYERS)]
        for deployer in deployers:
            wait_until(lambda d=deployer: has_database_open(d), "a deployer has a connection", 60)
    return [deployer.finish(timeout=150) for deployer in deployers]


def check(pawl, database, results, existing):
    failed = [result for result in results if result.code != 0]
    assert not failed, f"{len(failed)} of {DEPLOYERS} failed, for one\n{failed[0]}"
    names = sorted(path.stem for path in pawl.migrations.iterdir())
    reported = [done["id"] for result in results for done in result.json()["applied"]]
    assert sorted(reported) == (names[1:] if existing else names)
    assert ledger.applied(database) == names
    runs = database.query("SELECT n FROM runs ORDER BY n")
    assert [n for n, in runs] == list(range(1, len(names)))
    events = ledger.events(database)
    assert not {"failed", "stopped", "abandoned"} & set(events)
    assert events.count("begin") == events.count("end") and events.count("created") == 1
    target, = pawl.run("status", "--json", check=0).json()["targets"]
    assert target["chain_whole"] and target["pending"] == 0 and target["applied"] == len(names)
    ledger.assert_whole(database)


@pytest.mark.parametrize("existing", [False, True], ids=["first", "existing"])
def test_fifty_deployers_apply_each_migration_once(pawl, engine, existing):
    check(pawl, engine, race(pawl, engine, existing), existing)


def test_deployers_that_overlap_as_they_will(pawl, engine):
    """Without a gate: some come in the middle of another's work."""
    pawl.write(f"{ledger.version(0)}_runs", "CREATE TABLE runs (n integer);\n")
    write_migrations(pawl, 1, MIGRATIONS)
    deployers = [pawl.spawn("deploy", "--json") for _ in range(DEPLOYERS)]
    check(pawl, engine, [deployer.finish(timeout=150) for deployer in deployers], False)


@pytest.mark.parametrize("existing", [False, True], ids=["first", "existing"])
def test_fifty_deployers_behind_a_transaction_pooler(make_pawl, pg, bouncer, existing):
    pawl = make_pawl(bouncer.url)
    check(pawl, pg, race(pawl, pg, existing), existing)
    assert pg.query("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [(0,)]


def test_a_direct_and_a_pooled_deployer_exclude_each_other(make_pawl, pg, bouncer):
    direct, pooled = make_pawl(pg.url, name="direct"), make_pawl(bouncer.url, name="pooled")
    for pawl in (direct, pooled):
        pawl.write(f"{ledger.version(0)}_runs", "CREATE TABLE runs (n integer);\n")
        write_migrations(pawl, 1, MIGRATIONS)
    with gate(pg):
        deployers = [pawl.spawn("deploy", "--json") for pawl in (direct, pooled) * 5]
        for deployer in deployers:
            wait_until(lambda d=deployer: has_database_open(d), "a deployer has a connection", 60)
    results = [deployer.finish(timeout=100, check=0) for deployer in deployers]
    assert sum(len(result.json()["applied"]) for result in results) == MIGRATIONS
    assert [n for n, in pg.query("SELECT n FROM runs ORDER BY n")] == list(range(1, MIGRATIONS))
    ledger.assert_whole(pg)
