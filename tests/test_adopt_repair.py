"""pawl adopt: a database that other means brought to where it is. pawl repair: recorded corrections."""

import contextlib
import os
import pty

import pytest

from support import ledger
from support.ledger import version
from support.pawl import clean_environment, pawl_binary

NAMES = [f"{version(number)}_t{number}" for number in range(1, 5)]


@pytest.fixture
def existing(pawl, engine):
    """Three of four migrations were applied by another tool."""
    for number, name in enumerate(NAMES, 1):
        pawl.write(name, f"CREATE TABLE t{number} (id int);")
    for number in (1, 2, 3):
        engine.query(f"CREATE TABLE t{number} (id int)")
    return pawl


def unchanged(pawl, database, *args, code):
    before = ledger.whole_dump(database)
    result = pawl.run(*args, check=code)
    assert ledger.whole_dump(database) == before, result
    return result


# ---- adopt ----

def test_adopt_records_what_is_done_and_runs_nothing(existing, engine):
    schema = engine.dump()
    report = existing.run("adopt", "--as-of", NAMES[2], "--json", check=0).json()
    assert report["adopted"] == 3 and report["head"] == ledger.head(engine)
    assert engine.dump() == schema
    assert ledger.events(engine) == ["created", "adopted", "adopted", "adopted"]
    assert ledger.applied(engine) == NAMES[:3]
    assert existing.run("ready").code == 4
    existing.run("deploy", check=0)
    assert engine.tables() == ["t1", "t2", "t3", "t4"]
    existing.run("ready", check=0)
    ledger.assert_whole(engine)
    unchanged(existing, engine, "deploy", code=0)


def test_adopted_is_a_state_of_its_own(existing, engine):
    existing.run("adopt", "--as-of", NAMES[2], check=0)
    states = {row["id"]: row["state"] for row in
              existing.run("status", "--json", check=0).json()["targets"][0]["migrations"]}
    assert states == {**{name: "adopted" for name in NAMES[:3]}, NAMES[3]: "pending"}
    assert engine.query(f"SELECT count(*) FROM {ledger.table(engine, 'migration')} WHERE adopted") == [
        (3,)]


def test_adopt_none_makes_an_empty_ledger(pawl, engine):
    engine.query("CREATE TABLE theirs (id int)")
    pawl.write(NAMES[0], "CREATE TABLE t1 (id int);")
    assert pawl.run("deploy").code == 3
    pawl.run("adopt", "--as-of", "none", check=0)
    assert ledger.events(engine) == ["created"]
    assert pawl.run("ready").code == 4
    pawl.run("deploy", check=0)
    assert engine.tables() == ["t1", "theirs"]
    ledger.assert_whole(engine)


def test_adopt_of_everything_is_ready_at_once(existing, engine):
    existing.run("adopt", "--as-of", NAMES[3], check=0)
    existing.run("ready", check=0)
    unchanged(existing, engine, "deploy", code=0)


def test_adopt_of_what_is_not_there(existing, engine):
    before = ledger.whole_dump(engine)
    assert "Did you mean" in existing.run("adopt", "--as-of", NAMES[2][:-1], check=2).err
    for args in (["--as-of", f"{NAMES[2]}.sql"], ["--as-of", ""], [], ["--as-of", NAMES[2], "more"]):
        existing.run("adopt", *args, check=2)
    assert ledger.whole_dump(engine) == before and not ledger.exists(engine)


def test_adopt_where_there_is_a_ledger(existing, engine):
    existing.run("adopt", "--as-of", NAMES[1], check=0)
    result = unchanged(existing, engine, "adopt", "--as-of", NAMES[2], code=3)
    assert "already" in result.err
    unchanged(existing, engine, "adopt", "--as-of", "none", code=3)


def test_one_of_many_adopters_wins(existing, engine):
    adopters = [existing.spawn("adopt", "--as-of", NAMES[2]) for _ in range(10)]
    results = [adopter.finish() for adopter in adopters]
    codes = [result.code for result in results]
    # 3: there is a ledger already; 5: it was just being made.
    assert codes.count(0) == 1 and set(codes) <= {0, 3, 5}, results
    assert ledger.events(engine) == ["created", "adopted", "adopted", "adopted"]
    ledger.assert_whole(engine)


