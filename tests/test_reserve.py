"""Reservations and maintenance: what people announce about a target, and what a deploy makes of it."""

import getpass
import json
import os
import shutil
import socket
from datetime import datetime, timedelta, timezone
from pathlib import Path

import psycopg
import pytest

from support import ledger
from support.ledger import version
from support.server import wait_until
from test_races import gate

FIXTURES = Path(__file__).resolve().parent / "fixtures"
REASON = "the nightly load is run again"


@pytest.fixture
def deployed(pawl):
    """One migration applied, one pending."""
    pawl.write(f"{version(1)}_a", "CREATE TABLE a (id int);")
    pawl.run("deploy", check=0)
    pawl.write(f"{version(2)}_b", "CREATE TABLE b (id int);")
    return pawl


def reserve(pawl, *args, until="1h", reason=REASON, check=0):
    return pawl.run("reserve", "--until", until, "--reason", reason, *args, check=check)


def unchanged(pawl, engine, *args, code):
    before = ledger.whole_dump(engine)
    result = pawl.run(*args, check=code)
    assert ledger.whole_dump(engine) == before, result
    return result


def last(engine):
    return ledger.rows(engine)[-1]


# ---- a deploy and a reservation ----

def test_a_deploy_is_held_up_and_says_by_whom(deployed, engine):
    report = reserve(deployed, "--json").json()
    row = last(engine)
    assert (row.event, row.seq, row.migration, row.digest) == ("reserved", report["id"], None, None)
    assert row.facts["reason"] == REASON and row.facts["host"] == socket.gethostname()
    assert row.facts["user"] == getpass.getuser() and row.facts["pid"] > 0
    assert report["head"] == ledger.head(engine)
    ledger.assert_whole(engine)
    result = unchanged(deployed, engine, "deploy", code=5)
    until = datetime.fromisoformat(row.facts["until"].replace("Z", "+00:00"))
    for text in (f"until {until:%Y-%m-%d %H:%M:%S}Z", getpass.getuser(), socket.gethostname(), REASON,
                 f"pawl reserve end {row.seq}", "Nothing was changed"):
        assert text in result.err
    assert unchanged(deployed, engine, "deploy", "--json", code=5).json()["error"]["code"] == "busy"
    assert "would apply" in unchanged(deployed, engine, "deploy", "--dry-run", code=0).out
    assert REASON in deployed.run("deploy", "--dry-run").err


def test_a_deploy_with_nothing_to_do_is_not_held_up(deployed, engine):
    deployed.run("deploy", check=0)
    reserve(deployed)
    assert "nothing to do" in unchanged(deployed, engine, "deploy", code=0).out
    deployed.run("deploy", "--release", "1.0", check=0)  # a name for what is there
    assert last(engine).event == "release"


def test_it_is_ended(deployed, engine):
    number = reserve(deployed, "--json").json()["id"]
    reserve(deployed, until="2h")
    assert deployed.run("reserve", "end", number, "--reason", "done", check=0)
    row = last(engine)
    assert row.event == "reservation_ended" and row.facts["reservation"] == number
    assert row.facts["reason"] == "done" and row.facts["pid"] > 0
    deployed.run("deploy", check=5)  # there is another one
    assert "over already" in unchanged(deployed, engine, "reserve", "end", number, code=0).out
    deployed.run("reserve", "end", number + 1, check=0)
    assert "no reservation" in deployed.run("reserve", "list", check=0).out
    deployed.run("deploy", check=0)
    ledger.assert_whole(engine)


def test_the_one_that_ends_last_is_named(deployed):
    reserve(deployed, until="3h", reason="long")
    reserve(deployed, until="1h", reason="short")
    assert ": long" in deployed.run("deploy", check=5).err
    listed = deployed.run("reserve", "list", "--json", check=0).json()["reservations"]
    assert [item["reason"] for item in listed] == ["long", "short"]


def test_it_expires_by_itself(deployed, engine):
    reserve(deployed, until="1500ms")
    deployed.run("deploy", check=5)
    result = {}

    def deploys():
        result["code"] = deployed.run("deploy").code
        assert result["code"] in (0, 5)
        return result["code"] == 0

    wait_until(deploys, "the reservation is over")
    assert ledger.events(engine)[-4:] == ["reserved", "begin", "applied", "end"]


