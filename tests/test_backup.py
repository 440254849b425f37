"""Backups: taken, recorded, restored by the command that pawl prints; what a deploy does about them."""

import os
import shlex
import socket
import sqlite3
import subprocess
import threading
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from support import ledger
from support.ledger import version
from support.pawl import clean_environment
from support.postgres import BINARIES, PG_DUMP_MAJOR, Database, major_of
from support.server import wait_until
from support.sqlite import SqliteDatabase

NO_DUMP = major_of(BINARIES) > PG_DUMP_MAJOR


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "backups"


class Shop:
    """A database with rows and a ledger, a contracting migration pending."""

    def __init__(self, pawl, engine, folder):
        self.pawl, self.engine, self.folder = pawl, engine, folder
        self.lossy = f"{version(2)}_drop_note"
        pawl.write(f"{version(1)}_users", "CREATE TABLE users (id int PRIMARY KEY, note text);\n"
                   "CREATE TABLE \"odd name\" (id int);\nINSERT INTO users VALUES (1, 'é'), (2, NULL);")
        self.settings(when="never")
        pawl.run("deploy", check=0)

    def settings(self, **backup):
        values = {"when": "risky", "directory": self.folder, **backup}
        # A pg_dump of the command before may still be on its way out.
        self.pawl.config({"target.main": {"url": self.engine.url}, "releases": {"others": "pg_dump"},
                          "backup": {name: value for name, value in values.items() if value is not None}})

    def write_lossy(self):
        self.pawl.write(self.lossy, "-- pawl: phase=contract\nALTER TABLE users DROP COLUMN note;")

    def files(self):
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.exists() else []

    def refused(self, *args, code=3, env=None):
        """A deploy that ends before it changes anything, and leaves no file."""
        before, files = ledger.whole_dump(self.engine), self.files()
        result = self.pawl.run("deploy", *args, env=env, check=code)
        assert ledger.whole_dump(self.engine) == before, result
        assert self.files() == files, result
        return result

    def backups(self):
        return [row for row in ledger.rows(self.engine) if row.event == "backup"]


@pytest.fixture
def shop(pawl, engine, folder):
    made = Shop(pawl, engine, folder)
    made.write_lossy()
    return made


@pytest.fixture
def pg_shop(make_pawl, pg, folder):
    made = Shop(make_pawl(pg.url), pg, folder)
    made.write_lossy()
    return made


@pytest.fixture
def lite(make_pawl, tmp_path, folder):
    database = SqliteDatabase(tmp_path / "shop.db")
    made = Shop(make_pawl(database.url), database, folder)
    made.write_lossy()
    return made


def dumped_by_pawl(shop):
    """Whether pawl can save this database by itself; where no pg_dump is new enough it says so."""
    if shop.engine.engine == "sqlite" or not NO_DUMP:
        return True
    said = shop.pawl.run("backup", check=3).err
    assert f"there is no pg_dump of PostgreSQL {shop.engine.cluster.major} or later" in said
    return False


def restored(shop, report):
    """The database that the printed command makes."""
    env = clean_environment()
    subprocess.run(["sh", "-c", report["restore"]], check=True, env=env, timeout=60,
                   cwd=shop.pawl.folder)
    words = shlex.split(report["restore"])
    if shop.engine.engine == "sqlite":
        return SqliteDatabase(Path(words[-1]))
    return Database(shop.engine.cluster, words[words.index("&&") - 1])


def everything(database):
    if database.engine == "postgres":
        return database.whole_dump()
    with closing(database.connect()) as connection:
        return "\n".join(connection.iterdump())


# ---- taken and restored ----

def test_the_printed_command_restores_schema_rows_and_ledger(shop, engine):
    if not dumped_by_pawl(shop):
        return
    before, head = everything(engine), ledger.head(engine)
    result = shop.pawl.run("backup", check=0)
    row = ledger.rows(engine)[-1]
    report = row.facts
    path = Path(report["file"])
    assert (row.event, row.migration, row.digest) == ("backup", None, None)
    assert report["restore"] in result.out and str(path) in result.out
    assert path.parent == shop.folder and shop.files() == [path.name]
    assert path.stat().st_mode & 0o777 == 0o600 and shop.folder.stat().st_mode & 0o777 == 0o700
    assert report["sha256"] == sha256(path.read_bytes()).hexdigest()
    assert report["bytes"] == path.stat().st_size and report["head"] == head
    assert report["host"] == socket.gethostname() and report["pid"] > 0
    assert report["method"] == ("sqlite" if engine.engine == "sqlite" else "pg_dump")
    ledger.assert_whole(engine)
    copy = restored(shop, report)
    try:
        assert everything(copy) == before and copy.dump() == engine.dump()
        assert copy.query("SELECT id, note FROM users ORDER BY id") == [(1, "é"), (2, None)]
        ledger.assert_whole(copy)
        assert ledger.head(copy) == head
    finally:
        copy.drop()
    assert str(path) in shop.pawl.run("status", check=0).out
    assert report["restore"] in shop.pawl.run("log", check=0).out


