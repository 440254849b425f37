"""Which sessions a registered instance explains: real ones, of programs that pawl run starts."""

import signal

import psycopg
import pytest

from support import ledger
from support.instances import CONTRACT, TABLE, configure, deploy, held, sessions, start
from support.ledger import version
from support.server import wait_until

A, B, C = (f"{version(number)}_{name}" for number, name in ((1, "a"), (2, "contract"), (3, "c")))


@pytest.fixture
def app(make_pawl, pg):
    """Release 1 is deployed; this checkout is release 2, with a contract migration."""
    pawl = make_pawl(pg.url)
    configure(pawl, pg.url)
    pawl.write(A, TABLE)
    pawl.run("deploy", "--release", "1", check=0)
    pawl.write(B, CONTRACT)
    return pawl


def columns(pg):
    return {name for name, in pg.query("SELECT attname FROM pg_attribute WHERE attrelid = 'a'::regclass"
                                       " AND attnum > 0 AND NOT attisdropped")}


def released(app, pg):
    """The next deploy runs the contract migration."""
    assert held(deploy(app, "2")) == [] and "old" not in columns(pg)
    return True


# ---- what an instance of pawl run explains ----

def test_the_program_has_a_name_that_says_its_release(app, pg):
    process = start(app, pg, "2")
    (live,) = app.run("release", "--json", check=0).json()["live"]
    assert (live["release"], live["how"], live["instances"], live["sessions"]) == ("2", "registered", 1, 1)
    (instance,) = app.run("release", "--json", check=0).json()["instances"]
    assert (instance["application"], instance["host"]) == ("pawl run 2", "local")
    assert released(app, pg)
    process.signal(signal.SIGTERM)
    process.finish(check=128 + signal.SIGTERM)


@pytest.mark.parametrize("name", ["", "shop", "psql", "pawl run"])
def test_an_old_release_at_the_same_address_is_not_taken_for_it(app, pg, name):
    """Nobody registered it: it is a session beside those of the new one, and it still needs the column."""
    start(app, pg, "2")
    with psycopg.connect(pg.url, application_name=name, autocommit=True) as old:
        result = deploy(app, "2")
        assert held(result) == [B]
        shown = f'application "{name}"' if name else "no application_name"
        assert f'1 session of no known release (user "postgres", {shown} from local)' in \
            result.json()["held"][0]["why"]
        old.execute("SELECT old FROM a")
        pid = old.info.backend_pid
    wait_until(lambda: (pid,) not in sessions(pg, name), "the old session is gone")
    assert released(app, pg)


def test_two_releases_at_one_address_are_told_apart(app, pg, make_pawl):
    older = make_pawl(pg.url, name="older")
    older.write(A, TABLE)
    old, new = start(older, pg, "1"), start(app, pg, "2")
    (item,) = deploy(app, "2").json()["held"]
    assert [(one["release"], one["how"]) for one in item["for"]] == [("1", "registered")]
    old.signal(signal.SIGTERM)
    old.finish(check=128 + signal.SIGTERM)
    assert released(app, pg)
    new.kill()


def test_a_name_that_the_environment_has_counts(app, pg):
    start(app, pg, "2", named="shop", env={"PGAPPNAME": "shop"})
    (instance,) = app.run("release", "--json", check=0).json()["instances"]
    assert instance["application"] == "shop"
    with psycopg.connect(pg.url, application_name="pawl run 1"):
        assert held(deploy(app, "2")) == [B]
    wait_until(lambda: sessions(pg, "pawl run 1") == [], "the other session is gone")
    assert released(app, pg)


def test_an_empty_name_in_the_environment_is_none(app, pg):
    start(app, pg, "2", env={"PGAPPNAME": ""})
    assert released(app, pg)


def test_a_driver_with_a_name_of_its_own_holds_until_it_is_explained(app, pg):
    """What is printed is what has to be written."""
    own = pg.url + ("&" if "?" in pg.url else "?") + "application_name=Driver (v1.2)"
    start(app, pg, "2", url=own, named="Driver (v1.2)")
    who = 'user "postgres", application "Driver (v1.2)" from local'
    setting = "Driver [(]v1[.]2[)]"
    result = app.run("deploy", "--release", "2", check=0)
    assert f"1 session of no known release ({who})" in result.out
    assert f"[releases] others = {setting};" in result.err
    assert "[releases] application_name = shop-(.*)" in result.err
    shown = app.run("release", check=0)
    assert who in shown.err and f"[releases] others = {setting};" in shown.err
    shown = app.run("status", check=0)
    assert f"live: 1 session of no known release ({who})" in shown.out and setting in shown.err
    live = {item["how"]: item for item in app.run("release", "--json", check=0).json()["live"]}
    assert (live["unknown"]["others"], live["registered"]["others"]) == (setting, None)
    configure(app, pg.url, others="psql")
    (item,) = deploy(app, "2").json()["held"]
    assert item["for"][0]["others"] == "psql|" + setting
    configure(app, pg.url, others=item["for"][0]["others"])
    assert released(app, pg)


