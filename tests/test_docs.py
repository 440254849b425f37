"""The README and docs/: examples run, generated parts up to date, JSON as described, links alive."""

import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.console import POSTGRES_MARK, Mismatch, Values, blocks, file_block, run_page
from support.pawl import clean_environment, pawl_binary
from support.server import wait_until
from test_races import mutex_key

ROOT = Path(__file__).resolve().parent.parent
PAGES = {str(path.relative_to(ROOT)): path.read_text()
         for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]}
TOLD = {name: text for name, text in PAGES.items()
        if any(language == "console" for language, _, _ in blocks(text))}
GENERATED = re.compile(r"<!-- make docs: .*?<!-- end -->", re.DOTALL)


# ---- the examples of the pages ----

@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", TOLD)
def test_examples_print_what_the_page_says(request, tmp_path, name):
    postgres = POSTGRES_MARK in TOLD[name]
    run_page(TOLD[name], tmp_path, request.getfixturevalue("pg").url if postgres else None)


@pytest.mark.parametrize("name", ["README.md", "docs/README.md", "docs/settings.md", "docs/json.md",
                                  *(name for name in PAGES if name.startswith("docs/commands/"))])
def test_no_example_escapes_the_test(name):
    """Whatever looks like a command of pawl stands in a block that is run."""
    for language, content, _ in blocks(GENERATED.sub("", PAGES[name])):
        assert language in ("console", "sql", "ini", "sh"), f"a block of another kind: {content}"
        if language == "sh":
            assert not re.search(r"^(\$ )?pawl ", content, re.MULTILINE), content
        elif language != "console":
            assert file_block(language, content), f"its first line names no file: {content}"


def page(*lines):
    return "```console\n" + "\n".join(lines) + "\n```\n"


MADE = "$ pawl --quiet init > /dev/null; pawl new a"
A, B = "20200101000000_a", "20200101000001_b"
HASH, OTHER = "0" * 64, "1" * 64
DIGEST = "$ echo SELECT 1 > $(pawl new a); pawl sum --json | grep -o '[0-9a-f]\\{64\\}'"


@pytest.mark.parametrize("lines", [
    ("$ echo a  b; echo 12 ms, 3.4 s", "a     b", "12 ms, 4.5 s"),
    ("$ echo one two; echo three; echo four", "one …", "…", "four"),
    ("$ echo a; false", "a", "$ echo $?", "1"),
    ("$ cat <<END", "> x", "> END", "x"),
    (MADE, f"migrations/{A}.sql", f"$ ls migrations/{A}.sql", f"migrations/{A}.sql"),
    (MADE + "; pawl new b", f"migrations/{A}.sql", f"migrations/{B}.sql"),
    ("$ pawl init --quiet > /dev/null", DIGEST, HASH, f"$ pawl sum --json --quiet | grep -c {HASH}", "1"),
])
def test_examples_that_hold(tmp_path, lines):
    run_page(page(*lines), tmp_path)


@pytest.mark.parametrize("lines", [
    ("$ echo a", "b"),
    ("$ echo a",),
    ("$ true", "a"),
    ("$ echo 12 ms", "12 m"),
    ("$ echo one two", "one … three"),
    ("$ false",),
    ("$ false", "$ echo $?", "0"),
    (MADE + f"; echo {A}", f"migrations/{A}.sql", f"{B.replace('_b', '_a')}"),
    ("$ pawl init --quiet > /dev/null", DIGEST, HASH,
     "$ pawl sum --json --quiet | grep -o '[0-9a-f]\\{64\\}'", OTHER),
])
def test_examples_that_do_not_hold(tmp_path, lines):
    with pytest.raises(Mismatch):
        run_page(page(*lines), tmp_path)


def test_one_value_of_a_run_has_one_name_on_a_page():
    values = Values()
    values.compare(HASH, OTHER)
    values.compare(f"{HASH} again", f"{OTHER} again")
    with pytest.raises(Mismatch):
        values.compare("2" * 64, OTHER)


def test_an_example_with_a_file(tmp_path):
    file = "```sql\n-- a/b.sql\nSELECT 1;\n```\n"
    run_page(file + page("$ cat a/b.sql", "-- a/b.sql", "SELECT 1;"), tmp_path)


# ---- what the program says of itself ----

