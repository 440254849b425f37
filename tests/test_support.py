"""The test bench itself: a bench that is wrong makes every test on it worthless."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from support.pawl import Pawl
from support.postgres import Cluster
from support.proxy import Proxy
from support.server import server_folder, wait_until


# PostgreSQL

def test_a_cluster_answers_and_runs_as_nobody_special(pg):
    assert pg.query("SELECT 1 + %s", 1) == [(2,)]
    assert pg.cluster.data.stat().st_uid != 0
    assert len(str(pg.cluster.folder / ".s.PGSQL.6543")) < 107
    assert pg.query("SHOW fsync") == [("off",)]
    assert pg.query("SHOW max_connections") == [("200",)]
    assert pg.query("SHOW listen_addresses") == [("",)]


def test_databases_are_apart(cluster):
    first, second = cluster.create_database(), cluster.create_database()
    try:
        first.query("CREATE TABLE only_here (id int)")
        assert first.tables() == ["only_here"]
        assert second.tables() == []
    finally:
        first.drop()
        second.drop()
    with cluster.connect() as connection:
        names = [name for name, in connection.execute("SELECT datname FROM pg_database")]
    assert first.name not in names and second.name not in names


def test_a_database_is_dropped_under_an_open_session(cluster):
    database = cluster.create_database()
    role = database.role("app")
    database.query(f"CREATE TABLE t (id int); GRANT SELECT ON t TO {role}")
    session = database.connect()
    database.drop()
    with pytest.raises(psycopg.OperationalError):
        session.execute("SELECT 1")
    with cluster.connect() as connection:
        assert connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchall() == []


def test_a_role_connects_as_itself(pg):
    role = pg.role("app")
    with psycopg.connect(pg.url_as(role)) as connection:
        assert connection.execute("SELECT session_user").fetchone() == (role,)


def test_psql_runs_a_file_up_to_its_first_error(pg, tmp_path):
    file = tmp_path / "file.sql"
    file.write_text("CREATE TABLE a (id int);\nSELECT 1/0;\nCREATE TABLE b (id int);\n")
    result = pg.psql(file)
    assert result.returncode == 3 and "division by zero" in result.stderr
    assert pg.tables() == ["a"]


def test_a_password_is_asked_for(cluster_tcp):
    for tcp in (False, True):
        with psycopg.connect(cluster_tcp.url(tcp=tcp)) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(cluster_tcp.url(tcp=tcp, password="wrong"))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_a_cluster_restarts_with_its_data(make_cluster, how):
    server = make_cluster(max_connections=20)
    server.execute("CREATE TABLE kept (id int)")
    session = server.connect()
    server.restart(how)
    with pytest.raises(psycopg.OperationalError):
        session.execute("SELECT 1")
    with server.connect() as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
        assert connection.execute("SHOW max_connections").fetchone() == ("20",)


def test_a_cluster_that_cannot_start_says_why_and_leaves_nothing(monkeypatch):
    folders = []

    def recorded(name):
        folders.append(server_folder(name))
        return folders[-1]

    monkeypatch.setattr("support.server.server_folder", recorded)
    with pytest.raises(RuntimeError, match="no_such_setting"):
        Cluster(no_such_setting="on")
    assert len(folders) == 1 and not folders[0].exists()


def test_a_cluster_dies_with_its_test_run(tmp_path):
    script = ("from support.postgres import Cluster\n"
              "import time\n"
              "print(Cluster().process.pid, flush=True)\n"
              "time.sleep(60)\n")
    run = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True,
                           env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)})
    server = int(run.stdout.readline())
    assert Path(f"/proc/{server}").exists()
    folder = Path(os.readlink(f"/proc/{server}/cwd")).parent
    run.kill()
    run.wait()
    wait_until(lambda: not Path(f"/proc/{server}").exists(), "the server ends")
    subprocess.run(["rm", "-rf", "--", str(folder)], check=True)


# Both engines

def test_an_engine_has_the_small_interface(engine):
    assert engine.tables() == []
    empty = engine.dump()
    engine.query("CREATE TABLE b (id integer PRIMARY KEY); CREATE TABLE a (id integer)")
    engine.query("INSERT INTO b VALUES (%s)", 7)
    assert engine.query("SELECT id FROM b") == [(7,)]
    assert engine.tables() == ["a", "b"]
    full = engine.dump()
    assert full != empty and full == engine.dump()
    engine.query("DROP TABLE a; DROP TABLE b")
    assert engine.dump() == empty


def test_the_ledger_is_not_in_the_dump(engine):
    empty = engine.dump()
    ledger = {"postgres": "CREATE SCHEMA pawl; CREATE TABLE pawl.journal (seq int)",
              "sqlite": "CREATE TABLE pawl_journal (seq int); CREATE INDEX i ON pawl_journal (seq)"}
    engine.query(ledger[engine.engine])
    assert engine.dump() == empty
    assert engine.tables() == []


# PgBouncer

def test_pgbouncer_shares_three_connections(bouncer):
    clients = [bouncer.connect() for _ in range(50)]
    backends = {client.execute("SELECT pg_backend_pid()").fetchone()[0] for client in clients}
    assert len(backends) <= 3
    with clients[0].transaction():
        first = clients[0].execute("SELECT pg_backend_pid()").fetchone()
        assert clients[0].execute("SELECT pg_backend_pid()").fetchone() == first
        assert first[0] != clients[0].info.backend_pid
    for client in clients:
        client.close()


def test_pgbouncer_refuses_startup_options_and_has_a_console(bouncer):
    with pytest.raises(psycopg.OperationalError, match="unsupported startup parameter"):
        bouncer.connect(options="-c lock_timeout=1s")
    bouncer.connect().execute("SELECT 1")
    pools = [pool for pool in bouncer.admin("SHOW POOLS") if pool["database"] == bouncer.database.name]
    assert pools[0]["pool_mode"] == "transaction"


# The proxy

def connect(network):
    return psycopg.connect(network.url, autocommit=True)


def test_a_proxy_passes_everything(proxy):
    with connect(proxy) as connection:
        text = "x" * 1_000_000
        assert connection.execute("SELECT %s", [text]).fetchone() == (text,)
    assert proxy.count(type="startup") == 1
    assert proxy.count("server", type="D") == 1
    wait_until(lambda: proxy.count(type="X") == 1, "the goodbye is seen")


def test_a_proxy_listens_on_tcp_with_tls_refused(pg):
    with Proxy(pg.cluster, pg.name, tcp=True) as network:
        with connect(network) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert network.count(type="request") >= 1
        assert network.count(type="startup") == 1


def test_a_proxy_delays(proxy):
    connection = connect(proxy)
    proxy.delay_s = 0.2
    start = time.monotonic()
    connection.execute("SELECT 1")
    assert time.monotonic() - start >= 0.4
    proxy.delay_s = 0


@pytest.mark.parametrize("deliver", [False, True])
def test_a_proxy_cuts_at_a_message_that_the_server_gets_or_not(proxy, pg, deliver):
    pg.query("CREATE TABLE t (id int)")
    connection = connect(proxy)
    proxy.at("cut", contains=b"INSERT", deliver=deliver)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("INSERT INTO t VALUES (1)")
    assert proxy.fired.is_set()
    expected = [(1,)] if deliver else []
    if deliver:
        wait_until(lambda: pg.query("SELECT id FROM t"), "the server's commit")
    assert pg.query("SELECT id FROM t") == expected
    assert connect(proxy).execute("SELECT 1").fetchone() == (1,)  # a rule works once


def test_a_proxy_cuts_every_message_of_a_run(proxy):
    """As a test does that goes through all of them: a clean run, its count, then each in turn."""

    def work():
        with connect(proxy) as connection:
            connection.execute("SELECT 1")
            connection.execute("SELECT 2")

    work()
    wait_until(lambda: proxy.count(type="X") == 1, "the run's last message")
    count = proxy.count()
    assert count == 4  # startup, two queries, goodbye
    for number in range(1, count):
        proxy.at("cut", nth=number)
        with pytest.raises(psycopg.OperationalError):
            work()
        assert proxy.fired.is_set(), number


def test_a_proxy_cuts_at_an_answer(proxy):
    connection = connect(proxy)
    proxy.at("cut", sender="server", type="C")
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")


def test_a_proxy_cuts_in_the_middle_of_a_message(proxy, pg):
    connection = connect(proxy)
    proxy.after_bytes("cut", 10)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("CREATE TABLE t (id int)")
    proxy.wait_fired()
    assert pg.tables() == []


def test_a_proxy_cuts_the_client_alone(proxy, pg):
    connection = connect(proxy)
    backend = connection.execute("SELECT pg_backend_pid()").fetchone()
    connection.execute("BEGIN")
    proxy.at("cut_client", contains=b"SELECT 1")
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    time.sleep(0.2)
    state = pg.query("SELECT state FROM pg_stat_activity WHERE pid = %s", backend[0])
    assert state == [("idle in transaction",)]


def test_a_proxy_goes_silent_and_comes_back(proxy):
    connection = connect(proxy)
    waiting = subprocess.Popen([sys.executable, "-c", f"""