def test_wait_waits_for_it_only_where_it_is_given(deployed, engine):
    reserve(deployed, until="2s")
    deployed.run("deploy", env={"PAWL_WAIT": "1m"}, check=5)
    result = deployed.run("deploy", "--wait", "1m", check=0)
    assert "waiting: the target is reserved" in result.err and REASON in result.err
    reserve(deployed, until="1h")
    deployed.write(f"{version(3)}_c", "CREATE TABLE c (id int);")
    process = deployed.spawn("deploy", "--wait", "1m")
    process.wait_for("waiting")
    # It holds no mutex meanwhile: another one goes over the reservation, or ends it.
    deployed.run("deploy", "--override", "reservation", "--reason", "hotfix", "--wait", "0", check=0)
    assert "nothing" in process.finish(check=0).out
    assert ledger.applied(engine) == [f"{version(n)}_{name}" for n, name in ((1, "a"), (2, "b"), (3, "c"))]


def test_wait_has_an_end(deployed, engine):
    reserve(deployed)
    assert "reserved until" in unchanged(deployed, engine, "deploy", "--wait", "600ms", code=5).err


def test_an_override_is_recorded_and_shows_until_a_clean_deploy(deployed, engine):
    number = reserve(deployed, "--json").json()["id"]
    for args in (["--override", "reservation"], ["--override", "locks", "--reason", "x"],
                 ["--reason", "x"], ["--override", "reservation", "--reason", " \n"]):
        unchanged(deployed, engine, "deploy", *args, code=2)
    result = deployed.run("deploy", "--override", "reservation", "--reason", "hotfix 80", check=0)
    assert "goes over a reservation" in result.err
    begin = [row for row in ledger.rows(engine) if row.event == "begin"][-1]
    assert begin.facts["overrides"] == "reservation" and begin.facts["reservation"] == number
    assert begin.facts["reason"] == "hotfix 80" and begin.facts["user"] == getpass.getuser()
    status = deployed.run("status", check=0).out
    assert f"went over reservation {number}" in status and "hotfix 80" in status
    assert deployed.run("status", "--json").json()["targets"][0]["overridden"] == number
    assert "hotfix 80" in deployed.run("log").out
    deployed.run("reserve", "end", number, check=0)
    bad = deployed.write(f"{version(3)}_c", "CREATE TABEL c (id int);")
    deployed.run("deploy", check=1)
    assert "hotfix 80" in deployed.run("status", check=0).out
    bad.write_text("CREATE TABLE c (id int);")
    deployed.run("deploy", check=0)
    assert "hotfix 80" not in deployed.run("status", check=0).out


def test_an_override_of_nothing_records_none(deployed, engine):
    deployed.run("deploy", "--override", "reservation", "--reason", "in case", check=0)
    begin = [row for row in ledger.rows(engine) if row.event == "begin"][-1]
    assert "overrides" not in begin.facts and "in case" not in deployed.run("status").out


def test_a_deploy_at_work_is_not_held_up_and_who_reserves_is_told(make_pawl, pg):
    pawl = make_pawl(pg.url)
    pawl.write(f"{version(1)}_a", "CREATE TABLE a (id int);")
    pawl.run("deploy", check=0)
    pawl.write(f"{version(2)}_b", "SELECT pg_advisory_xact_lock_shared(77);\nCREATE TABLE b (id int);")
    pawl.write(f"{version(3)}_c", "CREATE TABLE c (id int);")
    with pg.connect() as holder:
        holder.execute("SELECT pg_advisory_lock(77)")
        deploy = pawl.spawn("deploy")
        wait_until(lambda: ledger.events(pg)[-1] == "begin", "the deploy has begun")
        result = reserve(pawl)
        assert "a deploy that began at seq" in result.err and "the next one" in result.err
        holder.execute("SELECT pg_advisory_unlock(77)")
        deploy.finish(check=0)
    pawl.write(f"{version(4)}_d", "CREATE TABLE d (id int);")
    pawl.run("deploy", check=5)
    ledger.assert_whole(pg)


def test_a_row_that_cannot_be_read_holds_until_it_is_ended(make_pawl, pg):
    pawl = make_pawl(pg.url)
    pawl.write(f"{version(1)}_a", "CREATE TABLE a (id int);")
    pawl.run("deploy", check=0)
    pawl.write(f"{version(2)}_b", "CREATE TABLE b (id int);")
    for detail in ("{}", '{"until":"soon"}', "none"):
        pg.query(f"SELECT pawl.append('reserved',NULL,NULL,NULL,NULL,'{detail}',NULL,NULL)")
        pawl.run("deploy", check=5)
        pawl.run("reserve", "end", last(pg).seq, check=0)
    pawl.run("deploy", check=0)