def test_generated_parts_are_up_to_date():
    done = subprocess.run([sys.executable, ROOT / "scripts/docs.py", "--check", pawl_binary()], text=True,
                          capture_output=True, env=clean_environment(), timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def commands(make_pawl):
    report = make_pawl().run("help", "--json", check=0).json()
    return {row["name"]: row for row in report["commands"]}


def test_every_command_has_its_page(commands):
    wanted = {f"docs/commands/{name}.md" for name in commands}
    assert {name for name in PAGES if name.startswith("docs/commands/")} == wanted
    for name in commands:
        text = PAGES[f"docs/commands/{name}.md"]
        assert text.startswith(f"# pawl {name}\n") and "\n## Exit codes\n" in text
        assert f"<!-- make docs: help {name} -->" in text and f"docs/commands/{name}.md" in TOLD


def test_examples_of_help_can_be_typed(make_pawl, commands):
    """With --help in it, a line is read to its end and nothing is done."""
    pawl = make_pawl(name="examples")
    for row in commands.values():
        assert row["examples"], row["name"]
        for example in row["examples"]:
            typed = re.search(r"\bpawl [^|&>)]*", example["line"])[0]
            words = shlex.split(typed)[1:]
            assert words[0] == row["name"], example
            # Behind the dashes it would be an argument of another program.
            end = words.index("--") if "--" in words else len(words)
            assert pawl.run(*words[:end], "--help", *words[end:], check=0).out, example


# ---- links ----

LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")


@pytest.mark.parametrize("name", [*PAGES, "CONTRIBUTING.md", "ARCHITECTURE.md"])
def test_links_lead_somewhere(name):
    text = (ROOT / name).read_text()
    for path, anchor in LINK.findall(text):
        if path.startswith(("http:", "https:", "mailto:")):
            continue
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), f"{name} links to {path}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            slugs = [re.sub(r"[^\w -]", "", heading).strip().lower() for heading in headings]
            assert anchor in [slug.replace(" ", "-") for slug in slugs], f"{name} links to {path}#{anchor}"


# ---- docs/json.md ----

COMMON = "Every command"
OPAQUE = {"rows[].detail", "black_box.lines[]", "probes[].samples[]"}  # members that depend on the event
OF_A_SERVER = ("sessions[].", "deploy.progress.", "targets[].deploy.progress.", "debt[].",
               "targets[].debt[].", "plan[].statements[].locks[].", "probes[].", "written[]",
               "rehearsed[].statements[].locks[].", "gaps[].")  # not on SQLite
COMMANDS_OF_A_SERVER = {"compat"}


def described():
    """{section: {member: {types}}} of the tables."""
    found = {}
    for section in PAGES["docs/json.md"].split("\n## ")[1:]:
        title, rest = section.split("\n", 1)
        rows = re.findall(r"^\| `([^`]+)` \| ([a-z ]+) \|", rest, re.MULTILINE)
        found[title] = {member: set(types.split(" or ")) for member, types in rows}
    return found


def lent():
    """{section: the sections whose members it has too, by its links}."""
    return {section.split("\n", 1)[0]: re.findall(r"\]\(#(\w+)\)", section)
            for section in PAGES["docs/json.md"].split("\n## ")[1:]}


