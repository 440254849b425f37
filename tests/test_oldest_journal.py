"""Ledgers that older builds wrote: today's build reads them and extends them.

The fixtures never change (docs/ledger.md); scripts/make_journal.py made them.
"""

import hashlib
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from support import ledger
from support.ledger import by_hand, table

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "tests" / "fixtures"

# Of all of a fixture's files; a row that changes is a fixture that was changed.
DIGESTS = {
    "journal-1": "bb5b1dd7b7920af0739761c4a884756e4725f7a886d72ae8a0324869ae2a4115",
    "journal-2": "67f6c0158bc0c5c56cdeb917acb552df75bb2236d8357b7c57eb15e57a34ca36",
    "journal-3": "89d47f5b8f5b674128ab2ef813fdf7c7bc4000b2d0697df36aa22f9f9afbcbe6",
    "journal-4": "fe5fab8e2c2dc93c081f6c66bd001d600b1480120dfb54c89c43fdf1b5343938",
}

# SQLite records what runs outside of a transaction as a step like any other, and has no sessions.
NEVER = {"postgres": set(), "sqlite": {"step_begin", "step_end", "session_ended"}}


def files(name):
    return sorted(path for path in (FIXTURES / name).rglob("*") if path.is_file())


@pytest.fixture(params=sorted(DIGESTS))
def old(request, engine, pawl, tmp_path):
    """A checkout whose database has the ledger of that fixture."""
    folder = FIXTURES / request.param
    dump = folder / f"{engine.engine}.sql"
    if engine.engine == "postgres":
        file = tmp_path / "dump.sql"
        shutil.copy(dump, file)
        result = engine.psql(file)
        assert result.returncode == 0, result.stderr
    else:
        engine.query("PRAGMA user_version")  # makes the file
        with engine.connect() as connection:
            connection.executescript(dump.read_text())
    shutil.copytree(folder / engine.engine, pawl.migrations, dirs_exist_ok=True)
    return pawl


def test_it_is_what_it_was():
    assert sorted(path.name for path in FIXTURES.glob("journal-*")) == sorted(DIGESTS)
    for name, digest in DIGESTS.items():
        text = b"".join(str(path.relative_to(FIXTURES)).encode() + b"\n" + path.read_bytes()
                        for path in files(name))
        assert hashlib.sha256(text).hexdigest() == digest, f"{name} was changed: it never changes"


def test_every_event_is_in_a_fixture():
    """A new event needs a fixture of its own, beside the others."""
    section = (ROOT / "docs" / "ledger.md").read_text().split("\n## Events\n")[1].split("\n## ")[0]
    documented = set(re.findall(r"^\| `(\w+)`", section, re.MULTILINE))
    for engine, pattern in (("postgres", r"^\d+\t[^\t]+\t(\w+)\t"),
                            ("sqlite", r'^INSERT INTO "pawl_journal" VALUES\(\d+,\d+,\'(\w+)\'')):
        found = set()
        for name in DIGESTS:
            text = (FIXTURES / name / f"{engine}.sql").read_text()
            found |= set(re.findall(pattern, text, re.MULTILINE))
        assert found == documented - NEVER[engine], engine


def test_it_is_read_and_nothing_is_written(old, engine):
    before = ledger.whole_dump(engine)
    ledger.assert_whole(engine)
    old.run("ready", check=0)
    target, = old.run("status", "--json", check=0).json()["targets"]
    assert target["chain_whole"] and target["head"] == ledger.head(engine)
    states = {row["id"]: row["state"] for row in target["migrations"]}
    stems = {path.stem for path in old.migrations.iterdir()}
    assert set(states) == stems and "pending" not in states.values()
    assert "adopted" in states.values()
    log = old.run("log", "--json", check=0).json()["rows"]
    assert [row["event"] for row in log] == ledger.events(engine)
    old.run("deploy", check=0)  # with nothing to do
    assert ledger.whole_dump(engine) == before


def test_it_is_extended(old, engine):
    rows = ledger.rows(engine)
    old.write(f"{ledger.version(20)}_today", "CREATE TABLE today (id int);")
    assert old.run("ready").code == 4
    old.run("deploy", "--release", "2.0", check=0)
    ledger.assert_whole(engine)
    assert ledger.rows(engine)[:len(rows)] == rows
    assert [row.event for row in ledger.rows(engine)[len(rows):]] == [
        "begin", "release", "applied", "end"]
    assert "today" in engine.tables()
    old.run("ready", check=0)
    old.run("status", "--expect", ledger.head(engine), check=0)
    # Releases that it names stay what they were.
    assert '"1.0"' in old.run("deploy", "--release", "1.0", check=3).err


def test_its_identity_rule_still_holds(old, engine):
    """A name from before a rename, an edit that was accepted, a file that was declared new."""
    moved = old.migrations / f"{ledger.version(2)}_size.sql"
    moved.rename(moved.with_name(f"{ledger.version(2)}_sizes.sql"))
    old.run("deploy", check=0)
    fill = old.migrations / f"{ledger.version(3)}_fill.sql"
    text = fill.read_text()
    fill.write_text(text.replace("(2)", "(1)"))  # as it was applied, before the edit
    old.run("deploy", check=0)
    fill.write_text(text.replace("(2)", "(3)"))
    assert "[edited]" in old.run("deploy", check=3).err
    ledger.assert_whole(engine)


def of_format(rows, number):
    """The rows as a build of that format would have written them, whole chain and all."""
    previous, made = ledger.NO_HASH, []
    for row in rows:
        detail = row.detail.replace('"format":1', f'"format":{number}') if row.seq == 1 else row.detail
        row = replace(row, detail=detail, prev_hash=previous)
        previous = row.computed_hash()
        made.append(replace(row, hash=previous))
    return made


def test_a_newer_format_is_refused_and_read(old, engine):
    """Only what writes must know the format."""
    rows = of_format(ledger.rows(engine), 2)
    quoted = [row.detail.replace("'", "''") for row in rows]
    by_hand(engine, *[f"UPDATE {table(engine, 'journal')} SET detail = '{detail}', prev_hash = "
                      f"'{row.prev_hash}', hash = '{row.hash}' WHERE seq = {row.seq}"
                      for row, detail in zip(rows, quoted)],
            f"UPDATE {table(engine, 'head')} SET hash = '{rows[-1].hash}'")
    ledger.assert_whole(engine)
    before = ledger.whole_dump(engine)
    old.write(f"{ledger.version(20)}_today", "CREATE TABLE today (id int);")
    result = old.run("deploy", check=2)
    assert "format 2" in result.err and "or a newer one" in result.err
    assert old.run("repair", "--accept-break", 3, "--reason", "x").code == 2
    assert ledger.whole_dump(engine) == before
    assert old.run("ready").code == 4
    (old.migrations / f"{ledger.version(20)}_today.sql").unlink()
    old.run("ready", check=0)
    assert old.run("status", "--json", check=0).json()["targets"][0]["chain_whole"]