# ---- what is refused ----

@pytest.mark.parametrize("until", [
    "0", "31d", "999999999999d", "-1h", "1x", "", "tomorrow", "2027", "2020-01-01T00:00:00Z",
    "2999-01-01T00:00:00Z", "2027-02-30T00:00:00Z", "2027-01-01T00:00:00", "2027-01-01 00:00 +01:00",
])
def test_an_until_that_is_none(deployed, engine, until):
    unchanged(deployed, engine, "reserve", "--until", until, "--reason", "x", code=2)


def test_usage(deployed, engine):
    for args in ([], ["--until", "1h"], ["--reason", "x"], ["--until", "1h", "--reason", ""],
                 ["--until", "1h", "--reason", "\t \n"], ["list", "--until", "1h"], ["end"], ["end", "x"],
                 ["end", "99"], ["end", "0"], ["end", "1", "2"], ["list", "1"], ["stop"],
                 ["end", "99999999999999999999"]):
        unchanged(deployed, engine, "reserve", *args, code=2)
    for args in (["yes"], ["on"], ["on", "--reason", " "], ["--reason", "x"], ["on", "off"]):
        unchanged(deployed, engine, "maintenance", *args, code=2)


def test_where_there_is_no_ledger(pawl, engine):
    for args in (["reserve", "--until", "1h", "--reason", "x"], ["reserve", "end", "1"],
                 ["maintenance", "on", "--reason", "x"], ["maintenance", "off"]):
        assert "no ledger" in pawl.run(*args, check=3).err
    assert not ledger.exists(engine)
    assert pawl.run("reserve", "list", "--json", check=0).json()["reservations"] == []
    assert pawl.run("maintenance", "--json", check=0).json()["on"] is False


def test_a_broken_chain_stops_it(deployed, engine):
    ledger.by_hand(engine, f"UPDATE {ledger.table(engine, 'head')} SET seq = 2", name="head")
    unchanged(deployed, engine, "reserve", "--until", "1h", "--reason", "x", code=8)
    unchanged(deployed, engine, "maintenance", "on", "--reason", "x", code=8)


# ---- reasons and zones ----

HOSTILE = ["\x1b[2J\x07 \u202e nothing to see", "a\nb\r\nc\td", "'; DROP TABLE a; --", '"quoted" \\ %s %n',
           "größer \U0001f418", "x" * 1000]


@pytest.mark.parametrize("reason", HOSTILE)
def test_hostile_reasons(deployed, engine, reason):
    reserve(deployed, reason=reason)
    deployed.run("maintenance", "on", "--reason", reason, check=0)
    assert last(engine).facts["reason"] == reason
    item, = deployed.run("reserve", "list", "--json", check=0).json()["reservations"]
    assert item["reason"] == reason
    for args in (["deploy"], ["status"], ["ready"], ["log"], ["reserve", "list"], ["maintenance"],
                 ["deploy", "--override", "reservation", "--reason", reason]):
        result = deployed.run(*args)
        assert not set("\x1b\x07\r") & set(result.out + result.err), args
    ledger.assert_whole(engine)


def test_reasons_that_no_row_takes(deployed, engine):
    bad = os.fsdecode(b"a\xffb")
    for reason in ("x" * 1001, "x" * 10000, bad):
        unchanged(deployed, engine, "reserve", "--until", "1h", "--reason", reason, code=2)
        unchanged(deployed, engine, "maintenance", "on", "--reason", reason, code=2)
        unchanged(deployed, engine, "deploy", "--override", "reservation", "--reason", reason, code=2)
        unchanged(deployed, engine, "repair", "--new", f"{version(2)}_b", "--reason", reason, code=2)


@pytest.mark.parametrize("hours", [0, 2, -7])
def test_zones(deployed, engine, hours):
    moment = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(hours=3)
    local = moment.astimezone(timezone(timedelta(hours=hours)))
    for until in (local.isoformat(), local.isoformat(" "), local.strftime("%Y-%m-%dT%H:%M:%S.5%z")):
        reserve(deployed, until=until)
        recorded = datetime.fromisoformat(last(engine).facts["until"].replace("Z", "+00:00"))
        assert recorded.replace(microsecond=0) == moment
    if hours == 0:
        reserve(deployed, until=moment.strftime("%Y-%m-%dT%H:%M:%SZ"))


