"""A release is one set: the first deploy that names it records what it carries."""

import pytest

from support import ledger
from support.ledger import version

ONE, TWO, THREE = (f"{version(number)}_{word}" for number, word in
                   ((1, "one"), (2, "two"), (3, "three")))
CONTRACT = "-- pawl: phase=contract\nDROP TABLE IF EXISTS gone;\n"


def releases(engine):
    return [row for row in ledger.rows(engine) if row.event == "release"]


@pytest.fixture
def deployed(pawl):
    pawl.write(ONE, "CREATE TABLE one (id int);")
    pawl.run("deploy", check=0)
    return pawl


def test_a_deploy_with_something_to_do_records_it_behind_begin(pawl, engine):
    pawl.write(ONE, "CREATE TABLE one (id int);")
    report = pawl.run("deploy", "--release", "1.0", "--json", check=0).json()
    assert report["release_recorded"] is True
    assert ledger.events(engine) == ["created", "begin", "release", "applied", "end"]
    row, = releases(engine)
    assert row.facts["attempt"] == ledger.rows(engine)[1].facts["attempt"]
    assert row.facts["set"] == ledger.rows(engine)[-1].digest
    assert "contracts" not in row.facts and "lacks" not in row.facts
    ledger.assert_whole(engine)


def test_a_deploy_with_nothing_to_do_records_it_alone_and_once(deployed, engine):
    before = ledger.events(engine)
    result = deployed.run("deploy", "--release", "1.0", check=0)
    assert 'release "1.0" recorded' in result.out and ledger.head(engine) in result.out
    assert ledger.events(engine) == before + ["release"]
    whole = ledger.whole_dump(engine)
    assert "recorded" not in deployed.run("deploy", "--release", "1.0", check=0).out
    deployed.run("deploy", env={"PAWL_RELEASE": "1.0"}, check=0)
    assert ledger.whole_dump(engine) == whole


@pytest.mark.parametrize("text", [
    "CREATE TABLE two (id int);", CONTRACT, "-- pawl: kind=repeatable\nSELECT 1;"])
def test_another_set_under_its_name_is_refused(deployed, engine, text):
    """Also where only a contract step or a repeatable differs."""
    deployed.run("deploy", "--release", "1.0", check=0)
    deployed.write(TWO, text)
    whole = ledger.whole_dump(engine)
    result = deployed.run("deploy", "--release", "1.0", check=3)
    assert '"1.0"' in result.err and "release name of its own" in result.err
    assert deployed.run("deploy", "--release", "1.0", "--dry-run").code == 3
    assert ledger.whole_dump(engine) == whole
    deployed.run("deploy", "--release", "1.1", check=0)
    deployed.run("deploy", "--release", "1.0", check=3)
    assert [row.facts["release"] for row in releases(engine)] == ["1.0", "1.1"]


def test_a_rename_is_no_other_set(deployed):
    deployed.run("deploy", "--release", "1.0", check=0)
    (deployed.migrations / f"{ONE}.sql").rename(deployed.migrations / f"{version(1)}_other.sql")
    deployed.run("deploy", "--release", "1.0", check=0)


def test_older_code_that_is_named_first_is_recorded_with_what_it_lacks(deployed, make_pawl, engine):
    newer = make_pawl(engine.url, name="newer")
    newer.write(ONE, "CREATE TABLE one (id int);")
    newer.write(TWO, CONTRACT)
    newer.run("deploy", "--release", "2.0", check=0)
    deployed.write(ONE, "CREATE TABLE one (id int);")
    result = deployed.run("deploy", "--release", "1.0", check=0)
    assert "older code" in result.err and 'release "1.0" recorded' in result.out
    two, one = releases(engine)
    assert list(two.facts["contracts"]) == [TWO] and one.facts["lacks"] == [TWO]
    assert ledger.applied(engine) == [ONE, TWO]


def test_an_empty_set_may_be_a_release(pawl, engine):
    pawl.run("deploy", "--release", "0", check=0)
    assert ledger.events(engine) == ["created", "release"]
    pawl.write(ONE, "CREATE TABLE one (id int);")
    pawl.run("deploy", "--release", "0", check=3)


def test_a_refused_deploy_and_a_dry_run_record_nothing(deployed, engine):
    whole = ledger.whole_dump(engine)
    deployed.run("deploy", "--release", "1.0", "--dry-run", check=0)
    deployed.write(ONE, "CREATE TABLE edited (id int);")
    deployed.run("deploy", "--release", "1.0", check=3)
    assert ledger.whole_dump(engine) == whole


def test_of_two_sets_that_race_for_a_name_one_wins(deployed, make_pawl, engine):
    other = make_pawl(engine.url, name="other")
    other.write(ONE, "CREATE TABLE one (id int);")
    other.write(TWO, "-- pawl: phase=contract\n-- nothing\n")
    deployed.run("deploy", check=0)
    other.run("deploy", check=0)
    racing = [pawl.spawn("deploy", "--release", "1.0") for pawl in (deployed, other) * 4]
    codes = [process.finish().code for process in racing]
    # Behind no mutex two may write a row: the first one counts, and the other is told.
    assert sorted(codes) == [0, 0, 0, 0, 3, 3, 3, 3] and codes[:2] * 4 == codes
    winner = (deployed, other)[codes.index(0)]
    assert "nothing to do" in winner.run("deploy", "--release", "1.0", check=0).out
    ledger.assert_whole(engine)