def test_adopt_leaves_repeatables_to_the_deploy(existing, engine):
    existing.write("20250201000000_v", "-- pawl: kind=repeatable\nDROP VIEW IF EXISTS v;\n"
                   "CREATE VIEW v AS SELECT 1 AS n;\n")
    existing.run("adopt", "--as-of", NAMES[3], check=0)
    assert existing.run("ready").code == 4
    existing.run("deploy", check=0)
    assert engine.query("SELECT n FROM v") == [(1,)]


def test_an_odd_name_that_was_adopted_stops_nothing(pawl, engine):
    """Milliseconds where seconds belong sort after every right name for ever."""
    pawl.config({"pawl": {"naming": "logto"}, "target.main": {"url": engine.url}})
    good = "1.0.0-1629460799-first"
    odd = "1.0.0-1629460800123-oops"
    pawl.write(good, "CREATE TABLE first (id int);")
    pawl.write(odd, "CREATE TABLE oops (id int);")
    unchanged(pawl, engine, "deploy", code=3)
    engine.query("CREATE TABLE first (id int)")
    engine.query("CREATE TABLE oops (id int)")
    pawl.run("adopt", "--as-of", odd, check=0)
    assert ledger.applied(engine) == [good, odd]
    pawl.run("ready", check=0)
    unchanged(pawl, engine, "deploy", code=0)
    pawl.write("1.1.0-1640000000-later", "CREATE TABLE later (id int);")
    assert pawl.run("ready").code == 4
    pawl.run("deploy", check=0)
    pawl.run("ready", check=0)
    assert engine.tables() == ["first", "later", "oops"]
    # Still nothing else of another precision comes in.
    pawl.write("1.1.0-1640000000999-again", "CREATE TABLE again (id int);")
    assert "1640000000" in unchanged(pawl, engine, "deploy", code=3).err
    # Refused for its name, it is still a migration that this code carries and nobody applied.
    assert "1640000000999-again" in pawl.run("ready", check=4).out


def test_an_odd_name_is_adopted_where_it_was_meant_to_stand(pawl, engine):
    pawl.config({"pawl": {"naming": "epoch"}, "target.main": {"url": engine.url}})
    names = ["1629460800_a", "1629460900123_odd", "1629461000_b", "1629462000999_later_odd"]
    for name in names:
        pawl.write(name, f"CREATE TABLE t{name} (id int);")
    pawl.run("adopt", "--as-of", names[2], check=0)
    assert sorted(ledger.applied(engine)) == sorted(names[:3])
    assert names[3] in unchanged(pawl, engine, "deploy", code=3).err
    (pawl.migrations / f"{names[3]}.sql").rename(pawl.migrations / "1629462000_later_odd.sql")
    pawl.run("deploy", check=0)
    pawl.run("ready", check=0)
    ledger.assert_whole(engine)


@pytest.mark.parametrize("naming, name", [
    ("logto", "1.0.0-1629460800123-oops"), ("epoch", "1629460800123_oops"),
    ("timestamp", "20250101090000123_oops"),
])
def test_a_name_of_another_precision_is_refused_everywhere(make_pawl, pg, naming, name):
    pawl = make_pawl()
    pawl.config({"pawl": {"naming": naming}, "target.main": {"url": pg.url}})
    pawl.write(name, "CREATE TABLE oops (id int);")
    for command in (["deploy"], ["check"]):
        before = ledger.whole_dump(pg)
        result = pawl.run(*command)
        assert result.code not in (0, 2) and name in result.out + result.err, result
        assert ledger.whole_dump(pg) == before
    (pawl.migrations / f"{name}.sql").unlink()
    result = pawl.run("new", name)
    made = [path.stem for path in pawl.migrations.glob("*.sql")]
    assert name not in made and (result.code != 0 or not made[0].startswith(name[:13])), (result, made)


# ---- repair: renamed, new ----

TEXT = "CREATE TABLE token (id int);"


