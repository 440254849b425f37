"""What a deploy attempt leaves for whoever looks into it later: its file, and the journal's details."""

import json
import os
import stat
import subprocess
from contextlib import contextmanager

import pytest

from support import ledger
from support.disk import needs_root
from support.ledger import version
from support.server import wait_until

TABLE = f"{version(1)}_t"
COLUMN = f"{version(2)}_c"


@pytest.fixture
def box(pawl):
    """The checkout on each engine, with its black boxes in checkout/box."""
    return with_box(pawl)


@pytest.fixture
def pg_box(make_pawl, pg):
    return with_box(make_pawl(pg.url))


def with_box(pawl, folder="box"):
    pawl.env["PAWL_BLACK_BOX"] = str(folder)
    return pawl


def files(pawl, folder="box"):
    """The last one that was written to comes last."""
    return sorted((pawl.folder / folder).iterdir(), key=lambda path: path.stat().st_mtime_ns)


def lines_of(path):
    """All that is whole: the last line of a killed process may not be."""
    text = path.read_text()
    return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]


def lines(pawl):
    return lines_of(files(pawl)[-1])


def events(pawl):
    return [line["event"] for line in lines(pawl)]


def of(pawl, event):
    return [line for line in lines(pawl) if line["event"] == event]


def last_row(database):
    return ledger.rows(database)[-1].facts


# ---- what is in the file ----

def test_a_deploy_leaves_one_file(box, engine):
    box.write(TABLE, "CREATE TABLE t (id integer);\nINSERT INTO t VALUES (1);")
    box.run("deploy", "--release", "1.0", check=0)
    path, = files(box)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    begin = lines(box)[0]
    row = next(row for row in ledger.rows(engine) if row.event == "begin")
    assert begin["event"] == "begin" and begin["attempt"] == row.facts["attempt"]
    assert path.name.endswith(f"Z-{begin['attempt']}.jsonl") and row.facts["black_box"].endswith(path.name)
    assert begin["release"] == "1.0" and begin["pending"] == [TABLE] and begin["engine"] == engine.engine
    assert begin["host"] == row.facts["host"] and begin["pid"] == row.facts["pid"] and begin["server"]
    assert begin["settings"]["lock_timeout_ms"] == 400 and begin["settings"]["on_blocked"] == "wait"
    assert begin.get("backend") == row.facts.get("backend")
    first_try, = of(box, "try")
    assert [s["sql"] for s in first_try["statements"]] == ["CREATE TABLE t (id integer)",
                                                           "INSERT INTO t VALUES (1)"]
    assert [s["line"] for s in first_try["statements"]] == [1, 2]
    assert [line["number"] for line in of(box, "statement")] == (
        [2] if engine.engine == "postgres" else [1, 2])
    assert of(box, "end")[0]["outcome"] == "end"
    assert lines(box)[-1]["receipt"].startswith(f"{ledger.rows(engine)[-1].seq}:")
    box.run("deploy", check=0)
    assert files(box) == [path]  # nothing to do is no attempt


def test_timings_stand_with_the_statement_that_took_them(pg_box):
    """The answer of what only writes the catalog comes with the next one's, and says so."""
    pg_box.write(TABLE, "CREATE TABLE t (id int);\nSELECT pg_sleep(0.3);\nSELECT 1;")
    pg_box.run("deploy", check=0)
    second, third = of(pg_box, "statement")
    assert second["number"] == 2 and second["with_before"] == 1
    assert second["took_ms"] >= 300 and third["took_ms"] < second["took_ms"] and third["with_commit"]


def test_an_error_with_its_sqlstate_and_place(pg_box, pg):
    pg_box.write(TABLE, "CREATE TABLE t (id int);\nINSERT INTO t\n  VALUES (wrong);")
    pg_box.run("deploy", check=1)
    error, = of(pg_box, "error")
    assert error["sqlstate"] == "42703" and (error["line"], error["column"]) == (3, 11)
    end, = of(pg_box, "end")
    assert end["outcome"] == "failed" and end["sqlstate"] == "42703" and end["code"] == "failed"
    assert last_row(pg)["sqlstate"] == "42703"