import psycopg
with psycopg.connect({proxy.url!r}) as connection:
    print(connection.execute("SELECT 'answer'").fetchone()[0])
"""], stdout=subprocess.PIPE, text=True)
    proxy.at("silence", contains=b"answer")
    proxy.wait_fired()
    assert connection.execute("SELECT 1").fetchone() == (1,)  # the other connection goes on
    proxy.silence()
    with pytest.raises(psycopg.OperationalError, match="timeout expired"):
        psycopg.connect(proxy.url, connect_timeout=2)
    assert waiting.poll() is None
    proxy.resume()
    assert waiting.communicate(timeout=20)[0] == "answer\n"


def test_a_proxy_refuses_and_accepts_again(proxy):
    connection = connect(proxy)
    proxy.refuse()
    with pytest.raises(psycopg.OperationalError, match="Connection refused"):
        connect(proxy)
    assert connection.execute("SELECT 1").fetchone() == (1,)
    proxy.accept()
    assert connect(proxy).execute("SELECT 1").fetchone() == (1,)
    proxy.cut()
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")


def test_a_proxy_stands_before_pgbouncer(bouncer):
    with Proxy(bouncer, bouncer.database.name) as network:
        assert connect(network).execute("SELECT 1").fetchone() == (1,)


# pawl, played by a shell script

@pytest.fixture
def program(tmp_path, monkeypatch):
    """Writes the script that stands in for pawl."""

    def write(text):
        path = tmp_path / "program"
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PAWL_BIN", str(path))

    return write


def test_pawl_runs_in_its_checkout(program, tmp_path):
    program('printf \'{"args": "%s", "here": "%s"}\' "$*" "$(echo *)"; echo chat >&2; exit 3\n')
    checkout = Pawl(tmp_path, "sqlite:db")
    checkout.write("1_a", "SELECT 1;")
    result = checkout.run("status", "--json", check=3)
    assert result.json() == {"args": "status --json", "here": "migrations pawl.conf"}
    assert result.err == "chat\n"
    assert (checkout.migrations / "1_a.sql").read_text() == "SELECT 1;"
    assert (checkout.folder / "pawl.conf").read_text() == "[target.main]\nurl = sqlite:db\n"
    with pytest.raises(AssertionError, match="expected exit code 0"):
        checkout.run("status", check=0)


def test_pawl_gets_a_clean_environment(program, tmp_path, monkeypatch):
    monkeypatch.setenv("PAWL_RELEASE", "9")
    monkeypatch.setenv("PGHOST", "elsewhere")
    monkeypatch.setenv("DATABASE_URL", "sqlite:x")
    program("env\n")
    out = Pawl(tmp_path).run(env={"PAWL_TARGET": "main"}).out
    assert "PAWL_TARGET=main\n" in out
    assert "PAWL_RELEASE" not in out and "PGHOST" not in out and "DATABASE_URL" not in out


@pytest.mark.parametrize("script", [
    "echo '==1==ERROR: AddressSanitizer: heap-use-after-free' >&2; exit 1",
    "echo 'src/a.c:1:2: runtime error: signed integer overflow' >&2",
    "echo '==1==ERROR: LeakSanitizer: detected memory leaks' >&2",
    "exit 99",
])
def test_a_sanitizer_report_fails_the_test(program, tmp_path, script):
    program(script + "\n")
    with pytest.raises(AssertionError, match="sanitizer report"):
        Pawl(tmp_path).run()


def test_a_real_sanitizer_report_is_seen(tmp_path, monkeypatch):
    """Address, leak and undefined behaviour, from a C program built as pawl is."""
    source = tmp_path / "bad.c"
    source.write_text("""
