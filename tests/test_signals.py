"""SIGINT and SIGTERM end a deploy wherever it is: at once, rolled back, and on the record."""

import os
import re
import signal
import socket
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from support.container import NAMESPACE, send_inside
from support.ledger import Journal
from support.namespace import NAMESPACE, send_inside
from support.proxy import Proxy
from support.server import wait_until
from support.sqlite import SqliteDatabase

# Published in docs/ledger.md: the mutex of the ledger "pawl".
MUTEX_KEY = 9174880829889271197

# About one second is promised; the limit leaves room for a busy machine and the sanitizers.
PROMPT_S = 5

BOTH = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])


def stop(process, number):
    """Sends the signal and returns the result, which must say so and come at once."""
    sent = time.monotonic()
    process.signal(number)
    result = process.finish(timeout=30)
    assert result.code == 128 + number, str(result)
    assert time.monotonic() - sent < PROMPT_S, str(result)
    assert "stopped on request" in result.err, str(result)
    return result


def wait_for_handlers(process):
    """Returns once pawl takes signals: sooner they end it as they end any program, and a busy machine
    may need long to get there."""
    def caught():
        assert process.running, str(process.finish())
        status = Path(f"/proc/{process.pid}/status").read_text()
        mask = int(re.search(r"^SigCgt:\s*(\w+)$", status, re.MULTILINE)[1], 16)
        return all(mask >> number - 1 & 1 for number in (signal.SIGINT, signal.SIGTERM))

    wait_until(caught, "pawl handles signals")


def backends(pg):
    return pg.query("SELECT pid FROM pg_stat_activity WHERE application_name = 'pawl'"
                    " AND datname = current_database()")


def wait_for_query(pg, words):
    wait_until(lambda: pg.query(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'pawl' AND state = 'active'"
        " AND datname = current_database() AND query LIKE %s", f"%{words}%"), f"{words} runs")


def check_stopped(database, applied=()):
    """The attempt has ended as stopped, and nothing of it goes on."""
    journal = Journal(database).verify()
    assert journal.applied() == list(applied), str(journal)
    assert [row.event for row in journal.rows][-1] == "stopped", str(journal)
    assert journal.open_attempts() == []
    if database.engine == "postgres":
        wait_until(lambda: not backends(database), "pawl's backend ends", PROMPT_S)
    return journal


@BOTH
def test_while_it_waits_for_the_mutex(pg, make_pawl, number):
    pawl = make_pawl(pg.url)
    pawl.write("20250101000001_a", "CREATE TABLE a (id int);")
    with pg.connect() as other:
        other.execute("SELECT pg_advisory_lock(%s)", [MUTEX_KEY])
        process = pawl.spawn("deploy")
        process.wait_for("another deploy holds the mutex")
        stop(process, number)
        assert pg.tables() == [] and Journal(pg).rows == []
    pawl.run("deploy", check=0)
    assert pg.tables() == ["a"]


@BOTH
def test_in_a_pause_between_two_tries(pg, make_pawl, number):
    pawl = make_pawl(pg.url)
    pawl.write("20250101000001_a", "CREATE TABLE a (id int);")
    pawl.run("deploy", check=0)
    pawl.write("20250101000002_b", "CREATE TABLE b (id int); ALTER TABLE a ADD COLUMN b int;")
    with pg.connect() as other:
        other.execute("BEGIN; LOCK TABLE a")
        process = pawl.spawn("deploy")
        process.wait_for("trying again")
        # The pauses grow: after this note the process is in one, or in its next short try.
        stop(process, number)
    check_stopped(pg, ["20250101000001_a"])
    assert pg.tables() == ["a"]
    pawl.run("deploy", check=0)
    assert pg.tables() == ["a", "b"]


@BOTH
@pytest.mark.parametrize("text", [
    "CREATE TABLE b (id int); SELECT pg_sleep(600);",
    "CREATE TABLE b (id int); DO $$ BEGIN PERFORM pg_sleep(600); END $$; SELECT pg_sleep(600);",
], ids=["statement", "do"])
def test_in_a_long_statement(pg, make_pawl, number, text):
    pawl = make_pawl(pg.url)
    pawl.write("20250101000001_a", "CREATE TABLE a (id int);")
    pawl.write("20250101000002_b", text)
    process = pawl.spawn("deploy")
    wait_for_query(pg, "pg_sleep")
    result = stop(process, number)
    assert "20250101000002_b" in result.err and "rolled back" in result.err
    journal = check_stopped(pg, ["20250101000001_a"])
    assert journal.rows[-1].migration == "20250101000002_b"
    assert pg.tables() == ["a"]
    pawl.write("20250101000002_b", "CREATE TABLE b (id int);")
    pawl.run("deploy", check=0)
    assert pg.tables() == ["a", "b"]


