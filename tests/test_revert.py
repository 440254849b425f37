"""`pawl new --revert`: what it undoes is undone, and what it cannot tell is marked."""

import random
import re
from contextlib import closing

import pytest

from support import ledger
from support.sqlite import SqliteDatabase

ID = "20250101000000_change"


@pytest.fixture
def checkout(make_pawl):
    return make_pawl()


def revert(checkout, text, dialect="postgres", name=ID, *args):
    """Writes the migration; the JSON object and the text of what undoes it."""
    checkout.config({"pawl": {"dialect": dialect}})
    checkout.write(name, text)
    report = checkout.run("--json", "new", "undo", "--revert", name, *args, check=0).json()
    return report, (checkout.folder / report["path"]).read_bytes().decode()


def outcomes(report):
    return [statement["outcome"] for statement in report["statements"]]


def schema(database):
    """The schema as text. SQLite keeps what was typed: blanks and quotes are left out there."""
    text = database.dump()
    return re.sub(r'[\s"]', "", text) if database.engine == "sqlite" else text


def run_sql(database, text, tmp_path):
    """As another tool would: statement by statement, without a transaction of its own."""
    if database.engine == "sqlite":
        with closing(database.connect()) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.executescript(text)
        return
    file = tmp_path / "run.sql"
    file.write_text(text)
    file.chmod(0o644)
    result = database.psql(file)
    assert result.returncode == 0, f"{result.stderr}\n{text}"


# ---- what is undone without a mark ----

POSTGRES_BASE = """
CREATE SCHEMA app;
CREATE SCHEMA "Odd ""S";
CREATE TYPE mood AS ENUM ('sad', 'it''s');
CREATE TYPE pair AS (a int);
CREATE DOMAIN word AS text;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TABLE a (id int PRIMARY KEY, n int, "Mixed" text NOT NULL, m mood);
CREATE TABLE app.b (id int PRIMARY KEY, a_id int, at date NOT NULL DEFAULT now());
CREATE TABLE "Odd ""S"."select" ("from" int, "a.b" text);
CREATE TABLE parts (at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE parent (id int);
CREATE TABLE child (id int);
CREATE INDEX a_n ON a (n);
CREATE VIEW v AS SELECT id AS v_id FROM a;
CREATE SEQUENCE s;
CREATE MATERIALIZED VIEW app.mv AS SELECT 1;
CREATE TRIGGER t BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION touch();
CREATE POLICY p ON a USING (true);
ALTER TABLE a ADD CONSTRAINT n_positive CHECK (n > 0);
ALTER TABLE app.b ENABLE ROW LEVEL SECURITY;
"""

