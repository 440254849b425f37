"""pawl deploy: what is applied, what is refused, and what stands after a failure."""

import re
import threading
import time

import pytest

from support import ledger
from support.ledger import version
from support.sqlite import SqliteDatabase


def failed_rows(database):
    return [row for row in ledger.rows(database) if row.event == "failed"]


def refuse(pawl, database, *args, code=3):
    """The deploy is refused and has written nothing; its output."""
    before = ledger.whole_dump(database)
    result = pawl.run("deploy", *args, check=code)
    assert ledger.whole_dump(database) == before, result
    return result


# ---- the usual case ----

def test_what_is_pending_is_applied_in_order_and_once(pawl, engine):
    pawl.write(f"{version(2)}_b", "INSERT INTO log VALUES ('b');")
    pawl.write(f"{version(1)}_a", "CREATE TABLE log (what text);\nINSERT INTO log VALUES ('a');\n")
    first = pawl.run("deploy", "--json", check=0).json()
    assert [done["id"] for done in first["applied"]] == [f"{version(1)}_a", f"{version(2)}_b"]
    assert first["head"] == ledger.head(engine)
    before = ledger.whole_dump(engine)
    second = pawl.run("deploy", "--json", check=0).json()
    assert second["applied"] == [] and ledger.whole_dump(engine) == before
    assert engine.query("SELECT what FROM log") == [("a",), ("b",)]
    assert ledger.events(engine) == ["created", "begin", "applied", "applied", "end"]
    ledger.assert_whole(engine)


def test_the_receipt_names_the_journals_row(pawl, engine):
    pawl.write(f"{version(1)}_a", "CREATE TABLE a (id int);")
    done, = pawl.run("deploy", "--json", check=0).json()["applied"]
    row, = [row for row in ledger.rows(engine) if row.event == "applied"]
    assert done["receipt"] == f"{row.seq}:{row.hash}" and done["checksum"] == row.checksum


@pytest.mark.parametrize("text", ["", "-- nothing to do\n", ";;\n", "\ufeff-- a mark\r\n"])
def test_an_empty_migration_is_recorded(pawl, engine, text):
    pawl.write(f"{version(1)}_empty", text)
    pawl.run("deploy", check=0)
    assert ledger.applied(engine) == [f"{version(1)}_empty"]
    pawl.run("ready", check=0)
    assert pawl.run("deploy", "--json", check=0).json()["applied"] == []


def test_an_empty_set_deploys_nothing(pawl, engine):
    before = ledger.whole_dump(engine)
    pawl.run("deploy", check=0)
    assert ledger.whole_dump(engine) == before


# ---- a failing statement ----

@pytest.mark.parametrize("text", [
    "¦nope;",
    "SELECT 'äöü€😀', '漢字'; ¦nope;\n",
    "-- ü\r\nSELECT 1;\r\n\r\n  ¦nope 1;\r\nSELECT 2;\r\n",
    "SELECT 1;\nSELECT '\n\n', 2;\n\t¦nope;\n",
    "\ufeff-- a mark\n¦nope;\n",
    "-- migrate:up\nSELECT 1;\n¦nope;\n\n-- migrate:down\nDROP TABLE t;\n",
    "-- about it: ü\n\n-- migrate:up\n\n  SELECT 1; ¦nope;\n-- migrate:down\n",
    "-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n-- +goose StatementEnd\n ¦nope;\n"
    "-- +goose Down\nDROP TABLE t;\n",
    "BEGIN;\nSELECT 1;\n¦nope;\nCOMMIT;\n",
    "SELECT $$ü\n;$$; /* é */ ¦nope;",
], ids=range(10))
def test_the_place_of_a_syntax_error_is_exact(make_pawl, pg, text):
    check_place(make_pawl(pg.url), pg, text)


@pytest.mark.parametrize("text", [
    "¦nope;",
    "SELECT 'äöü€😀', '漢字'; ¦nope;\n",
    "-- ü\r\nSELECT 1;\r\n\r\n  ¦nope 1;\r\nSELECT 2;\r\n",
    "-- migrate:up\nSELECT 1;\nSELECT 'é', ¦nope;\n\n-- migrate:down\nDROP TABLE t;\n",
    "CREATE TRIGGER r AFTER INSERT ON kept BEGIN\n  SELECT 1;\nEND;\n¦nope;\n",
    "CREATE TRIGGER r AFTER INSERT ON kept BEGIN\n  SELECT 1; ¦nope;\nEND;\n",
], ids=range(6))
def test_the_place_of_a_syntax_error_is_exact_on_sqlite(make_pawl, tmp_path, text):
    database = SqliteDatabase(tmp_path / "database.db")
    check_place(make_pawl(database.url), database, text)


@pytest.mark.parametrize("text", [
    "SELECT 'é' || ¦no_such_column FROM kept;",
    "SELECT 1;\nINSERT INTO kept\n  SELECT 'ü',\n  ¦no_such_column;",
    "ALTER TABLE kept\n  ADD COLUMN x int,\n  ADD COLUMN é ¦no_such_type;",
    "¦INSERT INTO kept VALUES (1);\n",           # a unique key: the statement's start
    "SELECT 1;\n\n/* why */ ¦DO $$ BEGIN RAISE 'no'; END $$;\n",
    "SELECT 1; ¦SELECT 1/0;",
], ids=range(6))
def test_the_place_of_other_errors(make_pawl, pg, text):
    check_place(make_pawl(pg.url), pg, text)


def check_place(pawl, database, text):
    before, after = text.split("¦")
    line = before.count("\n") + 1
    column = len(before[before.rfind("\n") + 1:].replace("\ufeff", "")) + 1
    pawl.write(f"{version(1)}_kept", "CREATE TABLE kept (id int PRIMARY KEY);"
               "INSERT INTO kept VALUES (1);")
    path = pawl.migrations / f"{version(2)}_bad.sql"
    path.write_bytes((before + after).encode())
    pawl.write(f"{version(3)}_later", "CREATE TABLE later (id int);")
    result = pawl.run("deploy", check=1)
    assert f"{path.name}:{line}:{column}\n" in result.err, result
    assert database.tables() == ["kept"]


