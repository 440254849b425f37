"""Live releases: who says hello, who is seen, and what contract migrations wait for."""

import shutil
import signal
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
only_postgres = pytest.mark.parametrize("engine", ["postgres"], indirect=True)
only_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


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
    # A pawl.sum alone, as in a container: that release's set is not recorded from it.
    sums = pawl.folder / "sums"
    sums.mkdir(exist_ok=True)
    pawl.run("sum", check=0)
    (pawl.migrations / "pawl.sum").rename(sums / "pawl.sum")
    pawl.run("run", "--migrations", "sums", "--release", release, "--wait", "0", "--", "true", check=0)
    engine.query(f"UPDATE {table(engine, 'instance')} SET left_at = NULL, ttl = {ttl_ms * 1000},"
                 " instance = %s WHERE release = %s AND left_at IS NOT NULL", instance, release)


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


@only_postgres
def test_app_role_may_say_hello_and_bye_for_itself_alone(app, engine):
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
@only_postgres
def test_what_is_no_instance_is_refused(app, engine, arguments):
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        hello(engine, *arguments)
    assert listed(app) == {}


@only_postgres
def test_hello_is_for_transactions_that_see_the_present(app, engine):
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


@pytest.mark.parametrize("name", sorted(path.name for path in FIXTURES.glob("journal-*")))
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


# ---- the hold ----

def held(result):
    return [item["id"] for item in result.json()["held"]]


def deploy(pawl, *args, release=None, check=0):
    return pawl.run("deploy", "--json", *(["--release", release] if release else []), *args, check=check)


def has_old(engine):
    try:
        engine.query("SELECT old FROM a")
    except Exception:  # sqlite3's and psycopg's differ
        return False
    return True


def test_a_contract_migration_waits_for_the_release_that_lacks_it(app, engine):
    register(app, engine, "1")
    app.write(B, CONTRACT)
    app.write(C, "CREATE TABLE c (id int);")
    result = deploy(app, release="2")
    assert held(result) == [B] and "c" in engine.tables() and has_old(engine)
    (item,) = result.json()["held"]
    assert 'release "1" (1 instance, last seen' in item["why"]
    assert [(one["release"], one["how"]) for one in item["for"]] == [("1", "registered")]
    row, = (row for row in ledger.rows(engine) if row.event == "held")
    assert (row.migration, row.phase) == (B, None) and 'release "1"' in row.facts["for"][0]
    count = len(ledger.rows(engine))
    result = deploy(app, release="2")  # once is enough
    assert held(result) == [B] and len(ledger.rows(engine)) == count
    assert f"held  {B}" in app.run("deploy", check=0).out
    app.run("release", "retire", "1", "--reason", "gone", check=0)
    result = deploy(app, release="2")  # and it is not out of order
    assert held(result) == [] and not has_old(engine)
    assert ledger.applied(engine)[-1] == B
    assert ledger.events(engine)[-4:] == ["begin", "closing", "applied", "end"]
    ledger.assert_whole(engine)


def test_the_release_before_the_newest_soaks(app, engine):
    register(app, engine, "1", ttl_ms=1000)
    app.write(B, CONTRACT)
    wait_until(lambda: listed(app) == {}, "the ttl is over")
    assert 'release "1" (last seen' in deploy(app, release="2").json()["held"][0]["why"]
    assert listed(app)["1"]["how"] == "soak"
    assert held(deploy(app, release="2")) == [B]
    app.env["PAWL_SOAK"] = "0"
    assert held(deploy(app, release="2")) == [] and not has_old(engine)


def test_a_release_that_carries_it_does_not_hold_it(app, engine):
    app.write(B, CONTRACT)
    app.run("release", "start", "2", check=0)
    register(app, engine, "2")
    app.write(C, "CREATE TABLE c (id int);")
    assert held(deploy(app, release="3")) == [] and not has_old(engine)


