"""What is no backup: of commands that save nothing, too small, changed since, stopped half-way."""

import os
import signal
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from support import ledger
from support.disk import needs_root, small_disk
from support.pawl import clean_environment
from support.server import wait_until
from support.sqlite import SqliteDatabase
from test_backup import NO_DUMP, dumped_by_pawl, folder, lite, pg_shop, restored, shop  # noqa: F401

FAULTS = ("backup", "backup_made", "backup_kept", "backup_recorded")


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
