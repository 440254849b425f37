"""`pawl blockers`, and what `pawl status` says of a deploy: who, behind whom, and how to end that."""

import os
import re
import signal
import subprocess
import threading
from contextlib import closing, contextmanager

import psycopg
import pytest

from support.ledger import version
from support.pgbouncer import Bouncer
from support.pawl import clean_environment, pawl_binary
from support.postgres import CLIENT_BINARIES
from support.server import wait_until
from support.sqlite import SqliteDatabase
from test_races import mutex_key

FIRST, SECOND = f"{version(1)}_users", f"{version(2)}_email"
ADD_COLUMN = "ALTER TABLE users ADD COLUMN email text"


@pytest.fixture
def pawl(make_pawl, pg):
    """One table is there, and the second migration wants to alter it, without giving way."""
    return checkout(make_pawl, pg.url)


def checkout(make_pawl, url, name="checkout"):
    made = make_pawl(name=name)
    made.config({"target.main": {"url": url}, "deploy": {"lock_timeout": "5m"}})
    made.write(FIRST, "CREATE TABLE users (id int PRIMARY KEY);")
    made.run("deploy", check=0)
    made.write(SECOND, f"{ADD_COLUMN};")
    return made


@contextmanager
def in_background(database, *statements):
    """The last statement runs in a thread; what it raised is ignored, as somebody ends it."""
    with closing(database.connect()) as connection:
        for statement in statements[:-1]:
            connection.execute(statement)

        def run():
            try:
                connection.execute(statements[-1])
            except psycopg.Error:
                pass

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield connection
        finally:
            connection.cancel()
            thread.join(30)


@contextmanager
def holding(database, *statements, name="report"):
    """A session idle in transaction."""
    with closing(database.connect(application_name=name)) as connection:
        connection.execute("BEGIN")
        for statement in statements:
            connection.execute(statement)
        yield connection


def waiting(database, count, lock="relation"):
    wait_until(lambda: database.query(
        "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted AND locktype = %s", lock)[0][0] >= count,
        f"{count} sessions wait")


def look(pawl, *args, code=5):
    report = pawl.run("blockers", "--json", *args, check=code).json()
    parts = {part: [row for row in report["sessions"] if row["part"] == part]
             for part in ("deploy", "blocker", "waiter", "other")}
    return report, parts


def psql(database, command):
    done = subprocess.run([CLIENT_BINARIES / "psql", "-X", "-At", "-v", "ON_ERROR_STOP=1", "-d", database.url,
                           "-c", command], text=True, capture_output=True, timeout=60, check=True)
    return done.stdout


# ---- a deploy behind one session ----