def test_a_release_that_nobody_recorded_carries_nothing(app, engine):
    app.write(B, CONTRACT)
    register(app, engine, "unheard of")
    assert held(deploy(app, release="2")) == [B] and has_old(engine)


def test_with_nobody_there_nothing_waits(pawl, engine):
    pawl.config({"deploy": QUIET, "target.main": {"url": engine.url}})
    pawl.write(A, "CREATE TABLE a (id int, old int);")
    pawl.run("deploy", check=0)
    pawl.write(B, CONTRACT)
    assert held(deploy(pawl)) == []
    assert "closing" not in ledger.events(engine)


@only_postgres
def test_sessions_hold_unless_they_are_explained(app, engine):
    app.write(B, CONTRACT)
    with engine.connect(application_name="psql"):
        why = deploy(app).json()["held"][0]["why"]
        assert 'of no known release (user "postgres", application "psql" from local)' in why
        configure(app, engine, others="psq")  # not the whole name
        assert held(deploy(app)) == [B]
        configure(app, engine, others="(")
        assert "no pattern" in app.run("deploy", check=2).err
        assert has_old(engine)
        configure(app, engine, application_name="shop-(.*)", others="psql|x")
        with engine.connect(application_name="shop-1"):
            (item,) = deploy(app, release="2").json()["held"]
            assert [(one["release"], one["how"]) for one in item["for"]] == [("1", "sighted")]
        assert held(deploy(app, release="2")) == [] and not has_old(engine)


@only_sqlite
def test_a_file_has_no_sessions_that_could_hold_anything(app, engine):
    app.write(B, CONTRACT)
    with engine.connect():
        assert held(deploy(app)) == [] and not has_old(engine)


@only_postgres
def test_a_session_of_a_living_instance_is_explained(app, engine):
    app.write(B, CONTRACT)
    app.run("release", "start", "2", check=0)
    with engine.connect(application_name="app") as connection:
        assert held(deploy(app, "--dry-run")) == [B]
        connection.execute("SELECT pawl.hello('2', 'i', '1 minute')")
        with engine.connect(application_name="app"):  # another one of its pool
            assert held(deploy(app)) == []
    assert not has_old(engine)


def test_expand_leaves_contract_migrations(app, engine):
    app.write(B, CONTRACT)
    app.write(C, "CREATE TABLE c (id int);")
    assert held(deploy(app, "--phase", "expand")) == [B]
    assert "c" in engine.tables() and has_old(engine)
    assert held(deploy(app, "--phase", "all")) == [] and not has_old(engine)
    app.run("deploy", "--phase", "contract", check=2)


@pytest.mark.parametrize("behind", ["ALTER TABLE a ADD COLUMN new int;", "INSERT INTO a (id) VALUES (1);"])
def test_what_touches_the_same_is_refused_before_anything_runs(app, engine, behind):
    register(app, engine, "1")
    app.write(B, CONTRACT)
    app.write(C, "CREATE TABLE c (id int);")
    app.write(D, behind)
    before = ledger.whole_dump(engine)
    result = app.run("deploy", check=3)
    assert ledger.whole_dump(engine) == before
    assert f"pawl renumber migrations/{B}.sql" in result.out + result.err
    assert "Nothing was changed" in result.err
    # What it says works.
    app.run("renumber", f"migrations/{B}.sql", check=0)
    result = deploy(app)
    assert len(held(result)) == 1 and [item["id"] for item in result.json()["applied"]] == [C, D]


def test_contract_steps_of_one_table_stay_in_order(app, engine):
    app.write(B, CONTRACT)
    app.run("release", "start", "2", check=0)
    register(app, engine, "1")
    app.write(C, "-- pawl: phase=contract\nALTER TABLE a RENAME TO aa;")
    assert held(deploy(app, release="3")) == [B, C]