def test_notices_are_kept_and_counted(pg_box, pg):
    pg_box.write(TABLE, "DO $$ BEGIN RAISE NOTICE 'one %', E'\\x1b[31m'; RAISE WARNING 'two'; END $$;")
    pg_box.run("deploy", check=0)
    assert [(n["severity"], n["text"]) for n in of(pg_box, "notice")] == [
        ("NOTICE", "one \x1b[31m"), ("WARNING", "two")]
    assert last_row(pg)["notices"] == 2
    assert "\x1b" not in files(pg_box)[-1].read_text()


def test_a_flood_of_notices_is_counted_only(pg_box, pg):
    pg_box.write(TABLE, "DO $$ BEGIN FOR i IN 1..3000 LOOP RAISE NOTICE 'n'; END LOOP; END $$;")
    pg_box.run("deploy", check=0)
    assert len(of(pg_box, "notice")) == 1000 and last_row(pg)["notices"] == 3000


def test_blockers_and_retries_of_a_blocked_deploy(pg_box, pg):
    pg_box.write(TABLE, "CREATE TABLE t (id int);")
    pg_box.run("deploy", check=0)
    pg_box.write(COLUMN, "ALTER TABLE t ADD COLUMN c int;")
    with pg.connect(application_name="nightly report") as holder:
        holder.execute("BEGIN")
        holder.execute("SELECT count(*), 'PASSWORD ''hunter2''' FROM t")
        deploy = pg_box.spawn("deploy")
        deploy.wait_for("trying again")
        holder.execute("COMMIT")
        deploy.finish(check=0)
        pid = holder.info.backend_pid
    snapshots = of(pg_box, "blocked")
    locked = next(line for line in snapshots if "lock" in line)
    assert (locked["lock"], locked["object"]) == ("AccessExclusiveLock", "public.t")
    for line in snapshots:
        blocker, = line["blockers"]
        assert blocker["pid"] == pid and blocker["application"] == "nightly report"
        assert blocker["state"] == "idle in transaction" and "PASSWORD ''***''" in blocker["query"]
    tries = of(pg_box, "try")
    assert [line["try"] for line in tries] == list(range(1, len(tries) + 1)) and len(tries) > 1
    assert "statements" in tries[0] and "statements" not in tries[1]
    error = of(pg_box, "error")[0]
    assert error["sqlstate"] == "55P03"
    assert all(line["pause_ms"] > 0 for line in of(pg_box, "retry"))
    applied = next(row for row in ledger.rows(pg) if row.event == "applied" and row.migration == COLUMN)
    assert applied.facts["retries"] == len(tries) - 1 == len(of(pg_box, "retry"))
    assert last_row(pg)["retries"] == len(tries) - 1 and last_row(pg)["lock_wait_ms"] >= 400


def test_no_password_of_a_blocker_gets_into_the_journal(pg_box, pg):
    pg_box.env["PAWL_LOCK_BUDGET"] = "1s"
    pg_box.write(TABLE, "CREATE TABLE t (id int);")
    pg_box.run("deploy", check=0)
    pg_box.write(COLUMN, "ALTER TABLE t ADD COLUMN c int;")
    with pg.connect() as holder:
        holder.execute("BEGIN")
        # Of a query the server shows the start only: this one is cut within its password.
        holder.execute("SELECT count(*) FROM t; -- " + "x" * 130 + " ALTER ROLE r PASSWORD '" + "s3cret" * 20)
        told = pg_box.run("deploy", check=5).err
    for text in (told, json.dumps(last_row(pg)["blockers"]), files(pg_box)[-1].read_text()):
        assert "PASSWORD '***" in text and "s3cret" not in text