def test_a_failure_in_the_middle_leaves_what_came_before(pawl, engine):
    pawl.write(f"{version(1)}_one", "CREATE TABLE one (id int);")
    pawl.write(f"{version(2)}_two",
               "CREATE TABLE two (id int);\nINSERT INTO one VALUES (1);\nSELECT * FROM no_such;\n"
               "CREATE TABLE two_b (id int);\n")
    pawl.write(f"{version(3)}_three", "CREATE TABLE three (id int);")
    report = pawl.run("deploy", "--json", check=1).json()
    assert [done["id"] for done in report["applied"]] == [f"{version(1)}_one"]
    assert report["pending"] == [f"{version(2)}_two", f"{version(3)}_three"]
    error = report["error"]
    assert error["file"].endswith(f"{version(2)}_two.sql") and error["line"] == 3
    assert "rolled back" in error["state"]
    assert engine.tables() == ["one"] and engine.query("SELECT count(*) FROM one") == [(0,)]
    assert ledger.applied(engine) == [f"{version(1)}_one"]
    row, = failed_rows(engine)
    assert row.migration == f"{version(2)}_two" and row.facts["line"] == 3
    if engine.engine == "postgres":
        assert row.facts["sqlstate"] == error["sqlstate"] == "42P01"
    # Mended, it goes on where it stopped.
    pawl.write(f"{version(2)}_two", "CREATE TABLE two (id int);")
    pawl.run("deploy", check=0)
    assert engine.tables() == ["one", "three", "two"]
    ledger.assert_whole(engine)


def test_the_error_says_what_stands(pawl, engine):
    pawl.write(f"{version(1)}_one", "CREATE TABLE one (id int);")
    pawl.write(f"{version(2)}_two", "SELECT * FROM no_such;")
    result = pawl.run("deploy", check=1)
    assert f"{version(1)}_one" in result.out
    assert f'"{version(2)}_two" was rolled back. Applied by this run: 1 of 2.' in result.err


def test_a_deferred_constraint_fails_at_commit(make_pawl, pg):
    pawl = make_pawl(pg.url)
    pawl.write(f"{version(1)}_tables", """
        CREATE TABLE parent (id int PRIMARY KEY);
        CREATE TABLE child (parent int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);""")
    pawl.write(f"{version(2)}_orphan", "INSERT INTO child VALUES (7);\nCREATE TABLE x (id int);")
    result = pawl.run("deploy", check=1)
    assert "child_parent_fkey" in result.err and f"{version(2)}_orphan.sql" in result.err
    assert pg.tables() == ["child", "parent"]
    assert pg.query("SELECT count(*) FROM child") == [(0,)]
    assert ledger.applied(pg) == [f"{version(1)}_tables"]
    ledger.assert_whole(pg)


# ---- transaction control in files ----

def test_literal_begin_and_commit_are_replaced_by_pawls_own(pawl, engine):
    pawl.write(f"{version(1)}_a", "BEGIN;\nCREATE TABLE a (id int);\nCOMMIT;\n")
    pawl.write(f"{version(2)}_b", "BEGIN TRANSACTION;\nCREATE TABLE b (id int);\nEND;\n"
               "BEGIN;\nINSERT INTO a VALUES (1);\nSELECT * FROM no_such;\nCOMMIT;\n")
    pawl.run("deploy", check=1)
    # One migration is one transaction, whatever it says itself.
    assert engine.tables() == ["a"] and engine.query("SELECT count(*) FROM a") == [(0,)]


@pytest.mark.parametrize("text, place, why", [
    ("CREATE TABLE x (id int);\nCOMMIT;\n", "2:1", "COMMIT without a BEGIN"),
    ("CREATE TABLE x (id int);\n END;\n", "2:2", "COMMIT without a BEGIN"),
    ("CREATE TABLE x (id int);\nROLLBACK;\n", "2:1", "ROLLBACK"),
    ("BEGIN;\nCREATE TABLE x (id int);\nROLLBACK;\n", "3:1", "ROLLBACK"),
    ("BEGIN;\nBEGIN;\nCOMMIT;\n", "2:1", "BEGIN"),
    ("BEGIN;\nCREATE TABLE x (id int);\n", "", "BEGIN without a COMMIT"),
])
def test_transaction_control_that_breaks_pawls_own_is_refused(pawl, engine, text, place, why):
    pawl.write(f"{version(1)}_first", "CREATE TABLE first (id int);")
    path = pawl.write(f"{version(2)}_bad", text)
    result = refuse(pawl, engine)
    assert why in result.err and f"{path.name}:{place}" in result.err


@pytest.mark.parametrize("text", [
    "DISCARD ALL;", "PREPARE TRANSACTION 'x';", "COMMIT AND CHAIN;", "ABORT;",
    "SELECT pg_advisory_unlock_all();", "SELECT 1, pg_catalog.pg_advisory_unlock_all ();",
    "ROLLBACK PREPARED 'x'; ROLLBACK;",
])
def test_statements_that_would_undo_the_guard_are_refused(make_pawl, pg, text):
    pawl = make_pawl(pg.url)
    pawl.write(f"{version(1)}_first", "CREATE TABLE first (id int);")
    path = pawl.write(f"{version(2)}_bad", f"CREATE TABLE x (id int);\n{text}\n")
    assert f"{path.name}:2:" in refuse(pawl, pg).err


def test_savepoints_are_the_files_own(pawl, engine):
    pawl.write(f"{version(1)}_a", "CREATE TABLE a (id int);\nSAVEPOINT s;\n"
               "INSERT INTO a VALUES (1);\nROLLBACK TO SAVEPOINT s;\nRELEASE SAVEPOINT s;\n"
               "INSERT INTO a VALUES (2);\n")
    pawl.run("deploy", check=0)
    assert engine.query("SELECT id FROM a") == [(2,)]


# ---- what a migration does to its session and to the ledger ----