def test_of_many_unknown_sessions_three_kinds_are_named(app, pg):
    with psycopg.connect(pg.url, application_name="a|b"), psycopg.connect(pg.url, application_name="b"), \
            psycopg.connect(pg.url, application_name="c"), psycopg.connect(pg.url, application_name="d"), \
            psycopg.connect(pg.url, application_name="d"):
        (item,) = deploy(app, "2").json()["held"]
        assert item["why"].startswith("waits for 5 sessions of no known release (")
        assert item["why"].endswith('application "c" from local and others)')
        assert item["for"][0]["others"] == "a[|]b|b|c"


def test_long_and_odd_names_of_releases_stay_apart(app, pg):
    names = set()
    for release in ("r" * 60 + "1", "r" * 60 + "2", "ü", "ö", "r" * 54, "a b%c\\"):
        process = start(app, pg, release, named=None if release in ("r" * 54, "a b%c\\") else
                        name_of(app, pg, release))
        process.signal(signal.SIGTERM)
        process.finish(check=128 + signal.SIGTERM)
        (name,), = pg.query("SELECT DISTINCT application_name FROM pawl.instance WHERE release = %s", release)
        assert name.isascii() and len(name) <= 63 and name.startswith("pawl run ")
        names.add(name)
    assert len(names) == 6 and "pawl run " + "r" * 54 in names


def name_of(pawl, pg, release):
    """PGAPPNAME as a program of that release gets it."""
    seen = pawl.run("run", "--release", release, "--", "printenv", "PGAPPNAME", check=0).out
    return seen.rstrip("\n")


def test_without_a_release_nothing_is_named(app):
    assert app.run("run", "--", "printenv", "PGAPPNAME", check=1).out == ""


def test_on_sqlite_nothing_is_named(make_pawl, tmp_path):
    checkout = make_pawl(f"sqlite:{tmp_path}/db")
    checkout.write(A, TABLE)
    checkout.run("deploy", check=0)
    assert checkout.run("run", "--release", "1", "--", "printenv", "PGAPPNAME", check=1).out == ""


# ---- hello() in SQL ----

def test_hello_explains_its_own_user_name_and_address(app, pg):
    app.run("release", "start", "2", check=0)
    with psycopg.connect(pg.url, application_name="shop-2", autocommit=True) as new:
        assert held(deploy(app)) == [B]
        assert new.execute("SELECT pawl.hello('2', 'i')").fetchone() == ("ok",)
        other = pg.role("other")
        with psycopg.connect(pg.url_as(other), application_name="shop-2"):
            (item,) = deploy(app).json()["held"]
            assert f'user "{other}", application "shop-2"' in item["why"]
        wait_until(lambda: len(sessions(pg, "shop-2")) == 1, "the other session is gone")
        assert released(app, pg)


def test_a_hello_without_a_name_explains_nothing(app, pg):
    app.run("release", "start", "2", check=0)
    with psycopg.connect(pg.url, autocommit=True) as new:
        assert new.execute("SELECT pawl.hello('2', 'i')").fetchone() == ("ok",)
        (item,) = deploy(app).json()["held"]
        assert 'user "postgres", no application_name from local' in item["why"]
        assert item["for"][0]["others"] == "postgres"
        new.execute("SET application_name = 'shop-2'")
        new.execute("SELECT pawl.hello('2', 'i')")
        assert released(app, pg)


# ---- a deploy's own sessions ----

def test_a_deploy_does_not_wait_for_itself(app, pg):
    """Under a PGAPPNAME its second connection, which a slow statement brings, has that name too."""
    start(app, pg, "2")
    app.write(f"{version(2)}_between", "SELECT pg_sleep(1);")
    (app.migrations / f"{B}.sql").rename(app.migrations / f"{C}.sql")
    assert held(deploy(app, "3", env={"PGAPPNAME": "ci"})) == [] and "old" not in columns(pg)
    assert "reopened" not in ledger.events(pg)


# ---- what becomes of instances ----

def test_a_program_that_outlives_its_pawl_holds_as_long_as_its_session(app, pg, make_pawl):
    older = make_pawl(pg.url, name="older")
    older.write(A, TABLE)
    process = start(older, pg, "1")
    process.kill()
    pg.query("UPDATE pawl.instance SET ttl = '1 second'")  # instead of a minute's wait
    wait_until(lambda: app.run("release", "--json").json()["instances"] == [], "the ttl is over")
    (item,) = deploy(app, "2").json()["held"]
    assert [(one["release"], one["how"]) for one in item["for"]] == [("1", "sighted")]
    pg.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
             " WHERE application_name = 'pawl run 1'")
    wait_until(lambda: sessions(pg, "pawl run 1") == [], "its session is gone")
    assert released(app, pg)


# ---- through a pooler ----

def test_through_a_pooler_sessions_are_told_apart_by_their_names(app, pg, bouncer):
    configure(app, bouncer.url)
    start(app, pg, "2", url=bouncer.url)
    with bouncer.connect(application_name="shop") as old:
        old.execute("BEGIN")
        old.execute("SELECT old FROM a")
        (item,) = deploy(app, "2").json()["held"]
        assert 'application "shop" from local' in item["why"]
        old.execute("COMMIT")
    bouncer.admin("RECONNECT")  # it keeps the server's session under the old name until it is closed
    wait_until(lambda: sessions(pg, "shop") == [], "the pooler has closed it")
    assert released(app, pg)
    ledger.assert_whole(pg)
