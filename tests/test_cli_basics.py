"""The frame of the command line, and the commands that need no database."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from support.pawl import SANITIZER_EXIT, SANITIZER_REPORTS, Result, clean_environment

ROOT = Path(__file__).resolve().parent.parent
BINARY = os.environ.get("PAWL_BIN") or str(ROOT / "build" / "asan" / "src" / "pawl")
COMMANDS = ("init", "new", "renumber", "sum", "explain", "config", "help", "check", "deploy", "adopt",
            "repair", "ready", "status", "log")


class Folder:
    """pawl, run in one folder."""

    def __init__(self, path):
        self.path = path

    def run(self, *args, code=0, env=None, stdout=subprocess.PIPE, **options):
        done = subprocess.run([BINARY, *args], cwd=self.path, stdin=subprocess.DEVNULL,
                              stdout=stdout, stderr=subprocess.PIPE, timeout=60,
                              env=clean_environment(**(env or {})), **options)
        result = Result(tuple(map(str, args)), done.returncode,
                        (done.stdout or b"").decode("utf-8", "backslashreplace"),
                        done.stderr.decode("utf-8", "backslashreplace"))
        assert not any(mark in result.err for mark in SANITIZER_REPORTS), str(result)
        assert result.code != SANITIZER_EXIT and result.code == code, str(result)
        return result

    def json(self, *args, code=0, **options):
        result = self.run("--json", *args, code=code, **options)
        assert result.out.endswith("\n") and result.out.count("\n") == 1
        report = result.json()
        assert report["exit"] == code and report["ok"] == (code == 0)
        assert isinstance(report["findings"], list) and report["pawl"]
        assert ("error" in report) == (code != 0)
        return report

    def write(self, name, text=""):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def names(self):
        return sorted(entry.name for entry in (self.path / "migrations").iterdir())


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


@pytest.fixture
def checkout(folder):
    folder.run("init")
    return folder


# ---- help, options, commands ----

def test_help_lists_every_command_and_exit_code(folder):
    out = folder.run("help").out
    for command in COMMANDS:
        assert re.search(rf"^  {command}\s+\S", out, re.MULTILINE)
    assert "128+N" in out and "--migrations DIR" in out
    assert folder.run("--help").out == out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command(folder, command):
    out = folder.run("help", command).out
    assert out.startswith(f"pawl {command}: ") and f"usage: pawl {command}" in out
    if command != "help":
        assert folder.run(command, "--help").out == out
        assert folder.run("-h", command).out == out
    report = folder.json("help", command)
    assert [row["name"] for row in report["commands"]] == [command]


def test_version(folder):
    assert re.fullmatch(r"pawl \d+\.\d+\.\d+\n", folder.run("--version").out)
    assert folder.run("-V", "config").out.startswith("pawl ")


@pytest.mark.parametrize(("args", "message", "hint"), [
    ((), "no command was given", "pawl help"),
    (("confg",), 'unknown command "confg"', "Did you mean `pawl config`?"),
    (("xyzzyxyzzy",), "unknown command", "lists the commands"),
    (("help", "nwe"), 'unknown command "nwe"', "pawl new"),
    (("config", "--jsn"), 'unknown option "--jsn"', "Did you mean --json?"),
    (("new", "--knd=data", "x"), 'unknown option "--knd"', "Did you mean --kind?"),
    (("new", "--kin", "data", "x"), 'unknown option "--kin"', "Did you mean --kind?"),
    (("--kind", "data", "new", "x"), 'unknown option "--kind"', "pawl new --kind"),
    (("config", "-x"), 'unknown option "-x"', "--help"),
    (("config", "-qx"), 'unknown option "-x"', "--help"),
    (("config", "--json=yes"), "--json takes no value", None),
    (("config", "--config"), "--config needs a value: FILE", None),
    (("config", "-C"), "--folder needs a value: DIR", None),
    (("config", "--color", "sometimes"), "--color takes auto, always or never", None),
    (("config", "extra"), "`pawl config` takes no arguments", "--help"),
    (("new",), "`pawl new` needs more: NAME...", "--help"),
    (("renumber", "a", "b"), "takes no more than: FILE", "--help"),
    (("config", "-C", "/nonexistent"), "cannot change to the folder", None),
    (("config", "--config", "none.conf"), "cannot read none.conf", None),
    (("config", "--migrations", ""), "--migrations: the value is empty", None),
])
def test_usage_errors(folder, args, message, hint):
    result = folder.run(*args, code=2)
    assert result.out == ""
    assert result.err.startswith("pawl: ") and message in result.err
    assert hint is None or hint in result.err
    error = folder.json(*args, code=2)["error"]
    assert error["code"] == "usage" and message in error["message"]


def test_options_stand_anywhere(checkout):
    expected = checkout.json("config", "--migrations", "m")
    for args in (("--migrations", "m", "config"), ("--migrations=m", "config"),
                 ("config", "--migrations=x", "--migrations=m"), ("config", "-qv", "--migrations=m")):
        assert checkout.json(*args) == expected
    parent = Folder(checkout.path.parent)
    for args in (("-C", checkout.path.name), (f"-C{checkout.path.name}",)):
        assert parent.json(*args, "config", "--migrations", "m") == expected


def test_two_dashes_end_the_options(checkout):
    assert checkout.run("new", "--", "--json").out.endswith("_json.sql\n")
    assert "has no ASCII letter" in checkout.run("new", "-", code=2).err


# ---- output ----

def test_full_disk_and_closed_pipe_are_noticed(checkout):
    for args in (("config",), ("--json", "config"), ("help",), ("--version",)):
        with open("/dev/full", "wb") as full:
            assert "cannot write the output" in checkout.run(*args, code=1, stdout=full).err
        read_end, write_end = os.pipe()
        os.close(read_end)
        assert "cannot write the output" in checkout.run(*args, code=1, stdout=write_end).err
        os.close(write_end)


def test_closed_stdout_is_noticed_and_no_file_gets_the_text(checkout):
    result = checkout.run("new", "closed", code=1, stdout=None, preexec_fn=lambda: os.close(1))
    assert "cannot write the output" in result.err
    assert b"migrations/" not in next((checkout.path / "migrations").iterdir()).read_bytes()


def test_an_error_keeps_its_code_when_stdout_is_full(checkout):
    with open("/dev/full", "wb") as full:
        checkout.run("--json", "explain", "nothing-like-it", code=2, stdout=full)


def test_color_is_decided_once(folder):
    plain = folder.run("confg", code=2).err
    assert "\x1b" not in plain
    for env in ({}, {"NO_COLOR": "1"}, {"TERM": "dumb"}):
        colored = folder.run("--color", "always", "confg", code=2, env=env).err
        assert re.sub("\x1b\\[[0-9;]*m", "", colored) == plain != colored
        assert folder.run("--color=never", "confg", code=2, env=env).err == plain


@pytest.mark.parametrize(("env", "colored"), [
    ({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False),
    ({"TERM": "xterm", "NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)])
def test_color_on_a_terminal(folder, env, colored):
    leader, follower = os.openpty()
    done = subprocess.run([BINARY, "confg"], cwd=folder.path, stderr=follower,
                          stdout=subprocess.DEVNULL, env=clean_environment(NO_COLOR=None) | env)
    os.close(follower)
    text = os.read(leader, 65536)
    os.close(leader)
    assert done.returncode == 2 and (b"\x1b[" in text) == colored


def test_quiet_leaves_the_result(checkout):
    result = checkout.run("-q", "sum")
    assert result.out == "migrations/pawl.sum\n" and result.err == ""
    assert checkout.run("-q", "sum", "--check").err == ""


@pytest.mark.parametrize("name", [b"\x1b[2J\x1b[31mred", b"a\nb", b"\xff\xfe", b"a\x7f",
                                  b"\xc2\x9b31m", b"\r\x08", "\u202eé😀".encode()])
def test_hostile_names_never_reach_the_terminal_raw(checkout, name):
    text = os.fsdecode(name)
    for args in ((text,), ("help", text), ("explain", text), ("config", "--" + text),
                 ("config", "--config", text), ("config", "-C", text), ("renumber", text),
                 ("config", "--target", text), ("config", "--url", text, "--target", text),
                 ("config", "--migrations", "m" + text, "--target", text),
                 ("new", "20250703075850_" + text), ("sum", "--migrations", text)):
        for mode in ((), ("--json",)):
            result = subprocess.run([BINARY, *mode, *args], cwd=checkout.path,
                                    capture_output=True, env=clean_environment(), timeout=60)
            assert result.returncode == 2, result
            for output in (result.stdout, result.stderr):
                output.decode("utf-8")
                assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]", output), result
            if mode:
                json.loads(result.stdout)


def test_hostile_file_names_in_findings(checkout):
    bad = os.fsdecode(b"20250703075850_a\x1b[31m\nx.sql:1:1: error: forged\xff.sql")
    (checkout.path / "migrations" / bad).write_text("select 1;")
    result = checkout.run("new", "x", code=3)
    assert "\x1b" not in result.err and "\nx.sql:1:1" not in result.err
    report = checkout.json("new", "x", code=3)
    assert report["findings"] and report["error"]["code"] == "refused"


def test_a_log_of_both_streams_has_them_in_order(folder):
    log = folder.path / "log"
    with open(log, "wb") as file:
        subprocess.run([BINARY, "init"], cwd=folder.path, env=clean_environment(), stdout=file, stderr=file)
    assert log.read_text().startswith("pawl.conf\nmigrations/\nnext: ")


# ---- init ----

def test_init_writes_a_checkout_that_works(folder):
    assert folder.run("init").out == "pawl.conf\nmigrations/\n"
    assert folder.names() == []
    values = {row["name"]: row["value"] for row in folder.json("config")["settings"]}
    assert values["url"] == "sqlite:pawl.db" and values["dialect"] == "sqlite"
    assert values["migrations"] == "migrations" and values["naming"] == "timestamp"


def test_init_never_overwrites(folder):
    folder.write("pawl.conf", "# mine\n")
    result = folder.run("init", code=2)
    assert 'there is a "pawl.conf" already' in result.err and "Nothing was changed" in result.err
    assert (folder.path / "pawl.conf").read_text() == "# mine\n"
    assert not (folder.path / "migrations").exists()


@pytest.mark.parametrize(("args", "values"), [
    (("--url", "postgres://u@h/db"), {"dialect": "postgres", "url": "postgres://u@h/db"}),
    (("--url", "env:SOME_URL"), {"dialect": "postgres", "url": "env:SOME_URL"}),
    (("--url", "env:SOME_URL", "--dialect", "sqlite"), {"dialect": "sqlite"}),
    (("--naming", "epoch", "--migrations", "db/steps"), {"naming": "epoch"}),
])
def test_init_options(folder, args, values):
    (folder.path / "db").mkdir()
    folder.run("init", *args)
    shown = {row["name"]: row["value"] for row in folder.json("config")["settings"]}
    assert {name: shown[name] for name in values} == values


@pytest.mark.parametrize(("args", "message"), [
    (("--naming", "epok"), "--naming: \"epok\" is not one of"),
    (("--dialect", "mysql"), "--dialect"),
    (("--url", "pawl.db"), "Did you mean sqlite:pawl.db?"),
    (("--url", "postgres://u:hunter2@h/db"), "holds a password"),
    (("--url", "host=h password=hunter2"), "holds a password"),
    (("--migrations", "a\nb"), "control character"),
    (("--migrations", "none/such"), "cannot make the folder"),
    (("--config", "none/pawl.conf"), "none"),
])
def test_init_refuses_and_writes_nothing(folder, args, message):
    result = folder.run("init", *args, code=2)
    assert message in result.err and "hunter2" not in result.err
    assert not (folder.path / "pawl.conf").exists()
    assert list(folder.path.iterdir()) == []


def test_init_elsewhere(folder):
    (folder.path / "conf").mkdir()
    assert folder.run("init", "--config", "conf/p.conf").out == "conf/p.conf\nconf/migrations/\n"
    out = folder.run("--config", "conf/p.conf", "new", "a").out
    assert out.startswith("conf/migrations/") and (folder.path / out.strip()).exists()


# ---- new ----

def test_new_makes_files_in_order(checkout):
    paths = [checkout.run("new", "Add", "users!").out.strip() for _ in range(3)]
    assert paths == sorted(paths) and len(set(paths)) == 3
    for path in paths:
        assert re.fullmatch(r"migrations/\d{14}_add_users\.sql", path)
        assert (checkout.path / path).exists()
    assert checkout.json("new", "x")["path"].endswith("_x.sql")


@pytest.mark.parametrize(("naming", "pattern"), [
    ("timestamp", r"\d{14}_a_b\.sql"), ("epoch", r"\d{10}_a_b\.sql"),
    ("logto", r"next-\d{10}-a-b\.sql"), ("flyway", r"V\S+__a_b\.sql"),
    ("sequence", r"\d+_a_b(\.up)?\.sql"), ("folder", r"\d{14}_a_b/up\.sql")])
def test_new_in_each_scheme(folder, naming, pattern):
    folder.run("init", "--naming", naming)
    for _ in range(2):
        path = folder.run("new", "a b").out.strip()
        assert re.fullmatch("migrations/" + pattern, path) and (folder.path / path).is_file()
    folder.run("sum")
    assert len(set(folder.names())) == 3


@pytest.mark.parametrize(("args", "lines"), [
    ((), []),
    (("--kind", "data"), ["-- pawl: kind=data"]),
    (("--kind=backfill",), ["-- pawl: kind=backfill table=TABLE key=id batch=5000"]),
    (("--kind", "repeatable"), ["-- pawl: kind=repeatable"]),
    (("--phase", "contract"), ["-- pawl: phase=contract"]),
    (("--phase", "contract", "--kind", "data"), ["-- pawl: kind=data", "-- pawl: phase=contract"]),
])
def test_new_writes_directives_that_can_be_read(checkout, args, lines):
    path = checkout.run("new", "x", *args).out.strip()
    text = (checkout.path / path).read_text().splitlines()
    assert [line for line in text if line.startswith("-- pawl:")] == lines
    assert checkout.json("sum")["findings"] == []


def test_new_repeatable_of_flyway_has_no_version(folder):
    folder.run("init", "--naming", "flyway")
    assert folder.run("new", "view", "--kind", "repeatable").out == "migrations/R__view.sql\n"
    assert "cannot create" in folder.run("new", "view", "--kind", "repeatable", code=2).err


@pytest.mark.parametrize(("name", "meant"), [
    ("1751529530394_add_x", "add_x"), ("1751529530394-add-x", "add-x"),
    ("20250703075850_add_x.sql", "add_x"), ("1751529530394", None), ("add_x.sql", "add_x"),
    ("V1_2__add_x", "add_x"), ("R__add_x.sql", "add_x"), ("next-1751529530-add-x", "add-x"),
    ("000042_add_x.up.sql", "add_x"), ("2025-07-03-075850_add_x", "add_x"), (".sql", None),
    ("migrations/add_x", None)])
def test_new_refuses_file_names(checkout, name, meant):
    result = checkout.run("new", name, code=2)
    if meant:
        assert f"Type `pawl new '{meant}'`: it makes " in result.err
        assert re.search(r"makes \d{14}_add_x\.sql", result.err)
    assert checkout.names() == []


@pytest.mark.parametrize("name", ["2fa", "3_columns", "2025 budget", "version 2", "V2 of it"])
def test_new_takes_words_with_numbers(checkout, name):
    checkout.run("new", name)


@pytest.mark.parametrize(("args", "message"), [
    (("x", "--kind", "dta"), "--kind takes"), (("x", "--phase", "later"), "--phase takes"),
    (("!!!",), "has no ASCII letter"), (("a" * 101,), "100 at most")])
def test_new_refuses_bad_arguments(checkout, args, message):
    assert message in checkout.run("new", *args, code=2).err
    assert checkout.names() == []


@pytest.mark.parametrize(("names", "rule"), [
    (["1751529530394_a.sql"], "name-precision"),
    (["20250231000000_a.sql"], "name-date"),
    (["20250703075850_a.sql", "20250703075850_b.sql"], "duplicate-version"),
    (["21250703075850_a.sql"], "future-version"),
])
def test_new_refuses_a_folder_with_wrong_names(checkout, names, rule):
    for name in names:
        checkout.write(f"migrations/{name}", "select 1;")
    result = checkout.run("new", "x", code=3)
    assert result.out == "" and f"[{rule}]" in result.err and "Nothing was changed" in result.err
    assert checkout.names() == names
    assert rule in [row["rule"] for row in checkout.json("new", "x", code=3)["findings"]]


def test_new_without_a_folder(folder):
    assert "pawl init" in folder.run("new", "x", code=2).err


# ---- sum ----

def test_sum_writes_checks_and_follows(checkout):
    path = checkout.write("migrations/20250101000000_a.sql", "create table a();\n")
    assert "pawl sum" in checkout.run("sum", "--check", code=3).err
    assert checkout.json("sum")["changed"] is True
    assert checkout.json("sum")["changed"] is False
    checkout.run("sum", "--check")
    checkout.run("new", "b")
    checkout.run("sum", "--check")
    path.write_text("-- a comment changes nothing\nCREATE  TABLE a();\n")
    checkout.run("sum", "--check")
    path.write_text("create table b();\n")
    result = checkout.run("sum", "--check", code=3)
    assert "[sum-checksum]" in result.out and "does not fit" in result.err


def test_new_never_hides_an_edit(checkout):
    path = checkout.write("migrations/20250101000000_a.sql", "create table a();\n")
    checkout.run("sum")
    path.write_text("create table b();\n")
    before = (checkout.path / "migrations/pawl.sum").read_bytes()
    assert "left alone" in checkout.run("new", "x").err
    assert (checkout.path / "migrations/pawl.sum").read_bytes() == before


def test_sum_of_wrong_names_is_not_written(checkout):
    checkout.write("migrations/1751529530394_a.sql", "select 1;")
    assert "[name-precision]" in checkout.run("sum", code=3).out
    assert checkout.names() == ["1751529530394_a.sql"]


def test_dialect_follows_the_target(folder):
    (folder.path / "migrations").mkdir()
    head = folder.path / "migrations/pawl.sum"

    def dialect(*args, code=0, env=None):
        head.unlink(missing_ok=True)
        folder.run("sum", *args, code=code, env=env)
        return re.match(r"pawl-sum 1 dialect=(\w+)", head.read_text())[1] if code == 0 else None

    assert dialect() == "postgres"
    assert dialect("--url", "sqlite:x.db") == "sqlite"
    assert dialect(env={"PAWL_URL": "sqlite:x.db"}) == "sqlite"
    assert dialect(env={"PAWL_URL": "sqlite:x.db", "PAWL_DIALECT": "postgres"}) == "postgres"
    folder.write("pawl.conf", "[target.a]\nurl = sqlite:x.db\n")
    assert dialect() == "sqlite"
    folder.write("pawl.conf", "[target.a]\nurl = sqlite:x.db\n[target.b]\nurl = postgres://h/d\n")
    dialect(code=2)


# ---- renumber ----

def test_renumber_puts_a_migration_last(checkout):
    checkout.write("migrations/20250101000000_late.sql", "select 1;")
    checkout.write("migrations/20250202000000_newest.sql", "select 2;")
    checkout.run("sum")
    path = checkout.run("renumber", "migrations/20250101000000_late.sql").out.strip()
    assert checkout.names() == ["20250202000000_newest.sql", Path(path).name, "pawl.sum"]
    checkout.run("sum", "--check")
    report = checkout.json("renumber", path)
    assert report["changed"] is False and report["path"] == path


@pytest.mark.parametrize("word", ["20250101000000_late.sql", "20250101000000_late",
                                  "./migrations/20250101000000_late.sql"])
def test_renumber_takes_paths_names_and_ids(checkout, word):
    checkout.write("migrations/20250101000000_late.sql", "select 1;")
    checkout.write("migrations/20250202000000_newest.sql", "select 2;")
    assert checkout.run("renumber", word).out.endswith("_late.sql\n")
    assert "20250101000000_late.sql" not in checkout.names()


@pytest.mark.parametrize("name", ["1751529530394_a.sql", "20250231000000_a.sql", "1751529530394_a",
                                  "21250703075850_a.sql"])
def test_renumber_puts_a_wrong_version_right(checkout, name):
    checkout.write(f"migrations/{name.removesuffix('.sql')}.sql", "select 1;")
    checkout.run("renumber", name)
    assert re.fullmatch(r"20\d{12}_a\.sql", checkout.names()[0])
    checkout.run("new", "next")


def test_renumber_parts_duplicates(checkout):
    checkout.write("migrations/20250703075850_a.sql", "select 1;")
    checkout.write("migrations/20250703075850_b.sql", "select 2;")
    checkout.run("renumber", "20250703075850_b")
    assert checkout.names()[0] == "20250703075850_a.sql" and checkout.names()[1].endswith("_b.sql")
    checkout.run("new", "next")


def test_renumber_takes_the_down_part_along(folder):
    folder.run("init", "--naming", "sequence")
    for name in ("000001_a.up.sql", "000001_a.down.sql", "000002_b.up.sql", "000002_b.down.sql"):
        folder.write(f"migrations/{name}", "select 1;")
    folder.run("renumber", "000001_a.up.sql")
    assert folder.names() == ["000002_b.down.sql", "000002_b.up.sql", "000003_a.down.sql",
                              "000003_a.up.sql"]


def test_renumber_takes_flyways_settings_along(folder):
    folder.run("init", "--naming", "flyway")
    for name in ("V1__a.sql", "V1__a.sql.conf", "V2__b.sql", "V2__b.sql.conf"):
        text = "select 1;" if name.endswith(".sql") else "executeInTransaction=false"
        folder.write(f"migrations/{name}", text)
    folder.run("renumber", "V1__a.sql")
    assert folder.names() == ["V2__b.sql", "V2__b.sql.conf", "V3__a.sql", "V3__a.sql.conf"]


@pytest.mark.parametrize(("name", "message"), [
    ("R__view.sql", "is repeatable: it has no version"),
    ("U1__a.sql", "is a down part: renumber its migration, and it goes along")])
def test_renumber_refuses_what_has_no_place(folder, name, message):
    folder.run("init", "--naming", "flyway")
    folder.write(f"migrations/{name}", "select 1;")
    assert message in folder.run("renumber", name, code=2).err
    assert folder.names() == [name]


def test_renumber_in_folders(folder):
    folder.run("init", "--naming", "folder")
    folder.write("migrations/20250101000000_a/up.sql", "select 1;")
    folder.write("migrations/20250202000000_b/up.sql", "select 2;")
    out = folder.run("renumber", "migrations/20250101000000_a/up.sql").out.strip()
    assert out.endswith("_a") and folder.names() == ["20250202000000_b", Path(out).name]


@pytest.mark.parametrize(("word", "message"), [
    ("missing", 'there is no migration "missing"'), ("", "there is no migration"),
    ("README.md", "is no migration"), ("pawl.sum", "is no migration")])
def test_renumber_refuses_what_is_none(checkout, word, message):
    checkout.write("migrations/README.md")
    checkout.run("sum")
    assert message in checkout.run("renumber", word, code=2).err
    assert checkout.names() == ["README.md", "pawl.sum"]


# ---- config ----

def test_config_shows_values_and_origins(folder):
    folder.write("pawl.conf", "[pawl]\nnaming = epoch\n[deploy]\nwait = 1m\n")
    rows = {row["name"]: row for row in folder.json("config", "--migrations", "m",
                                                    env={"PAWL_WAIT": "2m"})["settings"]}
    assert (rows["naming"]["origin"], rows["naming"]["line"]) == ("file", 2)
    assert (rows["wait"]["value"], rows["wait"]["source"]) == ("2m", "PAWL_WAIT")
    assert (rows["migrations"]["value"], rows["migrations"]["source"]) == ("m", "--migrations")
    assert rows["lock_timeout"]["origin"] == "default"
    out = folder.run("config", env={"PAWL_WAIT": "2m"}).out
    assert re.search(r"naming\s+epoch\s+pawl.conf:2\n", out)
    assert re.search(r"wait\s+2m\s+environment PAWL_WAIT\n", out)


@pytest.mark.parametrize("url", ["postgres://u:hunter2@h/db", "host=h password='hunter2 x'",
                                 "postgres://u:hunter2@ss@h/db", "u:hunter2@h",
                                 "postgres://h/db?password=hunter2", "env:SECRET_URL",
                                 "file:secret"])
def test_config_never_shows_a_password(folder, url):
    env = {"SECRET_URL": "postgres://u:hunter2@h/db"}
    folder.write("secret", "postgres://u:hunter2@h/db\n")
    folder.write("pawl.conf", f"[target.a]\nurl = {url}\n")
    for args, more in ((("config",), {}), (("config", "--url", url), {}),
                       (("config",), {"PAWL_URL": url})):
        for mode in ((), ("--json",)):
            result = folder.run(*mode, *args, env=env | more)
            assert "hunter2" not in result.out + result.err and "url" in result.out


def test_config_takes_the_environment_as_a_target(folder):
    rows = folder.json("config", env={"DATABASE_URL": "sqlite:x.db"})["settings"]
    url = next(row for row in rows if row["name"] == "url")
    assert (url["section"], url["value"]) == ("target.env", "sqlite:x.db")
    assert url["source"] == "DATABASE_URL"


def test_config_errors_have_a_place(folder):
    folder.write("pawl.conf", "[pawl]\n\n  namng = epoch\n")
    error = folder.json("config", code=2)["error"]
    assert (error["file"], error["line"], error["column"]) == ("pawl.conf", 3, 3)
    assert error["hint"] == 'Did you mean "naming"?'
    err = folder.run("config", code=2).err
    assert "  at pawl.conf:3:3\n" in err and "  next: Did you mean" in err


def test_what_needs_no_configuration_does_not_read_it(folder):
    folder.write("pawl.conf", "nonsense\n")
    folder.run("help")
    folder.run("explain", "edited")
    folder.run("config", code=2)


# ---- explain ----

def test_explain_each_rule(folder):
    rules = folder.json("explain", "--list")["rules"]
    assert len(rules) > 25 and len({rule["id"] for rule in rules}) == len(rules)
    listing = folder.run("explain", "--list").out
    for rule in rules:
        assert re.search(rf"^{rule['id']}\s+{rule['severity']}\s+\S", listing, re.MULTILINE)
    for rule in rules[::7]:
        out = folder.run("explain", rule["id"]).out
        assert out.startswith(f"{rule['id']}: {rule['title']}\n")
        assert rule["why"] in out and rule["fix"] in out


def test_every_rule_that_the_sources_name_is_explained(folder):
    known = {rule["id"] for rule in folder.json("explain", "--list")["rules"]}
    named = set()
    for path in (ROOT / "src" / "history").glob("*.h"):
        named |= set(re.findall(r'"((?:name|directive|sum|duplicate|version|future|checksum|'
                                r'annotation|encoding|naming|text|no)-[a-z-]+)"', path.read_text()))
    assert named and named <= known


def test_explain_unknown(folder):
    assert "Did you mean `pawl explain name-date`?" in folder.run("explain", "name-dat", code=2).err
    assert "--list" in folder.run("explain", "xyzzyxyzzyxyzzy", code=2).err
    folder.run("explain", code=2)
    folder.run("explain", "--list", "edited", code=2)


# ---- out of memory ----

@pytest.mark.parametrize("args", [("config",), ("new", "x"), ("sum",), ("--json", "sum"),
                                  ("renumber", "20250101000000_a"), ("help",), ("help", "settings"),
                                  ("help", "--man"), ("help", "--man", "check"), ("--json", "help"),
                                  ("help", "--man", "settings"), ("--json", "help", "settings"),
                                  ("completion", "--candidates", "--", "deploy", "--"),
                                  ("completion", "--candidates", "--", "deploy", "--to="),
                                  ("--json", "completion", "--candidates", "--", "--target", "")])
def test_every_failing_allocation_is_reported(checkout, args):
    checkout.write("migrations/20250101000000_a.sql", "select 1;")
    checkout.write("migrations/20250202000000_b.sql", "select 2;")
    done = subprocess.run([BINARY, "help"], cwd=checkout.path, capture_output=True,
                          env=clean_environment(PAWL_FAULT_ALLOC="1"))
    if done.returncode == 0:
        pytest.skip("this build has no fault points")
    for number in range(1, 120):
        done = subprocess.run([BINARY, *args], cwd=checkout.path, capture_output=True, timeout=60,
                              env=clean_environment(PAWL_FAULT_ALLOC=str(number)))
        text = (done.stdout + done.stderr).decode()
        assert done.returncode in (0, 1), (number, text)
        assert not any(mark in text for mark in SANITIZER_REPORTS), (number, text)
        assert ("out of memory" in text) == (done.returncode == 1), (number, text)
        if done.returncode == 0:
            break
    assert number > 1