def test_sessions_that_were_ended(pg_box, pg):
    pg_box.write(TABLE, "CREATE TABLE t (id int);")
    pg_box.run("deploy", check=0)
    pg_box.write(COLUMN, "ALTER TABLE t ADD COLUMN c int;")
    holder = pg.connect()
    holder.execute("BEGIN")
    holder.execute("SELECT count(*) FROM t")
    pid = holder.info.backend_pid
    pg_box.run("deploy", "--on-blocked", "terminate", "--blocker-age", "0", check=0)
    holder.close()
    ended, = of(pg_box, "session_ended")
    assert ended["by"] == "terminate" and ended["session"]["pid"] == pid


def test_a_reconnect(proxy, make_pawl):
    pawl = with_box(make_pawl(proxy.url))
    pawl.write(TABLE, "CREATE TABLE t (id int);")
    pawl.run("deploy", check=0)
    pawl.write(COLUMN, "CREATE TABLE c (id int);")
    proxy.at("cut", nth=2, sender="server", type="C", contains=b"COMMIT\0")
    pawl.run("deploy", check=0)
    proxy.wait_fired()
    lost, back = of(pawl, "connection")
    assert (lost["is"], back["is"]) == ("lost", "back") and lost["backend"] != back["backend"]


# ---- hostile texts ----

def test_hostile_statement_texts(box, engine):
    long = "x" * 100_000
    texts = ["SELECT '\x01\x7f\u009b31m\u2028\U0001F600 \"\\'", f"SELECT 'é{long}'",
             "SELECT 'postgres://u:hunter2@h/d password=hunter2'", *["SELECT 'padding'"] * 9_000]
    box.write(TABLE, ";\n".join(texts) + ";\n")
    box.run("deploy", check=0)
    raw = files(box)[-1].read_bytes()
    assert raw.isascii() and b"hunter2" not in raw and b"\x1b" not in raw
    assert len(raw) < 3_000_000
    first, second, third, *rest = of(box, "try")[0]["statements"]
    assert first["sql"] == texts[0] and third["sql"].count("***") == 2
    assert len(second["sql"]) < 9_000 and second["bytes"] == len(texts[1].encode())
    assert len(rest) == 9_000 and rest[-1] == {"line": 9_003}


# ---- whatever happens to the process ----

def test_a_kill_leaves_all_up_to_then(pg_box, pg):
    pg_box.write(TABLE, "CREATE TABLE t (id int);")
    pg_box.write(COLUMN, "INSERT INTO t VALUES (1);\nSELECT pg_sleep(0.05);\nSELECT pg_sleep(60);")
    deploy = pg_box.spawn("deploy")
    wait_until(lambda: pg.query("SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'"
                                " AND state = 'active'"), "the third statement is at work")
    wait_until(lambda: events(pg_box).count("statement") == 3, "the second one's answer is written")
    deploy.kill()
    assert [(line["migration"], line["number"]) for line in of(pg_box, "statement")] == [
        (TABLE, 1), (COLUMN, 1), (COLUMN, 2)]
    assert of(pg_box, "try")[-1]["statements"][2]["sql"] == "SELECT pg_sleep(60)"
    assert "end" not in events(pg_box)


def test_a_kill_at_any_point_leaves_whole_lines(box):
    """And never one without what came before it: the attempt and its settings come first."""
    box.write(TABLE, "CREATE TABLE t (id integer);\nINSERT INTO t VALUES (1);")
    box.write(COLUMN, "ALTER TABLE t ADD COLUMN c integer;")
    log = box.folder / "points"
    box.run("deploy", "--dry-run", check=0)
    for number in range(1, 60):
        box.run("deploy", env={"PAWL_FAULT_KILL": number, "PAWL_FAULT_LOG": log})
    box.run("deploy", check=0)
    assert files(box)
    for path in files(box):
        assert path.read_bytes().endswith(b"\n")
        told = [line["event"] for line in lines_of(path)]
        assert told[told[0] == "note"] == "begin"  # behind a word about the deploy that was killed before


