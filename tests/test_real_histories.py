"""What the histories of well-known projects hold: small equivalents, written anew.

Numbers are what a survey of 4,393 migrations of 20 projects found; see docs/naming.md for the names.
"""

import pytest

from support import ledger
from support.ledger import version


def checkout(make_pawl, engine, naming):
    pawl = make_pawl()
    pawl.config({"pawl": {"naming": naming}, "target.main": {"url": engine.url}})
    return pawl


def assert_settled(pawl):
    """Nothing is left to do, from whatever side it is asked."""
    pawl.run("ready", check=0)
    assert "nothing to do" in pawl.run("deploy", check=0).out
    pawl.run("status", "--exit-code", check=0)


# ---- names ----

HISTORIES = {
    # naming, files in the order in which they must run
    "decimal fractions of seconds": ("logto", [
        "1.0.0_beta.10-1-config", "1.0.0-1674032095-a", "1.0.0-1674032095.1-b",
        "1.0.0-1674032095.2-c", "1.0.0-1674032095.10-d", "next-1674032096-e"]),
    "versions of 20 digits beside short ones": ("sequence", [
        "7_a", "20191100000001000000_b", "20191100000001000001_c", "20200812124254000000_d",
        "20200812124254000000000_e"]),
    "several spellings of one scheme in a folder": ("sequence", [
        "2_a", "00010_b", "11_c", "0012_d", "100_e"]),
    "parts of a version are numbers": ("flyway", [
        "V1_2__a", "V1_9__b", "V1.10__c", "V2__d", "V10__e"]),
    "three spellings of dates as folders": ("folder", [
        "00000000000000_setup", "20140924113530_a", "2017-10-08-193512_b",
        "20190224002946_c", "2019-02-26-002946_d", "2025-01-30-173406-0000_e"]),
}


@pytest.mark.parametrize("naming, names", HISTORIES.values(), ids=HISTORIES)
def test_names_run_in_the_order_that_was_meant(make_pawl, engine, naming, names):
    """Each needs the table of the one before, so that any other order fails."""
    pawl = checkout(make_pawl, engine, naming)
    for number, name in reversed(list(enumerate(names, 1))):
        before = f"INSERT INTO t{number - 1} VALUES ({number});" if number > 1 else ""
        folder = "/up" if naming == "folder" else ""
        pawl.write(f"{name}{folder}", f"CREATE TABLE t{number} (n int);\n{before}\n")
    pawl.run("check", check=0)
    pawl.run("deploy", check=0)
    assert ledger.applied(engine) == names
    assert_settled(pawl)
    pawl.run("sum", check=0)
    assert_settled(pawl)


def test_duplicate_versions_that_were_always_there(pawl, engine):
    """Six timestamps twice in one project: each file says that it is meant."""
    names = [f"{version(1)}_a", f"{version(1)}_b", f"{version(2)}_c"]
    for name in names:
        pawl.write(name, f"CREATE TABLE {name[-1]} (id int);")
    result = pawl.run("deploy", check=3)
    assert "duplicate-version" in result.err and "allow=duplicate-version" in result.err
    assert not ledger.exists(engine)
    pawl.write(names[1], '-- pawl: allow=duplicate-version reason="both were released"\n'
               "CREATE TABLE b (id int);")
    for command in ("check", "sum", "deploy"):
        pawl.run(command, check=0)
    assert ledger.applied(engine) == names
    assert_settled(pawl)
    # A third one is a slip again.
    pawl.write(f"{version(2)}_d", "CREATE TABLE d (id int);")
    (pawl.migrations / "pawl.sum").unlink()
    assert "duplicate-version" in pawl.run("deploy", check=3).err


ODD = ["2025-08-01-000060_b", "2025-08-01-000061_c"]
ODD_SET = ["2025-08-01-000059_a", *ODD, "2025-08-02-000000_d"]


@pytest.fixture
def odd(make_pawl, engine):
    """Seconds were counted on past 59; each needs the one before."""
    pawl = checkout(make_pawl, engine, "folder")
    for number, name in enumerate(ODD_SET):
        before = f"INSERT INTO t{number - 1} VALUES (1);" if number else ""
        pawl.write(f"{name}/up", f"CREATE TABLE t{number} (id int);\n{before}")
    return pawl


