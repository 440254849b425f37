"""Live releases: who says hello, who is seen, and what contract migrations wait for."""

import shutil
import signal
import threading
import time
from pathlib import Path

import psycopg
import pytest

from support import ledger
from support.ledger import table, version
from support.server import wait_until

FIXTURES = Path(__file__).resolve().parent / "fixtures"
A, B, C, D = (f"{version(number)}_{name}" for number, name in
              ((1, "a"), (2, "contract"), (3, "c"), (4, "d")))
CONTRACT = "-- pawl: phase=contract\nALTER TABLE a DROP COLUMN old;\n"
QUIET = {"preflight": "off"}


@pytest.fixture
def app(pawl, engine):
    """A table with a column that release 1 uses; on PostgreSQL the application's role as app_role."""
    target = {"url": engine.url}
    if engine.engine == "postgres":
        engine.app_role = engine.role()
        target["app_role"] = engine.app_role
    pawl.config({"deploy": QUIET, "releases": {"settle": "50ms"}, "target.main": target})
    pawl.write(A, "CREATE TABLE a (id int, old int);")
    pawl.run("deploy", "--release", "1", check=0)
    return pawl


def configure(pawl, engine, **releases):
    pawl.config({"deploy": QUIET, "releases": {"settle": "50ms", **releases},
                 "target.main": {"url": engine.url}})


def hello(database, release, instance="i", ttl="1 minute", user=None):
    """Says hello in SQL over a connection of its own, and closes it."""
    with psycopg.connect(database.url_as(user) if user else database.url, autocommit=True,
                         application_name="app") as connection:
        return connection.execute("SELECT pawl.hello(%s, %s, %s::interval)",
                                  (release, instance, ttl)).fetchone()[0]


def bye(database, release, instance="i", user=None):
    with psycopg.connect(database.url_as(user) if user else database.url, autocommit=True) as connection:
        connection.execute("SELECT pawl.bye(%s, %s)", (release, instance))


def listed(pawl):
    return {item["release"]: item for item in pawl.run("release", "--json", check=0).json()["live"]}


def register(pawl, engine, release, instance="i", ttl_ms=60000):
    """An instance on either engine, as one that somebody else runs."""
    if engine.engine == "postgres":
        assert hello(engine, release, instance, f"{ttl_ms} ms") == "ok"
        return
    pawl.run("run", "--release", release, "--wait", "0", "--", "true", check=0)
    engine.query(f"UPDATE {table(engine, 'instance')} SET left_at = NULL, ttl = {ttl_ms * 1000}, instance = %s"
                 " WHERE release = %s AND left_at IS NOT NULL", instance, release)


# ---- hello and bye ----

def test_run_registers_its_instance_for_as_long_as_its_program_runs(app, engine):
    assert listed(app) == {}
    process = app.spawn("run", "--release", "1", "--", "sh", "-c", "echo up; exec sleep 60")
    process.wait_for("up")
    live = listed(app)["1"]
    assert (live["how"], live["instances"]) == ("registered", 1)
    assert "registered" in app.run("release", check=0).out
    process.signal(signal.SIGTERM)
    process.finish(check=128 + signal.SIGTERM)
    # It is the newest release: no rollback goes to it.
    assert listed(app) == {}
    (left,), = engine.query(f"SELECT count(left_at) FROM {table(engine, 'instance')}")
    assert left == 1


def test_a_program_that_was_killed_with_its_pawl_lives_until_its_ttl(app, pg):
    app.config({"deploy": QUIET, "target.main": {"url": pg.url}})
    app.write(A, "CREATE TABLE a (id int, old int);")
    app.run("deploy", check=0)
    app.run("release", "start", "1", check=0)
    assert hello(pg, "1", ttl="1 second") == "ok"
    assert "1" in listed(app)
    wait_until(lambda: listed(app) == {}, "the ttl is over")