def test_an_override_is_journalled_and_shown(app, engine):
    register(app, engine, "1")
    app.write(B, CONTRACT)
    app.run("deploy", "--override", "hold", check=2)
    app.run("deploy", "--override", "hold", "--reason", "it is read by nobody", check=0)
    assert not has_old(engine)
    begin = [row for row in ledger.rows(engine) if row.event == "begin"][-1]
    assert begin.facts["overrides"] == "hold" and begin.facts["reason"] == "it is read by nobody"
    assert 'release "1"' in begin.facts["hold"]
    # The instance learns of it, and another one does not start.
    if engine.engine == "postgres":
        assert hello(engine, "1") == f"blocked {B}"
        assert hello(engine, "1", "another") == f"blocked {B}"
    (app.migrations / f"{B}.sql").unlink()
    app.run("run", "--release", "1", "--", "true", check=6)


def passed_by(app, make_pawl, engine):
    """A checkout of release 1, which the contract migration B has passed by."""
    older = make_pawl(engine.url, name="older")
    older.write(A, "CREATE TABLE a (id int, old int);")
    app.write(B, CONTRACT)
    app.run("deploy", "--release", "2", check=0)
    return older


def test_what_to_type_next_is_said_to_code_that_was_passed_by(app, make_pawl, engine):
    older = passed_by(app, make_pawl, engine)
    for words in (("ready", "--release", "1"), ("run", "--release", "1", "--", "true")):
        result = older.run(*words, check=6)
        assert f"pawl new NAME --revert {B}" in result.err
        assert "pawl run --override blocked --reason TEXT -- PROGRAM" in result.err
        assert (result.out + result.err).startswith("never ready: ")
    assert "--override blocked" in older.run("ready", "--json", check=6).json()["next"]


def test_going_over_it_is_journalled_and_shown(app, make_pawl, engine):
    older = passed_by(app, make_pawl, engine)
    before = ledger.rows(engine)
    older.run("run", "--override", "blocked", "--", "true", check=2)
    older.run("run", "--override", "hold", "--reason", "x", "--", "true", check=2)
    older.run("run", "--reason", "x", "--", "true", check=2)
    older.run("run", "--override", "blocked", "--reason", "x", "--", "no-such-program", check=125)
    assert ledger.rows(engine) == before
    over = ("run", "--override", "blocked", "--reason", "reads orders only")
    assert older.run(*over, "--release", "1", "--", "echo", "serving", check=0).out == "serving\n"
    row = ledger.rows(engine)[-1]
    assert (row.event, row.migration, row.phase, row.digest) == ("override", B, None, None)
    assert (row.facts["release"], row.facts["reason"]) == ("1", "reads orders only")
    assert row.facts["user"] and row.facts["host"]
    said = app.run("status", check=0).out
    assert f'code of release "1" was started at seq {row.seq} though the contract migration "{B}"' in said
    assert f"by {row.facts['user']} on {row.facts['host']}: reads orders only" in said
    (target,) = app.run("status", "--json", check=0).json()["targets"]
    assert target["overridden_start"] == {
        "seq": row.seq, "release": "1", "migration": B, "user": row.facts["user"],
        "host": row.facts["host"], "reason": "reads orders only"}
    # Also for code that names no release. It changes no answer, and nothing that is applied.
    older.run(*over, "--", "true", check=0)
    assert "release" not in ledger.rows(engine)[-1].facts
    older.run("ready", check=6)
    app.write(C, "CREATE TABLE c (id int);")
    app.run("deploy", check=0)
    assert "was started at seq" not in app.run("status", check=0).out
    (target,) = app.run("status", "--json", check=0).json()["targets"]
    assert target["overridden_start"] is None
    ledger.assert_whole(engine)


def test_an_override_of_nothing_is_not_journalled(app, engine):
    before = ledger.events(engine)
    app.run("run", "--override", "blocked", "--reason", "to be sure", "--", "true", check=0)
    assert ledger.events(engine) == before