def test_two_deploys_at_once(box, engine):
    for number in range(1, 40):
        box.write(f"{version(number)}_t{number}", f"CREATE TABLE t{number} (id integer);")
    both = [box.spawn("deploy") for _ in range(2)]
    for deploy in both:
        deploy.finish(check=0)
    began = [row.facts["attempt"] for row in ledger.rows(engine) if row.event == "begin"]
    left = {lines_of(path)[0]["attempt"]: lines_of(path) for path in files(box)}
    assert set(began) <= set(left) and len(ledger.applied(engine)) == 39
    applied = [line["migration"] for told in left.values() for line in told if line["event"] == "applied"]
    assert sorted(applied) == sorted(ledger.applied(engine))


# ---- where no file can be ----

@contextmanager
def small_disk(folder, size):
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder, "-o", f"size={size}"], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def deploys_without(pawl, **env):
    """It is told once, and everything else is as ever."""
    pawl.write(TABLE, "CREATE TABLE t (id integer);")
    pawl.write(COLUMN, "ALTER TABLE t ADD COLUMN c integer;")
    result = pawl.run("deploy", env=env, check=0)
    assert result.err.count("no black box of this deploy") == 1
    return result


def test_a_path_that_is_no_folder(box, engine):
    (box.folder / "box").write_text("")
    assert "Not a directory" in deploys_without(box).err or "File exists" in deploys_without(box).err
    assert "black_box" not in ledger.rows(engine)[1].facts


def test_a_file_system_that_cannot_be_written(box):
    deploys_without(box, PAWL_BLACK_BOX="/proc/box")


def test_no_home(box):
    env = {"PAWL_BLACK_BOX": "auto", "XDG_STATE_HOME": None, "HOME": None}
    assert "HOME" in deploys_without(box, **env).err


@needs_root
def test_a_full_disk(box, tmp_path):
    with small_disk(tmp_path / "disk", "8k") as disk:
        for number in range(3, 60):
            box.write(f"{version(number)}_t{number}", f"CREATE TABLE t{number} (id integer);")
        result = deploys_without(box, PAWL_BLACK_BOX=disk)
        assert "No space left" in result.err
        told = box.run("log", "--attempt", "last", "--json", env={"PAWL_BLACK_BOX": disk}, check=0).json()
        assert told["black_box"]["lines"][0]["event"] == "begin"


def test_a_file_that_may_not_grow(make_pawl, pg):
    """EFBIG, as the signal that comes with it is ignored."""
    pawl = with_box(make_pawl(pg.url))
    script = pawl.folder / "limited"
    script.write_text("#!/bin/sh\ntrap '' XFSZ\nulimit -f 16\nexec \"$@\"\n")
    script.chmod(0o755)
    for number in range(3, 60):
        pawl.write(f"{version(number)}_t{number}", f"CREATE TABLE t{number} (id integer);")
    result = pawl.spawn("deploy", under=(str(script),)).finish(check=0)
    assert result.err.count("no black box of this deploy") == 1 and "File too large" in result.err


@pytest.mark.parametrize("value", ["off", ""])
def test_switched_off(pawl, engine, value):
    pawl.config({"deploy": {"black_box": value}, "target.main": {"url": engine.url}})
    pawl.write(TABLE, "CREATE TABLE t (id integer);")
    state = pawl.folder / "state"
    result = pawl.run("deploy", env={"XDG_STATE_HOME": state}, check=0)
    assert not state.exists() and "black box" not in result.err
    assert "black_box is off" in pawl.run("log", "--attempt", "last", check=0).out