POSTGRES_SURE = [
    "CREATE TABLE t (id int)",
    "CREATE TABLE app.t (id serial PRIMARY KEY, a int REFERENCES public.a)",
    'CREATE TABLE "Odd ""S"."table" ("user" int UNIQUE)',
    "CREATE UNLOGGED TABLE t (id int GENERATED ALWAYS AS IDENTITY)",
    "CREATE TABLE t AS SELECT * FROM a",
    "SELECT * INTO t FROM a",
    "CREATE TABLE t PARTITION OF parts FOR VALUES FROM ('2025-01-01') TO ('2025-02-01')",
    "CREATE TABLE t (LIKE a INCLUDING ALL); CREATE TABLE u (x int) INHERITS (t)",
    "CREATE TEMP TABLE t (id int)",
    "CREATE VIEW w AS SELECT * FROM v",
    "CREATE MATERIALIZED VIEW w AS SELECT * FROM a",
    "CREATE SEQUENCE app.q INCREMENT 5",
    "CREATE TYPE color AS ENUM ('red')",
    'CREATE TYPE app."Range" AS RANGE (subtype = date)',
    "CREATE TYPE two AS (x int, y int)",
    "CREATE DOMAIN positive AS int CHECK (VALUE > 0)",
    "CREATE SCHEMA \"New Schema\"",
    "CREATE EXTENSION hstore",
    "CREATE INDEX n_idx ON a (n)",
    'CREATE UNIQUE INDEX "N idx" ON app.b (a_id) WHERE a_id > 0',
    "CREATE INDEX CONCURRENTLY n_idx ON app.b (a_id)",
    "CREATE STATISTICS st ON id, n FROM a",
    "CREATE COLLATION c (provider = icu, locale = 'de')",
    "CREATE TEXT SEARCH CONFIGURATION c (COPY = simple)",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'select 1'",
    "CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'select 1';"
    "CREATE FUNCTION f(text, OUT x int) LANGUAGE sql AS 'select 1'",
    "CREATE FUNCTION app.f(a char(3), INOUT b app.b, VARIADIC c \"char\"[]) LANGUAGE sql AS 'select b'",
    "CREATE FUNCTION f(a numeric(5, 2) DEFAULT 1, b timestamptz = now()) RETURNS TABLE (x int)"
    " LANGUAGE sql AS 'select 1'",
    "CREATE PROCEDURE f(a mood, b int[]) LANGUAGE sql AS 'select 1'",
    "CREATE PROCEDURE f(a int, INOUT b int) LANGUAGE sql AS 'select 1'",
    "CREATE TRIGGER tr AFTER INSERT ON app.b FOR EACH ROW EXECUTE FUNCTION touch()",
    'CREATE CONSTRAINT TRIGGER "Tr" AFTER INSERT ON "Odd ""S"."select" DEFERRABLE'
    " FOR EACH ROW EXECUTE FUNCTION touch()",
    'CREATE POLICY "all" ON app.b USING (id > 0)',
    "CREATE RULE r AS ON DELETE TO a DO INSTEAD NOTHING",
    "CREATE PUBLICATION pub FOR TABLE a",
    "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER srv FOREIGN DATA WRAPPER w;"
    "CREATE FOREIGN TABLE ft (id int) SERVER srv",
    "ALTER TABLE a ADD COLUMN c int, ADD d text NOT NULL DEFAULT 'x'",
    'ALTER TABLE ONLY "Odd ""S"."select" ADD "new col" int REFERENCES a',
    "ALTER TABLE IF EXISTS a ADD COLUMN c int; ALTER TABLE IF EXISTS nowhere ADD COLUMN c int",
    "ALTER TYPE pair ADD ATTRIBUTE b int",
    "ALTER TABLE app.b ADD CONSTRAINT fk FOREIGN KEY (a_id) REFERENCES a NOT VALID",
    'ALTER TABLE a ADD CONSTRAINT "C" CHECK (n < 9), ADD CONSTRAINT u UNIQUE (n)',
    "ALTER TABLE app.b ADD CONSTRAINT fk FOREIGN KEY (a_id) REFERENCES a NOT VALID;"
    "ALTER TABLE app.b VALIDATE CONSTRAINT fk",
    "ALTER TABLE a ALTER n SET NOT NULL",
    'ALTER TABLE a ALTER COLUMN "Mixed" DROP NOT NULL',
    "ALTER TABLE a ALTER id ADD GENERATED BY DEFAULT AS IDENTITY",
    "ALTER TABLE a ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
    "ALTER TABLE app.b DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE a DISABLE TRIGGER t",
    "ALTER TABLE a DISABLE TRIGGER t; ALTER TABLE a ENABLE TRIGGER t",
    "ALTER TABLE child INHERIT parent",
    "ALTER TABLE child SET UNLOGGED",
    "ALTER TABLE a RENAME TO \"A\"",
    'ALTER TABLE "Odd ""S"."select" RENAME TO plain',
    'ALTER TABLE "Odd ""S"."select" RENAME "a.b" TO "order"',
    "ALTER TABLE a RENAME CONSTRAINT n_positive TO np; ALTER INDEX a_n RENAME TO n_a",
    "ALTER VIEW v RENAME TO w; ALTER VIEW w RENAME COLUMN v_id TO w_id",
    "ALTER SEQUENCE s RENAME TO s2",
    "ALTER TYPE mood RENAME TO feeling; ALTER TYPE feeling RENAME VALUE 'it''s' TO 'so \"so\"'",
    "ALTER TYPE pair RENAME ATTRIBUTE a TO b",
    "ALTER DOMAIN word RENAME TO \"Word\"",
    "ALTER DOMAIN word ADD CONSTRAINT short CHECK (length(VALUE) < 9);"
    "ALTER DOMAIN word RENAME CONSTRAINT short TO brief; ALTER DOMAIN word SET NOT NULL",
    "ALTER FUNCTION touch() RENAME TO tap",
    "ALTER FUNCTION touch RENAME TO tap",
    "ALTER TRIGGER t ON a RENAME TO tt; ALTER POLICY p ON a RENAME TO pp",
    "ALTER SCHEMA app RENAME TO other",
    "ALTER TABLE public.a SET SCHEMA app",
    "ALTER TYPE public.mood SET SCHEMA app; ALTER FUNCTION public.touch() SET SCHEMA app",
    # What goes away with what the text made.
    "CREATE TABLE t (id int, n int); INSERT INTO t VALUES (1, 2); UPDATE t SET n = 3; DELETE FROM t;"
    "COMMENT ON TABLE t IS 'x'; COMMENT ON COLUMN t.n IS 'y'; ALTER TABLE t ADD PRIMARY KEY (id);"
    "ALTER TABLE t ADD CONSTRAINT pk2 UNIQUE (n); GRANT SELECT ON t TO postgres WITH GRANT OPTION;"
    "ALTER TABLE t OWNER TO postgres; ALTER TABLE t ALTER n SET STATISTICS 10; CREATE INDEX ON t (n)",
    "CREATE TABLE t (id int); CREATE SEQUENCE t_id; ALTER SEQUENCE t_id OWNED BY t.id;"
    "ALTER TABLE t ALTER id SET DEFAULT nextval('t_id')",
    "CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'select 1'; COMMENT ON FUNCTION f(int) IS 'x';"
    "GRANT EXECUTE ON FUNCTION f(int) TO PUBLIC",
    "CREATE TYPE color AS ENUM ('red'); ALTER TYPE color ADD VALUE 'blue'; ALTER TABLE a ADD c color",
    "CREATE TABLE t (at date NOT NULL); ALTER TABLE parts ATTACH PARTITION t FOR VALUES FROM"
    " ('2025-01-01') TO ('2025-02-01')",
    # What surrounds them.
    "SET lock_timeout = '5s'; BEGIN; SET LOCAL search_path = app; CREATE TABLE t (id int); COMMIT;"
    " RESET lock_timeout",
    "BEGIN; CREATE TABLE t (id int); COMMIT; BEGIN; CREATE INDEX ti ON t (id); COMMIT",
    "CREATE TABLE t (id int); BEGIN; CREATE INDEX ti ON t (id); COMMIT; CREATE INDEX tj ON t (id)",
    "SELECT pg_catalog.set_config('search_path', 'app', false); CREATE TABLE t (id int);"
    " REFRESH MATERIALIZED VIEW mv; ANALYZE b; SELECT 1",
    "CREATE TABLE t (id int) -- why\n; /* and */ ALTER TABLE t ADD c int -- \n",
]