SETTINGS = [
    "SET ROLE pg_monitor", "SET LOCAL ROLE pg_monitor", "SET SESSION AUTHORIZATION pg_monitor",
    "SET search_path = ''", "SELECT pg_catalog.set_config('search_path', '', false)",
    "SET DateStyle = 'German'", "SET TimeZone = 'Asia/Kolkata'", "SET extra_float_digits = -10",
    "SET standard_conforming_strings = off", "SET bytea_output = 'escape'",
    "SET client_encoding = 'LATIN1'", "SET lc_messages = 'C'", "SET row_security = off",
    "SET CONSTRAINTS ALL IMMEDIATE", "SET session_replication_role = replica",
    "SET quote_all_identifiers = on", "SET plpgsql.variable_conflict = 'use_column'",
    "SET transform_null_equals = on", "SET default_transaction_isolation = 'serializable'",
    "SET default_transaction_read_only = on", "SET escape_string_warning = off",
    "SET check_function_bodies = off", "SET IntervalStyle = 'sql_standard'",
    "SET plpgsql.extra_errors = 'all'", "SET plan_cache_mode = 'force_generic_plan'",
]


def test_no_setting_of_a_migration_breaks_the_journal(make_pawl, pg):
    pawl = make_pawl(pg.url)
    for number, statement in enumerate(SETTINGS):
        pawl.write(f"{version(2 * number)}_set", f"{statement};\n")
        pawl.write(f"{version(2 * number + 1)}_next", f"CREATE TABLE t{number} (id int); -- \u00e9\n")
    pawl.run("deploy", check=0)
    names = sorted(path.stem for path in pawl.migrations.iterdir())
    assert ledger.applied(pg) == names and len(pg.tables()) == len(SETTINGS)
    assert pg.query("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'") == [
        ("postgres",)]
    ledger.assert_whole(pg)
    assert pawl.run("deploy", "--json", check=0).json()["applied"] == []


SABOTAGE = {
    "drop": "DROP SCHEMA pawl CASCADE",
    "drop-table": "DROP TABLE pawl.journal CASCADE",
    "drop-function": "DROP FUNCTION pawl.append",
    "swallow": "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS "
               "'BEGIN RETURN NULL; END';\n"
               "CREATE TRIGGER a BEFORE INSERT ON pawl.journal FOR EACH ROW "
               "EXECUTE FUNCTION swallow()",
    "rule": "CREATE RULE nothing AS ON INSERT TO pawl.journal DO INSTEAD NOTHING",
    "no-head": "ALTER TABLE pawl.head DISABLE TRIGGER ALL; DELETE FROM pawl.head",
    "replica": "SET session_replication_role = replica; DELETE FROM pawl.head",
    "own-row": "INSERT INTO pawl.journal SELECT seq + 1, at, event, migration, checksum, kind, phase,"
               " detail, digest, prev_hash, hash FROM pawl.journal ORDER BY seq DESC LIMIT 1",
    "swallow-head": "CREATE RULE nothing AS ON UPDATE TO pawl.head DO INSTEAD NOTHING",
    "rename": "ALTER SCHEMA pawl RENAME TO pawl_old",
}


@pytest.mark.parametrize("statement", SABOTAGE.values(), ids=SABOTAGE)
def test_a_migration_that_breaks_the_ledger_is_rolled_back(make_pawl, pg, statement):
    pawl = make_pawl(pg.url)
    pawl.write(f"{version(1)}_one", "CREATE TABLE one (id int);")
    pawl.run("deploy", check=0)
    pawl.write(f"{version(2)}_sabotage", f"CREATE TABLE two (id int);\n{statement};\n")
    result = pawl.run("deploy", env={"PAWL_PREFLIGHT": "off"})  # it would not let all of them through
    assert result.code == 1, result
    assert pg.tables() == ["one"] and ledger.applied(pg) == [f"{version(1)}_one"]
    ledger.assert_whole(pg)


@pytest.mark.parametrize("statement", [
    "DROP TABLE pawl_journal", "DROP TABLE pawl_head",
    "CREATE TRIGGER swallow BEFORE INSERT ON pawl_journal BEGIN SELECT RAISE(IGNORE); END",
    "CREATE TRIGGER swallow BEFORE UPDATE ON pawl_head BEGIN SELECT RAISE(IGNORE); END",
    "INSERT INTO pawl_journal SELECT seq + 1, at, event, migration, checksum, kind, phase, detail,"
    " digest, prev_hash, hash FROM pawl_journal WHERE seq = (SELECT seq FROM pawl_head)",
])
def test_a_migration_that_breaks_a_sqlite_ledger_is_rolled_back(make_pawl, tmp_path, statement):
    database = SqliteDatabase(tmp_path / "database.db")
    pawl = make_pawl(database.url)
    pawl.write(f"{version(1)}_one", "CREATE TABLE one (id int);")
    pawl.run("deploy", check=0)
    pawl.write(f"{version(2)}_sabotage", f"CREATE TABLE two (id int);\n{statement};\n")
    pawl.run("deploy", env={"PAWL_PREFLIGHT": "off"}, check=1)
    assert database.tables() == ["one"] and ledger.applied(database) == [f"{version(1)}_one"]
    ledger.assert_whole(database)


# ---- steps outside transactions ----

def test_an_enum_value_is_used_in_the_file_that_adds_it(make_pawl, pg):
    pawl = make_pawl(pg.url)
    pawl.write(f"{version(1)}_mood", "CREATE TYPE mood AS ENUM ('sad');\n"
               "CREATE TABLE people (m mood);")
    pawl.write(f"{version(2)}_happy", "ALTER TYPE mood ADD VALUE 'happy';\n"
               "INSERT INTO people VALUES ('happy');")
    pawl.run("deploy", check=0)
    assert pg.query("SELECT m::text FROM people") == [("happy",)]
    assert ledger.applied(pg) == [f"{version(1)}_mood", f"{version(2)}_happy"]


def test_a_mixed_file_runs_in_steps(make_pawl, pg):
    pawl = make_pawl(pg.url)
    pawl.write(f"{version(1)}_mixed", """
        CREATE TABLE t (id int, n int);
        INSERT INTO t SELECT i, i FROM generate_series(1, 10) AS i;
        CREATE INDEX CONCURRENTLY t_n ON t (n);
        CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS t_id ON t (id);
        ALTER TABLE t ADD CONSTRAINT t_pk PRIMARY KEY USING INDEX t_id;
        """)
    assert "in steps" in pawl.run("deploy", "--dry-run", check=0).out
    pawl.run("deploy", check=0)
    assert pg.query("SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass"
                    " AND indisvalid") == [(2,)]
    assert ledger.events(pg) == ["created", "begin", "step", "step_begin", "step_end", "step_begin",
                                 "step_end", "applied", "end"]
    assert ledger.applied(pg) == [f"{version(1)}_mixed"]
    pawl.run("ready", check=0)
    ledger.assert_whole(pg)