def test_the_default_is_the_state_folder(pawl):
    pawl.write(TABLE, "CREATE TABLE t (id integer);")
    state, home = pawl.folder / "state", pawl.folder / "home"
    pawl.run("deploy", env={"XDG_STATE_HOME": state}, check=0)
    assert len(list((state / "pawl").iterdir())) == 1
    pawl.write(COLUMN, "ALTER TABLE t ADD COLUMN c integer;")
    pawl.run("deploy", env={"XDG_STATE_HOME": None, "HOME": home}, check=0)
    assert len(list((home / ".local/state/pawl").iterdir())) == 1


def test_a_home_whose_name_is_no_text(pawl, engine):
    pawl.write(TABLE, "CREATE TABLE t (id integer);")
    env = {"XDG_STATE_HOME": pawl.folder / os.fsdecode(b"b\xffx")}
    pawl.run("deploy", env=env, check=0)
    assert "/b\\xffx/pawl/" in ledger.rows(engine)[1].facts["black_box"]
    assert "CREATE TABLE" in pawl.run("log", "--attempt", "last", env=env, check=0).out


def test_a_relative_folder_starts_from_the_file(pawl, engine):
    pawl.config({"deploy": {"black_box": "left/here"}, "target.main": {"url": engine.url}})
    pawl.write(TABLE, "CREATE TABLE t (id integer);")
    pawl.spawn("-C", str(pawl.folder), "deploy").finish(check=0)
    assert len(files(pawl, "left/here")) == 1


def test_the_newest_hundred_stay(box):
    folder = box.folder / "box"
    folder.mkdir()
    old = [folder / f"20200101T00{minute:02}{second:02}Z-{minute:08x}{second:08x}.jsonl"
           for minute in range(3) for second in range(40)]
    others = [folder / "20200101T000000Z-00000000000000zz.jsonl", folder / "notes.txt",
              folder / "20200101T000000Z-0000000000000000.jsonl.bak"]
    for path in old + others:
        path.write_text("{}\n")
    box.write(TABLE, "CREATE TABLE t (id integer);")
    box.run("deploy", check=0)
    left = set(files(box))
    assert set(others) < left and len(left - set(others)) == 100
    assert sorted(left - set(others))[:99] == old[-99:]


# ---- pawl log --attempt ----

def test_the_account_of_one_attempt(box, engine):
    box.write(TABLE, "CREATE TABLE t (id integer);")
    box.run("deploy", check=0)
    box.write(COLUMN, "ALTER TABLE nowhere ADD COLUMN c integer;")
    box.run("deploy", check=1)
    first, second = [row for row in ledger.rows(engine) if row.event == "begin"]
    for word in (second.seq, second.facts["attempt"], second.facts["attempt"][:6], "last"):
        told = box.run("log", "--attempt", word, check=0).out
        assert f"deploy at seq {second.seq}, attempt {second.facts['attempt']}: failed" in told
        assert str(files(box)[-1].name) in told and "nowhere" in told and "CREATE TABLE" not in told
    told = box.run("log", "--attempt", first.seq, "--json", check=0).json()
    assert told["attempt"]["id"] == first.facts["attempt"] and told["attempt"]["outcome"] == "end"
    assert {row["detail"]["attempt"] for row in told["rows"]} == {first.facts["attempt"]}
    assert told["black_box"]["path"].endswith(f"{first.facts['attempt']}.jsonl")
    assert [line["event"] for line in told["black_box"]["lines"]] == [
        line["event"] for line in lines_of(next(path for path in files(box)
                                                if first.facts["attempt"] in path.name))]


@pytest.mark.parametrize("word", ["1", "99", "abc", "ffffffffffffffff", "", "last2"])
def test_no_such_attempt(box, word):
    box.write(TABLE, "CREATE TABLE t (id integer);")
    box.run("deploy", check=0)
    assert "--attempt" in box.run("log", "--attempt", word, check=2).err