def test_an_old_history_with_odd_names_onto_an_empty_database(odd, engine):
    """The refusal names all of them, and both ways out: the name that was meant, or an allow."""
    result = odd.run("deploy", check=3)
    assert all(f"{name}: error:" in result.err for name in ODD)
    assert 'rename it to "2025-08-01-000100_b"' in result.err
    assert "allow=RULE" in result.err and "Nothing was changed." in result.err
    assert not ledger.exists(engine)
    for name in ODD:
        path = odd.migrations / name / "up.sql"
        path.write_text('-- pawl: allow=name-date reason="released so"\n' + path.read_text())
    for command in ("check", "sum"):
        odd.run(command, check=0)
    made = odd.folder / odd.run("new", "next", check=0).out.strip()
    made.write_text("CREATE TABLE next (id int);")
    odd.run("sum", check=0)
    odd.run("ready", check=4)
    odd.run("deploy", check=0)
    assert ledger.applied(engine)[:4] == ODD_SET
    assert_settled(odd)
    # The digest is that of the same files under the names that were meant.
    digest = ledger.rows(engine)[-1].digest
    for name, meant in zip(ODD, ("2025-08-01-000100_b", "2025-08-01-000101_c")):
        (odd.migrations / name).rename(odd.migrations / meant)
    odd.run("sum", check=0)
    assert f"digest={digest}" in (odd.migrations / "pawl.sum").read_text()
    odd.run("ready", check=0)
    assert odd.run("deploy", "--json", check=0).json()["renamed"] == 2


def test_one_command_gives_an_old_history_the_names_that_were_meant(odd, engine):
    """The refusal names it. Where the files are applied under the old names they are renames."""
    assert "pawl check --fix" in odd.run("deploy", check=3).err
    odd.run("check", "--fix", check=0)
    odd.run("deploy", check=0)
    meant = [ODD_SET[0], "2025-08-01-000100_b", "2025-08-01-000101_c", ODD_SET[3]]
    assert ledger.applied(engine) == meant
    assert_settled(odd)


def test_an_allow_counts_for_its_own_rule_and_with_a_reason(odd, engine):
    for name, head in zip(ODD, ("allow=name-precision reason=no", "allow=name-date")):
        path = odd.migrations / name / "up.sql"
        path.write_text(f"-- pawl: {head}\n" + path.read_text())
    result = odd.run("deploy", check=3)
    assert all(f"{name}: error:" in result.err for name in ODD)


def test_odd_names_that_are_applied_are_one_line(odd, engine):
    for number in range(4):
        engine.query(f"CREATE TABLE t{number} (id int)")
    odd.run("adopt", "--as-of", ODD_SET[3], check=0)
    result = odd.run("deploy", check=0)
    assert result.err.count("note:") == 1 and "2 applied migrations have names" in result.err
    assert [finding["rule"] for finding in
            odd.run("deploy", "--json", check=0).json()["findings"]] == ["applied-name"]


def test_a_folder_called_like_a_migration_is_found(pawl, engine):
    """It would be skipped without a word."""
    pawl.write(f"{version(1)}_a", "CREATE TABLE a (id int);")
    pawl.write(f"{version(2)}_b/up", "CREATE TABLE b (id int);")
    (pawl.migrations / f"{version(3)}_c.sql").mkdir()
    (pawl.migrations / "d.sql").mkdir()
    (pawl.migrations / f"{version(4)}_fixtures").mkdir()  # holds nothing to run
    (pawl.migrations / "utils").mkdir()
    for result in (pawl.run("deploy", check=3), pawl.run("check", check=3)):
        shown = result.out + result.err
        assert shown.count("it is a folder") == 3
        assert all(name in shown for name in (f"{version(2)}_b", f"{version(3)}_c.sql", "d.sql"))
        assert "fixtures" not in shown and "utils" not in shown
    assert not ledger.exists(engine)


