"""Live releases when heartbeats stop, clocks are wrong, the database is away, and at a thousand instances."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from support import ledger
from support.instances import CONTRACT, TABLE, configure, deploy, held, start
from support.ledger import version
from support.pawl import SANITIZERS
from support.server import wait_until

A, B = f"{version(1)}_a", f"{version(2)}_contract"


@pytest.fixture
def app(make_pawl, pg):
    """Release 1 is deployed; this checkout is release 2, with a contract migration."""
    return prepared(make_pawl, pg)


@pytest.fixture
def older(make_pawl, app, pg):
    """The checkout of release 1."""
    pawl = make_pawl(pg.url, name="older")
    pawl.write(A, TABLE)
    return pawl


def prepared(make_pawl, database):
    pawl = make_pawl(database.url)
    configure(pawl, database.url)
    pawl.write(A, TABLE)
    pawl.run("deploy", "--release", "1", check=0)
    pawl.write(B, CONTRACT)
    return pawl


def listed(pawl):
    return {item["release"]: item for item in pawl.run("release", "--json", check=0).json()["live"]}


# ---- heartbeats that stop ----

def test_a_killed_instance_holds_for_its_ttl(app, older, pg):
    """Its program dies with it: nobody says bye."""
    process = older.spawn("run", "--release", "1", "--", "sh", "-c", "echo $$; exec sleep 600")
    wait_until(lambda: process.out.strip(), "the program's number")
    process.kill()
    os.kill(int(process.out), signal.SIGKILL)
    (item,) = deploy(app, "2").json()["held"]
    assert [(one["release"], one["how"]) for one in item["for"]] == [("1", "registered")]
    assert pg.query("SELECT ttl = '60 seconds' FROM pawl.instance") == [(True,)]
    pg.query("UPDATE pawl.instance SET ttl = '1 second'")  # a minute would be long for a test
    wait_until(lambda: listed(app) == {}, "the ttl is over")
    assert held(deploy(app, "2")) == []


def test_a_database_that_is_away_for_longer_than_the_ttl(app, older, proxy, pg):
    """The program goes on; when the database is back it is told what it has missed."""
    configure(older, proxy.url)
    process = older.spawn("run", "--release", "1", "--", "sh", "-c", "echo serving; exec sleep 600")
    process.wait_for("serving")
    proxy.refuse()
    assert held(deploy(app, "2")) == [B]
    pg.query("UPDATE pawl.instance SET ttl = '1 second'")
    wait_until(lambda: listed(app) == {}, "the ttl is over")
    assert held(deploy(app, "2")) == []
    assert process.running and "warning" not in process.err
    proxy.accept()
    process.wait_for(f'the contract migration "{B}" was applied and release "1" does not carry it')
    assert process.running
    process.signal(signal.SIGTERM)
    process.finish(check=128 + signal.SIGTERM)


# ---- clocks ----

@pytest.mark.parametrize("years", ["-20y", "+20y"])
def test_a_clock_of_the_application_plays_no_part(app, older, pg, years):
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    environment = {"LD_PRELOAD": library, "FAKETIME": years,
                   "ASAN_OPTIONS": SANITIZERS["ASAN_OPTIONS"] + ":verify_asan_link_order=0"}
    process = older.spawn("run", "--release", "1", "--", "sh", "-c", "date +%Y; exec sleep 600",
                          env=environment)
    wait_until(lambda: process.out.strip(), "the program's year")
    assert abs(int(process.out) - time.gmtime().tm_year) >= 19
    assert pg.query("SELECT abs(extract(epoch FROM clock_timestamp() - seen_at)) < 60,"
                    " left_at IS NULL FROM pawl.instance") == [(True, True)]
    assert listed(app)["1"]["instances"] == 1
    assert held(deploy(app, "2")) == [B]
    process.signal(signal.SIGTERM)
    wait_until(lambda: listed(app) == {}, "it has said bye")
    assert held(deploy(app, "2")) == []


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_of_the_server_that_jumps(app, older, pg, hours):
    """Put the other way round: what was written a moment ago is an hour old, or an hour ahead."""
    process = start(older, pg, "1")
    pg.query("UPDATE pawl.instance SET seen_at = seen_at - %s * interval '1 hour',"
             " registered_at = registered_at - %s * interval '1 hour'", hours, hours)
    how = {1: "sighted", -1: "registered"}[hours]  # lapsed, but its session has a name that tells
    (item,) = deploy(app, "2").json()["held"]
    assert [(one["release"], one["how"]) for one in item["for"]] == [("1", how)]
    with pg.connect() as connection:  # the next heartbeat puts it right
        instance, = connection.execute("SELECT instance FROM pawl.instance").fetchone()
        assert connection.execute("SELECT pawl.hello('1', %s)", [instance]).fetchone() == ("ok",)
    assert pg.query("SELECT abs(extract(epoch FROM clock_timestamp() - seen_at)) < 60"
                    " FROM pawl.instance") == [(True,)]
    assert listed(app)["1"]["how"] == "registered"
    process.signal(signal.SIGTERM)
    process.finish(check=128 + signal.SIGTERM)
    assert held(deploy(app, "2")) == []


# ---- a thousand ----

INSTANCES = 1000


def say_hello(sessions, took, failed):
    for number, session in sessions:
        try:
            began = time.monotonic()
            answer = session.execute("SELECT pawl.hello('1', %s)", [f"web-{number}"]).fetchone()
            took.append(time.monotonic() - began)
            assert answer == ("ok",)
        except Exception as error:  # told by the assertion below
            failed.append(error)


def middle_ms(took):
    return took[len(took) // 2] * 1000


def all_say_hello(sessions):
    """Over all of them at once; how long each took, sorted."""
    took, failed = [], []
    threads = [threading.Thread(target=say_hello, args=(sessions[first::50], took, failed))
               for first in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    return sorted(took)


def test_a_thousand_instances_at_once(make_cluster, make_pawl, figures):
    cluster = make_cluster(max_connections=INSTANCES + 50)
    database = cluster.create_database()
    app = prepared(make_pawl, database)
    older = make_pawl(database.url, name="older")
    older.write(A, TABLE)
    older.run("run", "--release", "1", "--", "true", check=0)  # makes what hello takes
    sessions = [(number, database.connect(application_name="shop-1")) for number in range(INSTANCES)]
    try:
        first = all_say_hello(sessions)
        before, = database.query("SELECT pg_current_wal_insert_lsn()")[0]
        again = all_say_hello(sessions)
        (wal,), = database.query("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), %s)", before)
        alone = []
        say_hello(sessions[:200], alone, [])
        began = time.monotonic()
        assert listed(app)["1"]["instances"] == INSTANCES
        list_ms = (time.monotonic() - began) * 1000
        began = time.monotonic()
        (item,) = deploy(app, "2").json()["held"]
        deploy_ms = (time.monotonic() - began) * 1000
        assert [(one["release"], one["instances"]) for one in item["for"]] == [("1", INSTANCES)]
    finally:
        for _, session in sessions:
            session.close()
    figures(f"{INSTANCES} instances with a session each: hello median {middle_ms(first):.1f} ms, slowest "
            f"{first[-1] * 1000:.1f} ms; renewed in {middle_ms(again):.1f} ms, one at a time "
            f"{middle_ms(sorted(alone)):.1f} ms, {int(wal) // INSTANCES} bytes of WAL each; release list "
            f"{list_ms:.0f} ms, held deploy {deploy_ms:.0f} ms")
    ledger.assert_whole(database)
