"""Connecting: by each way of libpq's to name servers, within its time, and it can be stopped.

tests/support/lookup.c is preloaded: it knows the names below .test, and one that is never found out.
"""

import os
import signal
import socket
import subprocess
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from support.pawl import SANITIZERS
from support.server import free_port

# About one second is promised; the limit leaves room for a busy machine and the sanitizers.
PROMPT_S = 5

ROOT = Path(__file__).parent
BOTH = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])


@pytest.fixture(scope="session")
def names(tmp_path_factory):
    """The environment in which pawl asks no name server."""
    library = tmp_path_factory.mktemp("lookup") / "lookup.so"
    subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library,
                    ROOT / "support" / "lookup.c", "-ldl"], check=True)
    return {"LD_PRELOAD": library,
            "ASAN_OPTIONS": SANITIZERS["ASAN_OPTIONS"] + ":verify_asan_link_order=0"}


@pytest.fixture
def place(make_pawl, names):
    """A checkout that knows those names."""
    made = make_pawl()
    made.env = names
    made.write("20250101000001_a", "CREATE TABLE a (id int);")
    return made


@pytest.fixture
def tcp(cluster_tcp):
    database = cluster_tcp.create_database()
    yield database
    database.drop()


def url_of(database, hosts, query=""):
    cluster = database.cluster
    return f"postgres://postgres:{quote(cluster.password)}@{hosts}/{database.name}{query}"


# ---- a name that is never found out ----

SLOW = "postgres://postgres@slow.test/db"


def stop_in_lookup(process, number):
    process.wait_for("slow.test is asked for")
    sent = time.monotonic()
    process.signal(number)
    result = process.finish(timeout=30)
    assert time.monotonic() - sent < PROMPT_S, str(result)
    assert result.code == 128 + number, str(result)
    return result


@BOTH
@pytest.mark.parametrize("command", [["deploy"], ["status"], ["ready"], ["ready", "--wait", "10m"]],
                         ids=["deploy", "status", "ready", "ready-wait"])
def test_a_signal_ends_a_lookup(place, number, command):
    result = stop_in_lookup(place.spawn("--url", SLOW, *command), number)
    assert "stopped on request while the server's name was looked up" in result.err, str(result)
    assert "slow.test" in result.err


def test_a_signal_ends_a_lookup_as_json(place):
    result = stop_in_lookup(place.spawn("--url", SLOW, "deploy", "--json"), signal.SIGTERM)
    assert result.json()["error"]["code"] == "signal"


def test_connect_timeout_ends_a_lookup(place):
    place.env = {**place.env, "PAWL_CONNECT_TIMEOUT": "1s"}
    result = place.run("--url", SLOW, "status", check=9)
    assert "cannot connect: the server's name was not looked up in time" in result.err, str(result)


@pytest.mark.parametrize("query", ["?host=slow.test", "?service=there"], ids=["host", "service"])
def test_a_name_that_the_url_only_points_to(place, query):
    services = place.folder / "services"
    services.write_text("[there]\nhost=slow.test\n")
    place.env = {**place.env, "PGSERVICEFILE": services}
    stop_in_lookup(place.spawn("--url", f"postgres:///db{query}", "deploy"), signal.SIGTERM)


@pytest.mark.parametrize("name", ["PGHOST", "PGSERVICE"])
def test_a_name_of_the_environment(place, name):
    services = place.folder / "services"
    services.write_text("[slow.test]\nhost=slow.test\n")
    place.env = {**place.env, name: "slow.test", "PGSERVICEFILE": services}
    stop_in_lookup(place.spawn("--url", "postgres:///db", "deploy"), signal.SIGTERM)


def test_names_are_looked_up_only_when_it_is_their_turn(place, tcp):
    port = tcp.cluster.port
    place.run("--url", url_of(tcp, f"one.test:{port},slow.test:{port}"), "deploy", check=0)
    assert tcp.tables() == ["a"]


def test_a_lookup_after_a_server_that_refuses(place, tcp):
    url = url_of(tcp, f"one.test:{free_port()},slow.test:{tcp.cluster.port}")
    stop_in_lookup(place.spawn("--url", url, "deploy"), signal.SIGTERM)
    assert tcp.tables() == []


# ---- as libpq does it ----

def test_each_way_to_name_a_server(place, tcp):
    port, dead = tcp.cluster.port, free_port()
    for hosts in (f"one.test:{port}", f"two.test:{port}", f"127.0.0.1:{port}",
                  f"one.test:{dead},two.test:{port}", f"127.0.0.1,one.test:{port}",
                  f"no-such-name.test:{port},one.test:{port}"):
        for query in ("", "?target_session_attrs=read-write"):
            place.run("--url", url_of(tcp, hosts, query), "status", check=0)
    result = place.run("--url", url_of(tcp, f"one.test:{port}", "?target_session_attrs=standby"),
                       "status", check=9)
    assert "not in hot standby mode" in result.err, str(result)
    result = place.run("--url", url_of(tcp, f"[::1]:{dead}"), "status", check=9)
    assert "::1" in result.err and str(dead) in result.err, str(result)


def test_the_environment_names_a_server(place, tcp):
    cluster = tcp.cluster
    services = place.folder / "services"
    services.write_text(f"[there]\nhost=two.test\nport={cluster.port}\n")
    for env in ({"PGHOST": "two.test", "PGPORT": cluster.port},
                {"PGHOST": "slow.test", "PGHOSTADDR": "127.0.0.1", "PGPORT": cluster.port},
                {"PGHOST": cluster.folder, "PGPORT": cluster.port},
                {"PGSERVICE": "there", "PGSERVICEFILE": services}):
        place.run("--url", url_of(tcp, ""), "status", env={**place.env, **env}, check=0)


def test_the_password_file_is_asked_by_name(place, tcp):
    passwords = place.folder / "passwords"
    passwords.write_text(f"two.test:*:*:postgres:{tcp.cluster.password}\n")
    passwords.chmod(0o600)
    env = {**place.env, "PGPASSFILE": passwords}
    url = f"postgres://postgres@{{}}:{tcp.cluster.port}/{tcp.name}"
    place.run("--url", url.format("two.test"), "status", env=env, check=0)
    place.run("--url", url.format("127.0.0.1"), "status", env=env, check=9)


def test_an_unknown_name_is_said(place):
    result = place.run("--url", "postgres://postgres@no-such-name.test/db", "status", check=9)
    assert "no-such-name.test" in result.err and "in time" not in result.err, str(result)


# ---- what it costs ----

def threads(process):
    return len(os.listdir(f"/proc/{process.pid}/task"))


def test_a_socket_needs_no_thread(tmp_path, place):
    with closing(socket.socket(socket.AF_UNIX)) as silent, closing(socket.socket()) as other:
        silent.bind(str(tmp_path / ".s.PGSQL.5432"))
        other.bind(("127.0.0.1", 0))
        found = []
        for listener, url in ((silent, f"postgres://u@/db?host={quote(str(tmp_path))}"),
                              (other, f"postgres://u@one.test:{other.getsockname()[1]}/db")):
            listener.listen()
            process = place.spawn("--url", url, "status")
            with closing(listener.accept()[0]) as connection:
                connection.recv(1)  # it waits for the answer now
                found.append(threads(process))
                process.signal(signal.SIGTERM)
                process.finish(check=143)
        assert found[1] == found[0] + 1, found  # a sanitizer may have one of its own