def test_concurrently_over_duplicate_rows_stops_and_is_resumed(make_pawl, pg):
    pawl = make_pawl(pg.url)
    path = pawl.write(f"{version(1)}_unique", """CREATE TABLE t (id int);
INSERT INTO t VALUES (1), (2), (2);
  CREATE UNIQUE INDEX CONCURRENTLY t_id ON t (id);
INSERT INTO t VALUES (3);
""")
    pawl.write(f"{version(2)}_after", "CREATE TABLE after (id int);")
    result = pawl.run("deploy", check=7)
    assert f"{path.name}:3:3" in result.err and "stopped part-way" in result.err
    assert pg.query("SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass") == [(0,)]
    assert ledger.applied(pg) == [] and pg.tables() == ["t"]
    assert pawl.run("ready").code == 4
    # The data is not mended: the same end, and no step ran twice.
    pawl.run("deploy", check=7)
    assert pg.query("SELECT count(*) FROM t") == [(3,)]
    pg.query("DELETE FROM t WHERE ctid = (SELECT max(ctid) FROM t WHERE id = 2)")
    pawl.run("deploy", check=0)
    assert pg.query("SELECT id FROM t ORDER BY 1") == [(1,), (2,), (3,)]
    assert pg.query("SELECT indisvalid FROM pg_index WHERE indrelid = 't'::regclass") == [(True,)]
    assert pg.tables() == ["after", "t"]
    assert ledger.events(pg).count("step") == 1
    assert ledger.applied(pg) == [f"{version(1)}_unique", f"{version(2)}_after"]
    ledger.assert_whole(pg)


def test_a_part_way_file_that_was_edited_is_refused(make_pawl, pg):
    pawl = make_pawl(pg.url)
    name = f"{version(1)}_unique"
    first = "CREATE TABLE t (id int);\nINSERT INTO t VALUES (2), (2);\n"
    pawl.write(name, first + "CREATE UNIQUE INDEX CONCURRENTLY t_id ON t (id);\n")
    pawl.run("deploy", check=7)
    pawl.write(name, first + "CREATE INDEX CONCURRENTLY t_id ON t (id);\n")
    result = refuse(pawl, pg)
    assert "edited" in result.err and f"repair --accept-edit {name}" in result.err
    pawl.run("repair", "--accept-edit", name, "--reason", "duplicates are right", check=0)
    pawl.run("deploy", check=0)
    assert pg.query("SELECT count(*) FROM t") == [(2,)]
    assert pg.query("SELECT indisunique FROM pg_index WHERE indrelid = 't'::regclass") == [(False,)]
    assert ledger.applied(pg) == [name]
    ledger.assert_whole(pg)


def test_a_first_step_that_fails_leaves_nothing(make_pawl, pg):
    pawl = make_pawl(pg.url)
    pawl.write(f"{version(1)}_t", "CREATE TABLE t (id int);\nINSERT INTO t VALUES (2), (2);\n")
    pawl.run("deploy", check=0)
    pawl.write(f"{version(2)}_u", "CREATE UNIQUE INDEX CONCURRENTLY ON t (id);\n")
    result = pawl.run("deploy", "--override", "data", "--reason", "to see it fail")
    assert result.code in (1, 7), result
    assert pg.query("SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass") == [(0,)]
    pawl.write(f"{version(2)}_u", "CREATE INDEX CONCURRENTLY ON t (id);\n")
    pawl.run("deploy", check=0)
    assert pg.query("SELECT indisvalid FROM pg_index WHERE indrelid = 't'::regclass") == [(True,)]


@pytest.mark.parametrize("head", [
    "-- pawl: no-transaction\n", "-- migrate:up transaction:false\n",
    "-- +goose NO TRANSACTION\n-- +goose Up\n", "-- no-transaction\n",
    "-- morph:nontransactional\n", "-- atlas:txmode none\n",
])
def test_a_file_without_a_transaction_stands_statement_by_statement(pawl, engine, head):
    pawl.write(f"{version(1)}_a", head + "CREATE TABLE a (id int);\nINSERT INTO a VALUES (1);\n"
               "INSERT INTO later VALUES (1);\nINSERT INTO a VALUES (2);\n")
    assert "part-way" in pawl.run("deploy", check=7).err
    assert engine.query("SELECT id FROM a") == [(1,)]
    engine.query("CREATE TABLE later (id int)")
    pawl.run("deploy", check=0)
    assert engine.query("SELECT id FROM a ORDER BY 1") == [(1,), (2,)]
    assert engine.query("SELECT id FROM later") == [(1,)]
    assert ledger.applied(engine) == [f"{version(1)}_a"]
    ledger.assert_whole(engine)


# ---- options ----

def test_to_applies_up_to_that_migration(pawl, engine):
    for number in (1, 2, 3):
        pawl.write(f"{version(number)}_t", f"CREATE TABLE t{number} (id int);")
    pawl.write("20250201000000_r", "-- pawl: kind=repeatable\nDROP VIEW IF EXISTS v;\n"
               "CREATE VIEW v AS SELECT 1 AS one;")
    pawl.run("deploy", "--to", f"{version(2)}_t", check=0)
    assert ledger.applied(engine) == [f"{version(1)}_t", f"{version(2)}_t"]
    assert pawl.run("deploy", "--to", "nowhere").code == 2
    before = ledger.whole_dump(engine)
    pawl.run("deploy", "--to", f"{version(1)}_t", check=0)
    assert ledger.whole_dump(engine) == before
    pawl.run("deploy", check=0)
    assert ledger.applied(engine)[2:] == [f"{version(3)}_t", "20250201000000_r"]


