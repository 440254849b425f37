"""Squashes: databases that ran the old files and databases that ran the squash must end alike, for code
from before the squash and from after it (docs/squash.md)."""

import json
import shutil
import signal
import subprocess
from contextlib import closing
from dataclasses import dataclass

import pytest
from support import ledger
from support.ledger import Journal
from support.pawl import Pawl
from support.sqlite import SqliteDatabase

A, B, C, D, E = (f"2025010{n}000000_{word}" for n, word in
                 enumerate(("a", "b", "contract", "fill", "e"), 1))
S = "20250104000000_base"
VIEW = "20250109000000_view"

OLD_FILES = {
    A: "CREATE TABLE a (x int);\nCREATE TABLE b (id int NOT NULL PRIMARY KEY, y int);",
    B: "-- pawl: kind=data\nINSERT INTO b VALUES (1, 10), (2, 20);",
    C: "-- pawl: phase=contract\nDROP TABLE a;",
    D: "-- pawl: kind=backfill table=b key=id batch=10 background\nUPDATE b SET y = y + 1;",
    E: "CREATE TABLE e (x int);",
    VIEW: "-- pawl: kind=repeatable\nDROP VIEW IF EXISTS v;\nCREATE VIEW v AS SELECT y FROM b;",
}
SUM = "pawl.sum"


@dataclass
class Bench:
    """Checkouts of one target, and fresh databases for it."""

    tmp_path: object
    make_pawl: object
    database: object
    fresh: object

    def checkout(self, name, files=None, of=None):
        """With these files, or as another checkout has them."""
        made = self.make_pawl(self.database.url, name)
        for path in of.migrations.iterdir() if of else []:
            shutil.copy(path, made.migrations)
        for file, text in (files or {}).items():
            made.write(file, text)
        return made

    def ready(self, checkout, code=0, alone=True):
        """What ready says of the checkout, by its folder and by its pawl.sum alone."""
        result = checkout.run("ready", "--json", check=code)
        if alone:
            shipped = self.tmp_path / f"{checkout.folder.name}-sum"
            shutil.rmtree(shipped, ignore_errors=True)
            shipped.mkdir()
            shutil.copy(checkout.migrations / SUM, shipped)
            by_sum = checkout.run("ready", "--json", "--migrations", shipped, check=code)
            assert result.json() == by_sum.json()
        return result.json()


@pytest.fixture
def bench(request, engine, tmp_path, make_pawl):
    """Its databases stand under one url: fresh() empties it."""

    def fresh():
        if engine.engine == "sqlite":
            engine.path.unlink(missing_ok=True)
        else:
            engine.query("DROP SCHEMA IF EXISTS pawl CASCADE")
            engine.query("DROP SCHEMA public CASCADE")
            engine.query("CREATE SCHEMA public")

    fresh()
    return Bench(tmp_path, make_pawl, engine, fresh)


def squash(checkout, words, first, last):
    """As docs/squash.md has it; the id of the squash."""
    report = checkout.run("new", *words.split(), "--replaces", f"{first}..{last}", "--json",
                          check=0).json()
    for path in report["replaces"]:
        (checkout.folder / path).unlink()
    checkout.run("sum", check=0)
    checkout.run("check", check=0)
    return (checkout.folder / report["path"]).name.removesuffix(".sql")


@pytest.fixture
def releases(bench):
    """(old, new): the checkout with all files, and the one with the squash of A to D."""
    old = bench.checkout("old", OLD_FILES)
    old.run("sum", check=0)
    new = bench.checkout("new", of=old)
    assert squash(new, "base", A, D) == S
    return old, new


def digest(checkout):
    return checkout.run("sum", "--json", check=0).json()["digest"]


def content(database):
    return database.dump(), database.query("SELECT id, y FROM b ORDER BY id")


def facts(database, migration):
    row, = (row for row in ledger.rows(database) if row.migration == migration)
    return row.facts


# ---- the same answers, whichever way a database came to be ----