@pytest.fixture
def doubtful(pawl):
    """A rename that sorts after something applied later: both readings are possible."""
    old = pawl.write(f"{version(1)}_token", TEXT)
    pawl.write(f"{version(2)}_b", "CREATE TABLE b (id int);")
    pawl.run("deploy", check=0)
    old.unlink()
    pawl.write(f"{version(3)}_token", TEXT)
    assert pawl.run("deploy").code == 3
    return pawl


OLD, NEW = f"{version(1)}_token", f"{version(3)}_token"


def test_repair_renamed(doubtful, engine):
    result = doubtful.run("repair", "--renamed", OLD, NEW, "--reason", "moved it", check=0)
    assert "checksum" in result.out and ledger.head(engine) in result.out
    row = ledger.rows(engine)[-1]
    assert (row.event, row.migration, row.facts["from"], row.facts["reason"]) == (
        "renamed", NEW, OLD, "moved it")
    unchanged(doubtful, engine, "deploy", code=0)
    doubtful.run("ready", check=0)
    ledger.assert_whole(engine)


def test_repair_new(doubtful, engine):
    doubtful.run("repair", "--new", NEW, "--reason", "it is another", check=0)
    engine.query("DROP TABLE token")
    assert ledger.rows(engine)[-1].event == "declared_new"
    doubtful.run("deploy", check=0)
    assert ledger.applied(engine) == [OLD, f"{version(2)}_b", NEW]
    ledger.assert_whole(engine)


WITHOUT_PROOF = [
    (["--renamed", "20200101000000_no", NEW], "is not applied"),
    (["--renamed", f"{version(2)}_b", NEW], "content"),
    (["--renamed", OLD, f"{version(2)}_b"], "is applied"),
    (["--new", f"{version(2)}_b"], "not taken for a rename"),
    (["--accept-edit", f"{version(2)}_b"], "not edited"),
]


def test_repair_without_its_proof_is_refused(doubtful, engine):
    before = ledger.whole_dump(engine)
    for args, why in WITHOUT_PROOF:
        result = doubtful.run("repair", *args, "--reason", "because", check=3)
        assert why in result.err and "Nothing was changed." in result.err
    assert ledger.whole_dump(engine) == before


NOT_SAID_RIGHTLY = [
    [], ["--reason", "x"], ["--renamed", OLD, "--reason", "x"], ["--renamed", OLD],
    ["--accept-edit", OLD], ["--accept-break", "3"], ["--new", NEW, "--reason", ""],
    ["--new", NEW, "more", "--reason", "x"],
    ["--new", NEW, "--accept-edit", NEW, "--reason", "x"],
    ["--new", "20200101000000_no_such_file", "--reason", "x"],
]


def test_repair_that_is_not_said_rightly(doubtful, engine):
    before = ledger.whole_dump(engine)
    for args in NOT_SAID_RIGHTLY:
        doubtful.run("repair", *args, check=2)
    assert ledger.whole_dump(engine) == before


def test_repair_where_there_is_no_ledger(pawl, engine):
    pawl.write(NEW, TEXT)
    result = pawl.run("repair", "--new", NEW, "--reason", "x", check=3)
    assert "no ledger" in result.err and not ledger.exists(engine)


# ---- repair: the proof, and doing it twice ----

def test_the_proof_is_shown_before_anything_is_written(doubtful, engine):
    before = ledger.whole_dump(engine)
    applied = next(row for row in ledger.rows(engine) if row.migration == OLD)
    for args, other in ((["--renamed", OLD, NEW], f"pawl repair --new {NEW}"),
                        (["--new", NEW], f"pawl repair --renamed {OLD} {NEW}")):
        out = doubtful.run("repair", *args, "--dry-run", check=0).out
        assert f'"{OLD}" was applied at 20' in out and applied.checksum in out and other in out
        assert "dry run: nothing was recorded" in out
        report = doubtful.run("repair", *args, "--dry-run", "--json", check=0).json()
        assert report["recorded"] is False and report["head"] is None and report["ok"] is True
        assert any(f"seq {applied.seq}" in fact for fact in report["facts"])
    assert ledger.whole_dump(engine) == before


