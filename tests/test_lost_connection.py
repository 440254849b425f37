"""A connection that is lost at any message: what pawl says of the outcome is true.

PAWL_TEST_FULL=1 cuts at every message (make test-faults); without it at every few.
"""

import os
import re
import signal
import threading
from contextlib import closing

import pytest
from psycopg import sql
from support.ledger import Journal
from support.pawl import Pawl
from support.postgres import Database
from support.proxy import Proxy
from support.server import wait_until

FULL = os.environ.get("PAWL_TEST_FULL") == "1"

FIRST = "20250101000001_first"
HISTORY = {
    "20250101000002_a": "CREATE TABLE a (id int); INSERT INTO a VALUES (1);",
    "20250101000003_b": "CREATE TABLE b (id int); INSERT INTO b VALUES (1);",
    "20250101000004_c": "CREATE TABLE c (id int); INSERT INTO c VALUES (1);",
}
TABLE_OF = {name: name[-1] for name in HISTORY}


class Wire:
    """Fresh databases with a ledger, each behind a proxy of its own."""

    def __init__(self, cluster, tmp_path):
        self.cluster = cluster
        self.checkout = Pawl(tmp_path, name="wire")
        self.count = 0
        self.template = self._make("template1")
        self.checkout.write(FIRST, "CREATE TABLE first (id int);")
        self.deploy(self.template.url, check=0)
        for name, text in HISTORY.items():
            self.checkout.write(name, text)

    def _make(self, template):
        self.count += 1
        name = f"wire_{os.getpid()}_{id(self)}_{self.count}"
        self.cluster.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template)))
        return Database(self.cluster, name)

    def fresh(self):
        return self._make(self.template.name)

    def deploy(self, url, *args, **options):
        return self.checkout.run("--url", url, "deploy", *args, **options)

    def close(self):
        self.checkout.close()
        self.template.drop()


@pytest.fixture
def wire(cluster, tmp_path):
    with closing(Wire(cluster, tmp_path)) as made:
        yield made


def truth(database):
    """The ids that are applied; the journal and the tables must say the same."""
    journal = Journal(database).verify()
    applied = journal.applied()
    assert len(applied) == len(set(applied)), str(journal)
    tables = database.tables()
    for name, table in TABLE_OF.items():
        assert (name in applied) == (table in tables), f"{name}\n{journal}"
        if table in tables:
            assert database.query(f"SELECT count(*) FROM {table}") == [(1,)], str(journal)
    return set(applied) - {FIRST}


def check_true(result, applied, where):
    """Nothing that pawl said is false."""
    said = set(re.findall(r"^applied  (\S+)", result.out, re.MULTILINE))
    assert said <= applied, f"{where}: says applied, is not\n{result}"
    if result.code == 0:
        assert applied == set(HISTORY), f"{where}: exit 0 without everything\n{result}"
    for name in re.findall(r'"(\S+)" was rolled back', result.err):
        assert name not in applied, f"{where}: says rolled back, is applied\n{result}"
    for name in re.findall(r'was lost in "(\S+)"; it was not applied', result.err):
        assert name not in applied, f"{where}: says not applied, is applied\n{result}"
    counted = re.search(r"Applied by this run: (\d+)", result.err)
    if counted:
        assert int(counted[1]) == len(applied), f"{where}: a wrong number\n{result}"
    if "Nothing was changed" in result.err:
        assert not applied, f"{where}: says nothing was changed\n{result}"
    if result.code != 0 and applied != said:
        assert "not known yet" in result.err, f"{where}: keeps silent about what it did\n{result}"


def check_exactly_once(wire, database, where):
    again = wire.deploy(database.url)
    assert again.code == 0, f"{where}\n{again}"
    assert truth(database) == set(HISTORY), where
    assert Journal(database).open_attempts() == [], where


def clean_counts(wire):
    database = wire.fresh()
    with Proxy(wire.cluster, database.name) as proxy:
        wire.deploy(proxy.url, check=0)
        counts = {sender: proxy.count(sender) for sender in ("client", "server")}
    assert truth(database) == set(HISTORY)
    database.drop()
    assert counts["client"] > 60 and counts["server"] > 60
    return counts