def test_app_role_may_say_hello_and_bye_for_itself_alone(app, engine):
    if engine.engine != "postgres":
        assert not hasattr(engine, "app_role")
        return
    other = engine.role("other")
    assert hello(engine, "1", user=engine.app_role) == "ok"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        hello(engine, "1", instance="j", user=other)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):  # it is another role's
        bye(engine, "1")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        hello(engine, "1")
    with psycopg.connect(engine.url_as(engine.app_role), autocommit=True) as connection:
        for statement in ("SELECT * FROM pawl.instance", "DELETE FROM pawl.instance",
                          "SELECT detail FROM pawl.journal"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
    assert listed(app)["1"]["instances"] == 1
    bye(engine, "1", user=engine.app_role)
    assert listed(app) == {}


@pytest.mark.parametrize("arguments", [("", "i", "1 min"), ("r", " ", "1 min"), ("r" * 201, "i", "1 min"),
                                       ("r", "i", "0"), ("r", "i", "25 hours"), (None, "i", "1 min"),
                                       ("r", "i", None)])
def test_what_is_no_instance_is_refused(app, engine, arguments):
    if engine.engine == "postgres":
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            hello(engine, *arguments)
    assert listed(app) == {}


def test_hello_is_for_transactions_that_see_the_present(app, engine):
    if engine.engine == "postgres":
        with engine.connect() as connection:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            with pytest.raises(psycopg.errors.ActiveSqlTransaction):
                connection.execute("SELECT pawl.hello('1', 'i', '1 minute')")
    assert listed(app) == {}


def test_an_old_ledger_gets_what_hello_takes(app, engine, pawl):
    """A ledger without the table: the first run of a role that may make it does."""
    if engine.engine == "postgres":
        engine.query("DROP TABLE pawl.instance; DROP FUNCTION pawl.hello; DROP FUNCTION pawl.bye")
    pawl.run("run", "--release", "1", "--", "true", check=0)
    assert engine.query(f"SELECT release FROM {table(engine, 'instance')}") == [("1",)]


@pytest.mark.parametrize("name", [f"journal-{number}" for number in range(1, 6)])
def test_ledgers_of_older_builds_learn_of_releases(pawl, engine, name):
    text = (FIXTURES / name / f"{engine.engine}.sql").read_text()
    if engine.engine == "postgres":
        path = pawl.folder / "ledger.sql"
        path.write_text(text)
        done = engine.psql(path)
        assert done.returncode == 0, done.stderr
    else:
        with engine.connect() as connection:
            connection.executescript(text)
    shutil.copytree(FIXTURES / name / engine.engine, pawl.migrations, dirs_exist_ok=True)
    pawl.run("release", "list", check=0)
    pawl.run("run", "--release", "new", "--", "true", check=0)
    pawl.run("release", "start", "newer", check=0)
    assert ledger.rows(engine)[-1].event == "release"
    ledger.assert_whole(engine)
    if engine.engine == "postgres":
        assert hello(engine, "newer") == "ok"
        assert listed(pawl)["newer"]["how"] == "registered"


def test_a_thousand_instances_at_once(app, engine, figures):
    if engine.engine != "postgres":
        return
    workers, each = 50, 20
    failed = []
    took = []

    def say(number):
        try:
            with engine.connect(application_name="app") as connection:
                for one in range(each):
                    began = time.monotonic()
                    answer = connection.execute("SELECT pawl.hello('1', %s, '1 minute')",
                                                (f"{number}-{one}",)).fetchone()[0]
                    took.append(time.monotonic() - began)
                    assert answer == "ok"
        except Exception as error:  # told by the assertion below
            failed.append(error)

    threads = [threading.Thread(target=say, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert listed(app)["1"]["instances"] == workers * each
    took.sort()
    figures(f"{len(took)} hellos over {workers} connections: median {took[len(took) // 2] * 1000:.1f} ms, "
            f"the slowest {took[-1] * 1000:.1f} ms")


# ---- recording and retiring ----

def test_start_records_a_set_once(app, engine):
    app.write(B, CONTRACT)
    assert app.run("release", "start", "2", "--json", check=0).json()["recorded"] is True
    row = ledger.rows(engine)[-1]
    assert (row.event, row.facts["release"], list(row.facts["contracts"])) == ("release", "2", [B])
    count = len(ledger.rows(engine))
    assert app.run("release", "start", "2", "--json", check=0).json()["recorded"] is False
    assert len(ledger.rows(engine)) == count
    app.write(C, "CREATE TABLE c (id int);")
    assert 'release "2" is recorded with another set' in app.run("release", "start", "2", check=3).err
    assert len(ledger.rows(engine)) == count


def test_retiring_says_why_and_ends_what_was_seen(app, engine):
    register(app, engine, "1")
    assert "1" in listed(app)
    app.run("release", "retire", "1", check=2)
    app.run("release", "retire", "none", "--reason", "x", check=2)
    app.run("release", "retire", "1", "--reason", "scaled to zero", check=0)
    row = ledger.rows(engine)[-1]
    assert (row.event, row.facts["release"], row.facts["reason"]) == ("retired", "1", "scaled to zero")
    assert listed(app) == {}
    register(app, engine, "1", "again")  # one that lives says so
    assert listed(app)["1"]["instances"] == 1


def test_bad_words_are_refused(app):
    for words in (("start",), ("start", " "), ("start", "r" * 201), ("retire",), ("nothing",),
                  ("list", "x"), ("list", "--reason", "x")):
        app.run("release", *words, check=2)