SQLITE_BASE = """
CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, n INT, [odd name] TEXT);
CREATE TABLE "select" ("from" INT, a_id INT REFERENCES a (id));
CREATE INDEX a_n ON a (n);
CREATE VIEW v AS SELECT id FROM a;
"""

SQLITE_SURE = [
    "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT) STRICT",
    "CREATE TABLE main.[t 1] (id INT PRIMARY KEY) WITHOUT ROWID",
    "CREATE TABLE `t``1` AS SELECT * FROM a",
    'CREATE TABLE "quo""ted" (id INT)',
    "CREATE VIRTUAL TABLE f USING fts5 (body)",
    "CREATE TEMP TABLE t (id INT); CREATE TABLE temp.u (id INT)",
    "CREATE UNIQUE INDEX i ON a (n) WHERE n > 0",
    'CREATE INDEX main."i ndex" ON "select" ("from")',
    "CREATE VIEW w AS SELECT * FROM v",
    "CREATE TRIGGER tr AFTER INSERT ON a BEGIN UPDATE a SET n = 1; DELETE FROM a; END",
    "ALTER TABLE a ADD COLUMN c INT NOT NULL DEFAULT 3",
    "ALTER TABLE a ADD COLUMN r INT REFERENCES a (id)",
    "ALTER TABLE [a] ADD [new col] TEXT CHECK (length([new col]) < 9)",
    "ALTER TABLE a RENAME TO b",
    'ALTER TABLE main."select" RENAME TO [from]',
    "ALTER TABLE a RENAME COLUMN n TO m; ALTER TABLE a RENAME m TO [odd m]",
    "CREATE TABLE t (id INT); INSERT INTO t VALUES (1); INSERT OR IGNORE INTO t SELECT n FROM a;"
    "UPDATE t SET id = 2; DELETE FROM t; CREATE INDEX ti ON t (id); ANALYZE; SELECT 1",
    "PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE; CREATE TABLE t (id INT); COMMIT;"
    " PRAGMA foreign_keys = ON",
]


def findings_on_files(checkout):
    """What `pawl check` finds beside what the statements do to a database in use."""
    rules = checkout.run("--json", "explain", "--list", check=0).json()["rules"]
    linted = {rule["id"] for rule in rules if rule["linted"]}
    return [f["rule"] for f in checkout.run("--json", "check").json()["findings"] if f["rule"] not in linted]


def check_sure(database, checkout, base, text, tmp_path):
    run_sql(database, base, tmp_path)
    before = schema(database)
    report, undo = revert(checkout, text, database.engine)
    assert "marked" not in outcomes(report), undo
    assert report["marked"] == 0 and "unfinished" not in undo
    run_sql(database, text, tmp_path)
    run_sql(database, undo, tmp_path)
    assert schema(database) == before, undo
    assert findings_on_files(checkout) == []
    return undo


@pytest.mark.parametrize("text", POSTGRES_SURE)
def test_postgres_statement_is_undone(pg, checkout, tmp_path, text):
    check_sure(pg, checkout, POSTGRES_BASE, text, tmp_path)