#include <limits.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    char *volatile p = malloc(4);
    volatile int big = INT_MAX;
    if (argv[1][0] == 'a') { free(p); p[1] = 0; }
    if (argv[1][0] == 'u') { free(p); big += argc; }
    if (argv[1][0] == 'n') free(p);
    p = NULL;
    return 0;
}
""")
    program = tmp_path / "bad"
    subprocess.run(["gcc", "-w", "-fsanitize=address,undefined", "-o", program, source], check=True)
    monkeypatch.setenv("PAWL_BIN", str(program))
    checkout = Pawl(tmp_path)
    for fault in ("address", "leak", "undefined"):
        with pytest.raises(AssertionError, match="sanitizer report"):
            checkout.run(fault)
    checkout.run("nothing", check=0)


def test_pawl_is_watched_and_stopped(program, tmp_path):
    program("echo started; exec sleep 60\n")
    checkout = Pawl(tmp_path)
    process = checkout.spawn("deploy")
    process.wait_for("started")
    process.signal(signal.SIGTERM)
    assert process.finish().code == -signal.SIGTERM
    with pytest.raises(AssertionError, match="still running after 0.2 s"):
        checkout.run("deploy", timeout=0.2)
    left = checkout.spawn("deploy")
    checkout.close()
    assert not left.running
    program("echo other\n")
    with pytest.raises(AssertionError, match="ended without 'started'"):
        checkout.spawn("deploy").wait_for("started")