@pytest.mark.parametrize("deployed", [False, True])
def test_a_dry_run_writes_nothing_at_all(pawl, engine, deployed):
    pawl.write(f"{version(1)}_one", "CREATE TABLE one (id int);")
    if deployed:
        pawl.run("deploy", check=0)
    pawl.write(f"{version(2)}_two", "CREATE TABLE two (id int); SELECT 1;")
    before = ledger.whole_dump(engine)
    result = pawl.run("deploy", "--dry-run", check=0)
    assert f"would apply  {version(2)}_two  (2 statements)" in result.out
    assert (f"{version(1)}_one" in result.out) is not deployed
    report = pawl.run("deploy", "--dry-run", "--json", check=0).json()
    assert report["dry_run"] and report["applied"] == []
    assert report["pending"][-1] == f"{version(2)}_two"
    assert ledger.whole_dump(engine) == before
    assert engine.engine == "postgres" or deployed or not engine.path.exists()
    assert ledger.exists(engine) is deployed


def test_a_dry_run_refuses_what_a_deploy_would(pawl, engine):
    engine.query("CREATE TABLE theirs (id int)")
    pawl.write(f"{version(1)}_one", "CREATE TABLE one (id int);")
    assert "adopt" in refuse(pawl, engine, "--dry-run").err


def test_a_release_is_one_set(pawl, engine):
    pawl.write(f"{version(1)}_one", "CREATE TABLE one (id int);")
    pawl.run("deploy", "--release", "1.24", check=0)
    begin, = [row for row in ledger.rows(engine) if row.event == "begin"]
    assert begin.facts["release"] == "1.24"
    assert engine.query(f"SELECT release FROM {ledger.table(engine, 'migration')}") == [("1.24",)]
    pawl.write(f"{version(2)}_two", "CREATE TABLE two (id int);")
    result = refuse(pawl, engine, "--release", "1.24")
    assert '"1.24"' in result.err
    pawl.run("deploy", "--release", "1.25", check=0)
    pawl.env["PAWL_RELEASE"] = "1.24"
    refuse(pawl, engine)


# ---- a database that is not empty ----

def test_other_peoples_tables_are_not_taken_for_an_empty_database(pawl, engine):
    engine.query("CREATE TABLE theirs (id int)")
    pawl.write(f"{version(1)}_one", "CREATE TABLE one (id int);")
    result = refuse(pawl, engine)
    assert "theirs" in result.err and "pawl adopt --as-of" in result.err
    assert not ledger.exists(engine)


def test_an_extension_is_not_other_peoples(make_pawl, pg):
    pg.query("CREATE EXTENSION pg_stat_statements")
    pawl = make_pawl(pg.url)
    pawl.write(f"{version(1)}_one", "CREATE TABLE one (id int);")
    pawl.run("deploy", check=0)


# ---- targets ----

def test_two_ledgers_in_one_database_do_not_disturb_each_other(make_pawl, engine):
    first, second = make_pawl(name="first"), make_pawl(name="second")
    first.config({"target.main": {"url": engine.url}})
    second.config({"target.main": {"url": engine.url, "ledger": "app2"}})
    first.write(f"{version(1)}_one", "CREATE TABLE one (id int);")
    second.write(f"{version(1)}_two", "CREATE TABLE two (id int);")
    first.run("deploy", check=0)
    assert "adopt" in second.run("deploy", check=3).err
    second.run("adopt", "--as-of", "none", check=0)
    before = ledger.rows(engine)
    second.run("deploy", check=0)
    assert ledger.rows(engine) == before
    assert ledger.applied(engine) == [f"{version(1)}_one"]
    assert ledger.applied(engine, "app2") == [f"{version(1)}_two"]
    ledger.assert_whole(engine)
    ledger.assert_whole(engine, "app2")
    for pawl in (first, second):
        pawl.run("ready", check=0)
        assert pawl.run("deploy", "--json", check=0).json()["applied"] == []


def test_a_schema_a_tenant(make_pawl, pg):
    pawl = make_pawl()
    tenants = {name: {"url": pg.url, "ledger": f"pawl_{name}", "schema": name} for name in "ab"}
    pawl.config({f"target.{name}": settings for name, settings in tenants.items()})
    pawl.write(f"{version(1)}_t", "CREATE TABLE t (id int);")
    for name in tenants:
        pg.query(f"CREATE SCHEMA {name}")
    assert pawl.run("deploy").code == 2
    for name in tenants:
        pawl.run("deploy", "--target", name, check=0)
    assert pg.query("SELECT schemaname FROM pg_tables WHERE tablename = 't' ORDER BY 1") == [
        ("a",), ("b",)]
    pawl.write(f"{version(2)}_i", "CREATE INDEX CONCURRENTLY t_id ON t (id);")
    for name in tenants:
        pawl.run("deploy", "--target", name, check=0)
        pawl.run("ready", "--target", name, check=0)
    assert pg.query("SELECT schemaname FROM pg_indexes WHERE indexname = 't_id' ORDER BY 1") == [
        ("a",), ("b",)]


def test_two_ledgers_deploy_at_the_same_time(make_pawl, pg):
    pawl = make_pawl()
    pawl.config({f"target.{name}": {"url": pg.url, "ledger": name, "schema": name}
                 for name in ("one", "two")})
    for name in ("s_one", "s_two"):
        pg.query(f"CREATE SCHEMA {name}")
    pawl.config({f"target.{name}": {"url": pg.url, "ledger": name, "schema": f"s_{name}"}
                 for name in ("one", "two")})
    pawl.write(f"{version(1)}_t", "CREATE TABLE t (id int);")
    with pg.connect() as blocker:
        pawl.run("deploy", "--target", "one", check=0)
        blocker.execute("BEGIN")
        blocker.execute("LOCK s_one.t")
        pawl.write(f"{version(2)}_c", "ALTER TABLE t ADD COLUMN c int;")
        waiting = pawl.spawn("deploy", "--target", "one")
        waiting.wait_for("trying again")
        pawl.run("deploy", "--target", "two", check=0)
        blocker.execute("ROLLBACK")
    waiting.finish(check=0)