def test_the_clock_of_the_server_counts(make_pawl, pg):
    """Here the server is three hours ahead of the client, then five."""
    def shift(hours):
        with pg.connect() as connection:
            connection.execute("SET allow_system_table_mods = on")
            connection.execute(
                "CREATE OR REPLACE FUNCTION pg_catalog.clock_timestamp() RETURNS timestamptz LANGUAGE sql "
                f"AS $$SELECT statement_timestamp() + interval '{hours} hours'$$")

    pawl = make_pawl(pg.url)
    pawl.write(f"{version(1)}_a", "CREATE TABLE a (id int);")
    pawl.run("deploy", check=0)
    pawl.write(f"{version(2)}_b", "CREATE TABLE b (id int);")
    shift(3)
    reserve(pawl, until="1h")
    until = datetime.fromisoformat(last(pg).facts["until"].replace("Z", "+00:00"))
    assert timedelta(hours=3.9) < until - datetime.now(timezone.utc) < timedelta(hours=4.1)
    passed = (datetime.now(timezone.utc) + timedelta(hours=2)).isoformat()
    result = unchanged(pawl, pg, "reserve", "--until", passed, "--reason", "x", code=2)
    assert "database's clock" in result.err
    pawl.run("deploy", check=5)
    shift(5)
    assert pawl.run("reserve", "list", "--json").json()["reservations"] == []
    assert pawl.run("status", "--json").json()["targets"][0]["reserved_until"] is None
    pawl.run("deploy", check=0)


# ---- without pawl ----

@pytest.fixture
def team(make_pawl, pg):
    """A checkout whose data team may reserve; (pawl, role)."""
    role = pg.role("team")
    pawl = make_pawl()
    pawl.config({"target.main": {"url": pg.url, "reserve_role": role}})
    pawl.write(f"{version(1)}_a", "CREATE TABLE a (id int);")
    pawl.run("deploy", check=0)
    pawl.write(f"{version(2)}_b", "CREATE TABLE b (id int);")
    return pawl, role


def test_a_data_team_reserves_in_sql(team, pg):
    pawl, role = team
    with pg.cluster.connect(pg.name, user=role, application_name="dbt") as connection:
        (number,), = connection.execute("SELECT pawl.reserve(now() + interval '1 hour', %s)", [REASON])
        row = last(pg)
        assert (row.seq, row.event) == (number, "reserved")
        assert row.facts["user"] == role and row.facts["application"] == "dbt"
        assert row.facts["host"] == "local" and row.facts["backend"] > 0
        result = unchanged(pawl, pg, "deploy", code=5)
        assert role in result.err and REASON in result.err
        item, = pawl.run("reserve", "list", "--json").json()["reservations"]
        assert item["user"] == role and item["id"] == number
        connection.execute("SELECT pawl.end_reservation(%s)", [number])
    ledger.assert_whole(pg)
    pawl.run("deploy", check=0)


@pytest.mark.parametrize("until, reason", [
    ("now() - interval '1 s'", "'x'"), ("now() + interval '31 days'", "'x'"), ("'infinity'", "'x'"),
    ("NULL", "'x'"), ("'-infinity'", "'x'"), ("now() + interval '1 h'", "NULL"),
    ("now() + interval '1 h'", "e' \\n'"), ("now() + interval '1 h'", "repeat('x', 1001)"),
])
def test_the_function_refuses_what_the_command_refuses(team, pg, until, reason):
    before = ledger.whole_dump(pg)
    with pg.cluster.connect(pg.name, user=team[1]) as connection:
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            connection.execute(f"SELECT pawl.reserve({until}, {reason})")
    assert ledger.whole_dump(pg) == before


@pytest.mark.parametrize("reason", HOSTILE)
def test_hostile_reasons_in_sql(team, pg, reason):
    pawl, role = team
    with pg.cluster.connect(pg.name, user=role) as connection:
        connection.execute("SELECT pawl.reserve(now() + interval '1 h', %s)", [reason])
    assert last(pg).facts["reason"] == reason
    ledger.assert_whole(pg)
    result = pawl.run("deploy", check=5)
    assert not set("\x1b\x07\r") & set(result.err)


