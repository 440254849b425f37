"""Every allocation fails in turn: never a crash, never a leak, never a false success.

PAWL_TEST_FULL=1 takes every allocation (make test-faults); without it every few.
"""

import itertools
import os
import re

import pytest
from support.ledger import Journal

# What a deploy may do without.
NO_BLACK_BOX = "note: no black box of this deploy: out of memory\n"

FULL = os.environ.get("PAWL_TEST_FULL") == "1"
STRIDE = 1 if FULL else 7

FIRST = ("20250101000001_first", "CREATE TABLE first (id integer);")
HISTORY = [
    ("20250101000002_a", "CREATE TABLE a (id integer);\nINSERT INTO a VALUES (1);"),
    ("20250101000003_b", "-- pawl: no-transaction\nCREATE TABLE b (id integer);\n"
                         "INSERT INTO b VALUES (1);\nVACUUM;"),
    ("20250101000004_c", "-- pawl: phase=expand\nCREATE TABLE c (id integer);"),
]
TABLES = {FIRST[0]: "first", **{name: name[-1] for name, _ in HISTORY}}


def empty(engine):
    if engine.engine == "sqlite":
        engine.path.unlink(missing_ok=True)
    else:
        engine.query("DROP SCHEMA IF EXISTS pawl CASCADE;"
                     "DROP TABLE IF EXISTS first, a, b, c")


def fail_each(run, stride):
    """Calls run(N) for N in steps until a whole stretch of runs did not notice: (N, code) each."""
    calm, stretch = 0, 60 if FULL else 6
    for number in itertools.count(1, stride):
        result = run(number)
        yield number, result
        calm = calm + 1 if result.code == 0 else 0
        if calm == stretch:
            return


def check_result(result, where, *codes):
    assert result.code in codes, f"{where}\n{result}"
    if "--json" in result.args and not (result.code == 1 and result.err):
        report = result.json()
        assert report["exit"] == result.code and report["ok"] == (result.code == 0), str(result)
    if result.code == 1:
        assert "out of memory" in result.err + result.out, f"{where}\n{result}"


def check_said(result, applied, where):
    """Nothing that pawl said is false."""
    said = set(re.findall(r"^applied  (\S+)", result.out, re.MULTILINE))
    assert said <= set(applied), f"{where}\n{result}"
    for name in re.findall(r'"(\S+)" (?:was rolled back|stopped part-way)', result.err):
        assert name not in applied, f"{where}\n{result}"
    counted = re.search(r"Applied by this run: (\d+)", result.err)
    assert counted is None or int(counted[1]) == len(applied), f"{where}\n{result}"


def check_database(engine, where):
    """What the journal says and what is there are the same; returns what is applied."""
    journal = Journal(engine).verify()
    applied, tables = journal.applied(), engine.tables()
    assert len(applied) == len(set(applied)), f"{where}\n{journal}"
    for name in applied:
        assert TABLES[name] in tables, f"{where}\n{journal}"
    # Only a file that asked for no transaction may be part-way.
    extra = set(tables) - {TABLES[name] for name in applied}
    assert extra <= {"b"} and (not extra or journal.partial()), f"{where}\n{journal}"
    return applied


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_deploy(pawl, engine, flags):
    for name, text in [FIRST, *HISTORY]:
        pawl.write(name, text)
    failures = 0

    def run(number):
        empty(engine)
        return pawl.run(*flags, "deploy", env={"PAWL_FAULT_ALLOC": number})

    stride = 1 if FULL else 13 if engine.engine == "sqlite" else 37
    for number, result in fail_each(run, stride):
        where = f"allocation {number} fails"
        # 7: part-way, in the file that asked for no transaction. 9: a half-built request makes a
        # connection useless, and then the catalog cannot be asked for leftovers.
        check_result(result, where, 0, 1, 7, 9)
        assert result.code != 9 or "Everything is applied" in result.err + result.out, str(result)
        applied = check_database(engine, where)
        check_said(result, applied, where)
        if result.code == 0:
            assert len(applied) == 1 + len(HISTORY), f"{where}\n{result}"
            assert result.err in ("", NO_BLACK_BOX), f"{where}\n{result}"
        else:
            failures += 1
        pawl.run("deploy", check=0)
        assert sorted(check_database(engine, where)) == sorted(TABLES), where
        journal = Journal(engine)
        assert journal.open_attempts() == [], f"{where}\n{journal}"
        for table in "ab":
            assert engine.query(f"SELECT count(*) FROM {table}") == [(1,)], where
    assert failures > 5