@pytest.mark.parametrize("text", SQLITE_SURE)
def test_sqlite_statement_is_undone(tmp_path, checkout, text):
    check_sure(SqliteDatabase(tmp_path / "a.db"), checkout, SQLITE_BASE, text, tmp_path)


# ---- what is marked ----

ROWS, DROPPED, BEFORE = "rows that were there", "what was dropped", "what was there before"

# The statement, words of the reason, and what may be right.
POSTGRES_MARKED = [
    ("CREATE TABLE IF NOT EXISTS t (id int)", "IF NOT EXISTS", "DROP TABLE t"),
    ("CREATE OR REPLACE VIEW v AS SELECT 1", "OR REPLACE", "DROP VIEW v"),
    ("CREATE OR REPLACE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'select 1'", "OR REPLACE",
     "DROP FUNCTION f(pg_catalog.int4)"),
    ("CREATE FUNCTION f(x a.id%TYPE) RETURNS int LANGUAGE sql AS 'select 1'", "type of a column", None),
    ("CREATE INDEX ON a (n)", "no name", None),
    ("CREATE INDEX IF NOT EXISTS i ON app.a (n)", "IF NOT EXISTS", "DROP INDEX app.i"),
    ("CREATE SCHEMA AUTHORIZATION joe", "named after a role", None),
    ("CREATE EXTENSION earthdistance CASCADE", "CASCADE", "DROP EXTENSION earthdistance"),
    ("ALTER TABLE a ADD COLUMN IF NOT EXISTS c int", "IF NOT EXISTS", "ALTER TABLE a DROP COLUMN c"),
    ("ALTER TABLE a ADD CHECK (n > 0)", "no name", None),
    ("ALTER TABLE a ADD CONSTRAINT pk PRIMARY KEY (id)", "stay NOT NULL",
     "ALTER TABLE a DROP CONSTRAINT pk"),
    ("ALTER TABLE a ADD CONSTRAINT u UNIQUE USING INDEX ui", "took an index",
     "ALTER TABLE a DROP CONSTRAINT u"),
    ("ALTER TABLE a DROP COLUMN c", DROPPED, None),
    ("ALTER TABLE a ALTER c TYPE bigint", "type before", None),
    ("ALTER TABLE a ALTER c SET DEFAULT 1", BEFORE, "ALTER TABLE a ALTER COLUMN c DROP DEFAULT"),
    ("ALTER TABLE a ALTER c DROP DEFAULT", BEFORE, None),
    ("ALTER TABLE a VALIDATE CONSTRAINT c", "NOT VALID", None),
    ("ALTER TABLE a OWNER TO joe", BEFORE, None),
    ("ALTER TABLE a DISABLE TRIGGER ALL", BEFORE, None),
    ("ALTER TABLE a ATTACH PARTITION b DEFAULT", "stay behind", "ALTER TABLE a DETACH PARTITION b"),
    ("ALTER TABLE a DETACH PARTITION b", "bounds", None),
    ("ALTER TABLE IF EXISTS a RENAME TO b", "IF EXISTS", "ALTER TABLE b RENAME TO a"),
    ("ALTER TABLE a SET SCHEMA b", "not named", None),
    ("ALTER TYPE mood ADD VALUE 'new'", "taken out", None),
    ("ALTER SEQUENCE s INCREMENT 2", BEFORE, None),
    ("ALTER ROLE joe PASSWORD 'x'", "does not know", None),
    ("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO joe", BEFORE, None),
    ("ALTER TABLE a ADD CONSTRAINT nn NOT NULL n", "cannot read", None),  # PostgreSQL 18
    ("GRANT SELECT ON a, \"to\" TO joe, \"Ann\" WITH GRANT OPTION", "been there before",
     'REVOKE SELECT ON a, "to" FROM joe, "Ann"'),
    ("GRANT admin TO joe", "member before", "REVOKE admin FROM joe"),
    ("REVOKE SELECT ON a FROM joe", BEFORE, None),
    ("COMMENT ON TABLE a IS 'x'", BEFORE, None),
    ("DROP TABLE a", DROPPED, None),
    ("DROP INDEX CONCURRENTLY i", DROPPED, None),
    ("INSERT INTO a VALUES (1)", ROWS, None),
    ("UPDATE a SET n = 1", ROWS, None),
    ("DELETE FROM a", ROWS, None),
    ("TRUNCATE a", ROWS, None),
    ("DO $$ BEGIN EXECUTE 'drop table a'; END $$", "the code", None),
    ("CALL p()", "the code", None),
    ("SELECT setval('s', 1)", "what it calls", None),
    ("WITH gone AS (DELETE FROM a RETURNING *) SELECT 1", "what it calls", None),
    ("SAVEPOINT x; ROLLBACK TO x", "took back", None),
]