def test_the_zone_of_the_session_is_taken(team, pg):
    local = datetime.now(timezone(timedelta(hours=-3))).replace(microsecond=0) + timedelta(hours=1)
    with pg.cluster.connect(pg.name, user=team[1]) as connection:
        connection.execute("SET TimeZone = 'Etc/GMT+3'")
        connection.execute("SET DateStyle = 'German'")
        connection.execute("SELECT pawl.reserve(%s, 'x')", [f"{local:%d.%m.%Y %H:%M:%S}"])
    assert datetime.fromisoformat(last(pg).facts["until"].replace("Z", "+00:00")) == local


def test_the_team_may_do_nothing_else(team, pg):
    pawl, role = team
    other = pg.role("other")
    reserve(pawl)
    with pg.cluster.connect(pg.name, user=role) as connection:
        for statement in ("SELECT seq FROM pawl.journal", "SELECT * FROM pawl.head",
                          "SELECT pawl.append('reserved',NULL,NULL,NULL,NULL,'{}',NULL,NULL)",
                          "SELECT pawl.enter(1, 1)", "CREATE TABLE pawl.mine (id int)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
        (own,), = connection.execute("SELECT pawl.reserve(now() + interval '1 h', 'x')")
    before = ledger.whole_dump(pg)
    for user, error in ((other, psycopg.errors.InsufficientPrivilege),
                        (role, psycopg.errors.InvalidParameterValue)):
        with pg.cluster.connect(pg.name, user=user) as connection:
            for statement in (f"SELECT pawl.end_reservation({own - 1})", "SELECT pawl.end_reservation(1)",
                              "SELECT pawl.reserve(now(), 'x')"):
                with pytest.raises(error):
                    connection.execute(statement)
    assert ledger.whole_dump(pg) == before


def test_one_of_the_team_cannot_end_what_another_role_has_reserved(team, pg):
    role = team[1]
    second = pg.role("second")
    pg.query(f"GRANT {role} TO {second}")
    with pg.cluster.connect(pg.name, user=second) as connection:
        (number,), = connection.execute("SELECT pawl.reserve(now() + interval '1 h', 'x')")
    assert last(pg).facts["user"] == second
    with pg.cluster.connect(pg.name, user=role) as connection:
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="has made no reservation"):
            connection.execute("SELECT pawl.end_reservation(%s)", [number])


def test_types_of_the_caller_do_not_reach_the_owner(team, pg):
    """A temporary schema is searched for types first, unless it is named last."""
    role = team[1]
    pg.query("CREATE TABLE trace (who text)")
    with pg.cluster.connect(pg.name, user=role) as connection:
        connection.execute("CREATE FUNCTION pg_temp.spy(v anyelement) RETURNS bool LANGUAGE plpgsql AS $$"
                           "BEGIN INSERT INTO public.trace VALUES (current_user); RETURN true; END $$")
        for name, base in (("timestamptz", "pg_catalog.timestamptz"), ("text", "pg_catalog.text")):
            connection.execute(f"CREATE DOMAIN pg_temp.{name} AS {base} CHECK (pg_temp.spy(VALUE))")
        connection.execute("SELECT pawl.reserve(now() + interval '1 h', 'x'::pg_catalog.text)")
    assert pg.query("SELECT * FROM trace") == []
    ledger.assert_whole(pg)


def test_who_reserves_beside_a_deploy_is_warned(team, pg):
    pawl, role = team
    warned = []
    with pg.cluster.connect(pg.name, user=role) as connection:
        connection.add_notice_handler(lambda notice: warned.append(notice.message_primary))
        connection.execute("SELECT pawl.reserve(now() + interval '1 s', 'x')")
        assert warned == []
        with gate(pg):
            connection.execute("SELECT pawl.reserve(now() + interval '1 h', 'x')")
    assert len(warned) == 1 and "a deploy is at work" in warned[0]


def test_a_reservation_that_was_first_holds_the_deploy_that_did_not_see_it(team, pg):
    """It is committed after the deploy's look, and before its begin row."""
    pawl, role = team
    with pg.cluster.connect(pg.name, user=role) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT pawl.reserve(now() + interval '1 h', 'early')")
        deploy = pawl.spawn("deploy")
        wait_until(lambda: pg.query("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "
                                    "datname = current_database() AND query LIKE '%%append(%%'"),
                   "the deploy waits for the head")
        connection.execute("COMMIT")
        result = deploy.finish(check=5)
    assert "early" in result.err and "b" not in pg.tables()
    assert ledger.events(pg)[-3:] == ["reserved", "begin", "stopped"]
    ledger.assert_whole(pg)