def test_the_automatic_folder_is_private(lite):
    lite.settings(directory=None)
    lite.pawl.run("backup", env={"XDG_STATE_HOME": lite.folder}, check=0)
    place = lite.folder / "pawl" / "backups"
    assert place.stat().st_mode & 0o777 == 0o700 and len(list(place.iterdir())) == 1


def test_no_password_is_on_a_command_line_or_recorded(make_pawl, cluster_tcp, folder, tmp_path):
    database = cluster_tcp.create_database()
    shop = Shop(make_pawl(cluster_tcp.url(database.name, tcp=True)), database, folder)
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("pg_dump", "pg_restore", "createdb"):
        (tools / name).write_text(f'#!/bin/sh\necho "$0 $@" >> {tmp_path}/seen\n'
                                  f'exec /usr/bin/{name} "$@"\n')
        (tools / name).chmod(0o755)
    if not dumped_by_pawl(shop):
        database.drop()
        return
    result = shop.pawl.run("backup", env={"PATH": f"{tools}:{os.environ['PATH']}"}, check=0)
    seen = (tmp_path / "seen").read_text()
    assert "--file=" in seen and "s3cret" not in seen
    row = shop.backups()[-1]
    assert "s3cret" not in row.detail and "s3cret" not in result.out + result.err
    database.drop()


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_sqlite_while_another_process_writes(lite, mode):
    with closing(lite.engine.connect()) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute("CREATE TABLE filler (id INTEGER PRIMARY KEY, bytes blob)")
        connection.execute("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000)"
                           " INSERT INTO filler SELECT i, randomblob(2000) FROM n")
    ended, errors = threading.Event(), []

    def write():
        try:
            with closing(sqlite3.connect(lite.engine.path, isolation_level=None, timeout=60)) as other:
                while not ended.is_set():
                    other.execute("BEGIN IMMEDIATE")
                    other.execute("INSERT INTO users (id) SELECT max(id) + 1 FROM users")
                    other.execute("INSERT INTO users (id) SELECT max(id) + 1 FROM users")
                    other.execute("COMMIT")
        except sqlite3.Error as error:
            errors.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        report = lite.pawl.run("backup", "--json", check=0).json()["backup"]
    finally:
        ended.set()
        writer.join()
    assert not errors
    copy = restored(lite, report)
    assert copy.query("SELECT count(*) % 2 FROM users") == [(0,)]  # whole transactions only
    assert copy.query("SELECT count(*) FROM filler") == [(3000,)]
    assert copy.query("PRAGMA integrity_check") == [("ok",)]
    assert copy.query("PRAGMA journal_mode") == [(mode,)]
    assert len(lite.files()) == 1  # nothing of SQLite's beside it


NAMES = ["with blanks", "it's", 'a "quote"', "-dash", "$(touch made) `touch made`", "größe", "%s%n",
         "a\\b", "*"]


@pytest.mark.parametrize("name", NAMES)
def test_odd_names_of_folders(shop, name):
    if not dumped_by_pawl(shop):
        return
    shop.settings(directory=name)
    report = shop.pawl.run("backup", "--json", check=0).json()["backup"]
    assert Path(report["file"]).parent == shop.pawl.folder / name
    copy = restored(shop, report)
    assert copy.dump() == shop.engine.dump()
    copy.drop()
    assert not list(shop.pawl.folder.rglob("made"))
    assert "intact" in shop.pawl.run("backup", "--verify", report["file"], check=0).out


def test_a_newline_in_the_folder_is_refused(lite, tmp_path):
    lite.settings(directory=None)
    said = lite.refused(env={"XDG_STATE_HOME": f"{tmp_path}/a\nb"}).err
    assert "control character" in said


# ---- before a deploy ----

def test_a_deploy_takes_one_before_what_loses(shop, engine):
    if not dumped_by_pawl(shop):
        return
    shop.settings()
    result = shop.pawl.run("deploy", "--json", check=0)
    assert ledger.events(engine)[4:] == ["backup", "begin", "applied", "end"]
    row, = shop.backups()
    report = result.json()["backup"]
    assert report["seq"] == row.seq and report["file"] == row.facts["file"] and row.facts["file"] in result.err
    copy = restored(shop, report)
    assert copy.query("SELECT note FROM users ORDER BY id") == [("é",), (None,)]
    copy.drop()


@pytest.mark.parametrize("head, when, taken", [
    ("", "risky", 0), ("", "always", 1), ("-- pawl: kind=data", "risky", 1),
    ("-- pawl: phase=contract", "risky", 1), ("-- pawl: phase=contract", "never", 0)])