# What the text itself made, and what is not covered by that all the same.
POSTGRES_NOT_COVERED = [
    "CREATE TABLE t (id int); CREATE TABLE u (id int PRIMARY KEY);"
    "ALTER TABLE t ADD FOREIGN KEY (id) REFERENCES u",
    "CREATE TABLE t (id int); INSERT INTO t SELECT reap()",
    "CREATE TABLE t (id int); WITH x AS (DELETE FROM a RETURNING id) INSERT INTO t SELECT id FROM x",
    "CREATE TABLE t (id int); CREATE ROLE joe; ALTER TABLE t OWNER TO joe",
    "CREATE TABLE t (id int); ALTER TABLE t RENAME TO u; INSERT INTO t VALUES (1)",
    "CREATE TABLE t (id int); DROP TABLE t; COMMENT ON TABLE t IS 'x'",
    "CREATE TABLE t (id int); INSERT INTO app.t VALUES (1)",
    "CREATE TABLE t (id int); CREATE TABLE parts (id int) PARTITION BY LIST (id);"
    "ALTER TABLE parts ATTACH PARTITION a DEFAULT",
    "CREATE TABLE t (id int); SET search_path = app; INSERT INTO t VALUES (1)",
]

SQLITE_MARKED = [
    ("CREATE TABLE IF NOT EXISTS [t 1] (id INT)", "IF NOT EXISTS", "DROP TABLE [t 1]"),
    ("CREATE INDEX IF NOT EXISTS i ON a (n)", "IF NOT EXISTS", "DROP INDEX i"),
    ("ALTER TABLE a DROP COLUMN n", DROPPED, None),
    ("DROP TABLE a", DROPPED, None),
    ("INSERT INTO a VALUES (1)", ROWS, None),
    ("REPLACE INTO a VALUES (1)", ROWS, None),
    ("UPDATE OR IGNORE a SET n = 1", ROWS, None),
    ("WITH x AS (SELECT 1) DELETE FROM a", "does not know", None),
    ("PRAGMA user_version = 3", BEFORE, None),
    ("ALTER TABLE a ADD CONSTRAINT c CHECK (n > 0)", "does not know", None),
    ("ROLLBACK TO x", "took back", None),
]


def check_marked(checkout, dialect, text, why, perhaps):
    report, undo = revert(checkout, text, dialect)
    statement = report["statements"][-1]
    assert statement["outcome"] == "marked" and report["marked"] == 1, undo
    step, = statement["steps"]
    assert why in step["why"] and step["sql"] == perhaps
    assert f'-- pawl: unfinished="{step["why"]}"\n-- | {statement["text"]}\n' in undo
    assert (f"-- | perhaps: {perhaps}\n" in undo) == (perhaps is not None)
    assert not [line for line in undo.splitlines() if line and not line.startswith("--")], undo


@pytest.mark.parametrize("text, why, perhaps", POSTGRES_MARKED)
def test_postgres_statement_is_marked(checkout, text, why, perhaps):
    check_marked(checkout, "postgres", text, why, perhaps)


@pytest.mark.parametrize("text, why, perhaps", SQLITE_MARKED)
def test_sqlite_statement_is_marked(checkout, text, why, perhaps):
    check_marked(checkout, "sqlite", text, why, perhaps)


@pytest.mark.parametrize("text", POSTGRES_NOT_COVERED)
def test_what_a_drop_does_not_cover_is_marked(checkout, text):
    report, _ = revert(checkout, text)
    assert "marked" in outcomes(report)


def test_a_mark_is_refused_until_it_is_removed(pawl, engine):
    pawl.write("20250101000000_base", "CREATE TABLE a (id int);")
    pawl.write("20250102000000_next", "CREATE TABLE b (id int);\nDROP TABLE a;")
    pawl.run("deploy", check=0)
    path = pawl.folder / pawl.run("new", "undo", "--revert", "20250102000000_next",
                                  check=0).out.strip()
    before = ledger.whole_dump(engine)
    line = path.read_text().splitlines().index(
        '-- pawl: unfinished="what was dropped is not known from this text"') + 1
    result = pawl.run("check", check=3)
    assert "[unfinished]" in result.out and f"{path.name}:{line}:" in result.out
    result = pawl.run("deploy", check=3)
    assert "[unfinished]" in result.err and "Nothing was changed" in result.err
    assert pawl.run("deploy", "--dry-run", check=3)
    assert ledger.whole_dump(engine) == before
    pawl.run("ready", check=0)  # a contract step holds up no release
    path.write_text(re.sub("-- pawl: unfinished.*", "CREATE TABLE a (id int);", path.read_text()))
    pawl.run("check", check=0)
    pawl.run("deploy", check=0)
    assert engine.tables() == ["a"]