def test_the_role_owns_what_migrations_make_and_not_the_ledger(make_pawl, pg):
    owner = pg.role("owner", "NOLOGIN")
    deployer = pg.role("deployer", f"LOGIN IN ROLE {owner}")
    pg.query(f"GRANT CREATE ON DATABASE {pg.name} TO {deployer}; "
             f"GRANT CREATE ON SCHEMA public TO {owner}")
    pawl = make_pawl()
    pawl.config({"target.main": {"url": pg.url_as(deployer), "role": owner}})
    pawl.write(f"{version(1)}_t",
               "CREATE TABLE t (id int);\nCREATE TABLE who AS SELECT current_user AS name;")
    pawl.write(f"{version(2)}_i", "CREATE INDEX CONCURRENTLY t_id ON t (id);\nSELECT 1;")
    pawl.run("deploy", check=0)
    assert pg.query("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'") == [
        (owner,)]
    assert pg.query("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'pawl'") == [
        (deployer,)]
    assert pg.query("SELECT name FROM who") == [(owner,)]


def test_the_application_may_ask_and_read_no_more(make_pawl, pg):
    app, other = pg.role("app"), pg.role("other")
    pawl = make_pawl()
    pawl.config({"target.main": {"url": pg.url, "app_role": app}})
    pawl.write(f"{version(1)}_t", "CREATE TABLE t (id int);")
    pawl.run("deploy", check=0)
    pawl.run("--url", pg.url_as(app), "ready", check=0)
    pawl.write(f"{version(2)}_u", "CREATE TABLE u (id int);")
    assert pawl.run("--url", pg.url_as(app), "ready").code == 4
    with pg.cluster.connect(pg.name, user=app) as connection:
        for statement in ("SELECT detail FROM pawl.journal", "SELECT * FROM pawl.text",
                          "SELECT * FROM pawl.migration", "SELECT * FROM pawl.head",
                          "DELETE FROM pawl.journal", "UPDATE pawl.head SET seq = 0",
                          "INSERT INTO pawl.text VALUES ('a', 'b')",
                          "SELECT pawl.append('end',NULL,NULL,NULL,NULL,'{}',NULL,NULL)",
                          "SELECT pawl.enter(1, 1)", "CREATE TABLE pawl.mine (id int)"):
            with pytest.raises(Exception, match="permission denied"):
                connection.execute(statement)
    before = ledger.whole_dump(pg)
    assert pawl.run("--url", pg.url_as(app), "deploy").code in (3, 9)
    result = pawl.run("--url", pg.url_as(other), "ready", check=9)
    assert "app_role" in result.err and "permission denied" in result.err
    assert ledger.whole_dump(pg) == before


# ---- locks ----

def hold_access_share(pg, table, seconds):
    """A session that reads the table and keeps its lock for a while."""
    connection = pg.connect()
    connection.execute("BEGIN")
    connection.execute(f"SELECT * FROM {table}")
    timer = threading.Timer(seconds, connection.close)
    timer.start()
    return timer


def test_readers_behind_a_waiting_alter_are_held_up_no_longer_than_lock_timeout(make_pawl, pg):
    pawl = make_pawl(pg.url)
    pawl.config({"target.main": {"url": pg.url}, "deploy": {"lock_timeout": "300ms"}})
    pawl.write(f"{version(1)}_t", "CREATE TABLE t (id int);\nINSERT INTO t VALUES (1);")
    pawl.run("deploy", check=0)
    pawl.write(f"{version(2)}_c", "ALTER TABLE t ADD COLUMN c int;")
    timer = hold_access_share(pg, "t", 2)
    deploy = pawl.spawn("deploy")
    worst_s, reads = 0, 0
    with pg.connect() as reader:
        while deploy.running:
            start = time.monotonic()
            reader.execute("SELECT count(*) FROM t").fetchone()
            worst_s, reads = max(worst_s, time.monotonic() - start), reads + 1
            time.sleep(0.005)
    timer.join()
    result = deploy.finish(check=0)
    assert "trying again" in result.err and reads > 20
    assert 0.1 < worst_s < 1.0, f"a read took {worst_s:.2f} s"
    assert [row.event for row in ledger.rows(pg)].count("failed") == 0
    ledger.assert_whole(pg)


def test_a_spent_lock_budget_ends_with_5_and_changes_nothing(make_pawl, pg):
    pawl = make_pawl(pg.url)
    pawl.config({"target.main": {"url": pg.url},
                 "deploy": {"lock_timeout": "100ms", "lock_budget": "1s"}})
    pawl.write(f"{version(1)}_t", "CREATE TABLE t (id int);")
    pawl.run("deploy", check=0)
    before = pg.dump()
    pawl.write(f"{version(2)}_c", "CREATE TABLE x (id int);\nALTER TABLE t ADD COLUMN c int;")
    timer = hold_access_share(pg, "t", 30)
    try:
        result = pawl.run("deploy", check=5)
    finally:
        timer.cancel()
        timer.function()
    assert f"{version(2)}_c.sql:2:1" in result.err and "rolled back" in result.err
    assert pg.dump() == before and ledger.applied(pg) == [f"{version(1)}_t"]
    assert ledger.events(pg)[-1] == "stopped"
    pawl.run("deploy", check=0)


def test_lock_timeout_of_the_file_wins(make_pawl, pg):
    pawl = make_pawl(pg.url)
    pawl.write(f"{version(1)}_t", "CREATE TABLE t (id int);\nCREATE TABLE seen (v text);")
    pawl.write(f"{version(2)}_s", "-- pawl: lock_timeout=7s\n"
               "INSERT INTO seen VALUES (current_setting('lock_timeout'));")
    pawl.write(f"{version(3)}_d", "INSERT INTO seen VALUES (current_setting('lock_timeout'));")
    pawl.run("deploy", check=0)
    assert pg.query("SELECT v FROM seen") == [("7s",), ("400ms",)]


def test_a_deploy_that_waits_says_for_whom_and_gives_up(make_pawl, pg):
    pawl = make_pawl(pg.url)
    pawl.write(f"{version(1)}_t", "CREATE TABLE t (id int);")
    pawl.run("deploy", check=0)
    pawl.write(f"{version(2)}_c", "ALTER TABLE t ADD COLUMN c int;")
    with pg.connect() as blocker:
        blocker.execute("BEGIN")
        blocker.execute("LOCK t")
        first = pawl.spawn("deploy")
        first.wait_for("trying again")
        begin = [row for row in ledger.rows(pg) if row.event == "begin"][-1]
        second = pawl.run("deploy", "--wait", "300ms", check=5)
        assert f"backend {begin.facts['backend']}" in second.err
        assert begin.facts["host"] in second.err
        third = pawl.spawn("deploy", "--json")
        third.wait_for("waiting")
        blocker.execute("ROLLBACK")
    first.finish(check=0)
    report = third.finish(check=0).json()
    assert report["applied"] == [] and report["waited"]
    assert ledger.events(pg).count("begin") == 2