def test_the_set_of_a_squash_has_the_digest_of_the_files(releases):
    old, new = releases
    assert digest(old) == digest(new)
    marks = [line.split()[1:] for line in (new.migrations / SUM).read_text().splitlines()[1:]]
    assert marks == [["r", VIEW], ["s", A], ["s", B], ["sc", C], ["sb", D], ["q", S], ["e", E]]


def test_a_database_of_the_old_files_recognises_the_squash(bench, releases):
    old, new = releases
    old.run("deploy", check=0)
    before = content(bench.database)
    bench.ready(old)
    bench.ready(new)  # before any deploy of its own
    dry = new.run("deploy", "--dry-run", check=0)
    assert f"would recognise  {S}" in dry.out
    report = new.run("deploy", "--json", check=0).json()
    assert [done["id"] for done in report["recognised"]] == [S] and report["applied"] == []
    assert content(bench.database) == before
    assert facts(bench.database, S)["recognised"] is True
    assert facts(bench.database, S)["replaces"] == [A, B, C, D]
    assert ledger.applied(bench.database) == [A, B, C, E, D, VIEW, S]  # D is a background backfill
    bench.ready(old)
    bench.ready(new)
    unchanged(bench.database, new, "deploy")
    unchanged(bench.database, old, "deploy")
    ledger.assert_whole(bench.database)


def test_a_database_of_the_squash_has_what_the_old_files_make(bench, releases):
    old, new = releases
    bench.ready(new, 4)
    old.run("deploy", check=0)
    made_by_files = content(bench.database)
    bench.fresh()
    new.run("deploy", check=0)
    assert content(bench.database) == made_by_files
    assert ledger.applied(bench.database) == [A, B, C, D, S, E, VIEW]
    for replaced in (A, B, C, D):
        assert facts(bench.database, replaced)["squash"] == S
    rows = {row.migration: row for row in ledger.rows(bench.database)}
    assert (rows[C].phase, rows[D].kind, rows[S].phase) == ("contract", "backfill", "expand")
    bench.ready(new)
    bench.ready(old)
    report = unchanged(bench.database, old, "deploy", "--json").json()
    assert not report["older_code"] and report["pending"] == report["missing"] == []
    unchanged(bench.database, new, "deploy")
    ledger.assert_whole(bench.database)


@pytest.mark.parametrize("by_squash", [False, True], ids=["files", "squash"])
def test_one_lookup_is_enough_for_both(bench, releases, by_squash):
    """The digest that both start-up checks look for stands in the journal."""
    old, new = releases
    releases[by_squash].run("deploy", check=0)
    digests = {row.digest for row in ledger.rows(bench.database)}
    assert digest(old) in digests and digest(new) in digests
    # The same without the last file, which had its own set.
    (old.migrations / f"{E}.sql").unlink()
    assert digest(old) in digests


@pytest.mark.parametrize("by_squash", [False, True], ids=["files", "squash"])
def test_code_that_a_replaced_contract_step_passed_by_never_starts(bench, releases, by_squash):
    oldest = bench.checkout("oldest", {name: OLD_FILES[name] for name in (A, B)})
    oldest.run("sum", check=0)
    releases[by_squash].run("deploy", check=0)
    assert bench.ready(oldest, 6)["passed"] == [C]
    releases[1].run("deploy", check=0)
    assert bench.ready(oldest, 6)["passed"] == [C]


def test_what_comes_after_a_squash(bench, releases):
    old, new = releases
    later = "20250110000000_later"
    new.write(later, "CREATE TABLE later (x int);")
    new.run("sum", check=0)
    old.run("deploy", check=0)
    assert bench.ready(new, 4)["missing"] == [later]
    new.run("deploy", check=0)
    bench.ready(new)
    bench.ready(old)
    # The squash was recorded last, and has run nothing: a rename of a newer file stays one.
    (new.migrations / f"{later}.sql").rename(new.migrations / f"{later}_renamed.sql")
    new.run("sum", check=0)
    assert new.run("deploy", "--json", check=0).json()["renamed"] == 1


# ---- ranges of which a part is applied ----