CUTS = [
    ("cut", "client", False),         # the server never gets the message
    ("cut", "client", True),          # it does, and pawl does not hear the answer
    ("cut", "server", False),         # the answer gets lost
    ("cut_client", "client", True),   # and the server does not know that pawl is gone
    ("cut_client", "server", False),
]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("action", "sender", "deliver"), CUTS)
def test_cut_at_a_message(wire, action, sender, deliver):
    total = clean_counts(wire)[sender]
    # pawl gives a server that does not know of the cut some seconds: fewer of these.
    stride = 1 if FULL else 40 if action == "cut_client" else 17
    offset = 0 if FULL else CUTS.index((action, sender, deliver))  # that the short runs differ
    codes = {}
    for nth in range(1 + offset, total + 1, stride):
        where = f"{action} at message {nth} of {total} from the {sender}, deliver={deliver}"
        database = wire.fresh()
        with Proxy(wire.cluster, database.name) as proxy:
            proxy.at(action, nth=nth, sender=sender, deliver=deliver)
            result = wire.deploy(proxy.url)
            assert proxy.fired.is_set(), where
        # What the server still has to end; its answer would be no proof before.
        wait_until(lambda: not database.query(
            "SELECT 1 FROM pg_stat_activity WHERE application_name = 'pawl'"
            " AND datname = current_database()"), f"{where}: the backends end", 20)
        check_true(result, truth(database), where)
        # The server could be asked: there is no excuse for not knowing.
        assert "not known yet" not in result.err, f"{where}\n{result}"
        assert result.code in (0, 1, 9), f"{where}\n{result}"
        codes[result.code] = codes.get(result.code, 0) + 1
        check_exactly_once(wire, database, where)
        database.drop()
    assert len(codes) > 1, codes


def test_cut_before_commit(wire):
    """The server has run all statements of the second migration and never gets its COMMIT."""
    database = wire.fresh()
    with Proxy(wire.cluster, database.name) as proxy:
        proxy.at("cut", nth=3, contains=b"COMMIT\0")  # the first is that of the begin row
        result = wire.deploy(proxy.url)
        proxy.wait_fired()
    assert result.code == 1, str(result)
    assert 'was lost in "20250101000003_b"; it was not applied' in result.err, str(result)
    assert truth(database) == {"20250101000002_a"}
    assert Journal(database).rows[-1].event == "failed"
    check_exactly_once(wire, database, "cut before COMMIT")
    database.drop()


@pytest.mark.parametrize("sender", ["client", "server"])
def test_cut_in_the_middle_of_a_message(wire, sender):
    database = wire.fresh()
    with Proxy(wire.cluster, database.name) as proxy:
        wire.deploy(proxy.url, check=0)
        total = sum(len(message.data) for message in proxy.messages if message.sender == sender)
    database.drop()
    for part in range(1, 12):
        where = f"after {total * part // 12} of {total} bytes from the {sender}"
        database = wire.fresh()
        with Proxy(wire.cluster, database.name) as proxy:
            proxy.after_bytes("cut", total * part // 12, sender)
            result = wire.deploy(proxy.url)
            assert proxy.fired.is_set(), where
        check_true(result, truth(database), where)
        assert result.code in (0, 1, 9) and "not known yet" not in result.err, f"{where}\n{result}"
        check_exactly_once(wire, database, where)
        database.drop()


def test_committed_and_the_answer_lost(wire):
    """The server has committed, pawl never heard: it asks, finds the row and goes on."""
    database = wire.fresh()
    with Proxy(wire.cluster, database.name) as proxy:
        proxy.at("cut", nth=2, sender="server", type="C", contains=b"COMMIT\0")
        result = wire.deploy(proxy.url)
        proxy.wait_fired()
    assert result.code == 0, str(result)
    assert truth(database) == set(HISTORY)
    assert Journal(database).of("abandoned") == []
    database.drop()


@pytest.mark.parametrize("committed", [False, True])
def test_the_server_does_not_come_back(wire, committed):
    """Nobody can be asked: pawl says that it does not know, and the next deploy finds out."""
    database = wire.fresh()
    with Proxy(wire.cluster, database.name) as proxy:
        if committed:
            proxy.at("silence", nth=2, sender="server", type="C", contains=b"COMMIT\0")
        else:
            proxy.at("silence", nth=1, sender="client", contains=b"CREATE TABLE a")
        process = wire.checkout.spawn("--url", proxy.url, "deploy", "--wait", "2s")
        proxy.wait_fired()
        proxy.refuse()
        proxy.cut()
        result = process.finish()
        assert result.code == 7, str(result)
        assert "20250101000002_a" in result.err and "not known yet" in result.err
        assert re.search(r"backend \d+, attempt [0-9a-f]{16}", result.err)
        assert "pawl deploy" in result.err and "rolled back" not in result.err
        proxy.accept()
        again = wire.deploy(proxy.url)
    assert again.code == 0, str(again)
    assert truth(database) == set(HISTORY)
    journal = Journal(database)
    assert len(journal.of("abandoned")) == 1 and journal.open_attempts() == []
    assert (HISTORY.keys() - set(re.findall(r"^applied  (\S+)", again.out, re.MULTILINE))
            == ({"20250101000002_a"} if committed else set()))
    database.drop()


def test_the_server_comes_back_late(wire):
    """Within --wait: pawl waits for it, and then knows."""
    database = wire.fresh()
    with Proxy(wire.cluster, database.name) as proxy:
        proxy.at("silence", nth=2, sender="server", type="C", contains=b"COMMIT\0")
        process = wire.checkout.spawn("--url", proxy.url, "deploy")
        proxy.wait_fired()
        proxy.refuse()
        proxy.cut()
        threading.Event().wait(1.5)
        assert process.running, str(process.finish())
        proxy.accept()
        result = process.finish()
    assert result.code == 0, str(result)
    assert truth(database) == set(HISTORY)
    database.drop()


def test_stopped_while_the_server_is_away(wire):
    database = wire.fresh()
    with Proxy(wire.cluster, database.name) as proxy:
        proxy.at("silence", nth=1, sender="client", contains=b"CREATE TABLE a")
        process = wire.checkout.spawn("--url", proxy.url, "deploy")
        proxy.wait_fired()
        proxy.refuse()
        proxy.cut()
        threading.Event().wait(0.5)
        assert process.running, str(process.finish())
        process.signal(signal.SIGTERM)
        result = process.finish(timeout=10)
    assert result.code in (7, 143) and "not known yet" in result.err, str(result)
    check_exactly_once(wire, database, "after the stop")
    database.drop()


# ---- the server ends the connection ----

def terminate(database, words):
    wait_until(lambda: database.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pawl'"
        " AND state = 'active' AND datname = current_database() AND query LIKE %s", f"%{words}%"),
        f"{words} runs")