def test_a_deploy_behind_an_idle_transaction(pawl, pg):
    with holding(pg, "SELECT 'a  long\n\treport' FROM users") as report_session:
        deploy = pawl.spawn("deploy", "--release", "1.1")
        waiting(pg, 1)
        with in_background(pg, "SELECT * FROM users") as reader:
            waiting(pg, 2)
            report, parts = look(pawl)
            text = pawl.run("blockers", check=5).out
            status = pawl.run("status", check=0).out
            target, = pawl.run("status", "--json", check=0).json()["targets"]

            own, = parts["deploy"]
            assert own["pid"] == report["deploy"]["backend"] == target["deploy"]["backend"]
            assert (ADD_COLUMN in own["query"] and own["state"] == "active"
                    and own["lock"]["mode"] == "AccessExclusiveLock"
                    and own["lock"]["object"] == "public.users")
            told = report["deploy"]
            assert told["pid"] == deploy.pid and told["process"] == "running" and told["in_progress"]
            assert (told["migration"], told["number"], told["total"]) == (SECOND, 1, 1)
            assert told["release"] == "1.1" and told["waits_for"] == "public.users"
            assert told["waiting"] == 1 and told["longest_wait_ms"] >= 0

            root, = parts["blocker"]
            assert root["pid"] == report_session.info.backend_pid == told["in_the_way"]
            assert root["root"] and root["direct"] and root["application"] == "report"
            assert root["state"] == "idle in transaction" and root["query"].startswith("SELECT 'a  long")
            assert root["end"] == f"SELECT pg_terminate_backend({root['pid']})" and not root["end_cancels"]
            assert [row["pid"] for row in parts["waiter"]] == [reader.info.backend_pid]
            assert parts["waiter"][0]["query"] == "SELECT * FROM users"

            for wanted in (f"backend {own['pid']}", f"backend {root['pid']}", '"report"', "release 1.1",
                           f"at {SECOND}, 1 of 1", "waits for AccessExclusiveLock on public.users",
                           "SELECT 'a long report' FROM users", "1 session waits",
                           f"kill -INT {deploy.pid}", root["end"] + ";"):
                assert wanted in text, wanted
            assert f"in its way: backend {root['pid']} (user" in status and f"at {SECOND}, 1 of 1" in status
            assert target["deploy"]["in_the_way"] == root["pid"]

            # What was printed is what helps.
            printed = re.search(rf"to end it: (SELECT pg_terminate_backend\({root['pid']}\));", text)
            psql(pg, printed[1])
            deploy.finish(check=0)
    assert pawl.run("blockers", check=0).out.count("no deploy in progress") == 1
    assert "deploy in progress" not in pawl.run("status", check=0).out


def test_the_root_of_a_chain(pawl, pg):
    """The first holds what the second waits for, and the second what the deploy waits for."""
    pg.query("CREATE TABLE other (id int)")
    with holding(pg, "LOCK TABLE other", name="first") as first:
        with in_background(pg, "BEGIN; LOCK TABLE users IN SHARE MODE", "SELECT * FROM other") as second:
            waiting(pg, 1)
            with in_background(pg, "INSERT INTO users VALUES (9)") as ahead:
                waiting(pg, 2)
                deploy = pawl.spawn("deploy")
                waiting(pg, 3)
                _, parts = look(pawl)
                assert [(row["pid"], row["root"], row["direct"]) for row in parts["blocker"]][0] == (
                    first.info.backend_pid, True, False)
                # Who waits himself is no root, nor is who stands before us in the queue.
                rest = {row["pid"]: row["root"] for row in parts["blocker"][1:]}
                assert rest[second.info.backend_pid] is False
                assert rest.get(ahead.info.backend_pid, False) is False
                psql(pg, parts["blocker"][0]["end"])
                wait_until(lambda: second.info.transaction_status
                           == psycopg.pq.TransactionStatus.INTRANS, "the second has its answer")
                second.execute("ROLLBACK")
                deploy.finish(check=0)


def test_a_prepared_transaction(pawl, pg):
    with holding(pg, "SELECT * FROM users", name="two-phase") as session:
        session.execute("INSERT INTO users VALUES (7)")
        session.execute("PREPARE TRANSACTION 'it''s \\ \x01\n odd'")
    deploy = pawl.spawn("deploy")
    waiting(pg, 1)
    _, parts = look(pawl)
    root, = parts["blocker"]
    assert root["gid"] == "it's \\ \x01\n odd" and root["pid"] is None and root["root"]
    assert root["state"] == "prepared" and root["database"] == pg.name and "superuser" in root["end_takes"]
    text = pawl.run("blockers", check=5).out
    assert 'the prepared transaction "it' in text and "\x01" not in text
    # As printed, in one line, it says the same.
    psql(pg, re.search(r"to end it: (ROLLBACK PREPARED .*);$", text, re.MULTILINE)[1])
    deploy.finish(check=0)