@pytest.mark.parametrize("last", [A, B, C])
def test_a_part_is_refused_until_the_release_before_was_deployed(bench, releases, last):
    old, new = releases
    old.run("deploy", "--to", last, check=0)
    result = unchanged(bench.database, new, "deploy", "--json", code=3)
    finding, = (f for f in result.json()["findings"] if f["severity"] == "error")
    assert finding["rule"] == "squash-split" and "release before" in finding["fix"]
    has, lacks = finding["what"].split("it lacks")
    for name in (A, B, C, D):
        assert (name in has, name in lacks) == (name <= last, name > last)
    assert states(new)[S] == "in part"
    assert new.run("status", "--exit-code").code == 4
    # A contract step and a background backfill hold up no start.
    assert set(bench.ready(new, 4)["missing"]) == {S, E, VIEW} - ({S} if last > A else set())
    old.run("deploy", check=0)
    new.run("deploy", check=0)
    assert states(new) == {S: "applied", E: "applied", VIEW: "applied"}
    bench.ready(new)
    bench.ready(old)


def test_only_what_is_older_may_be_applied(bench, releases):
    """A database that stopped before the range runs the squash."""
    old, new = releases
    first = "20241231000000_first"
    for checkout in releases:
        checkout.write(first, "CREATE TABLE first (x int);")
        checkout.run("sum", check=0)
    old.run("deploy", "--to", first, check=0)
    new.run("deploy", check=0)
    assert ledger.applied(bench.database) == [first, A, B, C, D, S, E, VIEW]
    bench.ready(old)


def states(checkout):
    report = checkout.run("status", "--json", check=0).json()
    return {row["id"]: row["state"] for row in report["targets"][0]["migrations"]}


def unchanged(database, checkout, *args, code=0):
    before = ledger.whole_dump(database)
    result = checkout.run(*args, check=code)
    assert ledger.whole_dump(database) == before, str(result)
    return result


def test_status_and_log_tell_it(bench, releases):
    old, new = releases
    old.run("deploy", check=0)
    assert states(new) == {S: "in place", E: "applied", VIEW: "applied"}
    new.run("status", "--exit-code", check=0)
    new.run("deploy", check=0)
    assert states(new)[S] == "applied"
    assert "replaces 4, recognised" in new.run("log", check=0).out
    assert states(old) == {**{name: "applied" for name in (A, B, C, D, E)}, VIEW: "applied"}
    bench.fresh()
    new.run("deploy", check=0)
    assert f"squash {S}" in old.run("log", check=0).out


def test_to_a_migration_before_it_does_not_recognise(bench, releases):
    old, new = releases
    first = "20241231000000_first"
    for checkout in releases:
        checkout.write(first, "CREATE TABLE first (x int);")
        checkout.run("sum", check=0)
    old.run("deploy", check=0)
    unchanged(bench.database, new, "deploy", "--to", first)
    new.run("deploy", "--to", S, check=0)
    assert ledger.applied(bench.database)[-1] == S


# ---- two pipelines ----

def test_a_hotfix_of_the_old_branch_goes_on(bench, releases):
    old, new = releases
    new.run("deploy", check=0)
    hotfix = "20250105000001_hotfix"
    old.write(hotfix, "CREATE TABLE hotfix (x int);")
    old.run("sum", check=0)
    report = old.run("deploy", "--json", check=0).json()
    assert [done["id"] for done in report["applied"]] == [hotfix]
    bench.ready(new)
    report = unchanged(bench.database, new, "deploy", "--json").json()
    assert report["older_code"] and report["missing"] == [hotfix]


def test_one_release_name_for_both(bench, releases):
    """The set is the same by its digest, so a release may be squashed while it is on its way."""
    old, new = releases
    old.run("deploy", "--release", "1.25", check=0)
    new.run("deploy", "--release", "1.25", check=0)


def test_deploys_at_once_run_a_squash_once(bench, releases):
    old, new = releases
    running = [checkout.spawn("deploy") for checkout in (new, new, new, new)]
    for process in running:
        process.finish(check=0)
    applied = ledger.applied(bench.database)
    assert sorted(applied) == sorted([A, B, C, D, S, E, VIEW])
    ledger.assert_whole(bench.database)
    bench.fresh()
    old.run("deploy", check=0)
    for process in [new.spawn("deploy") for _ in range(4)]:
        process.finish(check=0)
    assert ledger.applied(bench.database).count(S) == 1