@pytest.mark.timeout(900)
@pytest.mark.parametrize("state", ["ready", "pending"])
@pytest.mark.parametrize("command", ["ready", "status", "blockers", "log", "check"])
def test_reading(pawl, engine, state, command):
    """A start-up check that runs out of memory must not say that the database is ready."""
    pawl.write(*FIRST)
    pawl.run("deploy", check=0)
    if state == "pending":
        for name, text in HISTORY:
            pawl.write(name, text)
    rows = len(Journal(engine).rows)
    expected = pawl.run(command).code
    answer = 4 if (command, state) == ("ready", "pending") else 0
    assert expected == answer
    calm = 0
    for number in itertools.count(1, STRIDE):
        result = pawl.run(command, env={"PAWL_FAULT_ALLOC": number})
        check_result(result, f"allocation {number} fails", answer, 1)
        calm = calm + 1 if result.code == answer else 0
        if calm == (20 if FULL else 6):
            break
    assert number > 6 * STRIDE
    assert len(Journal(engine).rows) == rows


@pytest.mark.timeout(900)
@pytest.mark.parametrize("words, answer, adds", [
    (("reserve", "--until", "1h", "--reason", "r"), 0, 1), (("reserve", "list"), 0, 0),
    (("reserve", "end", "5"), 0, 0), (("maintenance", "on", "--reason", "r"), 0, 1), (("status",), 0, 0),
    (("deploy",), 5, 0)])
def test_announced(pawl, engine, words, answer, adds):
    """A deploy that cannot read a reservation for want of memory does not go on."""
    pawl.write(*FIRST)
    pawl.run("deploy", check=0)
    for _ in range(2):
        pawl.run("reserve", "--until", "2h", "--reason", "the nightly load", check=0)
    pawl.run("maintenance", "on", "--reason", "a release", check=0)
    pawl.run("reserve", "end", "5", check=0)
    pawl.write(*HISTORY[0])
    calm, number, failing = 0, 1, 0
    while calm < (40 if FULL else 6) or number <= 6 * 31:
        rows = len(Journal(engine).rows)
        result = pawl.run(*words, env={"PAWL_FAULT_ALLOC": number})
        check_result(result, f"allocation {number} fails", answer, 1)
        added = len(Journal(engine).verify().rows) - rows
        assert added == adds if result.code == answer else added <= adds, f"{number}\n{result}"
        calm = calm + 1 if result.code == answer else 0
        failing += result.code != answer
        # Each success may add a row, and so allocations to the next run: larger and larger steps.
        number += 1 if FULL and number < 4000 else max(31, number // 8)
    assert failing > 0
    assert "a" not in engine.tables()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("words", [
    ("new", "add", "users"), ("sum",), ("config",), ("init",), ("help",), ("explain", "--list"),
    ("renumber", FIRST[0] + ".sql")])
def test_writing_files(make_pawl, words):
    """Files are whole or not there."""
    number = 1
    while True:
        pawl = make_pawl(None if words == ("init",) else "sqlite:x.db", name=f"c{number}")
        pawl.write(*FIRST)
        before = {path: path.read_bytes() for path in pawl.folder.rglob("*") if path.is_file()}
        result = pawl.run(*words, env={"PAWL_FAULT_ALLOC": number})
        check_result(result, f"allocation {number} fails", 0, 1)
        left = [path for path in pawl.folder.rglob("*") if path.name.endswith(".tmp")]
        assert left == [], str(result)
        if result.code == 1 and words[0] != "init":
            after = {path: path.read_bytes() for path in pawl.folder.rglob("*") if path.is_file()}
            kept = {path: text for path, text in after.items() if path in before}
            assert words[0] == "renumber" or kept == before, str(result)
        if result.code == 0 and number > 40:
            break
        number += 1 if FULL else max(STRIDE, number // 8)