# ---- the file as a whole ----

@pytest.mark.parametrize("text, contract", [
    ("CREATE TABLE t (id int)", True),
    ("ALTER TABLE a ADD c int", True),
    ("ALTER TABLE a RENAME TO b", True),
    ("ALTER TABLE a ALTER c DROP NOT NULL", True),
    ("CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()", True),
    ("CREATE TABLE IF NOT EXISTS t (id int)", True),
    ("CREATE INDEX i ON a (n)", False),
    ("ALTER TABLE a ADD CONSTRAINT c CHECK (n > 0)", False),
    ("ALTER TABLE a ALTER c SET NOT NULL", False),
    ("ALTER TABLE a ENABLE ROW LEVEL SECURITY", False),
    ("ALTER TABLE a DISABLE ROW LEVEL SECURITY", True),
    ("GRANT SELECT ON a TO joe", True),
    ("-- migrate:up\nselect 1;\n-- migrate:down\nALTER TABLE a ADD b int, DROP c", True),
    ("-- migrate:up\nselect 1;\n-- migrate:down\nALTER TABLE a DROP CONSTRAINT c; DROP INDEX i", False),
    ("-- migrate:up\nselect 1;\n-- migrate:down\nselect 'open", True),
])
def test_what_takes_something_away_is_a_contract_step(checkout, text, contract):
    _, undo = revert(checkout, text)
    assert ("\n-- pawl: phase=contract\n" in undo) == contract


def test_the_phase_can_be_given(checkout):
    _, undo = revert(checkout, "CREATE TABLE t (id int)", "postgres", ID, "--phase", "expand")
    assert re.findall("phase=.*", undo) == ["phase=expand"]


def test_no_transaction_goes_along(checkout):
    _, undo = revert(checkout, "-- pawl: no-transaction\nCREATE INDEX i ON a (n);")
    assert "\n-- pawl: no-transaction\n" in undo


def test_what_it_writes_deploys_and_a_second_revert_brings_it_back(pawl, engine):
    pawl.write("20250101000000_base", "CREATE TABLE a (id int);")
    pawl.run("deploy", check=0)
    before = schema(engine)
    pawl.write("20250102000000_next", "CREATE TABLE b (id int);\nALTER TABLE a ADD COLUMN c int;")
    pawl.run("deploy", check=0)
    pawl.run("sum", check=0)
    path = pawl.run("new", "undo", "--revert", "20250102000000_next.sql", check=0).out.strip()
    pawl.run("sum", "--check", check=0)
    pawl.run("deploy", check=0)
    assert schema(engine) == before
    ledger.assert_whole(engine)
    path = pawl.run("new", "again", "--revert", path.removeprefix("migrations/"), check=0).out.strip()
    text = (pawl.folder / path).read_text()
    assert text.count("-- pawl: unfinished=") == 2 and "-- | DROP TABLE b" in text