# ---- names and edits in the range ----

def test_a_rename_in_the_range_is_recorded_with_it(bench, releases):
    old, new = releases
    before = bench.checkout("before", of=old)
    (before.migrations / f"{B}.sql").rename(before.migrations / "20250102000000_x.sql")
    before.run("sum", check=0)
    before.run("deploy", check=0)
    bench.ready(new)
    new.run("deploy", check=0)
    assert [(row.migration, row.facts["from"]) for row in ledger.rows(bench.database)
            if row.event == "renamed"] == [(B, "20250102000000_x")]
    for checkout in (before, old, new):
        bench.ready(checkout)
        unchanged(bench.database, checkout, "deploy")


def test_an_accepted_edit_in_the_range(bench, releases):
    old, new = releases
    before = bench.checkout("before", of=old)
    before.write(B, "INSERT INTO b VALUES (2, 20), (1, 10);")
    before.run("sum", check=0)
    before.run("deploy", check=0)
    result = unchanged(bench.database, new, "deploy", "--json", code=3)
    assert "applied with another content" in result.json()["findings"][0]["what"]
    assert bench.ready(new)["edited"] == [B]
    old.run("repair", "--accept-edit", B, "--reason", "the same rows", check=0)
    new.run("deploy", check=0)
    for checkout in (old, new):
        bench.ready(checkout)
    assert digest(new) in {row.digest for row in ledger.rows(bench.database)}


def test_an_empty_migration_in_the_range(bench):
    files = {A: OLD_FILES[A], B: "-- on purpose\n", E: OLD_FILES[E]}
    old = bench.checkout("old", files)
    old.run("sum", check=0)
    new = bench.checkout("new", of=old)
    squash(new, "base", A, B)
    new.run("deploy", check=0)
    bench.ready(old)
    unchanged(bench.database, old, "deploy")
    bench.fresh()
    old.run("deploy", check=0)
    new.run("deploy", check=0)
    bench.ready(new)


# ---- a squash of squashes ----

def test_a_squash_of_a_squash(bench, releases):
    old, new = releases
    newest = bench.checkout("newest", of=new)
    second = squash(newest, "all", S, E)
    assert f"replaces={A}..{E}" in (newest.migrations / f"{second}.sql").read_text()
    assert digest(newest) == digest(old) == digest(new)
    all_three = (old, new, newest)
    for path in ((old,), (new,), (newest,), (old, new), (old, newest), (new, newest),
                 (old, new, newest)):
        bench.fresh()
        for checkout in path:
            checkout.run("deploy", check=0)
        for checkout in all_three:
            bench.ready(checkout)
        for checkout in all_three[:all_three.index(path[-1]) + 1]:
            unchanged(bench.database, checkout, "deploy")
        ledger.assert_whole(bench.database)
        applied = ledger.applied(bench.database)
        assert len(applied) == len(set(applied))


# ---- what pawl.sum is needed for ----

def test_without_its_lines_a_squash_is_not_deployed(bench, releases):
    old, new = releases
    text = (new.migrations / SUM).read_text()
    (new.migrations / SUM).unlink()
    for start in (lambda: None, lambda: old.run("deploy", check=0)):
        start()
        result = unchanged(bench.database, new, "deploy", "--json", code=3)
        assert "squash-lines" in [f["rule"] for f in result.json()["findings"]]
        assert bench.ready(new, 4, alone=False)["missing"] or not ledger.exists(bench.database)
    (new.migrations / SUM).write_text(text)
    new.run("deploy", check=0)
    # Applied is applied: a container that ships the files alone starts, and a deploy goes on.
    (new.migrations / SUM).unlink()
    bench.ready(new, alone=False)
    unchanged(bench.database, new, "deploy")
    assert new.run("check").code == 3