# ---- texts ----

def test_files_without_a_final_semicolon(pawl, engine):
    """61 of them; some end in a comment, some in blanks, some are nothing but a comment."""
    texts = ["CREATE TABLE a (id int)", "CREATE TABLE b (id int) -- the end",
             "CREATE TABLE c (id int)\n\n\n  ", "-- nothing", "", "INSERT INTO a VALUES (1); /* x */"]
    for number, text in enumerate(texts, 1):
        pawl.write(f"{version(number)}_t", text)
    pawl.run("deploy", check=0)
    assert engine.tables() == ["a", "b", "c"] and len(ledger.applied(engine)) == 6
    assert_settled(pawl)


def test_literal_begin_and_commit(pawl, engine):
    """As prisma writes them; a failure behind them undoes all of it, journal row and all."""
    name = pawl.write(f"{version(1)}_swap", "-- head\n\nBEGIN;\nCREATE TABLE a (id int);\nCOMMIT;\n")
    pawl.run("deploy", check=0)
    pawl.write(f"{version(2)}_fails", "BEGIN;\nCREATE TABLE b (id int);\nCOMMIT;\nSELECT no_such();\n")
    assert pawl.run("deploy").code in (1, 3)
    assert engine.tables() == ["a"] and ledger.applied(engine) == [name.stem]


# ---- PostgreSQL alone ----

LEAKS = {
    # what the first file leaves behind, and what the second must see
    "search_path": ("CREATE SCHEMA s; SET search_path = s;",
                    "current_setting('search_path')", '"$user", public'),
    "search_path, by function": ("SELECT set_config('search_path', 'pg_catalog', false);",
                                 "current_setting('search_path')", '"$user", public'),
    "lock_timeout": ("SET lock_timeout = '5s';", "current_setting('lock_timeout')", "400ms"),
    "statement_timeout": ("SET statement_timeout = '5s';", "current_setting('statement_timeout')",
                          "0"),
    "check_function_bodies": ("SET check_function_bodies = off;",
                              "current_setting('check_function_bodies')", "on"),
    "role": ("SET ROLE {role};", "current_user::text", "{owner}"),
    "session authorization": ("SET SESSION AUTHORIZATION {role};", "session_user::text", "{owner}"),
    "session_replication_role": ("SET session_replication_role = replica;",
                                 "current_setting('session_replication_role')", "origin"),
    "read only": ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY;",
                  "current_setting('default_transaction_read_only')", "off"),
    "an own setting": ("SET app.tenant = '7';",
                       "coalesce(nullif(current_setting('app.tenant', true), ''), 'none')", "none"),
}


@pytest.mark.parametrize("leave, see, value", LEAKS.values(), ids=LEAKS)
def test_a_session_setting_does_not_reach_the_next_migration(make_pawl, pg, leave, see, value):
    role = pg.role("other", "NOLOGIN")
    owner, = pg.query("SELECT current_user::text")[0]
    names = {"role": role, "owner": owner}
    pawl = make_pawl(pg.url)
    pawl.write(f"{version(1)}_leave", leave.format(**names))
    pawl.write(f"{version(2)}_see", f"CREATE TABLE public.seen AS SELECT {see} AS value;")
    pawl.run("deploy", check=0)
    assert pg.query("SELECT value FROM public.seen") == [(value.format(**names),)]
    assert_settled(pawl)


LEAVE = """
    CREATE TEMP TABLE scratch (id int);
    PREPARE pick AS SELECT 1;
    DECLARE c CURSOR WITH HOLD FOR SELECT 1;
    SELECT pg_advisory_lock(4711), pg_advisory_lock_shared(-5), pg_advisory_lock(-1, -2),
           pg_advisory_lock_shared(7, 8);
    LISTEN news;
"""
LEFT = """CREATE TABLE {} AS SELECT
    (SELECT count(*) FROM pg_class WHERE relname = 'scratch') AS temporary,
    (SELECT count(*) FROM pg_prepared_statements WHERE name = 'pick') AS prepared,
    (SELECT count(*) FROM pg_cursors WHERE name = 'c') AS cursors,
    (SELECT count(*) FROM pg_listening_channels()) AS channels,
    (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
     AND mode <> 'ExclusiveLock' OR objid = 4711 OR objsubid = 2) AS locks;
"""