def test_a_transaction_that_keeps_the_head_is_named(team, pg):
    pawl, role = team
    with pg.cluster.connect(pg.name, user=role, application_name="notebook") as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT pawl.reserve(now() + interval '1 h', 'x')")
        result = pawl.run("deploy", "--wait", "0", check=5)
        assert "head is locked by session" in result.err and role in result.err and "notebook" in result.err
        connection.execute("ROLLBACK")
    pawl.run("deploy", check=0)


def test_behind_a_pooler(make_pawl, bouncer):
    pawl = make_pawl(bouncer.url)
    pawl.write(f"{version(1)}_a", "CREATE TABLE a (id int);")
    pawl.run("deploy", check=0)
    pawl.write(f"{version(2)}_b", "CREATE TABLE b (id int);")
    number = reserve(pawl, "--json").json()["id"]
    pawl.run("deploy", check=5)
    pawl.run("reserve", "end", number, check=0)
    pawl.run("deploy", check=0)


# ---- the rights, and ledgers of older builds ----

def load(engine, pawl, name, tmp_path):
    """The ledger and the files of that fixture."""
    folder = FIXTURES / name
    if engine.engine == "postgres":
        file = tmp_path / "dump.sql"
        shutil.copy(folder / "postgres.sql", file)
        assert engine.psql(file).returncode == 0
    else:
        engine.query("PRAGMA user_version")
        with engine.connect() as connection:
            connection.executescript((folder / "sqlite.sql").read_text())
    shutil.copytree(folder / engine.engine, pawl.migrations, dirs_exist_ok=True)


@pytest.mark.parametrize("name", ["journal-1", "journal-2"])
def test_an_older_ledger_takes_both(pawl, engine, tmp_path, name):
    load(engine, pawl, name, tmp_path)
    pawl.write(f"{version(20)}_today", "CREATE TABLE today (id int);")
    number = reserve(pawl, "--json").json()["id"]
    pawl.run("maintenance", "on", "--reason", "x", check=0)
    pawl.run("deploy", check=5)
    pawl.run("reserve", "end", number, check=0)
    pawl.run("deploy", check=0)
    ledger.assert_whole(engine)


@pytest.mark.parametrize("name", ["journal-1", "journal-2"])
def test_an_older_ledger_gets_the_function_with_the_next_deploy(make_pawl, pg, tmp_path, name):
    pawl = make_pawl()
    role = pg.role("team")
    load(pg, pawl, name, tmp_path)
    pawl.config({"target.main": {"url": pg.url, "reserve_role": role}})
    before = ledger.whole_dump(pg)
    pawl.run("deploy", check=0)  # with nothing to do nothing is written
    assert ledger.whole_dump(pg) == before
    pawl.write(f"{version(20)}_today", "CREATE TABLE today (id int);")
    pawl.run("deploy", check=0)
    with pg.cluster.connect(pg.name, user=role) as connection:
        connection.execute("SELECT pawl.reserve(now() + interval '1 h', 'x')")
    ledger.assert_whole(pg)
    pawl.write(f"{version(21)}_later", "CREATE TABLE later (id int);")
    pawl.run("deploy", check=5)


def test_both_roles_may_be_one(make_pawl, pg):
    """What one right brings is not taken for the other."""
    role = pg.role("both")
    pawl = make_pawl()
    pawl.config({"target.main": {"url": pg.url, "reserve_role": role}})
    pawl.write(f"{version(1)}_a", "CREATE TABLE a (id int);")
    pawl.run("deploy", check=0)
    assert pawl.run("--url", pg.url_as(role), "ready").code == 9
    pawl.config({"target.main": {"url": pg.url, "reserve_role": role, "app_role": role}})
    pawl.write(f"{version(2)}_b", "CREATE TABLE b (id int);")
    pawl.run("deploy", check=0)
    pawl.run("maintenance", "on", "--reason", "secret", check=0)
    result = pawl.run("--url", pg.url_as(role), "ready", check=0)
    assert "maintenance is on" in result.err and "secret" not in result.err


def test_a_role_that_is_not_there(make_pawl, pg):
    pawl = make_pawl()
    pawl.config({"target.main": {"url": pg.url, "reserve_role": "nobody here"}})
    pawl.write(f"{version(1)}_a", "CREATE TABLE a (id int);")
    result = pawl.run("deploy")
    assert result.code != 0 and "reserve_role" in result.err and "a" not in pg.tables()