def test_of_two_prepared_transactions_the_one_in_the_way(pawl, pg):
    for number, mode in enumerate(["ROW EXCLUSIVE", "ACCESS SHARE"]):
        with holding(pg, f"LOCK TABLE users IN {mode} MODE") as session:
            session.execute("SELECT pg_current_xact_id()")
            session.execute(f"PREPARE TRANSACTION 'number {number}'")
    try:
        pawl.write(SECOND, "LOCK TABLE users IN SHARE MODE;")
        deploy = pawl.spawn("deploy")
        waiting(pg, 1)
        _, parts = look(pawl, "--older-than", "1h")
        assert [row["gid"] for row in parts["blocker"]] == ["number 0"]
        assert [row["gid"] for row in parts["other"]] == ["number 1"] and parts["other"][0]["written"]
        psql(pg, parts["blocker"][0]["end"])
        deploy.finish(check=0)
    finally:
        for gid, in pg.query("SELECT gid FROM pg_prepared_xacts WHERE database = current_database()"):
            psql(pg, f"ROLLBACK PREPARED '{gid}'")


@pytest.mark.timeout(180)
def test_an_autovacuum_worker(make_cluster, make_pawl):
    """The one that prevents wraparound, which gives way to nobody; slowed down, to be seen."""
    database = make_cluster(autovacuum_naptime="1s").create_database()
    pawl = checkout(make_pawl, database.url)
    # Off, as the ordinary one would be at the table first; against wraparound it comes all the same.
    database.query("ALTER TABLE users SET (autovacuum_enabled = off, autovacuum_freeze_max_age = 100000,"
                   " autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)")
    database.query("INSERT INTO users SELECT generate_series(1, 100000)")
    database.query("CREATE PROCEDURE burn() LANGUAGE plpgsql AS $$ BEGIN"
                   " FOR i IN 1..101000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$")
    with database.connect(options="-c synchronous_commit=off") as connection:
        connection.execute("CALL burn()")
    wait_until(lambda: database.query(
        "SELECT 1 FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE backend_type = 'autovacuum worker'"
        " AND relation = 'users'::regclass AND mode = 'ShareUpdateExclusiveLock' AND query LIKE %s",
        "%wraparound)"), "the worker is at the table", 120)
    deploy = pawl.spawn("deploy")
    waiting(database, 1)
    _, parts = look(pawl)
    worker, = parts["blocker"]
    assert worker["wraparound"] and worker["type"] == "autovacuum worker" and worker["root"]
    assert worker["end"] == f"SELECT pg_cancel_backend({worker['pid']})" and worker["user"] is None
    assert "it does not give way by itself" in pawl.run("blockers", check=5).out
    psql(database, worker["end"])
    deploy.finish(check=0)


def test_progress_of_an_index_and_who_holds_it_up(pawl, pg):
    pawl.write(SECOND, "CREATE INDEX CONCURRENTLY users_idx ON users (id);")
    with closing(pg.connect(application_name="snapshot")) as holder:
        holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        holder.execute("SELECT 1")
        _, parts = look(pawl, "--older-than", "1h", code=0)
        assert [(row["pid"], row["snapshot"], row["old"]) for row in parts["other"]] == [
            (holder.info.backend_pid, True, False)]
        assert "would wait for 1" in pawl.run("blockers", check=0).out
        deploy = pawl.spawn("deploy")
        waiting(pg, 1, "virtualxid")
        report, parts = look(pawl)
        progress = report["deploy"]["progress"]
        assert progress["command"] == "CREATE INDEX CONCURRENTLY"
        assert progress["relation"] == "public.users" and progress["phase"] == "waiting for old snapshots"
        assert progress["locker_pid"] == holder.info.backend_pid and progress["lockers_total"] >= 1
        root, = parts["blocker"]
        assert root["pid"] == holder.info.backend_pid and root["snapshot"]
        assert re.search(r"CREATE INDEX CONCURRENTLY on public.users: waiting for old snapshots, .*"
                         rf"now for backend {root['pid']}\n", pawl.run("blockers", check=5).out)
        psql(pg, root["end"])
        deploy.finish(check=0)


# ---- no deploy, or one that is not what it seems ----