@pytest.mark.parametrize("behind", ["", "CREATE INDEX CONCURRENTLY r_id ON r (id);\n"],
                         ids=["transaction", "step"])
def test_what_else_a_session_keeps(make_pawl, pg, behind):
    """Temporary tables, prepared statements, cursors, advisory locks, LISTEN: a deploy of two files
    does what two deploys of one do."""
    pawl = make_pawl(pg.url)
    pawl.write(f"{version(1)}_leave", "CREATE TABLE r (id int);\n" + LEAVE + behind)
    pawl.write(f"{version(2)}_see", LEFT.format("seen"))
    pawl.write(f"{version(3)}_again", LEAVE)
    pawl.run("deploy", check=0)
    assert pg.query("SELECT * FROM seen") == [(0, 0, 0, 0, 0)]
    assert_settled(pawl)


def test_the_mutex_stays_when_other_locks_go(make_pawl, pg):
    """A step outside transactions looks whether it is still held."""
    pawl = make_pawl(pg.url)
    pawl.write(f"{version(1)}_lock", "SELECT pg_advisory_lock(4711);\nCREATE TABLE t (id int);")
    pawl.write(f"{version(2)}_step", "CREATE INDEX CONCURRENTLY t_id ON t (id);")
    pawl.run("deploy", check=0)
    assert_settled(pawl)


def test_a_temporary_table_lasts_to_the_end_of_its_file(make_pawl, pg):
    pawl = make_pawl(pg.url)
    pawl.write(f"{version(1)}_steps", "CREATE TEMP TABLE scratch AS SELECT 5 AS id;\n"
               "CREATE TABLE r (id int);\nCREATE INDEX CONCURRENTLY r_id ON r (id);\n"
               "INSERT INTO r SELECT id FROM scratch;\n")
    pawl.run("deploy", check=0)
    assert pg.query("SELECT id FROM r") == [(5,)]


def test_concurrently_without_a_word_about_it(make_pawl, pg):
    """169 files of two projects, as their tool has no annotation for it."""
    pawl = make_pawl(pg.url)
    pawl.write(f"{version(1)}_t", "CREATE TABLE t (id int, n int);")
    pawl.write(f"{version(2)}_i", "CREATE INDEX CONCURRENTLY IF NOT EXISTS t_id ON t (id)")
    pawl.write(f"{version(3)}_d", "DROP INDEX CONCURRENTLY t_id;")
    pawl.run("deploy", check=0)
    assert_settled(pawl)


def test_half_transactional_half_not(make_pawl, pg):
    """22 files of one project: what is committed together is journalled together."""
    pawl = make_pawl(pg.url)
    pawl.write(f"{version(1)}_t", "CREATE TABLE t (id int);\nINSERT INTO t VALUES (1);\n"
               "CREATE INDEX CONCURRENTLY t_id ON t (id);\n"
               "ALTER TABLE t ADD COLUMN n int;\nCREATE INDEX CONCURRENTLY t_n ON t (n);\n")
    pawl.run("deploy", check=0)
    assert ledger.events(pg) == ["created", "begin", "step", "step_begin", "step_end", "step",
                                 "step_begin", "applied", "end"]
    assert_settled(pawl)