# ---- which name is which migration, and in which order ----

def test_a_renamed_file_is_recorded_once(pawl, make_pawl, engine):
    old, new = f"{version(2)}_token", f"{version(3)}_token_storage"
    text = "CREATE TABLE token (id int);"
    pawl.write(f"{version(1)}_a", "CREATE TABLE a (id int);")
    pawl.write(old, text)
    pawl.run("deploy", check=0)
    other = make_pawl(engine.url, name="other")
    other.write(f"{version(1)}_a", "CREATE TABLE a (id int);")
    other.write(new, text)
    for checkout in (pawl, other):
        checkout.run("ready", check=0)
    assert f"would record  {new}" in other.run("deploy", "--dry-run", check=0).out
    report = other.run("deploy", "--json", check=0).json()
    assert report["renamed"] == 1 and report["applied"] == []
    row, = [row for row in ledger.rows(engine) if row.event == "renamed"]
    assert row.migration == new and row.facts["from"] == old
    for checkout in (pawl, other):
        checkout.run("ready", check=0)
        before = ledger.whole_dump(engine)
        checkout.run("deploy", check=0)
        assert ledger.whole_dump(engine) == before
    assert engine.query(f"SELECT id FROM {ledger.table(engine, 'migration')} ORDER BY seq") == [
        (f"{version(1)}_a",), (new,)]
    ledger.assert_whole(engine)


def test_a_rename_over_something_applied_later_is_doubtful(pawl, engine):
    text = "CREATE TABLE token (id int);"
    old = pawl.write(f"{version(1)}_token", text)
    pawl.write(f"{version(2)}_b", "CREATE TABLE b (id int);")
    pawl.run("deploy", check=0)
    old.unlink()
    pawl.write(f"{version(3)}_token", text)
    result = refuse(pawl, engine)
    assert f"pawl repair --renamed {version(1)}_token {version(3)}_token" in result.err
    assert f"pawl repair --new {version(3)}_token" in result.err
    pawl.run("ready", check=0)


def test_an_edited_file_is_refused_with_both_checksums(pawl, engine):
    name = f"{version(1)}_t"
    pawl.write(name, "CREATE TABLE t (id int);")
    pawl.run("deploy", check=0)
    was = ledger.rows(engine)[2].checksum
    pawl.write(name, "CREATE TABLE t (id int, n int);")
    result = refuse(pawl, engine)
    now = pawl.run("deploy", "--dry-run", "--json", check=3).json()["findings"][0]["what"]
    assert was[:12] in result.err and result.err.count("checksum") >= 1
    checksums = set(re.findall(r"\b[0-9a-f]{12}\b", now))
    assert len(checksums) == 2 and was[:12] in checksums
    assert "pawl new" in result.err and f"pawl repair --accept-edit {name}" in result.err
    ready = pawl.run("ready", check=0)
    assert "edited" in ready.err


def test_an_edit_of_comments_and_white_space_changes_nothing(pawl, engine):
    name = f"{version(1)}_t"
    pawl.write(name, "CREATE TABLE t (id int);")
    pawl.run("deploy", check=0)
    before = ledger.whole_dump(engine)
    (pawl.migrations / f"{name}.sql").write_bytes(
        b"-- Copyright \xc3\xa9\r\n/* why */\r\ncreate   TABLE t\r\n(  id int ) ;\r\n\r\n")
    pawl.run("deploy", check=0)
    pawl.run("ready", check=0)
    assert ledger.whole_dump(engine) == before


def test_a_late_file_is_refused_with_its_remedy(pawl, engine):
    pawl.write(f"{version(1)}_a", "CREATE TABLE a (id int);")
    pawl.write(f"{version(3)}_c", "CREATE TABLE c (id int);")
    pawl.run("deploy", check=0)
    late = pawl.write(f"{version(2)}_b", "CREATE TABLE b (id int);")
    result = refuse(pawl, engine)
    assert re.search(rf"pawl renumber \S*{late.name}", result.err), result
    command = re.search(rf"pawl (renumber \S*{late.name})", result.err).group(1)
    pawl.run(*command.split(), check=0)
    pawl.run("deploy", check=0)
    assert engine.tables() == ["a", "b", "c"]


def test_a_late_file_is_applied_where_order_does_not_matter(pawl, engine):
    pawl.config({"pawl": {"out_of_order": "apply"}, "target.main": {"url": engine.url}})
    pawl.write(f"{version(1)}_a", "CREATE TABLE a (id int);")
    pawl.write(f"{version(3)}_c", "CREATE TABLE c (id int);")
    pawl.run("deploy", check=0)
    pawl.write(f"{version(2)}_b", "CREATE TABLE b (id int);")
    pawl.run("deploy", check=0)
    assert engine.tables() == ["a", "b", "c"]
    assert ledger.rows(engine)[-2].facts["out_of_order"] is True
    pawl.run("ready", check=0)


def test_older_code_changes_nothing(pawl, engine):
    pawl.write(f"{version(1)}_a", "CREATE TABLE a (id int);")
    newer = pawl.write(f"{version(2)}_b", "CREATE TABLE b (id int);")
    pawl.run("deploy", check=0)
    newer.unlink()
    before = ledger.whole_dump(engine)
    result = pawl.run("deploy", check=0)
    assert "ahead of this code" in result.out and f"{version(2)}_b" in result.out + result.err
    assert ledger.whole_dump(engine) == before
    pawl.run("ready", check=0)
    assert pawl.run("deploy", "--json", check=0).json()["older_code"] is True