@pytest.mark.parametrize("args", [["--renamed", OLD, NEW], ["--new", NEW]])
def test_no_reason_is_needed_where_the_contents_are_the_proof(doubtful, engine, args):
    report = doubtful.run("repair", *args, "--json", check=0).json()
    assert report["recorded"] is True and report["head"] == ledger.head(engine)
    assert "reason" not in ledger.rows(engine)[-1].facts
    again = unchanged(doubtful, engine, "repair", *args, code=0)
    assert "already" in again.out and "nothing to record" in again.out
    assert doubtful.run("repair", *args, "--json", check=0).json()["recorded"] is False
    ledger.assert_whole(engine)


REFUSALS = [  # what is said, the state, the next command
    (["--renamed", f"{version(2)}_b", NEW], "Renamed and edited is two things"),
    (["--renamed", "20200101000000_no", NEW], "pawl status"),
    (["--new", f"{version(2)}_b"], "pawl status"),
    (["--accept-edit", f"{version(2)}_b", "--reason", "x"], "deploy"),
    (["--accept-edit", NEW, "--reason", "x"], "not applied yet"),
    (["--accept-break", "3", "--reason", "x"], "no break to accept"),
]


@pytest.mark.parametrize("args, following", REFUSALS)
def test_a_refusal_says_the_state_and_what_is_next(doubtful, engine, args, following):
    result = unchanged(doubtful, engine, "repair", *args, code=3)
    assert "Nothing was changed." in result.err and following in result.err.split("next:")[1]


def test_a_terminal_is_asked_first(doubtful, engine):
    """And nobody else, and not with --yes."""
    def at_terminal(answer, *args):
        argv = [pawl_binary(), "repair", "--renamed", OLD, NEW, *args]
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(doubtful.folder)
            os.execve(argv[0], argv, clean_environment())
        output = b""
        while b"[y/N]" not in output:
            try:
                chunk = os.read(terminal, 4096)
            except OSError:  # its end, on Linux
                break
            if not chunk:
                break
            output += chunk
        else:
            os.write(terminal, answer)
            with contextlib.suppress(OSError):
                while chunk := os.read(terminal, 4096):
                    output += chunk
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), output.decode()

    before = ledger.whole_dump(engine)
    code, output = at_terminal(b"\n")
    assert code == 3 and "not recorded" in output and output.index("found:") < output.index("[y/N]")
    assert ledger.whole_dump(engine) == before
    assert at_terminal(b"y\n")[0] == 0 and ledger.rows(engine)[-1].event == "renamed"
    code, output = at_terminal(b"", "--yes")
    assert code == 0 and "[y/N]" not in output and "already" in output


def test_one_of_two_new_files_is_declared_new_and_the_other_is_the_rename(pawl, engine):
    path = pawl.write(OLD, TEXT)
    pawl.run("deploy", check=0)
    path.unlink()
    first, second = (pawl.write(f"{version(number)}_token", TEXT) for number in (2, 3))
    result = pawl.run("deploy", check=3)
    assert f"pawl repair --renamed {OLD} {first.stem}" in result.err
    assert f"pawl repair --new {second.stem}" in result.err
    pawl.run("repair", "--new", second.stem, check=0)
    engine.query("ALTER TABLE token RENAME TO kept")
    report = pawl.run("deploy", "--json", check=0).json()
    assert report["renamed"] == 1 and [row["id"] for row in report["applied"]] == [second.stem]
    assert engine.tables() == ["kept", "token"]
    unchanged(pawl, engine, "deploy", code=0)


def test_of_two_that_are_gone_both_are_named(pawl, engine):
    gone = [pawl.write(f"{version(number)}_again", "SELECT 1;") for number in (1, 2)]
    pawl.write(f"{version(3)}_t", "CREATE TABLE t (id int);")
    pawl.run("deploy", check=0)
    for path in gone:
        path.unlink()
    new = pawl.write(f"{version(4)}_again", "SELECT 1;").stem
    result = unchanged(pawl, engine, "deploy", code=3)
    for path in gone:
        assert f"pawl repair --renamed {path.stem} {new}" in result.err
    out = pawl.run("repair", "--new", new, "--dry-run", check=0).out
    assert all(path.stem in out for path in gone)


