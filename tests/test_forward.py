"""A deploy that fails says what leads on: never an edit of the ledger, never a way back."""

import pytest

FAILURES = {
    "23505": ("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1); ALTER TABLE t ADD UNIQUE (a);", "--write-repair"),
    "22P02": ("SELECT 'x'::int;", "--write-repair"),
    "2BP01": ("CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t; DROP TABLE t;", "pawl renumber"),
    "42P07": ("CREATE TABLE t (a int); CREATE TABLE t (a int);", "pawl adopt"),
    "42701": ("CREATE TABLE t (a int); ALTER TABLE t ADD a int;", "take it out of the file"),
    "42703": ("CREATE TABLE t (a int); ALTER TABLE t DROP b;", "correct it, then deploy again"),
    "P0001": ("DO $$ BEGIN RAISE 'no'; END $$;", "deploy again"),
}


@pytest.mark.parametrize("sqlstate", FAILURES)
def test_the_next_step_is_named(sqlstate, make_pawl, pg):
    text, next_step = FAILURES[sqlstate]
    pawl = make_pawl(pg.url)
    pawl.write("20250101000000_first", text)
    result = pawl.run("deploy", check=1)
    assert f"SQLSTATE {sqlstate}" in result.err and next_step in result.err.split("next:")[1], str(result)
    pawl.write("20250101000000_first", "CREATE TABLE t (a int);")
    pawl.run("deploy", check=0)


def test_a_part_way_file_is_left_as_it_is(make_pawl, pg):
    pawl = make_pawl(pg.url)
    pawl.write("20250101000000_first", "CREATE TABLE t (a int); INSERT INTO t VALUES (1);\n"
               "CREATE INDEX CONCURRENTLY i ON t (a);\nINSERT INTO u VALUES (1);")
    result = pawl.run("deploy", check=7)
    assert "leave the file as it is" in result.err.split("next:")[1]
    pg.query("CREATE TABLE u (a int)")
    pawl.run("deploy", check=0)


def test_on_sqlite_too(make_pawl):
    pawl = make_pawl("sqlite:x.db")
    pawl.write("20250101000000_first", "CREATE TABLE t (a int); DROP TABLE u;")
    assert "deploy again" in pawl.run("deploy", check=1).err.split("next:")[1]