def test_files_that_are_still_there_are_refused(bench, releases):
    old, new = releases
    new.write(B, OLD_FILES[B])
    new.run("sum", check=3)
    result = unchanged(bench.database, new, "deploy", "--json", code=3)
    assert [f["rule"] for f in result.json()["findings"]] == ["squash-files"]
    old.run("deploy", check=0)
    unchanged(bench.database, new, "deploy", code=3)


# ---- adopt ----

def test_adopt_as_of_a_squash_adopts_what_it_stands_for(bench, releases):
    old, new = releases
    bench.database.query("CREATE TABLE theirs (x int)")
    result = unchanged(bench.database, new, "adopt", "--as-of", B, code=2)
    assert S in result.err and "release before" in result.err
    new.run("adopt", "--as-of", E, check=0)
    assert [(row.migration, row.event) for row in ledger.rows(bench.database)][1:] == [
        (name, "adopted") for name in (A, B, C, D, S, E)]
    bench.database.query("CREATE TABLE b (y int)")
    new.run("deploy", check=0)
    bench.ready(old)
    bench.ready(new)
    unchanged(bench.database, old, "deploy")


# ---- kill -9 ----

STEPS = {
    "postgres": {A: "CREATE TABLE a (x int);", B: "CREATE INDEX CONCURRENTLY a_x ON a (x);",
                 C: "-- pawl: phase=contract\nINSERT INTO a VALUES (1);",
                 D: "CREATE INDEX CONCURRENTLY ON a ((x + 1));"},
    "sqlite": {A: "CREATE TABLE a (x int);", B: "INSERT INTO a VALUES (1);",
               C: "-- pawl: phase=contract\nALTER TABLE a ADD COLUMN y int;", D: "VACUUM;"},
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("in_steps", [False, True], ids=["one transaction", "steps"])
@pytest.mark.parametrize("recognised", [False, True], ids=["run", "recognised"])
def test_killed_at_a_point(bench, tmp_path, in_steps, recognised):
    files = STEPS[bench.database.engine] if in_steps else OLD_FILES
    old = bench.checkout("old", files)
    old.run("sum", check=0)
    new = bench.checkout("new", of=old)
    squash(new, "base", A, D)
    log = tmp_path / "points"

    def start():
        bench.fresh()
        if recognised:
            old.run("deploy", check=0)

    start()
    new.run("deploy", check=0, env={"PAWL_FAULT_LOG": log})
    clean = bench.database.dump(), sorted(ledger.applied(bench.database))
    points = log.read_text().splitlines()
    assert len(points) > 5
    for number in range(1, len(points) + 1, 1 if in_steps and not recognised else 2):
        start()
        killed = new.run("deploy", env={"PAWL_FAULT_KILL": number})
        assert killed.code == -signal.SIGKILL, str(killed)
        applied = ledger.applied(bench.database) if ledger.exists(bench.database) else []
        # All of its rows or none.
        assert {A, B, C, D} <= set(applied) or not {A, B, C, D, S} & set(applied), points[number - 1]
        assert recognised or ({A, B, C, D} <= set(applied)) == (S in applied)
        new.run("deploy", check=0)
        assert (bench.database.dump(), sorted(ledger.applied(bench.database))) == clean
        Journal(bench.database).verify()
        bench.ready(old)
        bench.ready(new)


# ---- memory ----

@pytest.mark.timeout(600)
@pytest.mark.parametrize("recognised", [False, True], ids=["run", "recognised"])
def test_every_few_allocations_fail(bench, releases, recognised):
    """All rows of the squash or none, and never a false success."""
    old, new = releases
    number, calm = 1, 0
    while calm < 3:
        bench.fresh()
        if recognised:
            old.run("deploy", check=0)
        result = new.run("deploy", env={"PAWL_FAULT_ALLOC": number})
        assert result.code == 0 or "out of memory" in result.err, f"allocation {number}\n{result}"
        applied = ledger.applied(bench.database) if ledger.exists(bench.database) else []
        assert result.code != 0 or S in applied, f"allocation {number}\n{result}"
        assert recognised or ({A, B, C, D} <= set(applied)) == (S in applied)
        assert recognised or S in applied or not {A, B, C, D} & set(applied)
        calm = calm + 1 if result.code == 0 else 0
        number += 61 if bench.database.engine == "postgres" else 29
    bench.ready(new)
    bench.ready(old)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("command", [("check", "--json"), ("sum", "--check"), ("ready",), ("status",)])
def test_every_few_allocations_fail_in(bench, releases, command):
    old, new = releases
    old.run("deploy", check=0)
    number, calm = 1, 0
    while calm < 3:
        result = new.run(*command, env={"PAWL_FAULT_ALLOC": number})
        said = result.out + result.err
        assert result.code == 0 or "out of memory" in said, f"allocation {number}\n{result}"
        calm = calm + 1 if result.code == 0 else 0
        number += 7


# ---- making one ----

NAMINGS = {
    "timestamp": ("20250101000000_a.sql", "20250102000000_b.sql", "20250103000000_c.sql",
                  "20250102000000_base.sql"),
    "epoch": ("1735689600_a.sql", "1735776000_b.sql", "1735862400_c.sql", "1735776000_base.sql"),
    "logto": ("1.0.0-1735689600-a.sql", "1.0.0-1735776000-b.sql", "next-1735862400-c.sql",
              "1.0.0-1735776000-base.sql"),
    "flyway": ("V1__a.sql", "V1.2__b.sql", "V2__c.sql", "V1.2__base.sql"),
    "sequence": ("000001_a.up.sql", "000002_b.up.sql", "000003_c.up.sql", "000002_base.up.sql"),
    "folder": ("20250101000000_a/up.sql", "20250102000000_b/up.sql", "20250103000000_c/up.sql",
               "20250102000000_base/up.sql"),
}


@pytest.mark.parametrize("naming", NAMINGS)
def test_new_replaces_in_every_scheme(tmp_path, naming):
    url = f"sqlite:{tmp_path}/database.db"
    first, last, after, expected = NAMINGS[naming]
    with closing(Pawl(tmp_path, url)) as pawl:
        pawl.config({"pawl": {"naming": naming}, "target.main": {"url": url}})
        for number, name in enumerate((first, last, after)):
            pawl.write(name, f"CREATE TABLE t{number} (x int);")
        old = pawl.run("sum", "--json", check=0).json()["digest"]

        def id_of(name):
            return name.split("/")[0].removesuffix(".sql").removesuffix(".up")

        result = pawl.run("new", "base", "--replaces", f"{id_of(first)}..{id_of(last)}", check=0)
        assert result.out == f"migrations/{expected}\n"
        assert f"migrations/{first}" in result.err and f"migrations/{last}" in result.err
        assert f"migrations/{after}" not in result.err
        # Nothing is removed by itself, and nothing is deployed in between.
        assert pawl.run("deploy").code == 3
        for name in (first, last):
            path = pawl.migrations / name
            shutil.rmtree(path.parent) if "/" in name else path.unlink()
        pawl.run("sum", check=0)
        pawl.run("check", check=0)
        assert pawl.run("sum", "--json", check=0).json()["digest"] == old
        pawl.run("deploy", check=0)
        assert SqliteDatabase(tmp_path / "database.db").tables() == ["t0", "t1", "t2"]


def test_new_replaces_makes_the_sum_that_it_needs(bench):
    checkout = bench.checkout("old", {A: OLD_FILES[A], B: OLD_FILES[B]})
    assert squash(checkout, "base", A[:14], B[:14]) == "20250102000000_base"


@pytest.mark.parametrize("args,code,words", [
    (("--replaces", A), 2, "FIRST..LAST"),
    (("--replaces", f"{A}..20250102000000_x"), 2, "Did you mean"),
    (("--replaces", f"{B}..{A}"), 2, "older one first"),
    (("--replaces", f"{A}..{B}", "--phase", "contract"), 2, "--phase"),
    (("--replaces", f"{A}..{B}", "--kind", "data"), 2, "--kind"),
    (("--replaces", f"{A}..{B}", "--revert", A), 2, "--revert"),
])
def test_new_refuses_what_is_no_range(bench, args, code, words):
    checkout = bench.checkout("old", {A: OLD_FILES[A], B: OLD_FILES[B]})
    result = checkout.run("new", "base", *args, check=code)
    assert words in result.err
    assert sorted(path.name for path in checkout.migrations.iterdir()) == [f"{A}.sql", f"{B}.sql"]


def test_what_is_unfinished_stays_so_in_a_squash(bench):
    checkout = bench.checkout("old", {A: OLD_FILES[A],
                                      B: 'SELECT 1;\n-- pawl: unfinished="decide"\nSELECT 2;'})
    checkout.run("new", "base", "--replaces", f"{A}..{B}", check=0)
    for name in (A, B):
        (checkout.migrations / f"{name}.sql").unlink()
    assert "unfinished" in checkout.run("check", check=3).out
    assert checkout.run("deploy").code == 3


def test_new_replaces_wants_a_sum_that_fits(bench):
    checkout = bench.checkout("old", {A: OLD_FILES[A]})
    checkout.run("sum", check=0)
    checkout.write(B, OLD_FILES[B])
    result = checkout.run("new", "base", "--replaces", f"{A}..{B}", check=3)
    assert "does not fit" in result.err
    assert len(list(checkout.migrations.iterdir())) == 3


# ---- check --base ----

@pytest.fixture
def repository(tmp_path, releases):
    """The old files on main, the squash on top of them in the work tree."""
    old, new = releases
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "core.hooksPath=/",
           "-C", new.folder]

    def run(*args):
        subprocess.run([*git, *args], check=True, capture_output=True, timeout=60)

    kept = {path.name: path.read_text() for path in new.migrations.iterdir()}
    for path in list(new.migrations.iterdir()):
        path.unlink()
    for path in old.migrations.iterdir():
        shutil.copy(path, new.migrations)
    run("init", "-q", "-b", "main")
    run("add", ".")
    run("commit", "-q", "-m", "files")
    run("checkout", "-q", "-b", "squash")
    for name in (A, B, C, D):
        (new.migrations / f"{name}.sql").unlink()
    for name, text in kept.items():
        (new.migrations / name).write_text(text)
    return new