def test_old_transactions_alone_are_not_in_the_way(pawl, pg):
    with holding(pg, "SELECT 1", name="forgotten") as session:
        _, parts = look(pawl, "--older-than", "0", code=0)
        assert session.info.backend_pid in [row["pid"] for row in parts["other"] if row["old"]]
        text = pawl.run("blockers", "--older-than", "0", check=0).out
        assert "no deploy in progress" in text and 'application "forgotten"' in text
        assert f"SELECT pg_terminate_backend({session.info.backend_pid});" in text
        assert look(pawl, code=0)[1]["other"] == []


def test_without_a_ledger(make_pawl, pg):
    report, _ = look(make_pawl(pg.url), code=0)
    assert report["deploy"] is None and report["ok"]


def test_a_killed_deploy_whose_backend_still_runs(pawl, pg):
    never = "SET LOCAL client_connection_check_interval = 0; " if pg.cluster.major >= 14 else ""
    pawl.write(SECOND, f"{never}{ADD_COLUMN};")
    with holding(pg, "SELECT * FROM users"):
        deploy = pawl.spawn("deploy")
        waiting(pg, 1)
        deploy.kill()
        report, parts = look(pawl)
        assert report["deploy"]["process"] == "gone" and report["deploy"]["in_progress"]
        assert report["deploy"]["migration"] == SECOND and len(parts["blocker"]) == 1
        text = pawl.run("blockers", check=5).out
        assert "a killed deploy still runs in the server" in text and "(gone)" in text
        own, = parts["deploy"]
        assert f"to end it: {own['end']};" in text and "kill -INT" not in text
        assert "a killed deploy still runs in the server" in pawl.run("status", check=0).out
        psql(pg, own["end"])
        wait_until(lambda: not pg.query("SELECT 1 FROM pg_stat_activity WHERE pid = %s", own["pid"]),
                   "the backend has ended")
    report, parts = look(pawl, code=0)
    assert not report["deploy"]["in_progress"] and report["deploy"]["process"] == "gone"
    text = pawl.run("blockers", check=0).out
    assert "no deploy in progress" in text and "has no end" in text and f"was at {SECOND}" in text
    pawl.run("deploy", check=0)
    assert look(pawl, code=0)[0]["deploy"] is None


def test_somebody_else_with_the_mutex(pawl, pg):
    """A deploy that has not begun, or whoever took the published key."""
    with pg.connect(application_name="by hand") as other:
        other.execute(f"SELECT pg_advisory_lock({mutex_key()})")
        report, parts = look(pawl)
        assert report["deploy"]["begin"] is None and report["deploy"]["in_progress"]
        own, = parts["deploy"]
        assert own["application"] == "by hand"
        assert f"to end it: SELECT pg_terminate_backend({own['pid']});" in pawl.run("blockers", check=5).out


# ---- how it is looked at ----

def test_a_role_that_may_see_little(pawl, pg, make_pawl):
    role = pg.role("watcher")
    pg.query(f"GRANT USAGE ON SCHEMA pawl TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA pawl TO {role}")
    limited = make_pawl(pg.url_as(role), name="limited")
    with holding(pg, "SELECT 'secret' FROM users") as session:
        deploy = pawl.spawn("deploy")
        waiting(pg, 1)
        report, parts = look(limited)
        assert report["hidden"] and report["role"] == role
        root, = parts["blocker"]
        assert root["pid"] == session.info.backend_pid and root["hidden"] and root["root"]
        assert root["query"] == "<insufficient privilege>" and root["state"] is None
        assert not root["may_end"] and root["end_takes"] == "a superuser"
        assert report["deploy"]["migration"] == SECOND
        text = limited.run("blockers", check=5).out
        assert f'GRANT pg_read_all_stats TO "{role}";' in text and "secret" not in text
        assert "what it does is hidden from this role" in text and "takes a superuser" in text
        # The statement that is offered does what it says.
        psql(pg, f'GRANT pg_read_all_stats TO "{role}"')
        report, parts = look(limited)
        assert not report["hidden"] and "secret" in parts["blocker"][0]["query"]
        psql(pg, parts["blocker"][0]["end"])
        deploy.finish(check=0)


