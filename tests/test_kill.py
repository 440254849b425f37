"""kill -9 at every point of a deploy, and at any time: the next deploy ends as if nothing had been.

PAWL_TEST_FULL=1 takes every point (make test-faults); without it the run takes every fourth.
"""

import os
import random
import signal
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from support.disk import needs_root
from support.ledger import Journal
from support.server import wait_until
from support.stage import Stage, check_abandoned, check_whole, clean_run, invalid_indexes

FULL = os.environ.get("PAWL_TEST_FULL") == "1"
STRIDE = 1 if FULL else 4
SHARDS = 4


@pytest.fixture(params=["sqlite", "postgres"])
def stage(request, tmp_path):
    cluster = request.getfixturevalue("cluster") if request.param == "postgres" else None
    with closing(Stage(tmp_path, cluster)) as made:
        yield made


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("with_start", [False, True], ids=["empty", "renamed"])
@pytest.mark.parametrize("shard", range(SHARDS))
def test_killed_at_a_point(stage, with_start, shard, cases):
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
        cases["kill -9 at a point"] += 1
        before = Journal(database).verify()
        again = stage.deploy(database)
        assert again.code == 0, f"{where}\n{again}"
        check_abandoned(check_whole(database, clean, where), before, where)
        stage.drop(database)


def points_of(stage, shard):
    """Number and name of each point that is this shard's, and what a deploy makes."""
    clean = clean_run(stage)
    step = 1 if FULL else 12
    numbers = range(1 + shard * step, len(clean["points"]) + 1, SHARDS * step)
    return clean, [(number, clean["points"][number - 1]) for number in numbers]


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_stopped_at_a_point(stage, shard, cases):
    """SIGTERM arrives there: whatever was begun has ended when pawl does."""
    clean, points = points_of(stage, shard)
    for number, name in points:
        where = f'SIGTERM at point {number}, "{name}"'
        database = stage.fresh()
        stopped = stage.deploy(database, PAWL_FAULT_KILL=number, PAWL_FAULT_SIGNAL=int(signal.SIGTERM))
        cases["SIGTERM at a point"] += 1
        before = Journal(database).verify()
        assert stopped.code in (0, 143), f"{where}\n{stopped}"
        assert before.open_attempts() == [], f"{where}\n{before}"
        if stopped.code == 0:
            assert sorted(before.applied()) == clean["applied"], f"{where}\n{before}"
        again = stage.deploy(database)
        assert again.code == 0, f"{where}\n{again}"
        assert check_whole(database, clean, where).of("abandoned") == [], where
        stage.drop(database)


def wait_until_stopped(process):
    """Returns once SIGSTOP has stopped it."""
    def stopped():
        assert process.running, str(process.finish())
        return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    wait_until(stopped, "it is stopped")


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_stands_still_at_a_point(stage, shard, cases):
    """It does not go on and is not dead: another deploy keeps off, until it is killed."""
    clean, points = points_of(stage, shard)
    for number, name in points:
        where = f'stands still at point {number}, "{name}"'
        database = stage.fresh()
        process = stage.spawn(database.url, PAWL_FAULT_KILL=number,
                              PAWL_FAULT_SIGNAL=int(signal.SIGSTOP))
        wait_until_stopped(process)
        cases["SIGSTOP and SIGKILL at a point"] += 1
        other = stage.deploy(database, "--wait", "0")
        assert other.code in (0, 5), f"{where}\n{other}"
        process.kill()
        before = Journal(database).verify()
        if other.code == 0:
            assert sorted(before.applied()) == clean["applied"], f"{where}\n{before}"
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


def never_noticed(pg):
    """What keeps the server from noticing that nobody listens any more."""
    return "SET LOCAL client_connection_check_interval = 0; " if pg.cluster.major >= 14 else ""


@needs_root
def test_a_deploy_waits_for_the_backend_of_one_killed_elsewhere(pg, make_pawl):
    """Where the server does not notice, the mutex does: nothing runs twice."""
    pawl = make_pawl(pg.url)
    pawl.write("20250101000001_long", f"{never_noticed(pg)}CREATE TABLE a (id int); SELECT pg_sleep(3);")
    process = pawl.spawn("deploy", under=("unshare", "--uts", "sh", "-c", 'hostname elsewhere; exec "$@"', "sh"))
    wait_for_query(pg, "pg_sleep")
    process.kill()
    [(pid,)] = pawl_backends(pg)
    again = pawl.spawn("deploy")
    again.wait_for("another deploy holds the mutex")
    assert (pid,) in pawl_backends(pg)
    again.finish(check=0)
    journal = Journal(pg).verify()
    assert journal.applied() == ["20250101000001_long"] and pg.tables() == ["a"]
    assert len(journal.of("abandoned")) == 1 and journal.of("session_ended") == []


def test_a_deploy_ends_the_backend_of_a_killed_one(pg, make_pawl):
    pawl = make_pawl(pg.url)
    pawl.write("20250101000001_long",
               f"{never_noticed(pg)}CREATE TABLE a (id int); SELECT pg_advisory_xact_lock(7);")
    with pg.connect() as other:
        other.execute("SELECT pg_advisory_lock(7)")
        process = pawl.spawn("deploy")
        wait_for_query(pg, "pg_advisory_xact_lock")
        process.kill()
        [(pid,)] = pawl_backends(pg)
        again = pawl.spawn("deploy")
        again.wait_for(f"ended: backend {pid} ")
        wait_until(lambda: (pid,) not in pawl_backends(pg), "the backend ends")
        wait_for_query(pg, "pg_advisory_xact_lock")
    again.finish(check=0)
    journal = Journal(pg).verify()
    assert journal.applied() == ["20250101000001_long"] and pg.tables() == ["a"]
    assert [row.event for row in journal.rows if row.event in ("session_ended", "abandoned")] == [
        "session_ended", "abandoned"]
    ended, = journal.of("session_ended")
    assert ended.facts["pid"] == pid and ended.facts["by"] == "terminate" and ended.migration is None


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