# Statements of other people's files: nothing in them may be read as a directive or a marker, or run.
HOSTILE = [
    "UPDATE a SET n = '\npawl: phase=expand\n-- migrate:down\n--pawl: kind=data\n';",
    "UPDATE a SET n = '\rDROP TABLE a;\r\n+goose Down\n---- create above / drop below ----\n';",
    "DROP TABLE \"x\nDROP TABLE a;\npawl: unfinished=y\";",
    "CREATE TABLE IF NOT EXISTS \"x\n; DROP TABLE a; --\r pawl: allow=unfinished\" (id int);",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_quoted_statement_stays_a_comment(checkout, text):
    report, undo = revert(checkout, text)
    assert report["marked"] == 1
    assert not [line for line in re.split("[\r\n]", undo) if line and not line.startswith("-- ")]
    assert findings_on_files(checkout) == ["unfinished"]


def test_a_hostile_name_is_undone_as_it_is(pg, checkout, tmp_path):
    name = '"a""; DROP TABLE kept; --\n-- pawl: phase=expand\r{}"'
    check_sure(pg, checkout, "CREATE TABLE kept (id int)",
               f"CREATE TABLE {name} ({name} int); CREATE INDEX {name.replace('kept', 'i')} ON {name}"
               f" ({name}); ALTER TABLE {name} ADD CONSTRAINT {name} CHECK ({name} > 0)", tmp_path)
    assert pg.tables() == ["kept"]


# ---- down parts ----

DOWN = "DROP TABLE t; -- as written\nDROP FUNCTION IF EXISTS f;\n"


@pytest.mark.parametrize("files, naming", [
    ({ID: f"-- migrate:up\nCREATE TABLE t (id int);\n\n-- migrate:down\n{DOWN}"}, "timestamp"),
    ({ID: f"-- +goose Up\nCREATE TABLE t (id int);\n-- +goose Down\n{DOWN}"}, "timestamp"),
    ({ID: f"CREATE TABLE t (id int);\n---- create above / drop below ----\n{DOWN}"}, "timestamp"),
    ({f"{ID}.up": "CREATE TABLE t (id int);", f"{ID}.down": DOWN}, "timestamp"),
    ({f"{ID}.up": "CREATE TABLE t (id int);", f"{ID}.down": "\ufeff" + DOWN}, "timestamp"),
    ({"000001_change.up": "CREATE TABLE t (id int);", "000001_change.down": DOWN,
      "000002_change.down": "no"}, "sequence"),
    ({"V1__change": "CREATE TABLE t (id int);", "U1__change": DOWN, "U1__other": "no"}, "flyway"),
    ({f"{ID}/up": "CREATE TABLE t (id int);", f"{ID}/down": DOWN}, "folder"),
])
def test_a_down_part_is_taken_as_it_stands(checkout, files, naming):
    checkout.config({"pawl": {"naming": naming, "dialect": "postgres"}})
    for name, text in files.items():
        checkout.write(name, text)
    name = re.sub("(/up|[.]up)$", "", next(iter(files)))
    report = checkout.run("--json", "new", "undo", "--revert", name, check=0).json()
    undo = (checkout.folder / report["path"]).read_text()
    assert undo.splitlines()[0] == (f"-- Undoes {name} by its own down part, as its author wrote it: "
                                    "pawl has not checked it.")
    assert undo.splitlines()[1] == "-- pawl: phase=contract"
    assert undo.endswith("\n" + DOWN) and "\ufeff" not in undo
    assert report["statements"] == [] and report["down"].startswith("migrations/")
    checkout.run("check", check=0)


@pytest.mark.parametrize("text", ["-- migrate:up\nCREATE TABLE t (id int);\n-- migrate:down\n\n",
                                  "-- migrate:up\nCREATE TABLE t (id int);\n-- migrate:down\n-- no\n"])
def test_an_empty_down_part_is_none(checkout, text):
    report, undo = revert(checkout, text)
    assert report["down"] is None and "DROP TABLE t;" in undo


# ---- what is refused ----

@pytest.mark.parametrize("args, code, words", [
    (("--revert", "20250109000000_gone"), 2, 'there is no migration "20250109000000_gone"'),
    (("--revert", ""), 2, "there is no migration"),
    (("--revert", ID, "--kind", "data"), 2, "--kind does not go with --revert"),
    (("--revert", "20250102000000_open"), 3, "unterminated"),
])
def test_refusals_write_nothing(checkout, args, code, words):
    checkout.write(ID, "CREATE TABLE t (id int);")
    checkout.write("20250102000000_open", "\nselect 'open;")
    before = sorted(checkout.migrations.iterdir())
    result = checkout.run("new", "undo", *args, check=code)
    assert words in result.err
    if code == 3:
        assert "20250102000000_open.sql:2:8" in result.err
    assert sorted(checkout.migrations.iterdir()) == before


def test_a_migration_that_is_only_in_the_database(pawl):
    path = pawl.write(ID, "CREATE TABLE t (id int);")
    pawl.run("deploy", check=0)
    path.unlink()
    result = pawl.run("new", "undo", "--revert", ID, check=2)
    assert "from its file alone, also where a database has applied it" in result.err


def test_an_empty_migration_is_undone_by_an_empty_one(checkout):
    report, undo = revert(checkout, "-- nothing\n")
    assert report["statements"] == []
    assert undo == f"-- Undoes {ID}, the last statement first.\n\n"


# ---- many statements together ----

# Each may follow any other; {n} is a number of its own, {t} a table of before or one made above it.
POSTGRES_PARTS = [
    "CREATE TABLE t{n} (id int PRIMARY KEY, n int, m text)",
    "CREATE TABLE t{n} (id int PRIMARY KEY, n int, m text, r int REFERENCES {t} (id))",
    "INSERT INTO t{n} SELECT id, n, m FROM {t}",
    "CREATE INDEX i{n} ON {t} (n)",
    "CREATE INDEX ON {t} (n)",
    "ALTER TABLE {t} ADD COLUMN c{n} int NOT NULL DEFAULT 3, ADD COLUMN d{n} text",
    "ALTER TABLE {t} ADD COLUMN e{n} int REFERENCES {t} (id); ALTER TABLE {t} ALTER e{n} SET DEFAULT 1",
    "ALTER TABLE {t} ADD CONSTRAINT k{n} CHECK (n > {n}) NOT VALID; "
    "ALTER TABLE {t} VALIDATE CONSTRAINT k{n}",
    "ALTER TABLE {t} ADD CONSTRAINT u{n} UNIQUE (n, id)",
    "ALTER TABLE {t} ADD FOREIGN KEY (n) REFERENCES {t} (id) NOT VALID",
    "CREATE VIEW v{n} AS SELECT id, n FROM {t}",
    "CREATE MATERIALIZED VIEW v{n} AS SELECT count(*) FROM {t}",
    "CREATE TYPE y{n} AS ENUM ('a'); ALTER TABLE {t} ADD COLUMN f{n} y{n}",
    "CREATE SEQUENCE s{n} OWNED BY {t}.id",
    "CREATE SEQUENCE s{n}; ALTER TABLE {t} ADD COLUMN g{n} int DEFAULT nextval('s{n}')",
    "CREATE FUNCTION f{n}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';"
    "CREATE TRIGGER g{n} BEFORE UPDATE ON {t} FOR EACH ROW EXECUTE FUNCTION f{n}()",
    "COMMENT ON COLUMN {t}.n IS 'x'",
    "GRANT SELECT ON {t} TO PUBLIC",
    "CREATE POLICY p{n} ON {t} USING (n > 0)",
    "ALTER TABLE {t} RENAME COLUMN m TO m{n}; ALTER TABLE {t} RENAME COLUMN m{n} TO m",
    "CREATE SCHEMA z{n}; CREATE TABLE z{n}.t (id int); INSERT INTO z{n}.t VALUES (1)",
    "ALTER TABLE {t} ALTER n SET STATISTICS 10",
    "UPDATE {t} SET n = 1 WHERE id = 0",
]
POSTGRES_TABLES = """
CREATE TABLE a (id int PRIMARY KEY, n int, m text);
CREATE TABLE b (id int PRIMARY KEY, n int, m text);
"""
SQLITE_PARTS = [
    "CREATE TABLE t{n} (id INTEGER PRIMARY KEY, n INT, m TEXT)",
    "INSERT INTO t{n} SELECT id, n, m FROM {t}",
    "CREATE INDEX i{n} ON {t} (n)",
    "ALTER TABLE {t} ADD COLUMN c{n} INT NOT NULL DEFAULT 3",
    "ALTER TABLE {t} RENAME COLUMN m TO m{n}; ALTER TABLE {t} RENAME COLUMN m{n} TO m",
    "CREATE VIEW v{n} AS SELECT id, n FROM {t}",
    "CREATE TRIGGER g{n} AFTER UPDATE ON {t} BEGIN DELETE FROM {t} WHERE id = 0; END",
    "UPDATE {t} SET n = 1 WHERE id = 0",
]


def compose(seed, parts):
    """A migration of one to eight of the parts; with an even seed about tables of its own alone."""
    choose = random.Random(seed)
    tables, text = [] if seed % 2 == 0 else ["a", "b"], []
    for n in range(choose.randint(1, 8)):
        part = choose.choice(parts) if tables else parts[0]
        if part.startswith("INSERT"):
            part = parts[0] + "; " + part
        text.append(part.format(n=n, t=choose.choice(tables or ["t0"])))
        if part.startswith("CREATE TABLE"):
            tables.append(f"t{n}")
    return ";\n".join(text) + ";\n"


@pytest.mark.parametrize("seed", range(24))
def test_composed_migrations(engine, make_pawl, tmp_path, seed):
    """Applied, then undone: the schema is as it was, or something is marked."""
    text = compose(seed, POSTGRES_PARTS if engine.engine == "postgres" else SQLITE_PARTS)
    run_sql(engine, POSTGRES_TABLES, tmp_path)
    before = schema(engine)
    report, undo = revert(make_pawl(), text, engine.engine)
    run_sql(engine, text, tmp_path)
    if report["marked"] == 0:
        run_sql(engine, undo, tmp_path)
        assert schema(engine) == before, text + undo


def test_out_of_memory_at_any_point_writes_nothing(checkout):
    """Whatever allocation fails: the file is whole, or there is none."""
    checkout.config({"pawl": {"dialect": "postgres"}})
    checkout.write(ID, "CREATE TABLE t (id int); INSERT INTO t VALUES (1); GRANT SELECT ON t TO joe;"
                       "ALTER TABLE a ADD CONSTRAINT c CHECK (n > 0), DROP COLUMN d; DROP TABLE b;")
    files = sorted(checkout.migrations.iterdir())
    number = 1
    while True:
        result = checkout.run("new", "undo", "--revert", ID, env={"PAWL_FAULT_ALLOC": str(number)})
        made = [path for path in checkout.migrations.iterdir() if path not in files]
        if result.code == 0:
            break
        assert result.code == 1 and "out of memory" in result.err and not made, str(result)
        number += 1 if number < 40 else 7
    assert number > 20