def test_when(lite, head, when, taken):
    lite.pawl.write(lite.lossy, f"{head}\nUPDATE users SET note = 'x';")
    lite.settings(when=when)
    lite.pawl.run("deploy", "--dry-run", check=0)
    assert lite.backups() == []
    lite.pawl.run("deploy", check=0)
    lite.pawl.run("deploy", check=0)  # nothing is pending: nothing is saved
    assert len(lite.backups()) == taken == len(lite.files())


def test_a_deploy_that_fails_after_it_says_where_it_is(shop, engine):
    if not dumped_by_pawl(shop):
        return
    shop.settings()
    shop.pawl.write(shop.lossy, "-- pawl: phase=contract\nDROP TABLE users;\nDROP TABLE nowhere;")
    result = shop.pawl.run("deploy", check=1)
    facts = shop.backups()[-1].facts
    state = result.err.split("state:")[1]
    assert facts["file"] in state and facts["restore"] in state and "rolled back" in state


def test_a_deploy_without_one_is_recorded(lite):
    lite.settings(command="false")
    assert "--override backup" in lite.refused().err
    lite.pawl.run("deploy", "--override", "backup", check=2)  # without a reason
    lite.pawl.run("deploy", "--override", "backup", "--reason", "the disk is full", check=0)
    begin = [row for row in ledger.rows(lite.engine) if row.event == "begin"][-1].facts
    assert (begin["overrides"], begin["reason"]) == ("backup", "the disk is full")
    assert lite.backups() == []


def test_nothing_is_recorded_of_an_override_that_was_not_needed(lite):
    lite.settings(when="never")
    lite.pawl.run("deploy", "--override", "backup", "--reason", "habit", check=0)
    begin = [row for row in ledger.rows(lite.engine) if row.event == "begin"][-1].facts
    assert "overrides" not in begin


# ---- programs of PostgreSQL ----

def test_programs_older_than_the_server_are_passed_over(pg_shop, tmp_path):
    if not dumped_by_pawl(pg_shop):
        return
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("pg_dump", "pg_restore", "createdb"):
        (tools / name).write_text(f'#!/bin/sh\necho "{name} (PostgreSQL) 9.6"\n')
        (tools / name).chmod(0o755)
    env = {"PATH": f"{tools}:{os.environ['PATH']}"}
    report = pg_shop.pawl.run("backup", "--json", env=env, check=0).json()["backup"]
    assert report["restore"].startswith(f"/usr/lib/postgresql/{PG_DUMP_MAJOR}/bin/createdb")


# ---- restore points ----

def test_a_restore_point_wants_an_archive(pg_shop):
    pg_shop.settings(command="restore_point")
    assert "archive_mode is off" in pg_shop.refused().err


def test_sqlite_has_no_restore_points(lite):
    lite.settings(command="restore_point")
    assert "no restore points" in lite.refused().err


def test_a_restore_point_is_in_the_archive(make_cluster, make_pawl, folder):
    cluster = make_cluster(archive_mode="on", wal_level="replica")
    cluster.execute("ALTER SYSTEM SET archive_command = 'true'")
    cluster.execute("SELECT pg_reload_conf()")
    database = cluster.create_database()
    shop = Shop(make_pawl(database.url), database, folder)
    shop.write_lossy()
    shop.settings(command="restore_point")
    report = shop.pawl.run("deploy", "--json", check=0).json()["backup"]
    assert report["method"] == "restore_point" and report["file"] is None
    assert report["point"] in report["restore"]
    (archived,), = database.query("SELECT last_archived_wal >= pg_walfile_name(%s) FROM pg_stat_archiver",
                                  report["lsn"])
    assert archived is True
    assert report["point"] in shop.pawl.run("backup", "--list", check=0).out
    # An archive that fails is no archive.
    cluster.execute("ALTER SYSTEM SET archive_command = 'false'")
    cluster.execute("SELECT pg_reload_conf()")
    cluster.execute("SELECT pg_switch_wal()")
    wait_until(lambda: database.query("SELECT failed_count > 0 FROM pg_stat_archiver") == [(True,)],
               "the archiver has failed")
    shop.pawl.write(f"{version(3)}_more", "-- pawl: kind=data\nUPDATE users SET id = id;")
    assert "failed" in shop.refused().err


def test_a_role_that_may_not_make_one(make_cluster, make_pawl, folder):
    cluster = make_cluster(archive_mode="on", archive_command="true", wal_level="replica")
    database = cluster.create_database()
    role = database.role()
    cluster.execute(f"GRANT ALL ON DATABASE {database.name} TO {role}")
    database.query(f"GRANT ALL ON SCHEMA public TO {role}")
    shop_pawl = make_pawl(database.url_as(role))
    shop_pawl.write(f"{version(1)}_fill", "-- pawl: kind=data\nSELECT 1;")
    shop_pawl.config({"target.main": {"url": database.url_as(role)},
                      "backup": {"when": "risky", "command": "restore_point"}})
    result = shop_pawl.run("deploy", check=3)
    assert "cannot make a restore point" in result.err and "GRANT EXECUTE" in result.err
    database.drop()
