"""Histories whose files have names that pawl would not take today: adopt, ready and status."""

import pytest

from support import ledger

NAMES = ["2025-08-01-000059_a", "2025-08-01-000060_b", "2025-08-01-000061_c",
         "2025-08-02-000000_d"]
RIGHT = ["2025-08-01-000059_a", "2025-08-01-000100_b", "2025-08-01-000101_c",
         "2025-08-02-000000_d"]


@pytest.fixture
def counted_on(pawl, engine):
    """A history of folders whose seconds were counted on past 59; nothing is deployed."""
    pawl.config({"pawl": {"naming": "folder"}, "target.main": {"url": engine.url}})
    for number, name in enumerate(NAMES):
        pawl.write(f"{name}/up.sql", f"CREATE TABLE t{number} (id int);")
    return pawl


def rename_all(pawl):
    for old, new in zip(NAMES, RIGHT):
        (pawl.migrations / old).rename(pawl.migrations / new)


def test_the_names_meant_keep_the_order_and_deploy(counted_on, engine):
    refused = counted_on.run("deploy", check=3)
    for name in RIGHT[1:3]:
        assert f'rename it to "{name}"' in refused.err
    rename_all(counted_on)
    counted_on.run("deploy", check=0)
    assert ledger.applied(engine) == RIGHT


def test_adopted_and_then_renamed_nothing_runs_again(counted_on, engine):
    counted_on.run("adopt", "--as-of", NAMES[3], check=0)
    assert ledger.applied(engine) == NAMES
    counted_on.run("deploy", check=0)
    rename_all(counted_on)
    counted_on.run("ready", check=0)
    counted_on.run("deploy", check=0)
    counted_on.run("status", "--exit-code", check=0)
    counted_on.run("check", check=0)
    assert engine.tables() == []  # nothing was run, before or after


def test_an_adopted_contract_step_with_an_odd_name_does_not_bar_its_own_code(counted_on):
    counted_on.write(f"{NAMES[1]}/up.sql", "-- pawl: phase=contract\nDROP TABLE IF EXISTS t0;")
    counted_on.run("adopt", "--as-of", NAMES[3], check=0)
    counted_on.run("ready", check=0)
    (counted_on.migrations / NAMES[1] / "up.sql").unlink()
    (counted_on.migrations / NAMES[1]).rmdir()
    assert counted_on.run("ready").code == 6


def test_a_file_without_a_version_is_not_adopted(counted_on, engine):
    notes = counted_on.write("notes.sql", "SELECT 1;")
    counted_on.run("adopt", "--as-of", NAMES[3], check=0)
    assert ledger.applied(engine) == NAMES
    assert "notes" in counted_on.run("deploy", check=3).err
    notes.unlink()
    assert "nothing to do" in counted_on.run("deploy", check=0).out


def test_status_shows_what_a_bad_name_keeps_out(counted_on):
    out = counted_on.run("status", check=0).out
    assert "2 pending" in out and "2 with a bad name" in out
    assert all(name in out for name in NAMES)


def test_a_bad_name_alone_is_not_up_to_date(pawl):
    pawl.write("20250101000000_a", "CREATE TABLE a (id int);")
    pawl.run("deploy", check=0)
    pawl.run("status", "--exit-code", check=0)
    pawl.write("2025010200000_b", "CREATE TABLE b (id int);")
    assert pawl.run("status", "--exit-code").code == 4


@pytest.mark.parametrize("command", [["ready"], ["status"], ["adopt", "--as-of", "1_a"]])
def test_names_of_another_scheme_are_no_answer(pawl, engine, command):
    """An empty set would be ready, up to date, and nothing to adopt."""
    pawl.config({"pawl": {"naming": "sequence"}, "target.main": {"url": engine.url}})
    for number in (1, 2):
        pawl.write(f"{number}_a", f"CREATE TABLE t{number} (id int);")
    pawl.run("deploy", check=0)
    pawl.config({"target.main": {"url": engine.url}})
    result = pawl.run(*command, check=2)
    assert "naming = sequence" in result.err and result.err.count("look like") == 1
