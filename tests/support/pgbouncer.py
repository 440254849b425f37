"""PgBouncer in front of a cluster's database."""

import os
import signal
from urllib.parse import quote

import psycopg

from support.server import Server

PROGRAM = "/usr/sbin/pgbouncer"
SOCKET_PORT = 6432


class Bouncer(Server):
    """Transaction mode with few server connections for many clients. Other words are settings."""

    def __init__(self, database, pool_mode="transaction", pool_size=3, **settings):
        super().__init__("pgbouncer")
        self.database = database
        self.port = SOCKET_PORT
        settings = {
            "unix_socket_dir": self.folder,
            "listen_addr": "",
            "listen_port": self.port,
            "auth_type": "any",
            "admin_users": "postgres",
            "pool_mode": pool_mode,
            "default_pool_size": pool_size,
            "max_client_conn": 200,
            **settings,
        }
        cluster = database.cluster
        lines = ["[databases]",
                 f"{database.name} = host={cluster.folder} port={cluster.port} user=postgres",
                 "[pgbouncer]"]
        lines += [f"{name} = {value}" for name, value in settings.items()]
        self.configuration = self.folder / "pgbouncer.ini"
        self.configuration.write_text("\n".join(lines) + "\n")
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self):
        self.launch(PROGRAM, self.configuration, answers=self._answers)

    def stop(self, how=signal.SIGTERM, timeout=20):
        # At once; SIGINT would wait for the clients' transactions.
        super().stop(how, timeout)

    def _answers(self):
        if not os.path.exists(self.folder / f".s.PGSQL.{self.port}"):
            return False
        try:
            psycopg.connect(self._url("pgbouncer"), autocommit=True).close()
        except psycopg.OperationalError:
            return False
        return True

    def _url(self, database):
        return f"postgres://postgres@/{database}?host={quote(str(self.folder))}&port={self.port}"

    @property
    def url(self):
        return self._url(self.database.name)

    def connect(self, **options):
        return psycopg.connect(self.url, autocommit=True, **options)

    def admin(self, command):
        """A command of PgBouncer's console (SHOW POOLS, KILL x, …) as a list of dictionaries."""
        # The console knows no extended protocol.
        with psycopg.connect(self._url("pgbouncer"), autocommit=True,
                             cursor_factory=psycopg.ClientCursor,
                             row_factory=psycopg.rows.dict_row) as connection:
            cursor = connection.execute(command)
            return cursor.fetchall() if cursor.description else []
