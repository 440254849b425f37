"""pawl adopt: a database that other means brought to where it is. pawl repair: recorded corrections."""

import pytest

from support import ledger
from support.ledger import version

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
    [], ["--reason", "x"], ["--renamed", OLD, "--reason", "x"], ["--renamed", OLD, NEW],
    ["--new", NEW], ["--new", NEW, "--reason", ""], ["--new", NEW, "more", "--reason", "x"],
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


# ---- repair: edits ----

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
    assert codes[0] == 0 and set(codes) <= {0, 3, 5}, codes
    assert ledger.events(engine).count("edit_accepted") == codes.count(0) == 1
    ledger.assert_whole(engine)