def test_an_override_waits_for_what_is_not_applied(app, make_pawl, engine):
    """Code that lacks a contract migration, and of whose own migrations one is missing."""
    older = passed_by(app, make_pawl, engine)
    older.write(C, "CREATE TABLE c (id int);")
    before = ledger.rows(engine)
    older.run("run", "--wait", "0", "--override", "blocked", "--reason", "x", "--", "true", check=6)
    assert ledger.rows(engine) == before


@only_postgres
def test_who_may_not_write_overrides_nothing(app, make_pawl, engine):
    older = passed_by(app, make_pawl, engine)
    older.config({"target.main": {"url": engine.url_as(engine.app_role)}})
    result = older.run("run", "--override", "blocked", "--reason", "x", "--", "echo", "serving", check=3)
    assert "this role may not write" in result.err and result.out == ""
    assert "override" not in ledger.events(engine)


# ---- what run records ----

def test_run_records_what_the_release_carries(app, engine):
    app.write(B, CONTRACT)
    app.run("run", "--release", "2", "--", "true", check=0)
    row = ledger.rows(engine)[-1]
    assert (row.event, row.facts["release"], list(row.facts["contracts"])) == ("release", "2", [B])
    count = len(ledger.rows(engine))
    app.run("run", "--release", "2", "--", "true", check=0)
    assert len(ledger.rows(engine)) == count
    app.write(C, CONTRACT)
    result = app.run("run", "--release", "2", "--wait", "0", "--", "true", check=3)
    assert 'release "2" is recorded with another set' in result.err
    assert len(ledger.rows(engine)) == count


def test_without_files_run_records_nothing(app, engine):
    before = ledger.events(engine)
    register(app, engine, "1.5")  # a pawl.sum alone on SQLite, SQL on PostgreSQL
    (app.folder / "none").mkdir()
    app.run("run", "--migrations", "none", "--release", "1.6", "--", "true", check=0)
    assert ledger.events(engine) == before


@only_postgres
def test_a_role_that_may_not_write_registers_all_the_same(app, engine):
    app.config({"deploy": QUIET, "target.main": {"url": engine.url_as(engine.app_role)}})
    before = ledger.events(engine)
    result = app.run("run", "--release", "7", "--", "echo", "serving", check=0)
    assert (result.out, result.err) == ("serving\n", "")
    assert ledger.events(engine) == before
    assert engine.query("SELECT release FROM pawl.instance WHERE left_at IS NOT NULL") == [("7",)]


# ---- while it closes ----

def closing(pawl, engine, files=None):
    """A deploy of release 2 that has said that its contract migration is about to run; release 1 was
    there and is gone."""
    register(pawl, engine, "1", ttl_ms=1000)
    wait_until(lambda: listed(pawl) == {}, "the ttl is over")
    configure(pawl, engine, settle="6s", soak="0", others="postgres")
    for name, text in (files or {B: CONTRACT}).items():
        pawl.write(name, text)
    process = pawl.spawn("deploy", "--release", "2", "--json")
    wait_until(lambda: ledger.events(engine)[-1] == "closing", "it is closing")
    return process


@only_postgres
def test_who_comes_while_it_closes_is_told_to_wait_and_reopens_it(app, engine):
    process = closing(app, engine)
    assert hello(engine, "1") == f"wait {B}"
    assert app.run("ready", check=0)  # the new code carries it
    (app.migrations / f"{B}.sql").rename(app.folder / "away.sql")
    result = app.run("ready", check=4)
    assert f'the contract migration "{B}" is about to run' in result.out
    (app.folder / "away.sql").rename(app.migrations / f"{B}.sql")
    result = process.finish(check=0)
    assert held(result) == [B] and has_old(engine)
    assert ledger.events(engine)[-4:] == ["closing", "reopened", "held", "end"]
    assert hello(engine, "1") == "ok"
    bye(engine, "1")
    app.run("release", "retire", "1", "--reason", "gone", check=0)
    assert held(deploy(app, release="2")) == [] and not has_old(engine)
    ledger.assert_whole(engine)