def found(checkout):
    result = checkout.run("check", "--base", "main", "--json")
    return {(f["rule"], f["severity"]) for f in result.json()["findings"]}


def change(checkout, words, other):
    path = checkout.migrations / SUM
    text = path.read_text()
    assert words in text
    path.write_text(text.replace(words, other))


def line_of(checkout, name):
    return next(line for line in (checkout.migrations / SUM).read_text().splitlines(True)
                if line.endswith(f" {name}\n"))


def test_the_base_knows_a_squash_by_its_lines(repository):
    assert found(repository) == set()


def test_a_lost_line_is_a_lost_migration(repository):
    change(repository, line_of(repository, B), "")
    assert ("removed-since-base", "error") in found(repository)


def test_a_changed_line_is_an_edit(repository):
    line = line_of(repository, B)
    change(repository, line, "0" * 64 + line[64:])
    assert ("edited-since-base", "error") in found(repository)


def test_no_sum_at_all_is_told_once(repository):
    (repository.migrations / SUM).unlink()
    assert found(repository) == {("squash-lines", "error")}


def test_fix_writes_no_sum_that_forgets_what_was_replaced(repository):
    path = repository.migrations / SUM
    path.write_text("<<<<<<< HEAD\n" + path.read_text())
    before = path.read_text()
    for args in (("--fix",), ("--fix", "--base", "main")):
        assert "put the squash right first" in repository.run("check", *args, check=3).out
        repository.run("sum", check=3)
        assert path.read_text() == before
    # With the squash right, it does what `pawl sum` does.
    path.write_text(before.split("\n", 1)[1].replace(" sc ", " c "))
    repository.run("check", "--fix", "--base", "main", check=0)
    repository.run("check", "--base", "main", check=0)


def test_json_is_one_object_with_what_was_replaced(bench):
    checkout = bench.checkout("old", {A: OLD_FILES[A]})
    assert json.loads(checkout.run("new", "x", "--json", check=0).out)["replaces"] == []