def test_older_code_does_not_put_its_old_view_back(pawl, engine):
    newer = pawl.write(f"{version(2)}_b", "CREATE TABLE b (id int);")
    pawl.write(f"{version(1)}_a", "CREATE TABLE a (id int);")
    view = "-- pawl: kind=repeatable\nDROP VIEW IF EXISTS v;\nCREATE VIEW v AS SELECT {} AS n;\n"
    pawl.write("20250201000000_v", view.format(2))
    pawl.run("deploy", check=0)
    newer.unlink()
    pawl.write("20250201000000_v", view.format(1))
    before = ledger.whole_dump(engine)
    pawl.run("deploy", check=0)
    assert ledger.whole_dump(engine) == before and engine.query("SELECT n FROM v") == [(2,)]


def test_a_diverged_set_is_refused_with_both_lists(pawl, engine):
    pawl.write(f"{version(1)}_a", "CREATE TABLE a (id int);")
    gone = pawl.write(f"{version(2)}_b", "CREATE TABLE b (id int);")
    pawl.run("deploy", check=0)
    gone.unlink()
    pawl.write(f"{version(3)}_c", "CREATE TABLE c (id int);")
    result = refuse(pawl, engine)
    assert f"{version(2)}_b" in result.err and f"{version(3)}_c" in result.err
    pawl.config({"pawl": {"missing": "allow"}, "target.main": {"url": engine.url}})
    pawl.run("deploy", check=0)
    assert engine.tables() == ["a", "b", "c"]


def test_a_trimmed_set_is_a_note(pawl, engine):
    first = pawl.write(f"{version(1)}_a", "CREATE TABLE a (id int);")
    pawl.write(f"{version(2)}_b", "CREATE TABLE b (id int);")
    pawl.run("deploy", check=0)
    first.unlink()
    pawl.write(f"{version(3)}_c", "CREATE TABLE c (id int);")
    result = pawl.run("deploy", check=0)
    assert "note" in result.err and "trimmed" in result.err
    assert engine.tables() == ["a", "b", "c"]
    pawl.run("ready", check=0)


def test_a_repeatable_runs_again_when_it_changes(pawl, engine):
    view = "-- pawl: kind=repeatable\nDROP VIEW IF EXISTS v;\nCREATE VIEW v AS SELECT {} AS n;\n"
    pawl.write(f"{version(9)}_t", "CREATE TABLE t (id int);")
    pawl.write(f"{version(1)}_v", view.format(1))
    pawl.run("deploy", check=0)
    # Repeatables run last, whatever their name.
    assert ledger.applied(engine) == [f"{version(9)}_t", f"{version(1)}_v"]
    before = ledger.whole_dump(engine)
    pawl.run("deploy", check=0)
    assert ledger.whole_dump(engine) == before
    pawl.write(f"{version(1)}_v", view.format(2))
    assert pawl.run("ready").code == 4
    pawl.run("deploy", check=0)
    assert engine.query("SELECT n FROM v") == [(2,)]
    # The text of before runs again too.
    pawl.write(f"{version(1)}_v", view.format(1))
    pawl.run("ready", check=0)
    pawl.run("deploy", check=0)
    assert engine.query("SELECT n FROM v") == [(1,)]
    pawl.run("ready", check=0)


# ---- names ----

def test_a_version_of_another_precision_is_refused(pawl, engine):
    pawl.config({"pawl": {"naming": "logto"}, "target.main": {"url": engine.url}})
    pawl.write("1.0.0-1629460799-first", "CREATE TABLE first (id int);")
    pawl.write("1.0.0-1629460799999-odd", "CREATE TABLE odd (id int);")
    result = refuse(pawl, engine)
    assert "1.0.0-1629460799-odd" in result.err


@pytest.mark.parametrize("name", ["2025010109000_short", "20250230090000_no_such_day",
                                  "20250101090000", "20990101090000_future"])
def test_an_odd_name_that_is_pending_is_refused(pawl, engine, name):
    pawl.write(f"{version(1)}_a", "CREATE TABLE a (id int);")
    pawl.write(name, "CREATE TABLE odd (id int);")
    result = refuse(pawl, engine)
    assert name in result.err


@pytest.mark.parametrize("name", ["2025010109000_short", "20990101090000_future"])
def test_what_is_refused_for_its_name_is_waited_for(pawl, name):
    """The code carries it and nobody applied it: that its name is the reason changes nothing."""
    pawl.write(f"{version(1)}_a", "CREATE TABLE a (id int);")
    pawl.run("deploy", check=0)
    path = pawl.write(name, "CREATE TABLE odd (id int);")
    assert name in pawl.run("ready", check=4).out
    path.rename(path.with_name("notes.sql"))  # no version: nothing says that it is a migration
    pawl.run("ready", check=0)


@pytest.mark.parametrize("kind", ["schema", "data"])
def test_what_new_wrote_is_not_deployed_before_its_author_wrote_something(pawl, engine, kind):
    """Recorded as it is, it could never be completed: that would be an edit."""
    path = pawl.folder / pawl.run("new", "users", "--kind", kind, check=0).out.strip()
    pawl.run("sum", check=0)
    for result in (pawl.run("check", check=3), refuse(pawl, engine)):
        assert "only what `pawl new` wrote [unfinished]" in result.out + result.err
    with path.open("a") as file:
        file.write("SELECT 1;\n")
    pawl.run("sum", check=0)
    pawl.run("check", check=0)
    pawl.run("deploy", check=0)
    assert ledger.applied(engine) == [path.name.split(".")[0]]


def test_a_file_that_is_empty_on_purpose_is_deployed(pawl, engine):
    path = pawl.folder / pawl.run("new", "placeholder", check=0).out.strip()
    path.write_text("-- nothing to do here any more\n")
    pawl.run("deploy", check=0)
    assert ledger.applied(engine) == [path.name.split(".")[0]]


@pytest.mark.parametrize("command", [("deploy",), ("ready",), ("adopt", "--as-of", "none")])
def test_migrations_of_another_dialect_are_refused(make_pawl, tmp_path, command):
    """Their checksums would be those of another text."""
    pawl = make_pawl()
    pawl.config({"pawl": {"dialect": "postgres"}, "target.main": {"url": f"sqlite:{tmp_path}/a.db"}})
    pawl.write(f"{version(1)}_t", "CREATE TABLE t (id integer);")
    result = pawl.run(*command, check=2)
    assert 'written for postgres, the target "main" is sqlite' in result.err
    assert not (tmp_path / "a.db").exists()