def test_an_ordinary_role_may_be_ended_by_itself_and_by_its_members(pawl, pg, make_pawl):
    app, other = pg.role("app"), pg.role("other")
    pg.query(f"GRANT SELECT ON users TO {app}; GRANT USAGE ON SCHEMA pawl TO {app}, {other};"
             f"GRANT SELECT ON ALL TABLES IN SCHEMA pawl TO {app}, {other}")
    with closing(psycopg.connect(pg.url_as(app))) as session:
        session.execute("SELECT * FROM users")
        deploy = pawl.spawn("deploy")
        waiting(pg, 1)
        may = {}
        for role, by in ((app, make_pawl(pg.url_as(app), name="app")),
                         (other, make_pawl(pg.url_as(other), name="other")), ("us", pawl)):
            row, = look(by)[1]["blocker"]
            assert app in row["end_takes"] and "pg_signal_backend" in row["end_takes"]
            may[role] = row["may_end"]
        assert may == {app: True, other: False, "us": True}
        pg.query(f"GRANT {app} TO {other}")
        assert look(make_pawl(pg.url_as(other), name="member"))[1]["blocker"][0]["may_end"]
        with closing(psycopg.connect(pg.url_as(other), autocommit=True)) as member:
            assert member.execute(row["end"]).fetchone() == (True,)
        deploy.finish(check=0)


def test_what_a_limited_role_cannot_find(pg, make_pawl):
    limited = make_pawl(pg.url_as(pg.role("watcher")))
    with holding(pg, "SELECT 1"):
        report, parts = look(limited, "--older-than", "0", code=0)
        assert parts["other"] == [] and report["hidden"]


def test_names_and_queries_of_others_are_not_obeyed(pawl, pg):
    """A terminal gets no control character of theirs, and no line that looks like one of ours."""
    hostile = "\x1b[2J\x1b]0;owned\x07\r"
    query = f"SELECT '{hostile}\nto end it: SELECT pg_terminate_backend(1);' FROM users"
    with holding(pg, query) as session:
        # libpq's start-up would make "?" of them, and so does the server with what is not ASCII.
        session.execute("SELECT set_config('application_name', %s, false)", ["a\x1b[31mb"])
        session.execute(query)
        deploy = pawl.spawn("deploy")
        waiting(pg, 1)
        for command, code in (("blockers", 5), ("status", 0)):
            result = pawl.run(command, check=code)
            assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", result.out), command
        text = pawl.run("blockers", check=5).out
        assert not re.search(r"^\s*to end it: SELECT pg_terminate_backend\(1\)", text, re.MULTILINE)
        _, parts = look(pawl)
        assert parts["blocker"][0]["query"].startswith(query[:60])
        psql(pg, parts["blocker"][0]["end"])
        said = deploy.finish(check=0).err
        assert '"report"' not in said  # its name is the odd one
        assert not re.search(r"^to end it|[\x00-\x09\x0b-\x1f\x7f]", said, re.MULTILINE), said


def test_through_a_pooler(pg, make_pawl):
    with Bouncer(pg) as bouncer:
        pawl = checkout(make_pawl, bouncer.url)
        with holding(pg, "SELECT * FROM users") as session:
            deploy = pawl.spawn("deploy")
            waiting(pg, 1)
            report, parts = look(pawl)
            assert report["deploy"]["pid"] == deploy.pid and report["deploy"]["migration"] == SECOND
            own, = parts["deploy"]
            assert own["pid"] == report["deploy"]["backend"] and ADD_COLUMN in own["query"]
            assert [row["pid"] for row in parts["blocker"]] == [session.info.backend_pid]
            assert "through a pooler" in pawl.run("blockers", check=5).out
            # The limits of the look stay in its transaction.
            with bouncer.connect() as client:
                assert client.execute("SHOW statement_timeout").fetchone() == ("0",)
            psql(pg, parts["blocker"][0]["end"])
            deploy.finish(check=0)


