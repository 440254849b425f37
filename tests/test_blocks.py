"""pawl deploy: statements that commit by themselves, and transactions with a level of their own."""

import pytest

from support import ledger
from support.ledger import version

# Commits after each row; fails at 3 while there is no table "ready".
BATCHES = """DO $$
BEGIN
    FOR i IN 1..4 LOOP
        INSERT INTO t VALUES (i) ON CONFLICT DO NOTHING;
        IF i = 3 THEN PERFORM 1 FROM ready; END IF;
        COMMIT;
    END LOOP;
END $$;
"""


def ids(pg):
    return [id for id, in pg.query("SELECT id FROM t ORDER BY 1")]


@pytest.fixture
def with_table(make_pawl, pg):
    pawl = make_pawl(pg.url)
    pawl.write(f"{version(1)}_t", "CREATE TABLE t (id int PRIMARY KEY);")
    pawl.run("deploy", check=0)
    return pawl


@pytest.mark.parametrize("head", ["", "-- pawl: no-transaction\n"])
def test_a_block_that_commits_needs_no_word(with_table, pg, head):
    pg.query("CREATE TABLE ready ()")
    with_table.write(f"{version(2)}_fill", head + BATCHES + "INSERT INTO t VALUES (9);\n")
    with_table.run("deploy", check=0)
    assert ids(pg) == [1, 2, 3, 4, 9]
    assert ledger.events(pg)[-5:] == ["begin", "step_begin", "step_end", "applied", "end"]
    ledger.assert_whole(pg)


def test_a_block_that_stops_half_way_runs_again_from_its_start(with_table, pg):
    path = with_table.write(f"{version(2)}_fill", BATCHES)
    with_table.write(f"{version(3)}_after", "CREATE TABLE after ();")
    result = with_table.run("deploy", check=7)
    assert f"{path.name}:1:1" in result.err and "What it committed before stands" in result.err
    assert "rolled back" not in result.err and "stopped part-way" in result.err
    assert ids(pg) == [1, 2] and ledger.applied(pg) == [f"{version(1)}_t"]
    pg.query("CREATE TABLE ready ()")
    assert "runs again from its start" in with_table.run("deploy", check=0).err
    assert ids(pg) == [1, 2, 3, 4]
    assert ledger.applied(pg)[1:] == [f"{version(2)}_fill", f"{version(3)}_after"]
    ledger.assert_whole(pg)


PROCEDURE = """CREATE PROCEDURE fill() LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO t VALUES (1);
    COMMIT;
    INSERT INTO t VALUES (2);
END $$;
"""


def test_a_procedure_commits_where_the_file_asks_for_no_transaction(with_table, pg):
    with_table.write(f"{version(2)}_p", PROCEDURE)
    name = f"{version(3)}_call"
    with_table.write(name, "CALL fill();")
    result = with_table.run("deploy", check=1)
    assert "no-transaction" in result.err and ids(pg) == []
    with_table.write(name, "-- pawl: no-transaction\nCALL fill();")
    with_table.run("deploy", check=0)
    assert ids(pg) == [1, 2] and ledger.applied(pg)[-1] == name
    ledger.assert_whole(pg)


def test_a_procedure_that_does_not_commit_is_part_of_the_transaction(with_table, pg):
    with_table.write(f"{version(2)}_p", PROCEDURE.replace("    COMMIT;\n", ""))
    with_table.write(f"{version(3)}_call", "CALL fill();\nSELECT * FROM nothing;")
    with_table.run("deploy", check=1)
    assert ids(pg) == []


LEVEL = "INSERT INTO level VALUES (current_setting('transaction_isolation'));\n"


@pytest.mark.parametrize("text, levels", [
    (LEVEL, ["read committed"]),
    ("BEGIN;\n" + LEVEL + "COMMIT;", ["read committed"]),
    ("BEGIN;\n-- why\nSET TRANSACTION ISOLATION LEVEL REPEATABLE READ;\n" + LEVEL + "COMMIT;",
     ["repeatable read"]),
    ("BEGIN ISOLATION LEVEL SERIALIZABLE;\n" + LEVEL + "COMMIT;", ["serializable"]),
    ("-- pawl: no-transaction\n" + LEVEL + "BEGIN ISOLATION LEVEL REPEATABLE READ;\n" + LEVEL
     + "COMMIT;\n" + LEVEL, ["read committed", "repeatable read", "read committed"]),
], ids=["none", "plain", "set", "begin", "groups"])
def test_the_level_that_the_file_asks_for_is_the_transactions(make_pawl, pg, text, levels):
    pawl = make_pawl(pg.url)
    pawl.write(f"{version(1)}_level", "CREATE TABLE level (name text);")
    pawl.write(f"{version(2)}_run", text)
    pawl.run("deploy", check=0)
    assert [name for name, in pg.query("SELECT name FROM level")] == levels
    pawl.run("deploy", check=0)
    ledger.assert_whole(pg)


@pytest.mark.parametrize("text", [
    "SET TRANSACTION READ ONLY;", "BEGIN READ ONLY; SELECT 1; COMMIT;",
    "SET TRANSACTION SNAPSHOT '00000003-0000001B-1';",
])
def test_a_transaction_that_cannot_be_recorded_is_refused(make_pawl, pg, text):
    pawl = make_pawl(pg.url)
    pawl.write(f"{version(1)}_first", "CREATE TABLE first (id int);")
    path = pawl.write(f"{version(2)}_bad", f"CREATE TABLE x (id int);\n{text}\n")
    before = ledger.whole_dump(pg)
    assert f"{path.name}:2:1" in pawl.run("deploy", check=3).err
    assert ledger.whole_dump(pg) == before