# ---- maintenance ----

def test_maintenance_shows_and_stops_nothing(deployed, engine):
    deployed.run("maintenance", "on", "--reason", "release 2", check=0)
    row = last(engine)
    assert (row.event, row.digest) == ("maintenance_on", None) and row.facts["pid"] > 0
    for args in (["status"], ["maintenance"]):
        out = deployed.run(*args, check=0).out
        assert "maintenance is on since" in out and "release 2" in out and getpass.getuser() in out
    ready = deployed.run("ready", check=4)  # the verdict is what it is
    assert "maintenance is on since" in ready.err
    bad = deployed.write(f"{version(3)}_c", "CREATE TABEL c (id int);")
    deployed.run("deploy", check=1)
    assert deployed.run("maintenance", "--json").json()["on"] is True
    bad.unlink()
    ready = deployed.run("ready", "--json", check=0)
    assert "maintenance is on" in ready.err
    assert ready.json()["maintenance_since"] == deployed.run("maintenance", "--json").json()["since"]
    deployed.run("maintenance", "on", "--reason", "longer", check=0)
    assert deployed.run("maintenance", "--json").json()["reason"] == "longer"
    deployed.run("maintenance", "off", check=0)
    assert last(engine).event == "maintenance_off"
    unchanged(deployed, engine, "maintenance", "off", code=0)
    for args in (["status"], ["ready"]):
        result = deployed.run(*args, check=0)
        assert "maintenance is" not in result.out + result.err
    assert deployed.run("ready", "--json").json()["maintenance_since"] is None
    ledger.assert_whole(engine)


# ---- two operators ----

def test_two_reserve_at_once(deployed, engine):
    processes = [deployed.spawn("reserve", "--until", "1h", "--reason", f"reason {n}") for n in range(8)]
    for process in processes:
        process.finish(check=0)
    items = deployed.run("reserve", "list", "--json").json()["reservations"]
    assert sorted(item["reason"] for item in items) == [f"reason {n}" for n in range(8)]
    ledger.assert_whole(engine)


def test_a_repair_beside_a_deploy_is_told_who_deploys(make_pawl, pg):
    pawl = make_pawl(pg.url)
    name = f"{version(1)}_a"
    pawl.write(name, "CREATE TABLE a (id int);")
    pawl.run("deploy", check=0)
    waiting = pawl.write(f"{version(2)}_b", "SELECT pg_advisory_xact_lock_shared(77);")
    with pg.connect() as holder:
        holder.execute("SELECT pg_advisory_lock(77)")
        deploy = pawl.spawn("deploy")
        wait_until(lambda: ledger.events(pg)[-1] == "begin", "the deploy has begun")
        waiting.unlink()
        pawl.write(name, "CREATE TABLE a (id integer);")
        before = ledger.whole_dump(pg)
        result = pawl.run("repair", "--accept-edit", name, "--reason", "the same", check=5)
        assert f"process {deploy.pid} of {getpass.getuser()} on {socket.gethostname()}" in result.err
        assert "since" in result.err and "Nothing was changed" in result.err
        assert ledger.whole_dump(pg) == before
        holder.execute("SELECT pg_advisory_unlock(77)")
        deploy.finish(check=0)


def test_rows_of_adopt_and_repair_say_who(pawl, engine):
    name = f"{version(1)}_a"
    engine.query("CREATE TABLE a (id int)")
    pawl.write(name, "CREATE TABLE a (id int);")
    pawl.run("adopt", "--as-of", name, check=0)
    pawl.write(name, "CREATE TABLE a (id integer);")
    pawl.run("repair", "--accept-edit", name, "--reason", "the same", check=0)
    who = (getpass.getuser(), socket.gethostname())
    for row in ledger.rows(engine):
        assert (row.facts["user"], row.facts["host"]) == who and row.facts["pid"] > 0, row
    assert ledger.events(engine) == ["created", "adopted", "edit_accepted"]
    result = pawl.run("adopt", "--as-of", name, check=3)
    assert f"created by {who[0]} on {who[1]}" in result.err


def test_the_detail_is_json_of_known_members(deployed, engine):
    reserve(deployed)
    assert set(json.loads(last(engine).detail)) == {"until", "reason", "user", "host", "pid"}
    deployed.run("maintenance", "on", "--reason", "x", check=0)
    assert set(json.loads(last(engine).detail)) == {"reason", "user", "host", "pid"}