def test_in_a_long_statement_as_json(pg, make_pawl):
    pawl = make_pawl(pg.url)
    pawl.write("20250101000001_a", "SELECT pg_sleep(600);")
    process = pawl.spawn("deploy", "--json")
    wait_for_query(pg, "pg_sleep")
    process.signal(signal.SIGTERM)
    report = process.finish(check=128 + signal.SIGTERM).json()
    assert report["exit"] == 143 and report["ok"] is False
    assert report["error"]["code"] == "signal"


def test_between_many_short_statements(pg, make_pawl):
    """A cancel request that arrives between two statements of a pipeline cancels neither."""
    pawl = make_pawl(pg.url)
    pawl.write("20250101000001_a", "CREATE TABLE a (id int);" + "SELECT pg_sleep(0.002);" * 5000)
    for moment in range(6):
        process = pawl.spawn("deploy")
        wait_for_query(pg, "pg_sleep")
        time.sleep(moment * 0.0213)
        stop(process, signal.SIGTERM)
        assert pg.tables() == []
        check_stopped(pg)


def test_a_statement_that_hides_its_cancellation(pg, make_pawl):
    """The function goes on when it is cancelled: pawl does not, and says what it cannot know."""
    pawl = make_pawl(pg.url)
    pawl.write("20250101000001_a", """
        CREATE TABLE a (id int);
        DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(600);
        EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$;""")
    process = pawl.spawn("deploy")
    wait_for_query(pg, "DO")
    sent = time.monotonic()
    process.signal(signal.SIGTERM)
    result = process.finish(timeout=30)
    assert time.monotonic() - sent < 2 * PROMPT_S, str(result)
    assert result.code in (7, 143), str(result)
    assert "did not confirm" in result.err and "not known yet" in result.err, str(result)
    # The server notices that its client is gone, as it looks every second; before 14 a person has to.
    if pg.cluster.major < 14:
        pg.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                 " WHERE application_name = 'pawl' AND datname = current_database()")
    wait_until(lambda: not backends(pg), "pawl's backend ends", 10)
    pawl.write("20250101000001_a", "CREATE TABLE a (id int);")
    pawl.run("deploy", check=0)
    assert pg.tables() == ["a"] and Journal(pg).verify().open_attempts() == []


