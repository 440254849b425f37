"""A hostile world: each mishap has a clear message, its exit code, and changes nothing."""

import atexit
import functools
import json
import os
import pwd
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from support.disk import needs_root, small_disk
from support.ledger import Journal
from support.pawl import (SANITIZER_EXIT, SANITIZER_REPORTS, Result, clean_environment,
                          pawl_binary)
from support.server import USER, free_port, server_folder, wait_until
from support.sqlite import SqliteDatabase

ROOT = os.geteuid() == 0

FAILED, USAGE, REFUSED, UNREACHABLE = 1, 2, 3, 9

# What a terminal obeys: C0 but line feed and tab, DEL, and C1.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")

ID = "20250101000001_users"
TEXT = "CREATE TABLE users (id integer);"


@functools.lru_cache(maxsize=None)
def reachable_binary():
    """A copy that an unprivileged user may run: the checkout may lie below a 0700 home."""
    folder = tempfile.mkdtemp(prefix="pawl-binary-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.chmod(folder, 0o755)
    return shutil.copy2(pawl_binary(), folder)


class Place:
    """A checkout in a folder that an unprivileged user can reach, and pawl run there by that user
    where the test run is root: root may read and write everything."""

    def __init__(self, url=None):
        self.folder = server_folder("hostile")
        self.migrations = self.folder / "migrations"
        self.migrations.mkdir()
        if url is not None:
            self.config(f"[target.main]\nurl = {url}\n")

    def config(self, text):
        path = self.folder / "pawl.conf"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def write(self, name, content):
        path = os.fsencode(self.migrations) + b"/" + os.fsencode(name)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return Path(os.fsdecode(path))

    def sqlite(self, name="pawl.db"):
        return SqliteDatabase(self.folder / name)

    def give(self):
        """All of it to the user that pawl runs as."""
        if ROOT:
            user = pwd.getpwnam(USER)
            for folder, _, files in os.walk(self.folder):
                os.chown(folder, user.pw_uid, user.pw_gid)
                for name in files:
                    os.lchown(os.path.join(folder, name), user.pw_uid, user.pw_gid)

    def run(self, *args, code=None, words=(), env=None, stdout=subprocess.PIPE, cwd=None,
            **options):
        self.give()
        if ROOT:
            user = pwd.getpwnam(USER)
            options |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        done = subprocess.run([reachable_binary(), *args], cwd=cwd or self.folder,
                              env=clean_environment(**(env or {})), stdin=subprocess.DEVNULL,
                              stdout=stdout, stderr=subprocess.PIPE, timeout=60, **options)
        out = (done.stdout or b"").decode()  # strictly: what pawl prints is UTF-8
        result = Result(tuple(map(str, args)), done.returncode, out, done.stderr.decode())
        assert not any(mark in result.err for mark in SANITIZER_REPORTS), str(result)
        assert result.code != SANITIZER_EXIT, str(result)
        found = CONTROL.search(result.out + result.err)
        assert found is None, f"{found[0]!r} in the output\n{result}"
        assert code is None or result.code == code, str(result)
        for word in words:
            assert word in result.err, f"{word!r}\n{result}"
        if "--json" in args:
            report = result.json()
            assert report["exit"] == result.code and report["ok"] == (result.code == 0)
        return result

    def close(self):
        for folder, _, _ in os.walk(self.folder):
            os.chmod(folder, 0o755)
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def make_place():
    with ExitStack() as made:
        yield lambda url=None: made.enter_context(closing(Place(url)))


@pytest.fixture
def place(make_place):
    """With a SQLite target that has nothing yet."""
    place = make_place("sqlite:pawl.db")
    place.write(f"{ID}.sql", TEXT)
    return place


def unchanged(database):
    assert Journal(database).rows == [] and database.tables() == []


# ---- a server that is not there, or not for us ----

SECRET, OTHER_SECRET = "s3cret word", "hush hush 4711"


def no_secret(*texts):
    for text in texts:
        for secret in (SECRET, OTHER_SECRET):
            for form in (secret, quote(secret), secret.replace(" ", "+")):
                assert form not in text


@pytest.mark.parametrize("command", ["deploy", "ready", "status", "log"])
@pytest.mark.parametrize("flags", [(), ("-v",), ("--json",), ("-v", "--json")])
def test_wrong_password(cluster_tcp, make_place, command, flags):
    url = cluster_tcp.url(password=OTHER_SECRET, tcp=True)
    place = make_place(url)
    place.write(f"{ID}.sql", TEXT)
    result = place.run(*flags, command, code=UNREACHABLE)
    assert "password authentication failed" in result.err + result.out
    no_secret(result.out, result.err)


@pytest.mark.parametrize("url", [
    "postgres://u:{}@localhost:notaport/db",
    "postgres://u:{}@localhost:99999/db",
    "postgres://u:{}@[::1/db",
    "postgres://u:{}@localhost/db?nosuchoption=1",
    "postgres://u:{}@localhost/db?sslmode=bogus",
    "postgres://u:{}%zz@localhost/db",
    "postgres://u@localhost:1/db?password={}",
    "mysql://u:{}@localhost/db",
    "host=localhost port=1 password='{}' user=u",
    "host=localhost port=1 password='{}",
    "host=localhost nosuch=1 password='{}'",
])
@pytest.mark.parametrize("how", ["flag", "file", "environment"])
def test_a_password_is_never_shown(make_place, url, how):
    secret = OTHER_SECRET.replace(" ", "-")
    url = url.format(secret)
    place = make_place(url if how == "file" else None)
    place.write(f"{ID}.sql", TEXT)
    env = {"PAWL_URL": url} if how == "environment" else None
    first = ("--url", url) if how == "flag" else ()
    for args in (("deploy",), ("-v", "deploy"), ("--json", "-v", "status"), ("config",),
                 ("--json", "config")):
        result = place.run(*first, *args, env=env)
        assert secret not in result.out + result.err, str(result)
        assert result.code in (USAGE, UNREACHABLE) or args[-1] == "config", str(result)


def test_a_right_password_is_never_shown(cluster_tcp, make_place):
    database = cluster_tcp.create_database()
    url = cluster_tcp.url(database.name, tcp=True)
    place = make_place("env:THE_DATABASE")
    place.write(f"{ID}.sql", TEXT)
    place.write("20250101000002_slow.sql", "SELECT pg_sleep(1.5);")
    place.give()
    environment = clean_environment(THE_DATABASE=url)
    process = subprocess.Popen([reachable_binary(), "-v", "deploy"], cwd=place.folder, env=environment,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: database.query(
            "SELECT 1 FROM pg_stat_activity WHERE application_name = 'pawl'"
            " AND query LIKE '%pg_sleep%' AND state = 'active'"), "pawl is at work")
        # Its own command line, and those of all its descendants.
        listed = subprocess.run(["ps", "-eo", "pid,ppid,args", "-ww"], text=True,
                                capture_output=True, check=True).stdout
        queries = str(database.query("SELECT query, application_name FROM pg_stat_activity"))
    finally:
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    ledger = str(database.query("SELECT * FROM pawl.journal")) + str(
        database.query("SELECT * FROM pawl.text"))
    no_secret(out, err, listed, queries, ledger)
    for args in (("status",), ("log",), ("config",), ("--json", "-v", "status")):
        result = place.run(*args, env={"THE_DATABASE": url}, code=0)
        no_secret(result.out, result.err)
    database.drop()


def test_passwords_in_a_migration_are_not_kept(pg, make_place):
    role = f"kept_{pg.name}"
    pg.roles.append(role)
    place = make_place(pg.url)
    place.write(f"{ID}.sql", f"CREATE ROLE {role} PASSWORD 'hush-4711';")
    place.write("20250101000002_bad.sql", f"ALTER ROLE no_such_{role} PASSWORD 'hush-4712';")
    result = place.run("-v", "deploy", code=FAILED)
    ledger = str(pg.query("SELECT * FROM pawl.journal")) + str(pg.query("SELECT * FROM pawl.text"))
    for secret in ("hush-4711", "hush-4712"):
        assert secret not in result.out + result.err + ledger


@pytest.mark.parametrize("command", ["deploy", "ready", "status", "log"])
def test_no_server(make_place, command):
    for url in (f"postgres://postgres@127.0.0.1:{free_port()}/db",
                "postgres://postgres@/db?host=/no/such/folder"):
        place = make_place(url)
        place.write(f"{ID}.sql", TEXT)
        result = place.run(command, code=UNREACHABLE, words=["cannot connect"])
        assert "/db" in result.err  # which target it was


def test_no_such_database_and_no_such_role(cluster, make_place):
    place = make_place(cluster.url("no_such_database"))
    place.write(f"{ID}.sql", TEXT)
    place.run("deploy", code=UNREACHABLE, words=["no_such_database", "does not exist"])
    place = make_place(cluster.url(user="no_such_role"))
    place.write(f"{ID}.sql", TEXT)
    place.run("deploy", code=UNREACHABLE, words=["no_such_role", "does not exist"])


@pytest.mark.parametrize("says", [b"", b"N", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_server_that_hangs_or_is_none(make_place, says):
    """Takes the connection, says nothing or the wrong thing, and stays."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        taken = []

        def accept():
            while True:
                try:
                    taken.append(listener.accept()[0])
                    taken[-1].sendall(says)
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        place = make_place()
        port = listener.getsockname()[1]
        place.config("[deploy]\nconnect_timeout = 1s\n[target.main]\n"
                     f"url = postgres://postgres@127.0.0.1:{port}/db\n")
        place.write(f"{ID}.sql", TEXT)
        for command in ("deploy", "ready", "status"):
            result = place.run(command, code=UNREACHABLE, words=["cannot connect"])
            assert says != b"" or "did not answer in time" in result.err, str(result)
        listener.shutdown(socket.SHUT_RDWR)
        for connection in taken:
            connection.close()


def test_a_host_that_does_not_resolve(make_place):
    place = make_place("postgres://postgres@no-such-host.invalid/db")
    place.write(f"{ID}.sql", TEXT)
    place.run("deploy", code=UNREACHABLE, words=["no-such-host.invalid"])


# ---- a server that does not let us ----

def let_work(pg, role):
    """What a deploy role needs."""
    pg.query(f'GRANT CREATE ON DATABASE "{pg.name}" TO {role}')
    pg.query(f"GRANT ALL ON SCHEMA public TO {role}")


def test_a_role_without_rights(pg, make_place):
    role = pg.role("weak")
    place = make_place(pg.url_as(role))
    place.write(f"{ID}.sql", TEXT)
    result = place.run("deploy", words=["permission denied", "ledger"])
    assert result.code in (FAILED, REFUSED), str(result)
    unchanged(pg)
    # A ledger of someone else, which this role may not read.
    owner = make_place(pg.url)
    owner.write(f"{ID}.sql", TEXT)
    owner.run("deploy", code=0)
    rows = len(Journal(pg).rows)
    for command in ("deploy", "ready", "status", "log"):
        result = place.run(command, words=["permission denied"])
        assert result.code == UNREACHABLE, str(result)
    assert len(Journal(pg).rows) == rows


def test_a_role_without_rights_on_the_schema(pg, make_place):
    """It may make the ledger and nothing else: the migration fails, and that is on the record."""
    role = pg.role("half")
    pg.query("REVOKE CREATE ON SCHEMA public FROM PUBLIC")  # everyone had it before PostgreSQL 15
    pg.query(f'GRANT CREATE ON DATABASE "{pg.name}" TO {role}')
    place = make_place(pg.url_as(role))
    place.write(f"{ID}.sql", TEXT)
    place.run("deploy", code=FAILED, words=["permission denied", f"{ID}.sql:1:", "rolled back"])
    assert pg.tables() == [] and Journal(pg).verify().applied() == []


def test_read_only_by_default(pg, make_place):
    role = pg.role("reader")
    let_work(pg, role)
    pg.query(f"ALTER ROLE {role} SET default_transaction_read_only = on")
    place = make_place(pg.url_as(role))
    place.write(f"{ID}.sql", TEXT)
    place.run("deploy", code=REFUSED, words=["read-only", "Nothing was changed"])
    place.run("plan", code=0)
    place.run("probe", code=0)
    unchanged(pg)
    place.run("ready", code=4)
    place.run("status", code=0)


def test_a_standby(make_cluster, make_place):
    cluster = make_cluster()
    database = cluster.create_database()
    place = make_place(database.url)
    place.write(f"{ID}.sql", TEXT)
    place.run("deploy", code=0)
    cluster.stop()
    (cluster.data / "standby.signal").touch()
    if ROOT:
        user = pwd.getpwnam(USER)
        os.chown(cluster.data / "standby.signal", user.pw_uid, user.pw_gid)
    cluster.start()
    place.run("ready", code=0)
    place.run("status", code=0)
    place.run("deploy", code=REFUSED, words=["standby", "primary", "Nothing was changed"])
    place.write("20250101000002_b.sql", "CREATE TABLE b (id integer);")
    place.run("deploy", code=REFUSED, words=["standby"])
    place.run("ready", code=4)
    assert database.tables() == ["users"]


def test_too_many_connections(make_cluster, make_place):
    cluster = make_cluster(max_connections=6, superuser_reserved_connections=2)
    cluster.execute("CREATE ROLE app LOGIN")
    place = make_place(cluster.url(user="app"))
    place.write(f"{ID}.sql", TEXT)
    with ExitStack() as held:
        while True:
            try:
                connection = psycopg.connect(cluster.url(user="app"))
            except psycopg.OperationalError:
                break
            held.enter_context(closing(connection))
        for command in ("deploy", "ready", "status"):
            place.run(command, code=UNREACHABLE, words=["remaining connection slots"])


def test_statement_timeout_of_the_role(pg, make_place):
    role = pg.role("hasty")
    let_work(pg, role)
    pg.query(f"ALTER ROLE {role} SET statement_timeout = '700ms'")
    place = make_place(pg.url_as(role))
    place.write(f"{ID}.sql", TEXT)
    place.write("20250101000002_slow.sql", "CREATE TABLE b (id integer);\nSELECT pg_sleep(30);")
    place.run("deploy", code=FAILED,
              words=["statement timeout", "57014", "20250101000002_slow.sql:2:1", "rolled back"])
    assert pg.tables() == ["users"]
    # What a cancellation would leave half done runs without it.
    place.write("20250101000002_slow.sql", "CREATE INDEX CONCURRENTLY users_idx ON users (id);")
    with pg.connect() as other:
        other.execute("BEGIN; INSERT INTO users VALUES (1)")
        timer = threading.Timer(1.5, lambda: other.execute("COMMIT"))
        timer.start()
        place.run("deploy", code=0)
        timer.join()


@pytest.mark.parametrize("setting", [
    "statement_timeout = '1ms'", "idle_in_transaction_session_timeout = '1ms'",
    "idle_session_timeout = '20ms'", "lock_timeout = '1ms'", "search_path = ''",
    "standard_conforming_strings = off", "default_transaction_isolation = 'serializable'",
    "default_transaction_deferrable = on", "row_security = off", "client_encoding = 'LATIN1'",
    "DateStyle = 'German'", "TimeZone = 'Pacific/Chatham'", "bytea_output = 'escape'",
    "session_replication_role = replica", "extra_float_digits = 0", "check_function_bodies = off",
    "role = 'pg_read_all_data'", "synchronous_commit = off", "IntervalStyle = 'iso_8601'",
    "default_text_search_config = 'simple'", "xmloption = document", "lc_messages = 'C'",
    "escape_string_warning = on", "client_min_messages = 'debug5'", "log_statement = 'all'",
    "array_nulls = off", "transform_null_equals = on", "backslash_quote = off",
    "plpgsql.variable_conflict = 'use_column'", "plpgsql.extra_errors = 'all'",
])
def test_any_setting_of_the_role(pg, make_place, setting):
    """Done, or a clear error and nothing half done: and what was done is recorded rightly."""
    if setting.startswith("idle_session_timeout") and pg.cluster.major < 14:
        pytest.skip("PostgreSQL 13 has no idle_session_timeout")
    role = pg.role("odd", "LOGIN SUPERUSER")
    pg.query(f"ALTER ROLE {role} SET {setting}")
    place = make_place(pg.url_as(role))
    place.write(f"{ID}.sql", "CREATE TABLE public.users (id integer, name text);"
                "INSERT INTO public.users VALUES (1, 'größe');")
    place.write("20250101000002_b.sql", "CREATE TABLE public.b (id integer);")
    result = place.run("deploy")
    journal = Journal(pg).verify()
    tables = {f"{ID}": "users", "20250101000002_b": "b"}
    assert [tables[name] for name in journal.applied()] == sorted(pg.tables(), reverse=True)
    if result.code == 0:
        assert pg.query("SELECT name FROM users") == [("größe",)]
        place.run("ready", code=0)
        place.run("status", code=0)
    else:
        assert "timeout" in setting or "role =" in setting, str(result)
        assert result.code in (FAILED, UNREACHABLE), str(result)
        pg.query(f"ALTER ROLE {role} RESET ALL")
        place.run("deploy", code=0)
        assert sorted(Journal(pg).verify().applied()) == sorted(tables)


# ---- migrations that cannot be read ----

def break_folder(place, how):
    shutil.rmtree(place.migrations)
    if how == "file":
        place.migrations.write_text("no folder")
    elif how == "loop":
        place.migrations.symlink_to(place.migrations)
    elif how == "unreadable":
        place.migrations.mkdir()


@pytest.mark.parametrize("how", ["missing", "file", "loop", "unreadable"])
@pytest.mark.parametrize("command", ["deploy", "ready", "status", "check"])
def test_no_migrations_folder(place, how, command):
    break_folder(place, how)
    if how == "unreadable":
        place.give()
        place.migrations.chmod(0o000)
    result = place.run(command)
    assert result.code in (USAGE, UNREACHABLE), str(result)
    assert "migrations" in result.err
    if how == "unreadable":
        place.migrations.chmod(0o755)
    if place.sqlite().path.exists():
        unchanged(place.sqlite())


def test_a_migrations_folder_that_vanishes(place):
    """All texts are read before anything runs: what happens to the folder then does not matter."""
    database = place.sqlite()
    place.write("20250101000002_b.sql", "CREATE TABLE b (id integer);")
    place.give()
    with closing(database.connect()) as other:
        other.execute("BEGIN EXCLUSIVE")
        process = subprocess.Popen([reachable_binary(), "deploy"], cwd=place.folder,
                                   env=clean_environment(), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_until(lambda: any("pawl.db" in os.readlink(f"/proc/{process.pid}/fd/{name}")
                               for name in os.listdir(f"/proc/{process.pid}/fd")),
                   "the database is open")
        shutil.rmtree(place.migrations)
        other.execute("COMMIT")
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert database.tables() == ["b", "users"]


def make_fifo(path):
    os.mkfifo(path)


def make_loop(path):
    path.symlink_to(path.name)


def make_dangling(path):
    path.symlink_to("no-such-file.sql")


def make_device(path):
    path.symlink_to("/dev/zero")


def make_huge(path):
    with open(path, "wb") as file:
        file.truncate((256 << 20) + 1)


def make_unreadable(path):
    path.write_text(TEXT)
    path.chmod(0o000)


@pytest.mark.parametrize(("make", "words"), [
    (make_fifo, ["not a regular file"]),
    (make_loop, ["Too many levels of symbolic links"]),
    (make_dangling, ["No such file"]),
    (make_device, ["not a regular file"]),
    (make_huge, ["larger than"]),
    (make_unreadable, ["Permission denied"]),
])
def test_a_migration_that_is_no_readable_file(place, make, words):
    name = "20250101000002_odd.sql"
    make(place.migrations / name)
    for command in ("deploy", "ready", "status"):
        place.run(command, code=USAGE, words=[name, *words])
    assert not place.sqlite().path.exists()


def test_a_folder_that_is_called_like_a_migration(place):
    (place.migrations / "20250101000002_odd.sql").mkdir()
    result = place.run("deploy")
    assert result.code in (0, USAGE, REFUSED), str(result)
    if result.code == 0:
        assert Journal(place.sqlite()).verify().applied() == [ID]


@pytest.mark.parametrize(("content", "place_of_it", "words"), [
    (b"CREATE TABLE b (id integer);\nSELECT 1\0;", ":2:", ["NUL", "0x00"]),
    (b"CREATE TABLE b (id integer);\n-- gr\xfc\xdfe\nSELECT 'gr\xfc\xdfe';", ":", ["UTF-8"]),
    (b"CREATE TABLE b (id integer);\nSELECT 'open;\n", ":2:8", ["quote", "string"]),
    (b'CREATE TABLE b (id integer);\nSELECT "open;\n', ":2:8", ["quote", "identifier"]),
    (b"CREATE TABLE b (id integer);\n/* open /* twice */\n", ":2:1", ["comment"]),
    (b"CREATE TABLE b (id integer);\nSELECT $a$ open $b$;\n", ":2:8", ["dollar", "$a$"]),
    (b"\\connect other\nCREATE TABLE b (id integer);", ":1:1", ["psql"]),
    (b"CREATE TABLE b (id integer);\n\\i other.sql\n", ":2:1", ["psql"]),
    (b"CREATE TABLE b (id integer);\nCOPY b FROM STDIN;\n1\n\\.\n", ":2:", ["COPY"]),
    (b"CREATE TABLE b (id integer);\nROLLBACK;\n", ":2:1", ["ROLLBACK"]),
    (b"BEGIN;\nCREATE TABLE b (id integer);\n", ":", ["BEGIN without a COMMIT"]),
    (b"CREATE TABLE b (id integer);\nCOMMIT;\n", ":2:1", ["COMMIT without a BEGIN"]),
    (b"CREATE TABLE b (id integer);\nDISCARD ALL;\n", ":2:1", ["DISCARD ALL"]),
    (b"SELECT pg_advisory_unlock_all();", ":1:1", ["pg_advisory_unlock_all"]),
    (b"\xff\xfeC\0R\0E\0A\0T\0E\0", ":", ["UTF-16", "UTF-8", "NUL"]),
])
def test_a_text_that_cannot_run(pg, make_place, content, place_of_it, words):
    place = make_place(pg.url)
    place.write(f"{ID}.sql", TEXT)
    place.write("20250101000002_bad.sql", content)
    result = place.run("deploy", code=REFUSED)
    assert f"20250101000002_bad.sql{place_of_it}" in result.err, str(result)
    assert any(word in result.err for word in words), str(result)
    unchanged(pg)  # the good one before it neither


@pytest.mark.parametrize("content", [
    b"\xef\xbb\xbfCREATE TABLE b (id integer);\n",
    b"CREATE TABLE b (id integer);\r\nINSERT INTO b VALUES (1);\r\n",
    b"\xef\xbb\xbf-- pawl: phase=expand\r\nCREATE TABLE b (id integer);",
    "CREATE TABLE b (id integer); -- größe \U0001f600\n".encode(),
    b"CREATE TABLE b (id integer)",
    b";;;CREATE TABLE b (id integer);;;",
])
def test_a_text_that_is_only_odd(engine, make_place, content):
    place = make_place(engine.url)
    if engine.engine == "sqlite":
        place.config("[target.main]\nurl = sqlite:odd.db\n")
        engine = place.sqlite("odd.db")
    place.write("20250101000002_odd.sql", content)
    place.run("deploy", code=0)
    assert engine.tables() == ["b"]
    place.run("ready", code=0)


# ---- names ----

@pytest.mark.parametrize("name", [
    "20250101000002_a\nb.sql",
    "20250101000002_a\n20250101000003_forged.sql",
    "20250101000002_\x1b[31mred\x1b[0m.sql",
    "20250101000002_\x1b]0;title\x07.sql",
    "20250101000002_\x9b31m.sql",
    "20250101000002_\u202egpj.sql",
    "20250101000002_\x7f\x08.sql",
    b"20250101000002_\xff\xfe.sql",
    b"20250101000002_\xc0\xae.sql",
    "20250101000002_" + "n" * 236 + ".sql",
    "20250101000002_a b'c\"d`e$(f).sql",
    "-rf.sql",
    "--version.sql",
    "20250101000002_..sql",
    "20250101000002_%s%n%x.sql",
    ".sql",
    "99999999999999_future.sql",
    "20250230000000_no_such_day.sql",
])
@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_an_odd_name(place, name, flags):
    """Refused or applied, but never printed as it is, and never half."""
    place.write(name, "CREATE TABLE b (id integer);")
    result = place.run(*flags, "deploy")
    assert result.code in (0, REFUSED, USAGE), str(result)
    database = place.sqlite()
    if result.code != 0:
        assert not database.path.exists() or database.tables() == []
        assert len(result.err + result.out) > 20
    else:
        applied = Journal(database).verify().applied()
        assert len(applied) == len(database.tables())
    for command in ("status", "check", "ready", "log", "sum"):
        place.run(*flags, command)


def test_a_name_cannot_forge_a_line(place):
    place.write("20250101000002_a\napplied  20250101000003_forged.sql", "SELECT 1;")
    for command in ("deploy", "status", "check"):
        result = place.run(command)
        assert not any(line.startswith("applied  20250101000003")
                       for line in (result.out + result.err).split("\n")), str(result)


@pytest.mark.parametrize("words", [
    ("new", "../../escape"), ("new", "-rf"), ("new", "a/b"), ("new", "\x1b[31m"), ("new", "a\nb"),
    ("new", b"\xff"), ("new", ""), ("new", "."), ("new", "n" * 300),
    ("renumber", "../pawl.conf"), ("renumber", "/etc/passwd"), ("renumber", "\x1b[31m"),
    ("deploy", "--to", "\x1b[31m"), ("deploy", "--to", "../x"), ("deploy", "--wait", "\x1b[31m"),
    ("deploy", "--release", ""), ("explain", "\x1b[31m"), ("status", "--expect", "\x1b[31m"),
    ("--target", "\x1b[31m", "deploy"), ("--url", "sqlite:\x1b[31m/x", "deploy"),
    ("--url", b"sqlite:\xff/x", "deploy"), ("--migrations", b"\xff", "deploy"),
    ("--config", "\x1b[31m", "deploy"), ("\x1b[31m",), ("--\x1b[31m",), (b"\xff\xfe",),
])
def test_an_odd_word_on_the_command_line(place, words):
    place.run("deploy", code=0)
    before = sorted(path for path in place.folder.rglob("*"))
    rows = len(Journal(place.sqlite()).rows)
    place.run(*words)
    after = sorted(path for path in place.folder.rglob("*"))
    new = [path for path in after if path not in before]
    assert all(path.parent == place.migrations or path.name == "\x1b[31m" for path in new), new
    assert [path for path in before if path not in after] == []
    assert len(Journal(place.sqlite()).rows) == rows
    assert not (place.folder.parent / "escape").exists()


def test_a_path_of_four_kilobytes(place):
    long = "/".join(["d" * 200] * 25)
    for args in (("--migrations", long, "deploy"), ("--url", f"sqlite:{long}/x.db", "deploy"),
                 ("--config", long, "deploy"), ("-C", long, "deploy"), ("new", long),
                 ("renumber", long)):
        result = place.run(*args)
        assert result.code in (USAGE, REFUSED, UNREACHABLE), str(result)
        assert len(result.err) < 20000
    # A checkout so deep that no path can name it works from inside.
    here = os.getcwd()
    deep = place.folder
    try:
        os.chdir(place.folder)
        for _ in range(25):
            os.mkdir("d" * 200)
            os.chdir("d" * 200)
        os.mkdir("migrations")
        Path(f"migrations/{ID}.sql").write_text(TEXT)
        done = subprocess.run([reachable_binary(), "--url", "sqlite:x.db", "deploy"], text=True,
                              env=clean_environment(), capture_output=True, timeout=60)
        # SQLite itself wants a full path and refuses one that is too long.
        assert done.returncode in (0, UNREACHABLE), done.stderr
        assert not any(mark in done.stderr for mark in SANITIZER_REPORTS), done.stderr
    finally:
        os.chdir(here)
        subprocess.run(["rm", "-rf", str(deep / ("d" * 200))], check=False)


# ---- pawl.conf ----

@pytest.mark.parametrize(("make", "words"), [
    (lambda path: path.mkdir(), ["not a regular file"]),
    (lambda path: make_unreadable(path), ["Permission denied"]),
    (lambda path: path.write_bytes(b"\x00\xff\x1b[31m" * 200000), ["pawl.conf"]),
    (lambda path: path.write_bytes(b"x" * (1 << 20)), ["pawl.conf"]),
    (lambda path: path.write_bytes(b"[" * (1 << 16)), ["pawl.conf"]),
    (lambda path: path.write_bytes(b"[pawl]\n" + b"\x1b[31m = 1\n"), ["pawl.conf:2"]),
    (lambda path: path.write_bytes(b"[pawl]\n" + b"k" * 60000 + b" = 1\n"), ["pawl.conf:2"]),
    (lambda path: path.write_bytes(b"[pawl]\nnaming = " + b"v" * 60000), ["pawl.conf:2"]),
    (lambda path: make_fifo(path), ["not a regular file"]),
    (lambda path: make_loop(path), ["pawl.conf"]),
    (lambda path: make_dangling(path), ["pawl.conf"]),
])
def test_a_broken_configuration(place, make, words):
    path = place.folder / "pawl.conf"
    path.unlink()
    make(path)
    for command in ("deploy", "ready", "config"):
        result = place.run(command, code=USAGE, words=words)
        assert len(result.err) < 4000
    assert not place.sqlite().path.exists()
    if path.is_dir() or path.is_file():
        path.chmod(0o755)


# ---- the output ----

def run_with_stdout(place, stdout, *args):
    """stdout None: closed."""
    place.give()
    argv = [reachable_binary(), *args]
    if stdout is None:
        argv = ["sh", "-c", 'exec "$0" "$@" >&-', *argv]
    done = subprocess.run(argv, cwd=place.folder, env=clean_environment(),
                          stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE,
                          timeout=60)
    result = Result(args, done.returncode, "", done.stderr.decode())
    assert not any(mark in result.err for mark in SANITIZER_REPORTS), str(result)
    return result


@pytest.mark.parametrize("flags", [(), ("--json",)])
@pytest.mark.parametrize("where", ["full", "closed"])
def test_output_that_cannot_be_written(place, flags, where):
    """What was done stands; the exit code tells that nobody could read of it."""
    with open("/dev/full", "wb") as full:
        result = run_with_stdout(place, full if where == "full" else None, *flags, "deploy")
    assert result.code == FAILED and "cannot write the output" in result.err, str(result)
    assert place.sqlite().tables() == ["users"]
    journal = Journal(place.sqlite()).verify()
    assert journal.applied() == [ID] and journal.open_attempts() == []


def test_every_standard_file_closed(place):
    place.give()
    done = subprocess.run(["sh", "-c", 'exec "$0" deploy <&- >&- 2>&-', reachable_binary()],
                          cwd=place.folder, env=clean_environment(), timeout=60)
    assert done.returncode == FAILED
    # No file of ours was opened as descriptor 1 or 2, and written to.
    assert Journal(place.sqlite()).verify().applied() == [ID]


def test_a_reader_that_goes_away(place):
    for number in range(2, 60):
        place.write(f"202501010000{number:02}_t.sql", f"CREATE TABLE t{number} (id integer);")
    place.give()
    done = subprocess.run(["sh", "-c", '"$0" deploy; echo "code $?" >&2', reachable_binary()],
                          cwd=place.folder, env=clean_environment(), stdin=subprocess.DEVNULL,
                          stdout=broken_pipe(), stderr=subprocess.PIPE, text=True, timeout=60)
    assert "code 1" in done.stderr and "cannot write the output" in done.stderr
    assert len(Journal(place.sqlite()).verify().applied()) == 59


def broken_pipe():
    read_end, write_end = os.pipe()
    os.close(read_end)
    return os.fdopen(write_end, "wb")


# ---- SQLite files ----

def deployed(place):
    place.run("deploy", code=0)
    place.write("20250101000002_b.sql", "CREATE TABLE b (id integer);")
    return place.sqlite()


def check_still(database):
    assert database.tables() == ["users"] and Journal(database).verify().applied() == [ID]


def test_sqlite_read_only_file(place):
    database = deployed(place)
    database.path.chmod(0o444)
    result = place.run("deploy", words=["readonly database"])
    assert result.code in (REFUSED, UNREACHABLE), str(result)
    check_still(database)
    place.run("ready", code=4)
    place.run("status", code=0)


def test_sqlite_read_only_folder(place):
    database = deployed(place)
    place.give()
    place.folder.chmod(0o555)
    result = place.run("deploy")
    assert result.code in (REFUSED, UNREACHABLE), str(result)
    assert "readonly" in result.err or "unable to open" in result.err, str(result)
    place.run("ready", code=4)
    place.run("status", code=0)
    place.folder.chmod(0o755)
    check_still(database)


@pytest.mark.parametrize("command", ["deploy", "ready", "status", "log"])
def test_sqlite_a_file_that_is_no_database(place, command):
    path = place.folder / "pawl.db"
    content = b"this is a letter, not a database\n" * 100
    path.write_bytes(content)
    place.run(command, code=UNREACHABLE, words=["file is not a database", "pawl.db"])
    assert path.read_bytes() == content


@pytest.mark.parametrize("command", ["deploy", "ready", "status", "log"])
@pytest.mark.parametrize("damage", ["middle", "short"])
def test_sqlite_a_corrupt_file(place, command, damage):
    database = deployed(place)
    content = bytearray(database.path.read_bytes())
    if damage == "middle":
        for offset in range(4096, len(content)):
            content[offset] = 0xA5
    else:
        del content[len(content) // 2:]
    database.path.write_bytes(content)
    result = place.run(command)
    assert result.code in (UNREACHABLE, 8), str(result)
    assert "malformed" in result.err or "corrupt" in result.err or "chain" in result.err
    assert database.path.read_bytes() == content


@pytest.mark.parametrize("command", ["deploy", "ready", "status"])
@pytest.mark.parametrize("url", ["sqlite:.", "sqlite:migrations", "sqlite:no/such/folder/x.db",
                                 "sqlite:/proc/x.db", "sqlite:/dev/full", "sqlite:/dev/null/x"])
def test_sqlite_a_path_that_cannot_be_a_database(make_place, url, command):
    place = make_place(url)
    place.write(f"{ID}.sql", TEXT)
    result = place.run(command)
    if command == "deploy" or url in ("sqlite:.", "sqlite:migrations"):
        assert result.code in (UNREACHABLE, FAILED, REFUSED), str(result)
        assert url.removeprefix("sqlite:") in result.err
    else:
        # To a reader a database that is not there is an empty one.
        assert result.code in (0, 4, UNREACHABLE), str(result)


BIG = "CREATE TABLE b (t text);\n" + (
    "INSERT INTO b WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 5000)"
    " SELECT hex(randomblob(500)) FROM c;\n")


def check_full(place, database, result):
    assert result.code in (FAILED, UNREACHABLE), str(result)
    assert re.search("full|disk I/O error|No space", result.err), str(result)
    assert "20250101000002_b" in result.err, str(result)
    check_still(database)
    # With room again the next deploy finishes; it may have had none for its last words.
    assert len(Journal(database).open_attempts()) <= 1


def test_sqlite_a_file_that_may_not_grow(place):
    database = deployed(place)
    place.write("20250101000002_b.sql", BIG)

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # EFBIG, as a full disk is ENOSPC
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))

    result = place.run("deploy", preexec_fn=limit, restore_signals=False)
    check_full(place, database, result)
    place.run("deploy", code=0)
    journal = Journal(database).verify()
    assert journal.applied() == [ID, "20250101000002_b"] and journal.open_attempts() == []


@needs_root
def test_sqlite_a_full_disk(place):
    with small_disk(place.folder / "disk", "600k") as disk:
        place.config("[target.main]\nurl = sqlite:disk/pawl.db\n")
        database = SqliteDatabase(disk / "pawl.db")
        place.run("deploy", code=0)
        place.write("20250101000002_b.sql", BIG)
        check_full(place, database, place.run("deploy"))
        place.write("20250101000002_b.sql", "CREATE TABLE b (t text);")
        place.run("deploy", code=0)
        assert Journal(database).verify().open_attempts() == []


@needs_root
@pytest.mark.parametrize("size", ["4k", "8k", "16k", "24k", "32k", "40k"])
def test_sqlite_a_disk_too_small_for_the_ledger(place, size):
    with small_disk(place.folder / "disk", size) as disk:
        place.config("[target.main]\nurl = sqlite:disk/pawl.db\n")
        result = place.run("deploy")
        assert result.code != 0, str(result)
        assert re.search("full|disk I/O error|No space|unable to open", result.err), str(result)
        shutil.copy(disk / "pawl.db", place.folder / "copy.db")
        journal = disk / "pawl.db-journal"
        if journal.exists():
            shutil.copy(journal, place.folder / "copy.db-journal")
    copy = place.sqlite("copy.db")
    assert copy.tables() == [] and Journal(copy).verify().applied() == []
    place.config("[target.main]\nurl = sqlite:copy.db\n")
    place.run("deploy", code=0)
    assert copy.tables() == ["users"]


@needs_root
def test_postgres_a_full_disk(make_cluster, make_place):
    cluster = make_cluster()
    database = cluster.create_database()
    place = make_place(database.url)
    place.write(f"{ID}.sql", TEXT)
    with small_disk(cluster.folder / "disk", "4m") as disk:
        cluster.execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
        place.write("20250101000002_b.sql",
                    "CREATE TABLE b (t text) TABLESPACE small;\n"
                    "INSERT INTO b SELECT repeat(md5(n::text), 50)"
                    " FROM generate_series(1, 20000) n;")
        place.run("deploy", code=FAILED,
                  words=["No space left", "53100", "20250101000002_b.sql:2:1", "rolled back"])
        check_still(database)
        assert Journal(database).rows[-1].event == "failed"
        place.write("20250101000002_b.sql", "CREATE TABLE b (t text);")
        place.run("deploy", code=0)
        cluster.stop()


def test_json_is_one_object_whatever_happens(make_place, cluster):
    """A script reads the outcome of every mishap in the same way."""
    for url in ("sqlite:no/such/x.db", cluster.url("no_such_database"), "bogus:",
                f"postgres://u@127.0.0.1:{free_port()}/db"):
        place = make_place(url)
        place.write(f"{ID}.sql", TEXT)
        for command in ("deploy", "ready", "status", "log"):
            result = place.run("--json", command)
            report = json.loads(result.out)
            if result.code not in (0, 4):
                assert report["error"]["message"] and report["error"]["code"], str(result)
