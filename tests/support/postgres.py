"""A private PostgreSQL and fresh databases in it."""

import functools
import itertools
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from support import catalog
from support.server import Server, as_server_user, free_port

# The binaries of another version can be named instead; psql and pg_dump stay Debian's.
BINARIES = Path(os.environ.get("PAWL_TEST_POSTGRES", "/usr/lib/postgresql/15/bin"))
CLIENT_BINARIES = Path("/usr/lib/postgresql/15/bin")
PG_DUMP_MAJOR = 15  # it refuses newer servers

# Names the socket, nothing listens there unless tcp is asked for.
SOCKET_PORT = 6543

SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "max_prepared_transactions": "10",
    "shared_buffers": "32MB",
    "log_line_prefix": "%m [%p] %a %d ",
}


@functools.cache
def major_of(binaries):
    said = subprocess.run([binaries / "postgres", "--version"], text=True, capture_output=True, check=True)
    return int(re.search(r"\) (\d+)", said.stdout)[1])


class Cluster(Server):
    """A server on a socket in its own folder. tcp: on a free port of 127.0.0.1 too, where `password`
    (when given, also on the socket) is asked for with scram-sha-256. Other words are settings."""

    def __init__(self, tcp=False, password=None, binaries=BINARIES, **settings):
        super().__init__("pg")
        self.binaries = binaries
        self.major = major_of(binaries)
        self.data = self.folder / "data"
        self.tcp = tcp
        self.password = password
        self.port = free_port() if tcp else SOCKET_PORT
        self.settings = {**SETTINGS, **{name: str(value) for name, value in settings.items()}}
        self._numbers = itertools.count(1)
        try:
            self._initdb()
            self.start()
        except BaseException:
            self.close()
            raise

    def _initdb(self):
        self.run(self.binaries / "initdb", "-N", "-A", "trust", "-U", "postgres", "-E", "UTF8",
                 "--locale=C.UTF-8", "-D", self.data)
        if self.password is not None:
            self._set_password()

    def _set_password(self):
        # Through a single-user server, so that no moment exists in which anyone may connect.
        statement = f"ALTER ROLE postgres PASSWORD '{self.password}'\n"
        subprocess.run(as_server_user(self.binaries / "postgres", "--single", "-D", self.data,
                                      "-c", "password_encryption=scram-sha-256", "postgres"),
                       input=statement, text=True, check=True, capture_output=True, timeout=60,
                       cwd=self.folder)
        (self.data / "pg_hba.conf").write_text(
            "local all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n")

    def start(self):
        options = [f"-c{name}={value}" for name, value in self.settings.items()]
        self.launch(self.binaries / "postgres", "-D", self.data, "-k", self.folder, "-p", self.port,
                    "-c", f"listen_addresses={'127.0.0.1' if self.tcp else ''}", *options,
                    answers=self._answers)

    def _answers(self):
        """Whether the server takes connections: it says so in its pid file, no login needed."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return (len(lines) >= 8 and lines[0] == str(self.process.pid)
                and lines[7].strip() == "ready")

    def restart(self, how=signal.SIGINT):
        """SIGINT: fast, sessions are ended. SIGQUIT: a crash, with recovery at the start."""
        self.stop(how)
        self.start()

    def follow(self, primary):
        """Becomes a standby of that cluster, from a copy of its files."""
        self.stop()
        primary.stop()
        shutil.rmtree(self.data)
        self.run("cp", "-R", primary.data, self.data)
        primary.start()
        (self.data / "standby.signal").touch()
        with open(self.data / "postgresql.auto.conf", "a") as settings:
            settings.write(f"primary_conninfo = 'host={primary.folder} port={primary.port} user=postgres'\n")
        self.start()

    def url(self, database="postgres", user="postgres", password=None, tcp=False):
        password = password or (self.password if user == "postgres" else None)
        login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
        if tcp:
            return f"postgres://{login}@127.0.0.1:{self.port}/{quote(database)}"
        return f"postgres://{login}@/{quote(database)}?host={quote(str(self.folder))}&port={self.port}"

    def connect(self, database="postgres", **options):
        return psycopg.connect(self.url(database), autocommit=True, **options)

    def execute(self, statement):
        with self.connect() as connection:
            connection.execute(statement)

    def create_database(self, prefix="t"):
        name = f"{prefix}_{os.getpid()}_{next(self._numbers)}"
        self.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return Database(self, name)


class Database:
    """A database of a cluster; drop() takes it and the roles made with role() away."""

    engine = "postgres"

    def __init__(self, cluster, name):
        self.cluster = cluster
        self.name = name
        self.roles = []

    @property
    def url(self):
        return self.cluster.url(self.name)

    def url_as(self, user, **options):
        return self.cluster.url(self.name, user=user, **options)

    def connect(self, **options):
        return self.cluster.connect(self.name, **options)

    def query(self, statement, *args):
        """Runs one statement, or several without args; the rows of the last, [] if it has none."""
        with self.connect() as connection:
            cursor = connection.execute(statement, args or None)
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []

    def psql(self, file):
        """Runs a file as psql does, stopping at the first error: a CompletedProcess."""
        return subprocess.run(
            [CLIENT_BINARIES / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.url, "-f", file],
            text=True, capture_output=True, timeout=60)

    def role(self, name="app", options="LOGIN"):
        """Creates a role whose name no other database's test has, and returns that name."""
        unique = f"{name}_{self.name}"
        self.cluster.execute(sql.SQL("CREATE ROLE {} " + options).format(sql.Identifier(unique)))
        self.roles.append(unique)
        return unique

    def tables(self):
        """The user's tables, sorted, with their schema unless it is public. Without the ledger."""
        rows = self.query("""
            SELECT CASE schemaname WHEN 'public' THEN tablename
                   ELSE schemaname || '.' || tablename END
            FROM pg_tables
            WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'pawl') ORDER BY 1""")
        return [name for name, in rows]

    def dump(self):
        """The schema as text, without the ledger; equal text is an equal schema."""
        if self.cluster.major > PG_DUMP_MAJOR:
            with self.connect() as connection:
                return catalog.schema_text(connection, without="pawl")
        result = subprocess.run(
            [CLIENT_BINARIES / "pg_dump", "-s", "--no-owner", "--exclude-schema=pawl", "-d", self.url],
            text=True, capture_output=True, timeout=60, check=True)
        # \restrict carries a random key.
        return re.sub(r"^\\(un)?restrict .*\n", "", result.stdout, flags=re.MULTILINE)

    def whole_dump(self):
        """Schema, rows and ledger as text."""
        if self.cluster.major > PG_DUMP_MAJOR:
            with self.connect() as connection:
                return catalog.schema_text(connection) + catalog.rows_text(connection)
        text = subprocess.run([CLIENT_BINARIES / "pg_dump", "-d", self.url], text=True,
                              capture_output=True, timeout=60, check=True).stdout
        return re.sub(r"^\\(un)?restrict .*\n", "", text, flags=re.MULTILINE)

    def drop(self):
        name = sql.Identifier(self.name)
        self.cluster.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        for role in self.roles:
            self.cluster.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))