def test_a_file_that_is_elsewhere(box):
    box.write(TABLE, "CREATE TABLE t (id integer);")
    box.run("deploy", check=0)
    path, = files(box)
    told = box.run("log", "--attempt", "last", env={"PAWL_BLACK_BOX": "other"}, check=0).out
    assert "no black box of it in other" in told and path.name in told
    told = box.run("log", "--attempt", "last", "--json", env={"PAWL_BLACK_BOX": "other"}, check=0).json()
    assert told["black_box"]["path"] is None and told["black_box"]["folder"] == "other"
    assert told["black_box"]["left_at"].endswith(path.name)


def test_a_file_that_others_have_written_to(box):
    """Lines that are none, hostile texts and a last one that is cut short: shown as far as they go."""
    box.write(TABLE, "CREATE TABLE t (id integer);")
    box.run("deploy", check=0)
    path, = files(box)
    with path.open("ab") as file:
        file.write(b"\n\x00\xff[[[\n[1]\n" + b"[" * 100_000 + b"\n"
                   b'{"event":"\\u001b[31m","ms":"x"}\n{"number":-5}\n'
                   b'{"event":7,"number":99999999999,"blockers":7,"session":[],"statements":3}\n'
                   b'{"event":"cut')
    result = box.run("log", "--attempt", "last", check=0)
    assert "lines that cannot be read: 4" in result.err and "\x1b" not in result.out
    assert "applied" in result.out and "\\x1b[31m" in result.out
    path.unlink()
    path.mkdir()
    assert "not a regular file" in box.run("log", "--attempt", "last", check=0).out


# ---- debt ----