def test_a_trigger_on_the_runners_ledger(make_pawl, pg):
    """A project forbids its former tool's command line by a trigger on that tool's table."""
    pawl = make_pawl(pg.url)
    pg.query("CREATE TABLE __diesel_schema_migrations (version text PRIMARY KEY)")
    pawl.write(f"{version(1)}_forbid", """
        CREATE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE 'use the server to migrate'; END $$;
        CREATE TRIGGER forbid BEFORE INSERT ON __diesel_schema_migrations
        FOR EACH ROW EXECUTE FUNCTION forbid();""")
    pawl.run("adopt", "--as-of", "none", check=0)
    pawl.run("deploy", check=0)
    assert_settled(pawl)
    # On pawl's own it would keep every later row away: refused, and nothing stands of it.
    pawl.write(f"{version(2)}_forbid_pawl", "CREATE TRIGGER forbid BEFORE INSERT ON pawl.journal"
               " FOR EACH ROW EXECUTE FUNCTION forbid();")
    assert pawl.run("deploy").code in (1, 3)
    assert ledger.applied(pg) == [f"{version(1)}_forbid"]
    (pawl.migrations / f"{version(2)}_forbid_pawl.sql").unlink()
    assert_settled(pawl)


def test_what_reaches_outside_the_database(make_pawl, pg):
    role = pg.role("tenant")
    pg.query(f"DROP ROLE {role}")
    pawl = make_pawl(pg.url)
    pawl.write(f"{version(1)}_role", f"CREATE ROLE {role} PASSWORD 's3cret' NOINHERIT;\n"
               "CREATE TABLE t (id int);\n"
               f"GRANT SELECT ON t TO {role};")
    pawl.write(f"{version(2)}_database", f'ALTER DATABASE "{pg.name}" SET work_mem = \'8MB\';')
    pawl.run("deploy", check=0)
    assert_settled(pawl)
    assert "s3cret" not in ledger.whole_dump(pg)
    pg.query(f"DROP OWNED BY {role}")


def test_an_enum_value_used_in_the_next_file(make_pawl, pg):
    pawl = make_pawl(pg.url)
    pawl.write(f"{version(1)}_type", "CREATE TYPE mood AS ENUM ('sad');\nCREATE TABLE t (m mood);")
    pawl.write(f"{version(2)}_value", "ALTER TYPE mood ADD VALUE 'ok';")
    pawl.write(f"{version(3)}_use", "INSERT INTO t VALUES ('ok');")
    pawl.run("deploy", check=0)
    assert pg.query("SELECT m::text FROM t") == [("ok",)]
    assert_settled(pawl)


def test_a_do_block_that_commits(make_pawl, pg):
    """It runs outside a transaction where the file says so, and is refused or fails whole elsewhere."""
    text = ("DO $$ BEGIN FOR i IN 1..3 LOOP INSERT INTO t VALUES (i); COMMIT; END LOOP; END $$;\n")
    pawl = make_pawl(pg.url)
    pawl.write(f"{version(1)}_t", "CREATE TABLE t (id int);")
    path = pawl.write(f"{version(2)}_do", text)
    first = pawl.run("deploy")
    if first.code != 0:
        assert pg.query("SELECT count(*) FROM t") == [(0,)] and first.code in (1, 3)
        path.write_text("-- +goose NO TRANSACTION\n-- +goose Up\n-- +goose StatementBegin\n" + text
                        + "-- +goose StatementEnd\n")
        pawl.run("deploy", check=0)
    assert pg.query("SELECT count(*) FROM t") == [(3,)]
    assert_settled(pawl)


@pytest.mark.parametrize("statement", ["DEALLOCATE ALL", "PREPARE mine AS SELECT 1", "SELECT 1/0"])
def test_what_a_file_does_to_prepared_statements_disturbs_no_other(make_pawl, pg, statement):
    """In a long deploy the server keeps pawl's own statements parsed."""
    pawl = make_pawl(pg.url)
    for number in range(1, 30):
        pawl.write(f"{version(number)}_t{number}", f"CREATE TABLE t{number} ();")
    path = pawl.write(f"{version(15)}_t15", f"CREATE TABLE t15 ();\n{statement};\nCREATE TABLE u ();")
    failed = pawl.run("deploy")
    if failed.code != 0:
        assert "division by zero" in failed.err and ledger.applied(pg)[-1] == f"{version(14)}_t14"
        path.write_text("CREATE TABLE t15 ();\n")
        pawl.run("deploy", check=0)
    assert len(ledger.applied(pg)) == 29
    assert ledger.events(pg).count("failed") == (statement == "SELECT 1/0")
    ledger.assert_whole(pg)
