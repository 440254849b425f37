"""Backups: taken, verified, recorded, restored by the command that pawl prints, and refused."""

import os
import shlex
import signal
import socket
import sqlite3
import subprocess
import threading
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from support import ledger
from support.disk import needs_root, small_disk
from support.ledger import version
from support.pawl import clean_environment
from support.postgres import BINARIES, PG_DUMP_MAJOR, Database, major_of
from support.server import wait_until
from support.sqlite import SqliteDatabase

FAULTS = ("backup", "backup_made", "backup_kept", "backup_recorded")
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
        self.pawl.config({"target.main": {"url": self.engine.url},
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


# ---- commands that do not do it ----

COMMANDS = {
    "nothing is written": ("true", "has left an empty backup"),
    "no file": ('rm "$PAWL_BACKUP_FILE"', "has left no backup"),
    "it fails": ('echo "no space in the vault" >&2; echo x > "$PAWL_BACKUP_FILE"; exit 7', "exit code 7"),
    "it is killed": ('echo x > "$PAWL_BACKUP_FILE"; kill -9 $$', "signal 9"),
    "it is not there": ("no-such-program", "exit code 127"),
    "a link": ('rm "$PAWL_BACKUP_FILE"; ln -s /etc/passwd "$PAWL_BACKUP_FILE"', "symbolic link"),
    "a pipe": ('rm "$PAWL_BACKUP_FILE"; mkfifo "$PAWL_BACKUP_FILE"', "not a regular file"),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_a_command_that_does_not_save_anything(shop, case):
    command, said = COMMANDS[case]
    shop.settings(command=command)
    result = shop.refused()
    assert said in result.err and "Nothing was changed" in result.err
    if case == "it fails":
        assert "no space in the vault" in result.err


def test_a_folder_left_by_a_command_is_refused(lite):
    lite.settings(command='rm "$PAWL_BACKUP_FILE"; mkdir "$PAWL_BACKUP_FILE"')
    assert "not a regular file" in lite.pawl.run("deploy", check=3).err
    assert lite.backups() == []


def test_a_file_of_the_users_own(lite, tmp_path):
    lite.settings(command='gzip -c "$PAWL_BACKUP_SOURCE" > "$PAWL_BACKUP_FILE"; test -d "$PAWL_BACKUP_DIRECTORY"',
                  restore=f'gunzip -c "$PAWL_BACKUP_FILE" > {tmp_path}/again.db')
    head = ledger.head(lite.engine)
    report = lite.pawl.run("backup", "--json", check=0).json()["backup"]
    assert report["method"] == "command" and report["tables"] is None
    subprocess.run(["sh", "-c", report["restore"]], check=True)
    again = SqliteDatabase(tmp_path / "again.db")
    assert again.dump() == lite.engine.dump() and ledger.head(again) == head


def test_what_a_command_wrote_with_pg_dump_is_looked_into(pg_shop):
    if NO_DUMP:
        return dumped_by_pawl(pg_shop)
    dump = "pg_dump --format=custom"
    pg_shop.engine.query("INSERT INTO users SELECT i, md5(i::text) FROM generate_series(10, 20000) AS i")
    cases = {
        f'{dump} | head -c 200000 > "$PAWL_BACKUP_FILE"': "cannot be read back",
        f'{dump} | head -c 40 > "$PAWL_BACKUP_FILE"': "cannot be read back",
        f'{dump} --schema-only > "$PAWL_BACKUP_FILE"': "lacks the rows of table",
        f'{dump} --exclude-table=users > "$PAWL_BACKUP_FILE"': "lacks table users",
        f'{dump} > "$PAWL_BACKUP_FILE" && printf X | dd of="$PAWL_BACKUP_FILE" bs=1 seek=100000 conv=notrunc':
            "cannot be read back",
    }
    for command, said in cases.items():
        pg_shop.settings(command=command)
        assert said in pg_shop.refused().err, command
    pg_shop.settings(command=f'{dump} > "$PAWL_BACKUP_FILE"')
    report = pg_shop.pawl.run("deploy", "--json", check=0).json()["backup"]
    copy = restored(pg_shop, report)
    assert copy.query("SELECT count(*) FROM users") == [(19993,)]
    copy.drop()


def test_a_copy_that_sqlite_finds_damaged_is_refused(lite):
    lite.engine.query("CREATE TABLE filler (t text)")
    lite.engine.query("INSERT INTO filler SELECT hex(randomblob(20000))")
    lite.engine.query("CREATE INDEX filler_t ON filler (t)")
    lite.settings(command='cp "$PAWL_BACKUP_SOURCE" "$PAWL_BACKUP_FILE" && '
                          'dd if=/dev/zero of="$PAWL_BACKUP_FILE" bs=1 seek=8192 count=9000 conv=notrunc')
    lite.refused()
    other = lite.engine.path.with_name("other.db")
    SqliteDatabase(other).query("CREATE TABLE another (id int)")
    lite.settings(command=f'cp {other} "$PAWL_BACKUP_FILE"')
    assert "another schema" in lite.refused().err


# ---- sizes ----

def test_one_that_is_much_smaller_than_the_last_is_refused(lite):
    lite.settings(command='head -c 10000 /dev/urandom > "$PAWL_BACKUP_FILE"')
    lite.pawl.run("backup", check=0)
    lite.settings(command='head -c 4000 /dev/urandom > "$PAWL_BACKUP_FILE"')
    assert "too small" in lite.refused().err
    lite.settings(command='head -c 4000 /dev/urandom > "$PAWL_BACKUP_FILE"', min_size="0%")
    lite.pawl.run("deploy", check=0)


def test_a_database_that_shrank_may_have_a_smaller_one(lite):
    lite.engine.query("CREATE TABLE filler (bytes blob)")
    lite.engine.query("INSERT INTO filler SELECT randomblob(3000000)")
    lite.settings()
    lite.pawl.run("backup", check=0)
    lite.engine.query("DELETE FROM filler")
    lite.engine.query("VACUUM")
    lite.pawl.run("deploy", check=0)
    large, small = (row.facts["bytes"] for row in lite.backups())
    assert small < large / 10


def test_a_tiny_one_of_a_large_database_is_refused(lite):
    lite.engine.query("CREATE TABLE filler (bytes blob)")
    lite.engine.query("INSERT INTO filler SELECT zeroblob(120000000)")
    lite.settings(command='echo x > "$PAWL_BACKUP_FILE"')
    assert "a thousandth of the database" in lite.refused().err


def test_a_large_database_wants_a_command(pg_shop):
    pg_shop.settings(max_database_size="5MB")
    result = pg_shop.refused()
    assert "too large" in result.err and "[backup] command" in result.err


def test_values_that_cannot_be(lite):
    for name, value in (("min_size", "50"), ("min_size", "101%"), ("min_size", "-1%"),
                        ("max_database_size", "2"), ("max_database_size", "2gb"),
                        ("max_database_size", "1kB"), ("max_database_size", "99999999999999TB"),
                        ("when", "sometimes"), ("max_age", "1"), ("command", ""), ("directory", "")):
        lite.settings(**{name: value})
        assert name in lite.refused(code=2).err, (name, value)


# ---- one that is there already ----

def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_young_one_counts_while_it_is_intact(lite):
    lite.settings(max_age="1h")
    first = lite.pawl.run("backup", "--json", check=0).json()["backup"]
    lite.pawl.write(lite.lossy, "-- pawl: kind=data\nUPDATE nowhere SET x = 1;")
    assert first["file"] in lite.pawl.run("deploy", check=1).err
    assert len(lite.backups()) == 1
    path = Path(first["file"])
    for harm in (flip, lambda path: os.truncate(path, 100), Path.unlink):
        taken = len(lite.backups())
        newest = Path(lite.backups()[-1].facts["file"])
        harm(newest)
        lite.pawl.run("deploy", check=1)
        assert len(lite.backups()) == taken + 1
    assert path.exists()


def test_an_old_one_does_not_count(lite):
    lite.settings()
    lite.pawl.run("backup", check=0)
    lite.settings(max_age="1ms")
    lite.pawl.run("deploy", check=0)
    assert len(lite.backups()) == 2


def test_the_list_says_what_is_left(lite):
    assert "no backup" in lite.pawl.run("backup", "--list", check=0).out
    lite.settings()
    seqs = [lite.pawl.run("backup", "--json", check=0).json()["backup"]["seq"] for _ in range(5)]
    files = [Path(row.facts["file"]) for row in lite.backups()]
    flip(files[1])
    os.truncate(files[2], 5)
    files[3].unlink()
    files[4].rename(files[4].with_suffix(".moved"))
    files[4].symlink_to(files[4].with_suffix(".moved"))
    listed = lite.pawl.run("backup", "--list", "--json", check=0).json()["backups"]
    assert [item["seq"] for item in listed] == seqs
    assert [item["problem"] for item in listed] == [
        None, "its content is another one", "it has another size", "it is not there",
        "it cannot be read as a file"]
    before = ledger.whole_dump(lite.engine)
    assert "intact" in lite.pawl.run("backup", "--verify", seqs[0], check=0).out
    assert "intact" in lite.pawl.run("backup", "--verify", files[0], check=0).out
    for seq in seqs[1:]:
        assert "of no use" in lite.pawl.run("backup", "--verify", seq, check=1).err
    for text in ("4", "nowhere", "", "99999999999999999999"):
        assert "is recorded" in lite.pawl.run("backup", "--verify", text, check=2).err
    lite.pawl.run("backup", "--verify", seqs[0], "--list", check=2)
    assert ledger.whole_dump(lite.engine) == before


def test_one_on_another_machine_does_not_count(lite):
    lite.settings(max_age="1h")
    lite.pawl.run("backup", check=0)
    result = subprocess.run(
        ["unshare", "--uts", "sh", "-c", "hostname elsewhere; exec \"$0\" backup --list --json",
         os.environ["PAWL_BIN"]], cwd=lite.pawl.folder, env=clean_environment(), text=True,
        capture_output=True, timeout=60, check=True)
    assert '"problem":"it is on another machine"' in result.stdout


# ---- folders ----

def test_a_folder_that_anybody_writes_to_is_refused(lite):
    lite.folder.mkdir()
    lite.folder.chmod(0o777)
    lite.settings()
    assert "anybody may replace" in lite.refused().err
    lite.folder.chmod(0o1777)
    lite.pawl.run("deploy", check=0)


def test_a_folder_that_cannot_be_made_is_refused(lite, tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file" / "in", tmp_path / "file", "/proc/backups"):
        lite.settings(directory=place)
        assert "cannot" in lite.refused().err


def test_only_partial_files_of_our_own_are_swept(lite):
    lite.folder.mkdir()
    ours = ["shop_db-20250708T094434Z-0123abcd.sqlite.partial",
            "shop_db-20250708T094434Z-0123abcd.sqlite.partial-journal"]
    others = ["film.partial", "shop-20250708T094434Z-0123abcd.dump",
              "shop-20250708T094434Z-0123abcX.dump.partial", "x.partial-wal"]
    for name in ours + others:
        (lite.folder / name).write_text("x")
    lite.settings()
    lite.pawl.run("backup", check=0)
    assert set(others) < set(lite.files()) and not set(ours) & set(lite.files())


@needs_root
def test_a_full_disk(shop, tmp_path):
    if not dumped_by_pawl(shop):
        return
    shop.engine.query("CREATE TABLE filler (t text)")
    text = ("(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 20000) AS i)"
            if shop.engine.engine == "postgres" else "hex(randomblob(400000))")
    shop.engine.query(f"INSERT INTO filler SELECT {text}")
    with small_disk(tmp_path / "disk", "100k") as disk:
        shop.settings(directory=disk)
        before = ledger.whole_dump(shop.engine)
        result = shop.pawl.run("deploy", check=3)
        assert ledger.whole_dump(shop.engine) == before and list(disk.iterdir()) == []
        assert "no backup was taken" in result.err and "Nothing was changed" in result.err


# ---- stopped, killed, cut off ----

def running(pid):
    return Path(f"/proc/{pid}").exists() and " Z " not in Path(f"/proc/{pid}/stat").read_text()


def test_a_stop_ends_the_command_and_all_that_it_started(shop, tmp_path):
    shop.settings(command=f'sleep 600 & echo $! > {tmp_path}/pids; echo x > "$PAWL_BACKUP_FILE"; '
                          f'mv {tmp_path}/pids {tmp_path}/started; sleep 600 | cat')
    before = ledger.whole_dump(shop.engine)
    process = shop.pawl.spawn("deploy")
    wait_until((tmp_path / "started").exists, "the command works")
    process.signal(signal.SIGTERM)
    process.finish(timeout=20, check=128 + signal.SIGTERM)
    pid = int((tmp_path / "started").read_text())
    wait_until(lambda: not running(pid), "what the command started is gone")
    assert shop.files() == [] and ledger.whole_dump(shop.engine) == before


@pytest.mark.parametrize("point", FAULTS)
def test_killed_at_a_point(shop, tmp_path, point):
    if not dumped_by_pawl(shop):
        return
    shop.settings()
    log = tmp_path / "points"
    probe = shop.pawl.run("backup", env={"PAWL_FAULT_LOG": log}, check=0)
    points = log.read_text().split()
    assert set(FAULTS) <= set(points), probe
    before = len(shop.backups())
    killed = shop.pawl.run("backup", env={"PAWL_FAULT_KILL": points.index(point) + 1})
    assert killed.code == -signal.SIGKILL, killed
    ledger.assert_whole(shop.engine)
    assert len(shop.backups()) == before + (point == "backup_recorded")
    partial = [name for name in shop.files() if ".partial" in name]
    assert bool(partial) == (point in ("backup", "backup_made"))
    shop.pawl.run("deploy", check=0)
    assert not [name for name in shop.files() if ".partial" in name]
    ledger.assert_whole(shop.engine)
    assert len(shop.backups()) == before + 1 + (point == "backup_recorded")


def test_a_server_that_goes_away(pg_shop, proxy):
    """Between the dump's program and the server, too: nothing was begun and no file stays."""
    if not dumped_by_pawl(pg_shop):
        return
    pg_shop.settings()
    pg_shop.pawl.config({"target.main": {"url": proxy.url}, "backup": {
        "when": "risky", "directory": pg_shop.folder}})
    before = ledger.whole_dump(pg_shop.engine)
    proxy.at("cut", contains=b"LOCK TABLE")
    result = pg_shop.pawl.run("deploy")
    assert result.code in (3, 9), result
    assert ledger.whole_dump(pg_shop.engine) == before and pg_shop.files() == []


def test_a_deploy_at_work_comes_first(pg_shop):
    key = int.from_bytes(sha256(b"pawl:pawl").digest()[:8], "big", signed=True)
    with pg_shop.engine.connect() as other:
        other.execute("SELECT pg_advisory_lock(%s)", [key])
        pg_shop.settings()
        assert "a deploy is at work" in pg_shop.pawl.run("backup", check=5).err
    assert pg_shop.files() == [] and pg_shop.backups() == []


def test_what_a_deploy_applies_meanwhile_makes_it_worthless(lite, tmp_path):
    """SQLite has no lock for the whole of a deploy: the row would name another state."""
    lite.pawl.write(lite.lossy, "-- pawl: kind=data\nUPDATE users SET note = 'x';")
    lite.settings(command=f'cp "$PAWL_BACKUP_SOURCE" "$PAWL_BACKUP_FILE"; touch {tmp_path}/saved; '
                          f'while ! test -e {tmp_path}/deployed; do sleep 0.05; done')
    process = lite.pawl.spawn("backup")
    wait_until((tmp_path / "saved").exists, "the file is copied")
    lite.pawl.run("deploy", "--override", "backup", "--reason", "a hotfix", check=0)
    (tmp_path / "deployed").touch()
    assert "was not kept" in process.finish(check=5).err
    assert lite.files() == [] and lite.backups() == []


def test_a_pooler_is_no_place_for_a_dump(pg_shop, bouncer):
    pg_shop.pawl.config({"target.main": {"url": bouncer.url},
                         "backup": {"when": "risky", "directory": pg_shop.folder}})
    assert "pooler" in pg_shop.refused().err


def test_a_database_without_a_ledger(lite, tmp_path):
    lite.pawl.config({"target.main": {"url": f"sqlite:{tmp_path}/none.db"}})
    assert "no ledger" in lite.pawl.run("backup", check=3).err
    assert "no backup" in lite.pawl.run("backup", "--list", check=0).out


def test_memory_that_is_out(lite, cases):
    """Each allocation fails in turn: never a crash, and never a row without its file or a partial file."""
    lite.settings()
    number, calm = 1, 0
    while calm < 5:
        result = lite.pawl.run("backup", env={"PAWL_FAULT_ALLOC": number})
        assert result.code in (0, 1), f"allocation {number}\n{result}"
        assert result.code == 0 or "out of memory" in result.err, f"allocation {number}\n{result}"
        calm = calm + 1 if result.code == 0 else 0
        assert not [name for name in lite.files() if ".partial" in name]
        assert {row.facts["file"] for row in lite.backups()} <= {str(lite.folder / name) for name in lite.files()}
        cases["failed allocation"] += 1
        number += 1
    ledger.assert_whole(lite.engine)


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