def test_a_program_of_before_that_comes_while_it_closes_does_not_start(app, engine, make_pawl):
    older = make_pawl(engine.url, name="older")
    older.write(A, "CREATE TABLE a (id int, old int);")
    process = closing(app, engine)
    result = older.run("run", "--release", "1", "--wait", "0", "--", "echo", "serving", check=4)
    assert f'"{B}" is about to run' in result.err and result.out == ""
    starting = older.spawn("run", "--release", "1", "--wait", "30s", "--", "echo", "serving")
    assert held(process.finish(check=0)) == [] and not has_old(engine)
    assert starting.finish(check=6).out == ""
    assert listed(app) == {}
    ledger.assert_whole(engine)


def come_back(engine):
    """An instance of release 1 that was cut off for longer than its ttl."""
    if engine.engine == "postgres":
        assert hello(engine, "1").startswith("wait ")
    else:
        engine.query("UPDATE pawl_instance SET ttl = 600 * 1000000 WHERE release = '1'")


def test_what_a_deploy_has_done_before_a_release_came_back_is_told(app, engine):
    first, contract = f"{version(2)}_first", f"{version(3)}_contract"
    process = closing(app, engine, {first: "CREATE TABLE first (id int);", contract: CONTRACT,
                                    D: "ALTER TABLE a ADD COLUMN new int;"})
    come_back(engine)
    result = process.finish(check=3)
    assert "Applied by this run: 1. What is left was not begun." in result.out
    assert "Nothing was changed" not in result.out
    assert "first" in engine.tables() and has_old(engine)
    assert ledger.applied(engine)[-1] == first and "reopened" in ledger.events(engine)
    ledger.assert_whole(engine)


def test_a_deploy_killed_while_closing_is_gone_on_with(app, engine):
    register(app, engine, "1", ttl_ms=1000)
    app.env["PAWL_SOAK"] = "0"
    wait_until(lambda: listed(app) == {}, "the ttl is over")
    app.write(B, CONTRACT)
    configure(app, engine, settle="30s", others="postgres")
    process = app.spawn("deploy", "--release", "2")
    wait_until(lambda: ledger.events(engine)[-1] == "closing", "it is closing")
    process.kill()
    if engine.engine == "postgres":
        assert hello(engine, "1", "new", "1 second") == f"wait {B}"
        wait_until(lambda: listed(app) == {}, "the ttl is over")
    configure(app, engine, settle="50ms", others="postgres")
    assert held(deploy(app, release="2")) == [] and not has_old(engine)
    assert ledger.events(engine)[-5:] == ["abandoned", "begin", "closing", "applied", "end"]
    ledger.assert_whole(engine)


def test_two_deployers_at_once_run_it_once(app, engine):
    register(app, engine, "2")
    app.write(B, CONTRACT)
    app.run("release", "start", "2", check=0)
    processes = [app.spawn("deploy", "--release", "2") for _ in range(3)]
    for process in processes:
        process.finish(check=0)
    assert ledger.applied(engine).count(B) == 1 and not has_old(engine)
    ledger.assert_whole(engine)


# ---- what shows it ----

def test_status_shows_who_lives_and_what_waits(app, engine):
    register(app, engine, "1")
    app.write(B, CONTRACT)
    assert app.run("status", "--exit-code").code == 4  # no deploy has said that it waits
    app.run("deploy", "--release", "2", check=0)
    result = app.run("status", "--exit-code", check=0)
    assert 'live: release "1" (1 instance, last seen' in result.out
    assert "1 applied, 0 pending, 1 held" in result.out
    (target,) = app.run("status", "--json", check=0).json()["targets"]
    assert (target["pending"], target["held"]) == (0, 1)
    assert [row["state"] for row in target["migrations"]] == ["applied", "held"]
    assert [one["release"] for one in target["live"]] == ["1"]