def test_terminated_in_a_statement(pg, make_pawl):
    pawl = make_pawl(pg.url)
    pawl.write("20250101000001_a", "CREATE TABLE a (id int);")
    pawl.write("20250101000002_b", "CREATE TABLE b (id int); SELECT pg_sleep(600);")
    process = pawl.spawn("deploy")
    terminate(pg, "pg_sleep")
    result = process.finish(check=1)
    assert "terminating connection" in result.err and "was not applied" in result.err
    assert pg.tables() == ["a"]
    journal = Journal(pg).verify()
    assert journal.rows[-1].event == "failed" and journal.rows[-1].facts["sqlstate"] == "57P01"
    pawl.write("20250101000002_b", "CREATE TABLE b (id int);")
    pawl.run("deploy", check=0)
    assert pg.tables() == ["a", "b"]


# Errors of a statement with a SQLSTATE that lost connections have too.
LIVELY = {
    "a parameter": ("08P01", "SELECT $1;", "nothing gives $1 a value"),
    "a parameter among others": ("08P01", "CREATE TABLE b (id int);\nSELECT $1::int;\nSELECT 1;", "$1 a value"),
    "raised as a failed connection": (
        "08006", "CREATE TABLE b (id int); DO $$ BEGIN RAISE 'no' USING ERRCODE = '08006'; END $$;", "deploy again"),
    "raised as a shutdown": ("57P01", "DO $$ BEGIN RAISE 'no' USING ERRCODE = '57P01'; END $$;", "deploy again"),
}


@pytest.mark.parametrize("case", LIVELY)
def test_an_error_of_a_lost_connection_that_is_none(pg, make_pawl, case):
    sqlstate, text, next_step = LIVELY[case]
    pawl = make_pawl(pg.url)
    pawl.write("20250101000001_a", "CREATE TABLE a (id int);")
    pawl.write("20250101000002_b", text)
    result = pawl.run("deploy", check=1)
    assert f"SQLSTATE {sqlstate}" in result.err and "connection was lost" not in result.err, str(result)
    assert '"20250101000002_b" was rolled back. Applied by this run: 1 of 2.' in result.err, str(result)
    assert next_step in result.err.split("next:")[1], str(result)
    line = text[:text.find("SELECT $1")].count("\n") + 1 if "$1" in text else 1
    assert f"at migrations/20250101000002_b.sql:{line}:" in result.err, str(result)
    journal = Journal(pg).verify()
    assert journal.rows[-1].event == "failed" and journal.rows[-1].facts["sqlstate"] == sqlstate
    pawl.write("20250101000002_b", "CREATE TABLE b (id int);")
    pawl.run("deploy", check=0)
    assert pg.tables() == ["a", "b"]


def test_terminated_while_a_concurrent_index_is_built(pg, make_pawl):
    pawl = make_pawl(pg.url)
    pawl.write("20250101000001_a", "CREATE TABLE a (id int);")
    pawl.run("deploy", check=0)
    pawl.write("20250101000002_index", "CREATE INDEX CONCURRENTLY a_idx ON a (id);")
    with pg.connect() as other:
        other.execute("BEGIN; INSERT INTO a VALUES (1)")
        process = pawl.spawn("deploy")
        wait_until(lambda: pg.query("SELECT 1 FROM pg_index WHERE NOT indisvalid"), "it is built")
        terminate(pg, "CREATE INDEX CONCURRENTLY")
        result = process.finish(check=7)
    assert "20250101000002_index" in result.err and "pawl deploy" in result.err
    pawl.run("deploy", check=0)
    assert pg.query("SELECT 1 FROM pg_index WHERE NOT indisvalid") == []
    assert Journal(pg).verify().applied() == ["20250101000001_a", "20250101000002_index"]