def make_invalid(pg, name, table="t"):
    """An index as another tool's failed CREATE INDEX CONCURRENTLY leaves it."""
    pg.query(f"CREATE INDEX {name} ON {table} (id)")
    pg.query(f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{name}'::regclass")


def indexes(pg):
    return pg.query("SELECT indexrelid::regclass::text, indisvalid FROM pg_index"
                    " WHERE indrelid = 't'::regclass ORDER BY 1")


def test_debt_and_its_age(pg_box, pg):
    pg_box.write(TABLE, "CREATE TABLE t (id int);")
    pg_box.run("deploy", check=0)
    assert "debt" not in last_row(pg)
    make_invalid(pg, "foreign_idx")
    pg_box.write(COLUMN, "ALTER TABLE t ADD CONSTRAINT \"id set\" CHECK (id > 0) NOT VALID;")
    told = pg_box.run("deploy", "--json", check=0).json()
    index = {"kind": "index", "name": "public.foreign_idx", "table": "public.t", "since": None,
             "migration": None}
    constraint = {"kind": "constraint", "name": '"id set"', "table": "public.t", "since": None,
                  "migration": None}
    assert told["debt"] == [constraint, index] and "foreign_idx on t is INVALID" in told["leftover"]
    assert last_row(pg)["debt"] == ['constraint public.t."id set"', "index public.foreign_idx"]
    seen = ledger.rows(pg)[-1]
    status = pg_box.run("status", "--json", check=0).json()["targets"][0]["debt"]
    assert [item["what"] for item in status] == last_row(pg)["debt"]
    since = status[0]["since"]

    pg_box.write(f"{version(3)}_more", "CREATE TABLE more (id int);")
    told = pg_box.run("deploy", "--json", check=0).json()
    assert told["debt"] == [{**constraint, "since": since}, {**index, "since": since}]
    assert "debt" not in last_row(pg)  # it has not changed
    pg.query("DROP INDEX foreign_idx")
    pg_box.write(f"{version(4)}_failing", "SELECT 1/0;")
    told = pg_box.run("deploy", "--json", check=1).json()
    assert told["debt"] == [{**constraint, "since": since}] and told["leftover"] is None
    assert last_row(pg)["debt"] == ['constraint public.t."id set"']
    assert f"unfinished: constraint public.t.\"id set\", since {since[:10]}" in pg_box.run("status").out
    pg.query('ALTER TABLE t VALIDATE CONSTRAINT "id set"')
    pg_box.write(f"{version(4)}_failing", "SELECT 1;")
    assert pg_box.run("deploy", "--json", check=0).json()["debt"] == []
    assert last_row(pg)["debt"] == [] and "unfinished" not in pg_box.run("status").out
    assert seen.at and ledger.assert_whole(pg) is None


def test_rows_stay_small_whatever_is_in_debt(pg_box, pg):
    pg_box.write(TABLE, "CREATE TABLE t (id int);")
    pg_box.run("deploy", check=0)
    for number in range(30):
        make_invalid(pg, f"m{number:02}_idx")
    pg_box.write(COLUMN, "ALTER TABLE t ADD COLUMN c int;")
    assert len(pg_box.run("deploy", "--json", check=0).json()["debt"]) == 30
    names = last_row(pg)["debt"]
    assert len(names) == 10
    make_invalid(pg, "a_idx")  # sorts first, and pushes none of them out
    pg_box.write(f"{version(3)}_more", "CREATE TABLE more (id int);")
    told = pg_box.run("deploy", "--json", check=0).json()["debt"]
    assert [f"index {item['name']}" for item in told if item["since"]] == names


@pytest.mark.parametrize("words", ["", "IF NOT EXISTS "])
def test_an_index_that_is_not_ours_is_never_dropped(pg_box, pg, words):
    """Not by the migration that wants its name either, however often it is deployed."""
    pg_box.write(TABLE, "CREATE TABLE t (id int);")
    pg_box.run("deploy", check=0)
    make_invalid(pg, "t_idx")
    pg_box.write(COLUMN, f"CREATE INDEX CONCURRENTLY {words}t_idx ON t (id);")
    oid = pg.query("SELECT 't_idx'::regclass::oid")
    for _ in range(3):
        result = pg_box.run("deploy")
        assert result.code in (1, 7) and "left alone" in result.err, str(result)
        assert indexes(pg) == [("t_idx", False)] and pg.query("SELECT 't_idx'::regclass::oid") == oid
    pg.query("DROP INDEX t_idx")
    pg_box.run("deploy", check=0)
    assert indexes(pg) == [("t_idx", True)] and ledger.applied(pg) == [TABLE, COLUMN]


def test_a_whole_index_of_that_name_is_not_taken_for_the_migrations(pg_box, pg):
    """It may be on other columns: nothing is applied by its name alone."""
    pg_box.write(TABLE, "CREATE TABLE t (id int, c int);\nCREATE INDEX t_idx ON t (c);")
    pg_box.run("deploy", check=0)
    pg_box.write(COLUMN, "CREATE INDEX CONCURRENTLY t_idx ON t (id);")
    for _ in range(2):
        assert "already exists" in pg_box.run("deploy").err
        assert ledger.applied(pg) == [TABLE]


def test_our_own_leftover_names_its_migration(pg_box, pg):
    """Dropping it waits for the same session as building it did."""
    pg_box.env["PAWL_LOCK_BUDGET"] = "1s"
    pg_box.write(TABLE, "CREATE TABLE t (id int);")
    pg_box.run("deploy", check=0)
    make_invalid(pg, "foreign_idx")
    pg_box.write(COLUMN, "CREATE INDEX CONCURRENTLY t_idx ON t (id);")
    with pg.connect() as other:
        other.execute("BEGIN; INSERT INTO t VALUES (1)")
        told = pg_box.run("deploy", "--json", check=7).json()["debt"]
    assert [(item["name"], item["migration"]) for item in told] == [
        ("public.foreign_idx", None), ("public.t_idx", COLUMN)]
    told = pg_box.run("deploy", "--json", check=0).json()["debt"]
    assert [(item["name"], item["since"] is None) for item in told] == [("public.foreign_idx", False)]
    assert indexes(pg) == [("foreign_idx", False), ("t_idx", True)]