# ---- repair: edits ----

def test_an_accepted_edit_shows_what_differs(pawl, engine):
    name = f"{version(1)}_t"
    lines = [f"-- line {number}" for number in range(1, 30)]
    body = "CREATE TABLE t (id int);\nCREATE ROLE app PASSWORD 's3cret';"
    if engine.engine == "sqlite":
        body = "CREATE TABLE t (id int); -- PASSWORD 's3cret'"
    else:
        body = body.replace("app", engine.role("app") + "x")
    pawl.write(name, "\n".join([*lines, body, ""]))
    pawl.run("deploy", check=0)
    before = ledger.whole_dump(engine)
    pawl.write(name, "\n".join([*lines, body.replace("id int", "id integer"), ""]))
    args = ["repair", "--accept-edit", name, "--reason", "the same type"]
    result = pawl.run(*args, "--dry-run", check=0)
    assert "\n-CREATE TABLE t (id int);" in result.out
    assert "\n+CREATE TABLE t (id integer);" in result.out
    assert " -- line 29" in result.out and "line 20" not in result.out and "@@ -27," in result.out
    assert "s3cret" not in result.out
    assert ledger.whole_dump(engine) == before
    diff = pawl.run(*args, "--json", check=0).json()["diff"]
    assert diff in result.out
    again = unchanged(pawl, engine, *args, code=0)
    assert "already" in again.out
    # The next diff is against the text that was accepted.
    pawl.write(name, "\n".join([*lines, body.replace("id int", "id bigint"), ""]))
    assert "\n-CREATE TABLE t (id integer);" in pawl.run(*args, "--dry-run", check=0).out


def test_an_adopted_text_is_kept_for_the_diff(existing):
    existing.run("adopt", "--as-of", NAMES[2], check=0)
    existing.write(NAMES[0], "CREATE TABLE t1 (id integer);")
    out = existing.run("repair", "--accept-edit", NAMES[0], "--reason", "x", "--dry-run", check=0).out
    assert "was adopted at" in out and "-CREATE TABLE t1 (id int);" in out


def test_a_new_file_under_an_old_name_is_no_edit(pawl, engine):
    """Accepted, its statements would count as applied and never run."""
    path = pawl.write(OLD, TEXT)
    pawl.run("deploy", check=0)
    path.rename(pawl.migrations / f"{version(1)}_renamed.sql")
    pawl.run("deploy", check=0)
    pawl.write(OLD, "CREATE TABLE another (id int);")
    result = unchanged(pawl, engine, "deploy", code=3)
    assert "earlier name" in result.err and "pawl renumber" in result.err
    result = unchanged(pawl, engine, "repair", "--accept-edit", OLD, "--reason", "x", code=3)
    assert "never run" in result.err and "pawl renumber" in result.err
    pawl.run("renumber", OLD, check=0)
    pawl.run("deploy", check=0)
    assert engine.tables() == ["another", "token"]


def test_an_edit_of_a_part_way_file_is_no_application(make_pawl, pg):
    """ready must not take the accepted text for an applied migration."""
    pawl = make_pawl(pg.url)
    name = f"{version(1)}_parts"
    pawl.write(name, "CREATE TABLE t (id int);\nINSERT INTO t VALUES (1), (1);\n"
               "CREATE UNIQUE INDEX CONCURRENTLY i ON t (id);\n")
    assert pawl.run("deploy").code == 7
    pawl.write(name, "CREATE TABLE t (id int);\nINSERT INTO t VALUES (1), (1);\n"
               "CREATE INDEX CONCURRENTLY i ON t (id);\n")
    args = ["repair", "--accept-edit", name, "--reason", "not unique"]
    assert "part" not in pawl.run(*args, check=0).err
    assert "already" in pawl.run(*args, check=0).out
    assert name in pawl.run("ready", check=4).out
    pawl.run("sum", check=0)
    pawl.run("ready", check=4)


# ---- repair: breaks ----