def members(value, path=""):
    """(member, type) of every leaf."""
    if isinstance(value, dict) and path not in OPAQUE:
        for key, item in value.items():
            yield from members(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            yield from members(item, f"{path}[]")
    else:
        kinds = {dict: "object", str: "string", bool: "boolean", type(None): "null"}
        yield path, kinds.get(type(value), "number")


FIRST, SECOND = "20250703075850_create_users", "20250704090000_add_email"


class Reports:
    """What commands print with --json."""

    def __init__(self, pawl):
        self.pawl = pawl
        self.all = []

    def run(self, *args, env=None):
        self.all.append(self.pawl.run("--json", *args, env=env).json())
        return self.all[-1]


def git(pawl, *args):
    env = clean_environment(GIT_CONFIG_GLOBAL="/dev/null", GIT_AUTHOR_NAME="a", GIT_AUTHOR_EMAIL="a@b",
                            GIT_COMMITTER_NAME="a", GIT_COMMITTER_EMAIL="a@b")
    subprocess.run(["git", *args], cwd=pawl.folder, env=env, check=True, capture_output=True)


def tell_without_a_database(pawl, reports):
    reports.run("init", "--config", "other.conf", "--migrations", "other")
    reports.run("new", "a", "--migrations", "other")
    reports.run("help")
    reports.run("help", "settings")
    reports.run("help", "preflight")
    reports.run("config", env={"PAWL_WAIT": "1s", "PAWL_URL": "nonsense"})
    reports.run("explain", "name-date")
    reports.run("explain", "--list")
    reports.run("completion", "bash")
    reports.run("completion", "--candidates", "--", "re")
    reports.run("confg")
    pawl.config({"pawl": {"nonsense": 1}})
    reports.run("config")


def tell_files(pawl, reports):
    git(pawl, "init", "-q", "-b", "main")
    pawl.write(FIRST, "CREATE TABLE users (id integer PRIMARY KEY);")
    reports.run("sum")
    reports.run("sum")
    git(pawl, "add", ".")
    git(pawl, "commit", "-q", "-m", "a")
    pawl.write(FIRST, "CREATE TABLE users (id bigint PRIMARY KEY);")
    reports.run("check", "--base", "main")
    reports.run("lint", "--dialect", "postgres")
    reports.run("sum", "--check")
    unsafe = pawl.write(SECOND, "REINDEX TABLE a;\nDROP INDEX a, b;")
    reports.run("lint", "--dialect", "postgres", "--diff", unsafe)
    pawl.write(SECOND, "CREATE TABLE b (id int);\nDROP TABLE a;")
    reports.run("new", "undo", "--revert", SECOND)
    pawl.write(SECOND, "-- migrate:up\nCREATE TABLE b (id int);\n-- migrate:down\nDROP TABLE b;")
    reports.run("new", "undo", "--revert", SECOND)
    reports.run("new", "--recipe", "list")
    reports.run("new", "--recipe", "drop-column", "--table", "a", "--column", "b",
                env={"PAWL_DIALECT": "postgres"})
    for path in reports.all[-1]["paths"]:
        (pawl.folder / path).unlink()
    pawl.write("20250231000000_b", "SELECT 1;")
    key = pawl.folder / "ci.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
    reports.run("check", "--attest", key)
    reports.run("renumber", "20250231000000_b")
    pawl.write("20250803000000_bad", "SELECT 1;\nSELECT 'x")
    reports.run("check")
    pawl.write("20250802000000-c", "-- pawl: phse=expand\nSELECT 2;")
    pawl.write("20520101000000_d", "-- pawl: knd=data\nSELECT 3;")
    reports.run("check", "--fix", "--dry-run")
    reports.run("check", "--fix")
    for path in pawl.migrations.iterdir():
        path.unlink()


def tell_a_plan(pawl, reports):
    more = pawl.write("20250801000000_more", "ALTER TABLE users ALTER id TYPE text;\nCALL nothing();\n"
                      "UPDATE users SET email = '';")
    reports.run("plan")
    reports.run("rehearse")
    more.write_text("ALTER TABLE pawl.journal ADD CHECK (seq < 0);")
    reports.run("probe", "--write-repair")
    for repair in pawl.migrations.glob("*_repair_rows.sql"):
        repair.unlink()
    more.unlink()


def tell_a_rehearsal(pawl, reports, engine):
    on = []
    if engine.engine == "postgres":
        engine.query("CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;"
                     "CREATE USER MAPPING FOR CURRENT_USER SERVER s; ALTER TABLE users ADD kept int")
        on = ["--on", "target"]
    pawl.config({"target.main": {"url": engine.url, "ledger": "fourth"}})
    pawl.run("adopt", "--as-of", "none", check=0)
    pawl.write("20250801000000_fourth", "CREATE TABLE fourth (id int);" + (
        "ALTER TABLE users ALTER kept TYPE bigint; CREATE ROLE nobody_else;" if on else ""))
    kept = reports.run("rehearse", "--keep", *on)["kept"]
    if on:
        engine.cluster.execute(f"DROP DATABASE {kept.split()[1]}")
    else:
        shutil.rmtree(Path(kept).parent)


def tell_what_is_compatible(pawl, reports, engine):
    pawl.folder.joinpath("log").write_text("LOG:  statement: SELECT id FROM users WHERE id = 1\n")
    reports.run("capture", "--release", "1.0", "--log", "log")
    pawl.config({"target.main": {"url": engine.url, "ledger": "fifth"}})
    if engine.engine == "sqlite":
        reports.run("compat")
        return
    pawl.run("adopt", "--as-of", "none", check=0)
    pawl.write("20250801000000_fifth", "ALTER TABLE users DROP id CASCADE;")
    with open(pawl.folder / "queries/1.0/logged.sql", "a", encoding="utf-8") as queries:
        queries.write("LISTEN x;")
    reports.run("compat", "--on", "target")
    reports.run("compat", "--on", "target", "--tests", "--", "true")
    reports.run("compat", "--on", "target", "--tests", "--", "sh", "-c", "kill -9 $$")


def tell_a_target(pawl, reports):
    reports.run("ready")
    reports.run("ready", "--deploying")
    pawl.write(FIRST, "CREATE TABLE users (id integer PRIMARY KEY);")
    reports.run("deploy", "--dry-run")
    reports.run("status")
    reports.run("deploy", "--release", "1")
    old = pawl.write(SECOND, "ALTER TABLE users ADD COLUMN email text;")
    tell_a_plan(pawl, reports)
    reports.run("ready", "--release", "2")
    reports.run("deploy")
    old.rename(pawl.migrations / "20250705090000_email.sql")
    reports.run("deploy")
    reports.run("status")
    pawl.write(FIRST, "CREATE TABLE users (id bigint PRIMARY KEY);")
    reports.run("ready")
    reports.run("repair", "--accept-edit", FIRST, "--reason", "r")
    last = pawl.write("20250706090000_drop", "-- pawl: phase=contract\nALTER TABLE users DROP COLUMN email;")
    bad = pawl.write("20250707090000_bad", "SELECT * FROM nothing;")
    reports.run("deploy")
    reports.run("run", "--deploy", "--", "true")
    reports.run("log")
    last.unlink()
    bad.unlink()
    reports.run("deploy")
    reports.run("ready")
    reports.run("run", "--deploy", "--release", "2", "--", "true")
    reports.run("log", "--attempt", "99")
    reports.run("log", "--attempt", "last")


def tell_a_deploy(reports):
    reports.run("blockers")
    reports.run("status")


def tell_blockers(pawl, reports, engine):
    pawl.config({"target.main": {"url": engine.url, "ledger": "third"}})
    reports.run("blockers")
    pawl.run("adopt", "--as-of", "none", check=0)
    if engine.engine == "sqlite":
        pawl.write("20250801000000_third", "CREATE TABLE third (id int);")
        pawl.run("deploy", env={"PAWL_FAULT_KILL": 2}, check=-signal.SIGKILL)
        return tell_a_deploy(reports)
    with engine.connect() as connection:
        connection.execute(f"SELECT pg_advisory_lock({mutex_key('third')})")
        tell_a_deploy(reports)
        connection.execute("SELECT pg_advisory_unlock_all()")
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT 1")
        pawl.write("20250801000000_index", "CREATE INDEX CONCURRENTLY users_idx ON users (id);")
        deploy = pawl.spawn("deploy")
        wait_until(lambda: engine.query("SELECT 1 FROM pg_locks WHERE NOT granted"), "the index waits")
        tell_a_deploy(reports)
        connection.execute("ROLLBACK")
        deploy.finish(check=0)
    engine.query("ALTER TABLE users ADD CONSTRAINT positive CHECK (id > 0) NOT VALID")
    pawl.write("20250802000000_more", "CREATE TABLE more (id int);")
    reports.run("deploy")
    reports.run("status")


def tell_announced(pawl, reports):
    reports.run("reserve", "--until", "1h", "--reason", "r")
    number = reports.all[-1]["id"]
    reports.run("status")
    reports.run("reserve", "list")
    pawl.write("20250708090000_more", "CREATE TABLE more (id int);")
    reports.run("deploy")
    reports.run("preflight")
    reports.run("deploy", "--override", "reservation", "--reason", "r")
    reports.run("status")
    reports.run("reserve", "end", str(number))
    reports.run("reserve", "end", str(number))
    reports.run("maintenance")
    reports.run("maintenance", "on", "--reason", "r")
    reports.run("status")
    reports.run("ready")
    reports.run("maintenance", "off")


def tell_backups(pawl, reports, url):
    pawl.config({"pawl": {"missing": "allow"}, "target.main": {"url": url},
                 "backup": {"when": "always", "directory": "saved", "command": 'echo x > "$PAWL_BACKUP_FILE"'}})
    reports.run("backup")
    reports.run("backup", "--list")
    reports.run("backup", "--verify", str(reports.all[-2]["backup"]["seq"]))
    pawl.write("20250901090000_again", "CREATE TABLE again (id int);")
    reports.run("deploy")
    reports.run("status")
    reports.run("log")


def tell_a_backfill(pawl, reports, url):
    """It fails at its third row, and so stays part-way."""
    pawl.config({"target.main": {"url": url, "ledger": "sixth"}})
    pawl.run("adopt", "--as-of", "none", check=0)
    pawl.write("20250709090000_walked", "-- pawl: recipe=a:1:1/3\n"
               "CREATE TABLE walked (id integer PRIMARY KEY, n integer NOT NULL);\n"
               "INSERT INTO walked (id, n) VALUES (1, 0), (2, 0), (3, 0), (4, 0);")
    walk = pawl.write("20250710090000_walk", "-- pawl: kind=backfill batch=1 recipe=a:1:2/3\n"
                      "UPDATE walked SET n = 1 / (id - 3);")
    reports.run("backfill")
    reports.run("deploy")
    reports.run("backfill")
    reports.run("backfill", "pause", "--reason", "r")
    reports.run("backfill", "pause", "20250710090000_walk")
    reports.run("status")
    reports.run("backfill", "resume")
    walk.unlink()
    reports.run("status")
    reports.run("backfill", "cancel", "--reason", "r")
    pawl.write("20250711090000_data", "-- pawl: kind=data\nUPDATE walked SET n = 2;")
    reports.run("deploy")


def tell_targets(pawl, reports, url):
    pawl.config({"target.main": {"url": url}, "target.nowhere": {"url": "env:NOT_SET"}})
    reports.run("status", "--all")


def tell_releases(pawl, reports, url):
    """Beside the others: a ledger of its own, in which release 1 lives while 2 is deployed."""
    pawl.config({"target.main": {"url": url, "ledger": "released"}, "releases": {"others": ".*"}})
    reports.run("adopt", "--as-of", "none")
    pawl.write("20250901090000_third", "CREATE TABLE third (id int);")
    reports.run("deploy")
    reports.run("release", "start", "1")
    instance = pawl.spawn("run", "--release", "1", "--", "sh", "-c", "echo up; exec sleep 60")
    instance.wait_for("up")
    reports.run("release")
    pawl.write("20250902090000_gone", "-- pawl: phase=contract\nDROP TABLE third;")
    reports.run("deploy")
    reports.run("status")
    instance.signal()
    instance.finish()
    reports.run("release", "retire", "1", "--reason", "r")
    older = pawl.folder / "older"
    older.mkdir()
    shutil.copy(pawl.migrations / "20250901090000_third.sql", older)
    reports.run("deploy")
    over = ("--override", "blocked", "--reason", "r")
    pawl.run("run", "--migrations", "older", "--release", "1", *over, "--", "true", check=0)
    reports.run("status")


def tell_a_squash(pawl, reports):
    reports.run("new", "base", "--replaces", f"{FIRST}..{FIRST}")
    (pawl.migrations / f"{FIRST}.sql").unlink()
    reports.run("sum")
    reports.run("deploy")


def test_json_is_as_described(make_pawl, engine, tmp_path):
    alone, pawl, adopted, busy, rehearsed = (
        make_pawl(engine.url, name) for name in ("alone", "checkout", "adopted", "busy", "rehearsed"))
    everything = []
    for told, tell in ((alone, tell_without_a_database), (pawl, tell_files), (pawl, tell_a_target),
                       (pawl, tell_announced)):
        reports = Reports(told)
        tell(told, reports)
        everything += reports.all
    reports = Reports(pawl)
    tell_backups(pawl, reports, engine.url)
    everything += reports.all
    reports = Reports(busy)
    tell_blockers(busy, reports, engine)
    everything += reports.all
    walker = make_pawl(engine.url, "walker")
    reports = Reports(walker)
    tell_a_backfill(walker, reports, engine.url)
    everything += reports.all
    reports = Reports(adopted)
    tell_targets(adopted, reports, engine.url)
    adopted.config({"target.main": {"url": engine.url, "ledger": "second"}})
    adopted.write(FIRST, "SELECT 1;")
    reports.run("adopt", "--as-of", FIRST)
    tell_a_squash(adopted, reports)
    everything += reports.all

    released = make_pawl(engine.url, "released")
    reports = Reports(released)
    tell_releases(released, reports, engine.url)
    everything += reports.all

    reports = Reports(rehearsed)
    tell_a_rehearsal(rehearsed, reports, engine)
    everything += reports.all

    compatible = make_pawl(engine.url, "compatible")
    reports = Reports(compatible)
    tell_what_is_compatible(compatible, reports, engine)
    everything += reports.all

    tables = described()
    common = tables.pop(COMMON)
    seen = {}
    for report in everything:
        table = dict(tables.get(report["command"], {}))
        for other in lent().get(report["command"], ()):
            table.update(tables[other])
        for member, kind in members(report):
            assert kind in common.get(member, table.get(member, ())), f"{member}: {kind}\n{report}"
            seen.setdefault(COMMON if member in common else report["command"], set()).add(member)
    assert set(tables) == {report["command"] for report in everything} - {None}
    assert seen[COMMON] >= set(common) - {"error.sqlstate", "error.detail"}
    for command, table in tables.items():
        if engine.engine == "sqlite" and command in COMMANDS_OF_A_SERVER:
            continue
        unseen = {member for member in set(table) - seen[command]
                  if engine.engine == "postgres" or not member.startswith(OF_A_SERVER)}
        assert not unseen, f"{command}: described and never seen"