def test_terminated_while_it_waits_for_the_mutex(pg, make_pawl):
    pawl = make_pawl(pg.url)
    pawl.write("20250101000001_a", "CREATE TABLE a (id int);")
    with pg.connect() as other:
        other.execute("SELECT pg_advisory_lock(9174880829889271197)")
        process = pawl.spawn("deploy")
        process.wait_for("another deploy holds the mutex")
        pg.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                 " WHERE application_name = 'pawl' AND datname = current_database()")
        result = process.finish()
    assert result.code == 9, str(result)
    assert pg.tables() == []
    pawl.run("deploy", check=0)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["restart", "crash"])
def test_server_restart_in_a_statement(make_cluster, make_pawl, how):
    # With fsync off, a crash of the server alone loses nothing: the kernel has the pages.
    cluster = make_cluster()
    database = cluster.create_database()
    pawl = make_pawl(database.url)
    pawl.write("20250101000001_a", "CREATE TABLE a (id int);")
    pawl.write("20250101000002_b", "CREATE TABLE b (id int); SELECT pg_sleep(600);")
    process = pawl.spawn("deploy")
    wait_until(lambda: database.query(
        "SELECT 1 FROM pg_stat_activity WHERE application_name = 'pawl' AND state = 'active'"
        " AND query LIKE '%pg_sleep%'"), "pg_sleep runs")
    cluster.restart(how)
    result = process.finish(check=1)
    assert "was not applied" in result.err and "20250101000002_b" in result.err, str(result)
    journal = Journal(database).verify()
    assert journal.applied() == ["20250101000001_a"] and database.tables() == ["a"]
    pawl.write("20250101000002_b", "CREATE TABLE b (id int);")
    pawl.run("deploy", check=0)
    assert database.tables() == ["a", "b"] and Journal(database).verify().open_attempts() == []


@pytest.mark.timeout(180)
def test_server_restart_in_a_concurrent_index(make_cluster, make_pawl):
    cluster = make_cluster()
    database = cluster.create_database()
    pawl = make_pawl(database.url)
    pawl.write("20250101000001_a", "CREATE TABLE a (id int);")
    pawl.run("deploy", check=0)
    pawl.write("20250101000002_index", "CREATE INDEX CONCURRENTLY a_idx ON a (id);")
    with closing(database.connect()) as other:
        other.execute("BEGIN; INSERT INTO a VALUES (1)")
        process = pawl.spawn("deploy")
        wait_until(lambda: database.query("SELECT 1 FROM pg_index WHERE NOT indisvalid"), "built")
        cluster.restart()
    process.finish(check=7)
    pawl.run("deploy", check=0)
    assert database.query("SELECT 1 FROM pg_index WHERE NOT indisvalid") == []
    assert Journal(database).verify().applied() == ["20250101000001_a", "20250101000002_index"]


def test_a_step_after_a_lost_connection(wire):
    """The new connection has no session lock yet: it is taken before a step that needs it."""
    database = wire.fresh()
    wire.checkout.write("20250101000005_index", "CREATE INDEX CONCURRENTLY c_idx ON c (id);")
    with Proxy(wire.cluster, database.name) as proxy:
        proxy.at("cut", nth=2, sender="server", type="C", contains=b"COMMIT\0")
        result = wire.deploy(proxy.url)
        proxy.wait_fired()
    assert result.code == 0, str(result)
    assert truth(database) - {"20250101000005_index"} == set(HISTORY)
    assert database.query("SELECT indisvalid FROM pg_index WHERE indexrelid = 'c_idx'::regclass")
    database.drop()


@pytest.mark.parametrize("command", ["ready", "status", "log"])
def test_a_reader_says_that_it_could_not_read(wire, command):
    with Proxy(wire.cluster, wire.template.name) as proxy:
        wire.checkout.run("--url", proxy.url, command)
        total = proxy.count("server")
    for nth in range(1, total + 1, 1 if FULL else 3):
        with Proxy(wire.cluster, wire.template.name) as proxy:
            proxy.at("cut", nth=nth, sender="server")
            result = wire.checkout.run("--url", proxy.url, command)
            assert proxy.fired.is_set()
        assert result.code == 9, f"message {nth} of {total}\n{result}"
        assert re.search("connection|connect|server", result.err), str(result)