@pytest.mark.parametrize("tamper, field", [
    ("UPDATE {journal} SET detail = '{{}}' WHERE seq = 3", "hash"),
    ("DELETE FROM {journal} WHERE seq = 3", "the next row's seq"),
    ("UPDATE {head} SET seq = 2", "the head's seq"),
])
def test_a_break_shows_the_field_that_does_not_fit(pawl, engine, tamper, field):
    pawl.write(f"{version(1)}_t", "CREATE TABLE t (id int);")
    pawl.run("deploy", check=0)
    last = ledger.rows(engine)[-1].seq
    journal, head = (ledger.table(engine, name) for name in ("journal", "head"))
    ledger.by_hand(engine, tamper.format(journal=journal, head=head),
                   name="head" if "{head}" in tamper else "journal")
    seq = last if "{head}" in tamper else 3
    args = ["repair", "--accept-break", str(seq), "--reason", "looked into"]
    before = ledger.whole_dump(engine)
    out = pawl.run(*args, "--dry-run", check=0).out
    assert f"what does not fit is {field}: it is " in out and f"seq {seq}" in out
    assert ledger.whole_dump(engine) == before
    pawl.run(*args, check=0)
    before = ledger.whole_dump(engine)
    assert "already" in pawl.run(*args, check=0).out
    assert ledger.whole_dump(engine) == before
    assert pawl.run("status", "--json", check=0).json()["targets"][0]["chain_whole"]


def test_repair_accepts_an_edit(pawl, engine, make_pawl):
    name = f"{version(1)}_t"
    pawl.write(name, "CREATE TABLE t (id int);")
    pawl.run("deploy", check=0)
    old = make_pawl(engine.url, name="old")
    old.write(name, "CREATE TABLE t (id int);")
    pawl.write(name, "CREATE TABLE t (id integer);")
    assert pawl.run("deploy").code == 3
    result = pawl.run("repair", "--accept-edit", name, "--reason", "the same type", check=0)
    assert "accepted beside it" in result.out
    row = ledger.rows(engine)[-1]
    assert row.event == "edit_accepted" and row.facts["reason"] == "the same type"
    pawl.run("sum", check=0)
    assert f"digest={row.digest}" in (pawl.migrations / "pawl.sum").read_text()
    # Both texts are good from now on.
    for checkout in (pawl, old):
        unchanged(checkout, engine, "deploy", code=0)
        assert "edited" not in checkout.run("ready", check=0).err
    pawl.write(f"{version(2)}_u", "CREATE TABLE u (id int);")
    pawl.run("sum", check=0)
    pawl.run("deploy", check=0)
    pawl.run("ready", check=0)
    old.run("ready", check=0)
    ledger.assert_whole(engine)


def test_an_accepted_edit_can_be_renamed_later(pawl, engine):
    name = f"{version(1)}_t"
    path = pawl.write(name, "CREATE TABLE t (id int);")
    pawl.run("deploy", check=0)
    pawl.write(name, "CREATE TABLE t (id integer);")
    pawl.run("repair", "--accept-edit", name, "--reason", "the same", check=0)
    path.rename(pawl.migrations / f"{version(2)}_t.sql")
    pawl.run("ready", check=0)
    assert pawl.run("deploy", "--json", check=0).json()["renamed"] == 1
    pawl.run("ready", check=0)
    ledger.assert_whole(engine)


def test_repairs_race_with_a_deploy(pawl, engine):
    """A correction is made from what was read: a row in between is not overlooked."""
    name = f"{version(1)}_t"
    pawl.write(name, "CREATE TABLE t (id int);")
    pawl.run("deploy", check=0)
    pawl.write(name, "CREATE TABLE t (id integer);")
    repairs = [pawl.spawn("repair", "--accept-edit", name, "--reason", "the same") for _ in range(8)]
    codes = sorted(repair.finish().code for repair in repairs)
    # 5: the ledger changed between the proof and the row. Who came later found it recorded.
    assert codes[0] == 0 and set(codes) <= {0, 5}, codes
    assert ledger.events(engine).count("edit_accepted") == 1
    ledger.assert_whole(engine)