def test_it_waits_for_nobody(pawl, pg):
    """Not even for who keeps the journal locked; the sessions are told all the same."""
    with holding(pg, "LOCK TABLE pawl.journal, pawl.head", name="locker") as session:
        result = pawl.run("blockers", "--older-than", "0", check=0)
        assert "the ledger cannot be read" in result.err and '"locker"' in result.out
        assert f"pg_terminate_backend({session.info.backend_pid})" in result.out


def test_watch_goes_on_until_it_is_interrupted(pawl, pg):
    process = pawl.spawn("blockers", "--watch")
    wait_until(lambda: process.out.count("no deploy in progress") >= 2, "two pictures")
    assert "\x1b" not in process.out  # no terminal
    process.signal(signal.SIGINT)
    assert process.finish().code == 130


def test_watch_redraws_a_terminal(pawl, pg):
    master, slave = os.openpty()
    process = subprocess.Popen([pawl_binary(), "blockers", "--watch"], cwd=pawl.folder, stdin=slave,
                               stdout=slave, stderr=slave, env=clean_environment())
    os.close(slave)
    seen = b""
    try:
        while seen.count(b"\x1b[H\x1b[J") < 2:
            seen += os.read(master, 4096)
        process.send_signal(signal.SIGINT)
        while True:
            try:
                if not os.read(master, 4096):
                    break
            except OSError:
                break
        assert process.wait(30) == 130
    finally:
        process.kill()
        os.close(master)
    assert b"no deploy in progress" in seen


def test_watch_is_not_one_object(pawl):
    assert "give one" in pawl.run("blockers", "--watch", "--json", check=2).json()["error"]["message"]
    assert "--older-than takes a duration" in pawl.run("blockers", "--older-than", "soon", check=2).err


# ---- SQLite ----

def test_a_killed_deploy_on_sqlite(make_pawl, tmp_path):
    for number, name in enumerate(["counted", "killed"]):
        database = SqliteDatabase(tmp_path / f"{name}.db")
        pawl = checkout(make_pawl, database.url, name)
        report, _ = look(pawl, code=0)
        assert report["deploy"] is None and report["sessions"] == [] and report["role"] is None
        log = tmp_path / "points"
        if number == 0:
            pawl.run("deploy", env={"PAWL_FAULT_LOG": log}, check=0)
        else:
            point = log.read_text().split("\n").index("begun") + 1
            assert pawl.run("deploy", env={"PAWL_FAULT_KILL": point}).code == -signal.SIGKILL
    report, _ = look(pawl, code=0)
    told = report["deploy"]
    assert told["process"] == "gone" and not told["in_progress"] and told["migration"] == SECOND
    assert f"was at {SECOND}, 1 of 1" in pawl.run("blockers", check=0).out
    assert f"was at {SECOND}, 1 of 1" in pawl.run("status", check=0).out


def test_a_deploy_at_work_on_sqlite(make_pawl, tmp_path):
    database = SqliteDatabase(tmp_path / "database.db")
    pawl = checkout(make_pawl, database.url)
    pawl.write(SECOND, "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)"
                       " INSERT INTO users SELECT n FROM c WHERE n < 0;")
    deploy = pawl.spawn("deploy", "--release", "1.1")
    told = wait_until(lambda: pawl.run("blockers", "--json").json()["deploy"], "it has begun")
    assert told["in_progress"] and told["process"] == "running" and told["pid"] == deploy.pid
    assert told["migration"] == SECOND and told["backend"] is None
    text = pawl.run("blockers", check=5).out
    assert "deploy in progress: release 1.1" in text and f"kill -INT {deploy.pid}" in text
    assert "deploy in progress: release 1.1" in pawl.run("status", check=0).out
    deploy.signal(signal.SIGINT)
    assert deploy.finish().code == 130
    assert pawl.run("blockers", "--json", check=0).json()["deploy"] is None