@contextmanager
def hanging_server():
    """Takes connections and never says a word."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        taken = []

        def accept():
            while True:
                try:
                    taken.append(listener.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1], taken
        for connection in taken:
            connection.close()
        listener.shutdown(socket.SHUT_RDWR)


@BOTH
@pytest.mark.parametrize("command", ["deploy", "ready", "status"])
def test_while_it_connects_to_a_server_that_hangs(make_pawl, number, command):
    with hanging_server() as (port, taken):
        pawl = make_pawl(f"postgres://postgres@127.0.0.1:{port}/db")
        pawl.write("20250101000001_a", "CREATE TABLE a (id int);")
        process = pawl.spawn(command)
        wait_until(lambda: taken, "pawl connects")
        stop(process, number)


@BOTH
def test_while_a_concurrent_index_is_built(pg, make_pawl, number):
    pawl = make_pawl(pg.url)
    pawl.write("20250101000001_a", "CREATE TABLE a (id int);")
    pawl.run("deploy", check=0)
    pawl.write("20250101000002_index", "CREATE INDEX CONCURRENTLY a_id_idx ON a (id);")
    with pg.connect() as other:
        other.execute("BEGIN; INSERT INTO a VALUES (1)")
        process = pawl.spawn("deploy")
        wait_until(lambda: pg.query("SELECT 1 FROM pg_index WHERE NOT indisvalid"),
                   "the index is being built")
        result = stop(process, number)
        assert "pawl deploy resumes" in result.err
        check_stopped(pg, ["20250101000001_a"])
    again = pawl.run("deploy", check=0)
    assert pg.query("SELECT indisvalid FROM pg_index WHERE indexrelid = 'a_id_idx'::regclass") == [
        (True,)], str(again)
    assert Journal(pg).verify().applied() == ["20250101000001_a", "20250101000002_index"]


ENDLESS = """
    CREATE TABLE b (n);
    INSERT INTO b WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
      SELECT count(*) FROM c;"""


@BOTH
def test_sqlite_in_a_long_statement(tmp_path, make_pawl, number):
    database = SqliteDatabase(tmp_path / "a.db")
    pawl = make_pawl(database.url)
    pawl.write("20250101000001_a", "CREATE TABLE a (id int);")
    pawl.write("20250101000002_b", ENDLESS)
    process = pawl.spawn("deploy")
    process.wait_for("applied  20250101000001_a")
    time.sleep(0.3)  # into the statement; before it, the outcome is the same
    stop(process, number)
    check_stopped(database, ["20250101000001_a"])
    assert database.tables() == ["a"]
    pawl.write("20250101000002_b", "CREATE TABLE b (n);")
    pawl.run("deploy", check=0)
    assert database.tables() == ["a", "b"]


@BOTH
@pytest.mark.parametrize("command", ["deploy", "ready", "status"])
def test_sqlite_while_it_waits_for_a_writer(tmp_path, make_pawl, number, command):
    database = SqliteDatabase(tmp_path / "a.db")
    pawl = make_pawl(database.url)
    pawl.write("20250101000001_a", "CREATE TABLE a (id int);")
    pawl.run("deploy", check=0)
    pawl.write("20250101000002_b", "CREATE TABLE b (id int);")
    with closing(database.connect()) as other:
        other.execute("BEGIN EXCLUSIVE")
        process = pawl.spawn(command)
        wait_for_handlers(process)
        time.sleep(0.5)  # into the wait; before it, the outcome is the same
        assert process.running, str(process.finish())
        stop(process, number)
    pawl.run("deploy", check=0)
    journal = Journal(database).verify()
    assert database.tables() == ["a", "b"] and journal.open_attempts() == []


def test_a_second_signal_changes_nothing(pg, make_pawl):
    pawl = make_pawl(pg.url)
    pawl.write("20250101000001_a", "CREATE TABLE a (id int); SELECT pg_sleep(600);")
    process = pawl.spawn("deploy")
    wait_for_query(pg, "pg_sleep")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        process.signal(number)
    result = process.finish(timeout=30)
    assert result.code in (128 + signal.SIGTERM, 128 + signal.SIGINT), str(result)
    check_stopped(pg)
    assert pg.tables() == []


def test_while_ready_waits(pg, make_pawl):
    pawl = make_pawl(pg.url)
    pawl.write("20250101000001_a", "CREATE TABLE a (id int);")
    process = pawl.spawn("ready", "--wait", "10m")
    wait_for_handlers(process)
    time.sleep(1)  # a second look or its pause
    assert process.running, str(process.finish())
    stop(process, signal.SIGTERM)


def fewest_files(process):
    """How many files it has open in a pause: over half a second there is one."""
    def count():
        time.sleep(0.01)
        return len(os.listdir(f"/proc/{process.pid}/fd"))

    return min(count() for _ in range(50))


def test_ready_may_wait_for_long(tmp_path, make_pawl):
    """Hundreds of looks use no more files than one."""
    database = SqliteDatabase(tmp_path / "a.db")
    pawl = make_pawl(database.url)
    pawl.write("20250101000001_a", "CREATE TABLE a (id int);")
    process = pawl.spawn("ready", "--wait", "10m")
    wait_for_handlers(process)
    before = fewest_files(process)
    time.sleep(2)
    assert fewest_files(process) <= before + 1
    stop(process, signal.SIGTERM)


def test_when_the_network_is_gone(proxy, make_pawl):
    """Nothing arrives any more, the request to cancel neither: pawl still ends."""
    pawl = make_pawl(proxy.url)
    pawl.write("20250101000001_a", "CREATE TABLE a (id int); SELECT pg_sleep(600);")
    proxy.at("silence", contains=b"pg_sleep", deliver=True)
    process = pawl.spawn("deploy")
    proxy.wait_fired()
    proxy.silence()
    sent = time.monotonic()
    process.signal(signal.SIGTERM)
    result = process.finish(timeout=40)
    assert result.code in (7, 128 + signal.SIGTERM), str(result)
    assert time.monotonic() - sent < 2 * PROMPT_S, str(result)


# ---- as PID 1 of a container ----

@BOTH
def test_as_process_1(pg, make_pawl, number):
    pawl = make_pawl(pg.url)
    pawl.write("20250101000001_a", "CREATE TABLE a (id int); SELECT pg_sleep(600);")
    outer = pawl.spawn("deploy", under=NAMESPACE)
    wait_for_query(pg, "pg_sleep")
    send_inside(outer, number)
    outer.finish(timeout=30, check=128 + number)
    check_stopped(pg)
    # The next process 1 is another process, whatever its number.
    pawl.write("20250101000001_a", "CREATE TABLE a (id int);")
    pawl.run("deploy", check=0)
    assert pg.tables() == ["a"]


def test_killed_as_process_1_and_started_again_as_process_1(tmp_path, make_pawl):
    """Both have the number 1 on the same host: the start time tells them apart."""
    database = SqliteDatabase(tmp_path / "a.db")
    pawl = make_pawl(database.url)
    pawl.write("20250101000001_a", ENDLESS)
    first = pawl.spawn("deploy", under=NAMESPACE)

    def begun():
        assert first.running, str(first.finish())
        return database.path.exists() and Journal(database).of("begin")

    wait_until(begun, "it begins")
    send_inside(first, signal.SIGKILL)
    first.finish(timeout=30)
    [begin] = Journal(database).open_attempts()
    assert begin.facts["pid"] == 1
    pawl.write("20250101000001_a", "CREATE TABLE a (id int);")
    pawl.spawn("deploy", "--wait", "5s", under=NAMESPACE).finish(timeout=30, check=0)
    journal = Journal(database).verify()
    assert len(journal.of("abandoned")) == 1 and journal.applied() == ["20250101000001_a"]


# In each of these pawl waits: they give its target, its words, and what returns once it does.

@contextmanager
def for_a_server_that_hangs(pg, pawl):
    with hanging_server() as (port, taken):
        yield (f"postgres://postgres@127.0.0.1:{port}/db", ["deploy"],
               lambda process: wait_until(lambda: taken, "pawl connects"))


@contextmanager
def for_the_mutex(pg, pawl):
    with pg.connect() as other:
        other.execute("SELECT pg_advisory_lock(%s)", [MUTEX_KEY])
        yield pg.url, ["deploy"], lambda process: process.wait_for("another deploy holds the mutex")


@contextmanager
def for_the_next_try(pg, pawl):
    with pg.connect() as other:
        other.execute("BEGIN; LOCK TABLE base")
        yield pg.url, ["deploy"], lambda process: process.wait_for("trying again")


@contextmanager
def for_the_answer_to_commit(pg, pawl):
    with Proxy(pg.cluster, pg.name) as proxy:
        # The first one is that of the begin row.
        proxy.at("silence", contains=b"COMMIT\0", nth=2, connection=1, deliver=True)
        yield proxy.url, ["deploy"], lambda process: proxy.wait_fired()


@contextmanager
def for_a_concurrent_index(pg, pawl):
    pawl.write("20250101000002_a", "CREATE INDEX CONCURRENTLY base_idx ON base (id);")
    with pg.connect() as other:
        other.execute("BEGIN; INSERT INTO base VALUES (1)")
        yield pg.url, ["deploy"], lambda process: wait_until(
            lambda: pg.query("SELECT 1 FROM pg_index WHERE NOT indisvalid"), "the index is being built")


@contextmanager
def for_being_ready(pg, pawl):
    def waits(process):
        time.sleep(2)  # the second look or its pause
        assert process.running, str(process.finish())

    yield pg.url, ["ready", "--wait", "10m"], waits


STATES = (for_a_server_that_hangs, for_the_mutex, for_the_next_try, for_the_answer_to_commit,
          for_a_concurrent_index, for_being_ready)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_as_process_1_while_it_waits(pg, make_pawl, state, number):
    pawl = make_pawl(pg.url)
    pg.query("CREATE TABLE base (id int)")
    pawl.run("adopt", "--as-of", "none", check=0)
    pawl.write("20250101000002_a", "ALTER TABLE base ADD COLUMN a int;")
    with state(pg, pawl) as (url, words, arrived):
        outer = pawl.spawn("--url", url, *words, under=NAMESPACE)
        arrived(outer)
        sent = time.monotonic()
        send_inside(outer, number)
        result = outer.finish(timeout=30, check=128 + number)
        assert time.monotonic() - sent < PROMPT_S, str(result)
    again = pawl.run("deploy", check=0)
    journal = Journal(pg).verify()
    assert journal.applied() == ["20250101000002_a"], f"{again}\n{journal}"
    assert pg.query("SELECT 1 FROM pg_index WHERE NOT indisvalid") == []
