"""The rules about loss and about code of the release before: which shapes they find, and which not."""

import json
import subprocess
from pathlib import Path

import pytest
from support.locks import FORMS
from support.old_code import CASES
from support.pawl import clean_environment, pawl_binary
from test_lint import desk, lint, rules_of  # noqa: F401

CONTRACT = "-- pawl: phase=contract\n"

# A rule: texts that it finds, texts that it leaves.
SHAPES = {
    "drop-column": (
        ["ALTER TABLE t DROP COLUMN a;", "ALTER TABLE t ADD COLUMN b int, DROP COLUMN IF EXISTS a;",
         "ALTER TABLE ONLY public.t DROP a CASCADE;", "ALTER TABLE t DROP COLUMN a; ALTER TABLE t ADD COLUMN a int;",
         "CREATE TABLE u (id int); ALTER TABLE t DROP COLUMN a;"],
        [CONTRACT + "ALTER TABLE t DROP COLUMN a;", "CREATE TABLE t (a int, b int); ALTER TABLE t DROP COLUMN a;",
         "CREATE TABLE t (a int); INSERT INTO t VALUES (1); ALTER TABLE t DROP COLUMN a;",
         "ALTER TABLE t ADD COLUMN a int; ALTER TABLE t DROP COLUMN a;",
         "CREATE TABLE t (a int); ALTER TABLE t RENAME TO u; ALTER TABLE u DROP COLUMN a;"]),
    "drop-table": (
        ["DROP TABLE a;", "DROP TABLE IF EXISTS a CASCADE;", "DROP TABLE IF EXISTS a; CREATE TABLE a (id int);",
         "DROP FOREIGN TABLE a;", "DROP TABLE a, b;"],
        [CONTRACT + "DROP TABLE a;", "CREATE TABLE a (id int); INSERT INTO a VALUES (1); DROP TABLE a;",
         "CREATE TABLE b AS SELECT * FROM a; DROP TABLE a; ALTER TABLE b RENAME TO a;",
         "CREATE TEMP TABLE a (id int); DROP TABLE a;"]),
    "drop-view": (
        ["DROP VIEW a;", "DROP MATERIALIZED VIEW a;", "DROP VIEW a; CREATE VIEW b AS SELECT 1;"],
        [CONTRACT + "DROP VIEW a;", "DROP VIEW IF EXISTS a; CREATE VIEW a AS SELECT 1;",
         "DROP VIEW a; CREATE OR REPLACE VIEW a AS SELECT 1;",
         "DROP MATERIALIZED VIEW a; CREATE MATERIALIZED VIEW a AS SELECT 1;",
         "CREATE VIEW b AS SELECT 1; DROP VIEW a; ALTER VIEW b RENAME TO a;"]),
    "drop-schema": (
        ["DROP SCHEMA a CASCADE;", "DROP SCHEMA IF EXISTS a, b CASCADE;"],
        ["DROP SCHEMA a;", CONTRACT + "DROP SCHEMA a CASCADE;"]),
    "contract-also-expands": (
        [CONTRACT + text for text in (
            "ALTER TABLE t ADD COLUMN b int, DROP COLUMN a;", "DROP TABLE a; CREATE TABLE b (id int);",
            "DROP TABLE a; CREATE TABLE a (id int);",
            "ALTER TABLE t DROP COLUMN a; ALTER TABLE t ADD COLUMN a text;",
            "DROP VIEW a; CREATE VIEW b AS SELECT 1;",
            "DROP FUNCTION f(int); CREATE TYPE mood AS ENUM ('ok');",
            "DROP FUNCTION f(int); CREATE FUNCTION f(int, int) RETURNS int LANGUAGE sql AS 'SELECT 1';",
            "ALTER TABLE t DROP COLUMN a; ALTER TYPE mood ADD VALUE 'sad';")],
        ["ALTER TABLE t ADD COLUMN b int, DROP COLUMN a;"] + [CONTRACT + text for text in (
            "DROP TABLE a;", "CREATE TABLE b (id int);", "ALTER TABLE t ADD COLUMN a int;",
            "DROP VIEW a; ALTER TABLE t DROP COLUMN a; CREATE VIEW a AS SELECT id FROM t;",
            "DROP FUNCTION f(int); CREATE FUNCTION f(int) RETURNS text LANGUAGE sql AS 'SELECT 1';",
            "DROP TABLE a; CREATE OR REPLACE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1';",
            "CREATE TABLE kept (id int); DROP TABLE kept; DROP TABLE a;",
            "CREATE TABLE b (id int); DROP TABLE a; ALTER TABLE b RENAME TO a;",
            "ALTER TABLE t DROP COLUMN a; ALTER TABLE t ADD CHECK (id > 0) NOT VALID;",
            "ALTER TABLE t DROP COLUMN a; ALTER TABLE t ALTER COLUMN b SET NOT NULL;",
            "ALTER TABLE t RENAME a TO b;")]),
    "rename-column": (
        ["ALTER TABLE t RENAME a TO b;", "ALTER TABLE IF EXISTS public.t RENAME COLUMN a TO b;",
         "ALTER VIEW v RENAME COLUMN a TO b;"],
        [CONTRACT + "ALTER TABLE t RENAME a TO b;", "ALTER TABLE t ADD COLUMN a int; ALTER TABLE t RENAME a TO b;",
         "CREATE TABLE t (a int); ALTER TABLE t RENAME a TO b;", "ALTER TABLE t RENAME CONSTRAINT a TO b;"]),
    "rename-table": (
        ["ALTER TABLE a RENAME TO b;", "ALTER SEQUENCE a RENAME TO b;", "ALTER TABLE a SET SCHEMA other;",
         "ALTER TABLE a RENAME TO b; CREATE VIEW c AS SELECT * FROM b;"],
        [CONTRACT + "ALTER TABLE a RENAME TO b;", "ALTER TABLE a RENAME TO b; CREATE VIEW a AS SELECT * FROM b;",
         "ALTER TABLE a SET SCHEMA other; CREATE VIEW a AS SELECT * FROM other.a;",
         "CREATE TABLE n (id int); ALTER TABLE a RENAME TO o; ALTER TABLE n RENAME TO a;",
         "ALTER INDEX a RENAME TO b;"]),
    "rename-constraint": (
        ["ALTER TABLE t RENAME CONSTRAINT a TO b;", "ALTER TABLE t ADD d int; ALTER TABLE t RENAME CONSTRAINT a TO b;",
         "ALTER TABLE t RENAME TO u; ALTER TABLE v RENAME CONSTRAINT a TO b;"],
        ["ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME CONSTRAINT t_pkey TO u_pkey;",
         "ALTER TABLE t ADD CONSTRAINT a CHECK (x > 0) NOT VALID; ALTER TABLE t RENAME CONSTRAINT a TO b;",
         "CREATE TABLE t (x int CONSTRAINT a CHECK (x > 0)); ALTER TABLE t RENAME CONSTRAINT a TO b;"]),
    "required-column": (
        ["ALTER TABLE t ADD COLUMN a int NOT NULL DEFAULT 0; ALTER TABLE t ALTER COLUMN a DROP DEFAULT;",
         "ALTER TABLE t ADD COLUMN a int DEFAULT 0 NOT NULL, ALTER COLUMN a DROP DEFAULT;",
         "ALTER TABLE t ADD COLUMN a int; UPDATE t SET a = 1; ALTER TABLE t ALTER a SET NOT NULL;",
         "ALTER TABLE t ADD COLUMN a int DEFAULT 0; ALTER TABLE t ALTER a SET DEFAULT NULL, ALTER a SET NOT NULL;"],
        ["ALTER TABLE t ADD COLUMN a int NOT NULL DEFAULT 0;",
         "ALTER TABLE t ADD COLUMN a int DEFAULT 0; ALTER TABLE t ALTER a SET NOT NULL;",
         "ALTER TABLE t ADD COLUMN a int DEFAULT 0; ALTER TABLE t ALTER a DROP DEFAULT;",
         "ALTER TABLE t ADD COLUMN a int; ALTER TABLE t ALTER a SET NOT NULL; ALTER TABLE t ALTER a SET DEFAULT 1;",
         "ALTER TABLE t ADD COLUMN a int; ALTER TABLE t ALTER a SET NOT NULL;"
         "CREATE TRIGGER f BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION fill_a();",
         "ALTER TABLE t ADD COLUMN a serial; ALTER TABLE t ALTER a SET NOT NULL;",
         CONTRACT + "ALTER TABLE t ADD COLUMN a int; ALTER TABLE t ALTER a SET NOT NULL;",
         "CREATE TABLE t (id int); ALTER TABLE t ADD COLUMN a int; ALTER TABLE t ALTER a SET NOT NULL;"]),
    "breaking-change": (
        ["DROP FUNCTION f(int);", "DROP FUNCTION f(int); CREATE FUNCTION f(text) RETURNS int LANGUAGE sql AS '1';",
         "DROP PROCEDURE p;", "DROP TYPE mood;", "DROP DOMAIN d;", "DROP SEQUENCE s;", "DROP EXTENSION hstore;",
         "ALTER TYPE mood RENAME TO feeling;", "ALTER TYPE mood RENAME VALUE 'a' TO 'b';",
         "ALTER TYPE pair ADD ATTRIBUTE z int;", "ALTER TYPE pair RENAME ATTRIBUTE x TO z;",
         "ALTER FUNCTION f(int) RENAME TO g;", "ALTER SCHEMA a RENAME TO b;", "ALTER TYPE mood SET SCHEMA other;",
         "DROP AGGREGATE total(int);", "DROP FUNCTION f(int) CASCADE;", "DROP TRIGGER g ON t; DROP FUNCTION f(int);",
         "ALTER TABLE t ALTER a TYPE text; DROP TYPE mood;", "CREATE TABLE n (a int); DROP TABLE n; DROP TYPE mood;"],
        ["ALTER TABLE t DROP COLUMN a; DROP TYPE mood;", "DROP TYPE mood; DROP TABLE t;",
         "DROP TRIGGER g ON t; DROP FUNCTION f();", "DROP FUNCTION f, g CASCADE;", "DROP TRIGGER g ON t; DROP FUNCTION IF EXISTS f;",
         CONTRACT + "DROP FUNCTION f(int);",
         "DROP FUNCTION IF EXISTS f(int); CREATE FUNCTION f(integer) RETURNS int LANGUAGE sql AS '1';",
         "DROP FUNCTION f; CREATE OR REPLACE FUNCTION f(a int) RETURNS int LANGUAGE sql AS '1';",
         "CREATE TYPE mood AS ENUM ('a'); DROP TYPE mood;",
         "CREATE TYPE mood_new AS ENUM ('a'); ALTER TYPE mood RENAME TO mood_old;"
         "ALTER TYPE mood_new RENAME TO mood; DROP TYPE mood_old;",
         'ALTER TYPE public."Mood" RENAME TO "Mood_old"; CREATE TYPE public."Mood" AS ENUM (\'a\');'
         'DROP TYPE public."Mood_old";',
         "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS '1'; DROP FUNCTION f();",
         "CREATE SEQUENCE s; DROP SEQUENCE s;", "ALTER DOMAIN d RENAME CONSTRAINT a TO b;",
         "ALTER PUBLICATION p RENAME TO q;", "ALTER TYPE mood ADD VALUE 'glad' AFTER 'a';"]),
    "privileges-taken": (
        ["REVOKE SELECT ON t FROM app;", "REVOKE ALL ON t, u FROM PUBLIC;", "ALTER TABLE t OWNER TO other;"],
        ["GRANT SELECT ON t TO app;", "CREATE TABLE t (id int); REVOKE ALL ON t FROM PUBLIC;",
         "CREATE TABLE t (id int); ALTER TABLE t OWNER TO other;", CONTRACT + "REVOKE SELECT ON t FROM app;"]),
    "row-security": (
        ["ALTER TABLE t ENABLE ROW LEVEL SECURITY;", "ALTER TABLE t FORCE ROW LEVEL SECURITY;",
         "ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON u USING (true);"],
        ["ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (true);",
         "CREATE POLICY p ON t USING (true); ALTER TABLE t ENABLE ROW LEVEL SECURITY;",
         "CREATE TABLE t (id int); ALTER TABLE t ENABLE ROW LEVEL SECURITY;"]),
    "drop-not-null": (
        ["ALTER TABLE t ALTER a DROP NOT NULL;", "ALTER TABLE t ALTER a DROP NOT NULL, ALTER b DROP NOT NULL;"],
        ["ALTER TABLE t ADD COLUMN a int NOT NULL DEFAULT 0; ALTER TABLE t ALTER a DROP NOT NULL;",
         "CREATE TABLE t (a int NOT NULL); ALTER TABLE t ALTER a DROP NOT NULL;"]),
    "drop-default": (
        ["ALTER TABLE t ALTER a DROP DEFAULT;", "ALTER TABLE t ALTER a SET DEFAULT NULL;"],
        ["ALTER TABLE t ALTER a SET DEFAULT 1;", "ALTER TABLE t ALTER a DROP DEFAULT; ALTER TABLE t ALTER a SET DEFAULT 2;",
         "ALTER TABLE t ALTER a DROP DEFAULT, ALTER a TYPE mood USING a::text::mood, ALTER a SET DEFAULT 'calm';",
         "ALTER TABLE t ADD COLUMN a int DEFAULT 1; ALTER TABLE t ALTER a DROP DEFAULT;"]),
    "drop-primary-key": (
        ["ALTER TABLE t DROP CONSTRAINT t_pkey;", "ALTER TABLE t DROP CONSTRAINT t_pkey CASCADE;"],
        ["ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t ADD PRIMARY KEY (id);",
         "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD CONSTRAINT t_pkey PRIMARY KEY (id, tenant);",
         "CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t DROP CONSTRAINT t_pkey;",
         "ALTER TABLE t DROP CONSTRAINT t_pkey; DROP TABLE t;",
         "ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t RENAME TO old; CREATE TABLE t (id int PRIMARY KEY);", "ALTER TABLE t DROP CONSTRAINT t_email_key;"]),
    "drop-constraint": (
        ["ALTER TABLE t DROP CONSTRAINT c;", "ALTER TABLE t DROP CONSTRAINT IF EXISTS t_email_key;",
         "ALTER TABLE t DROP CONSTRAINT c; ALTER TABLE t ADD CONSTRAINT d CHECK (a > 0);",
         "ALTER TABLE t DROP CONSTRAINT t_ab_fkey; ALTER TABLE t DROP COLUMN a;",
         "ALTER TABLE t DROP CONSTRAINT t_a_fkey; ALTER TABLE u DROP COLUMN a; DROP TABLE v;"],
        ["ALTER TABLE t DROP CONSTRAINT c; ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID;",
         "ALTER TABLE t DROP CONSTRAINT f, ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u NOT VALID;",
         "ALTER TABLE t ADD CONSTRAINT c CHECK (a IS NOT NULL) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT c;"
         "ALTER TABLE t ALTER a SET NOT NULL; ALTER TABLE t DROP CONSTRAINT c;",
         "ALTER TABLE t ALTER a SET NOT NULL, DROP CONSTRAINT a_is_set;",
         "ALTER TABLE t DROP CONSTRAINT t_pkey;", CONTRACT + "ALTER TABLE t DROP CONSTRAINT c;",
         'ALTER TABLE "T" DROP CONSTRAINT "T_aB_fkey"; ALTER TABLE "T" DROP COLUMN c, DROP COLUMN "aB";',
         "ALTER TABLE t DROP CONSTRAINT t_a_b_key; ALTER TABLE t DROP COLUMN b;",
         "ALTER TABLE t DROP CONSTRAINT c; ALTER TABLE t RENAME TO old; CREATE TABLE t (a int);",
         "ALTER TABLE t DROP CONSTRAINT t_a_fkey; DROP TABLE u, t;"]),
    "drop-cascade": (
        [CONTRACT + "DROP TABLE a CASCADE;", CONTRACT + "ALTER TABLE t DROP COLUMN a CASCADE;",
         CONTRACT + "ALTER TABLE t DROP CONSTRAINT a CASCADE;", "DROP FUNCTION f(int) CASCADE;"],
        [CONTRACT + "DROP TABLE a;", "CREATE TABLE a (id int); DROP TABLE a CASCADE;", "TRUNCATE a CASCADE;",
         CONTRACT + "DROP TYPE mood CASCADE;"]),
    "drop-cascade-data": (
        [CONTRACT + "DROP TYPE mood CASCADE;", CONTRACT + "DROP DOMAIN d CASCADE;", "DROP SCHEMA a CASCADE;",
         "DROP EXTENSION hstore CASCADE;"],
        ["DROP TYPE mood;", "DROP SCHEMA a;", "CREATE TYPE mood AS ENUM ('a'); DROP TYPE mood CASCADE;"]),
    "truncate": (
        ["TRUNCATE t;", "TRUNCATE TABLE ONLY t RESTART IDENTITY;", CONTRACT + "TRUNCATE t, u;"],
        ["CREATE TABLE t (id int); INSERT INTO t VALUES (1); TRUNCATE t;", "TRUNCATE t CASCADE;",
         "DELETE FROM t WHERE id < 5;"]),
    "delete-all-rows": (
        ["DELETE FROM t;", "DELETE FROM t WHERE true;", "DELETE FROM t USING u;",
         "WITH gone AS (DELETE FROM t RETURNING *) INSERT INTO u SELECT * FROM gone;"],
        ["DELETE FROM t WHERE id = 1;", "CREATE TABLE t (id int); INSERT INTO t VALUES (1); DELETE FROM t;",
         "DELETE FROM t USING u WHERE u.id = t.id;"]),
    "update-all-rows": (
        ["UPDATE t SET a = 1;", "ALTER TABLE t ADD COLUMN b int; UPDATE t SET b = 1, a = 2;",
         "UPDATE t SET a = 1 WHERE true;"],
        ["UPDATE t SET a = 1 WHERE a IS NULL;", "ALTER TABLE t ADD COLUMN b int; UPDATE t SET b = a;",
         "CREATE TABLE t (a int); INSERT INTO t VALUES (1); UPDATE t SET a = 2;",
         "INSERT INTO t VALUES (1) ON CONFLICT (id) DO UPDATE SET a = 1;",
         "-- pawl: kind=backfill\nUPDATE t SET a = 1;"]),
    "on-delete-cascade": (
        ["ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u ON DELETE CASCADE;",
         "ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES u ON DELETE CASCADE NOT VALID;",
         "ALTER TABLE t ADD COLUMN a int; ALTER TABLE t ADD FOREIGN KEY (a, b) REFERENCES u ON DELETE CASCADE;"],
        ["ALTER TABLE t ADD COLUMN a int; ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u ON DELETE CASCADE;",
         "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u ON DELETE SET NULL;",
         "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u ON UPDATE CASCADE;",
         "CREATE TABLE t (a int); ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u ON DELETE CASCADE;"]),
    "mixed-schema-and-data": (
        ["UPDATE t SET a = 1 WHERE a IS NULL; ALTER TABLE t ALTER a SET NOT NULL;",
         "DELETE FROM t WHERE a = 1; CREATE UNIQUE INDEX i ON t (a);"],
        ["UPDATE pg_catalog.pg_index SET indisready = false WHERE indrelid = 5; ALTER TABLE t ADD COLUMN a int;",
         "UPDATE t SET a = 1 WHERE a IS NULL;", "INSERT INTO t VALUES (1); ALTER TABLE t ADD COLUMN b int;",
         "ALTER TABLE t ADD COLUMN b int; UPDATE t SET b = 1 WHERE id < 5;",
         "UPDATE t SET a = 1 WHERE id = 1; CREATE TABLE u (id int);",
         "UPDATE t SET a = 1 WHERE id = 1; CREATE INDEX CONCURRENTLY i ON t (a);"]),
    "contract-breaks-nothing": (
        [CONTRACT + "ALTER TABLE t ADD COLUMN a int;", CONTRACT + "CREATE TABLE t (id int);",
         CONTRACT + "COMMENT ON TABLE t IS 'x';"],
        ["ALTER TABLE t ADD COLUMN a int;", CONTRACT + "ALTER TABLE t DROP COLUMN a;",
         CONTRACT + "ALTER TABLE t ADD COLUMN a int; DROP TABLE u;", CONTRACT + "DO 'begin end';",
         CONTRACT + "ALTER TABLE t ALTER a SET NOT NULL;", CONTRACT + "UPDATE t SET a = 1 WHERE a IS NULL;",
         CONTRACT + "ALTER ROLE app NOLOGIN;", CONTRACT]),
}

ROWS = [pytest.param(rule, text, found, id=f"{rule}-{'finds' if found else 'leaves'}-{number}")
        for rule, sides in SHAPES.items() for found, texts in zip((True, False), sides, strict=True)
        for number, text in enumerate(texts)]


@pytest.mark.parametrize("rule, text, found", ROWS)
def test_what_a_rule_finds_and_what_it_leaves(desk, rule, text, found):  # noqa: F811
    assert (rule in rules_of(lint(desk, text))) is found


def test_one_statement_breaks_by_one_finding(desk):  # noqa: F811
    """A specific rule stands for the general one, and each statement is found once."""
    text = ("DROP TABLE a;\nALTER TABLE t RENAME x TO y;\nDROP FUNCTION f(int);\nDROP VIEW v;\n"
            "ALTER TABLE t DROP COLUMN z;\nALTER TYPE mood RENAME TO feeling;\n")
    lines = [f["line"] for f in lint(desk, text)]
    assert sorted(lines) == [1, 2, 3, 4, 5, 6]


# Forms that break code only in ways that the text of a statement does not tell, or that people
# do for other reasons every day.
NOT_FOUND = {
    "ALTER TABLE ALTER COLUMN TYPE",  # the rules about rewrites
    "ALTER TABLE ADD COLUMN with serial or identity", "ALTER TABLE ADD COLUMN PRIMARY KEY",
    "ALTER TABLE ADD COLUMN NOT NULL without default",  # add-column-not-null
    "ALTER TABLE SET UNLOGGED", "ALTER FOREIGN TABLE OPTIONS", "ALTER FOREIGN TABLE ALTER COLUMN OPTIONS",
    "ALTER TABLE ENABLE RULE", "ALTER TABLE ENABLE ALWAYS RULE", "CREATE RULE", "DROP RULE", "DROP TRIGGER",
    "ALTER TABLE REPLICA IDENTITY", "ALTER TABLE DETACH PARTITION", "ALTER TABLE DETACH PARTITION CONCURRENTLY",
    "ALTER TABLE DETACH PARTITION FINALIZE",
    "ALTER TABLE ALTER COLUMN ADD GENERATED AS IDENTITY", "ALTER TABLE ALTER COLUMN SET GENERATED",
    "ALTER TABLE ALTER COLUMN DROP IDENTITY",
    "ALTER TABLE SET (user_catalog_table), ALTER VIEW SET", "CREATE OR REPLACE VIEW", "CREATE FUNCTION or PROCEDURE",
    "CREATE OR REPLACE FUNCTION or PROCEDURE", "ALTER FUNCTION or PROCEDURE", "ALTER SEQUENCE",
    "CREATE or ALTER PUBLICATION: its table", "DROP INDEX", "DROP INDEX CONCURRENTLY", "ALTER INDEX RENAME TO",
    "REVOKE of a role, or on anything else", "REFRESH MATERIALIZED VIEW WITH NO DATA", "DROP SCHEMA",
}


def print_facts(*args, texts=()):
    program = Path(pawl_binary()).parent.parent / "tests/print_facts"
    done = subprocess.run([program, *args], input=json.dumps(texts), text=True, capture_output=True, check=True,
                          env=clean_environment())
    return json.loads(done.stdout)


def test_each_form_that_breaks_code_is_found(desk):  # noqa: F811
    """Of the statements that are held against a server, each by itself: it is found or listed above."""
    told = {row["name"]: set(row["old_code"]) for row in print_facts("--tables")["forms"]}
    texts = [form if isinstance(form, str) else form[0] for form in FORMS] + [change for _, change, _ in CASES]
    folder = desk.folder / "each"
    folder.mkdir()
    breaking = {}
    for number, (text, answer) in enumerate(zip(texts, print_facts(texts=texts), strict=True)):
        forms = {form for form in answer["statements"][0]["forms"] if told[form] & {"readers", "writers"}}
        if forms - NOT_FOUND:
            (folder / f"{number:04}.sql").write_text(text)
            breaking[f"{number:04}.sql"] = text
    found = {Path(f["file"]).name for f in desk.run("--json", "lint", "--dialect", "postgres", "each").json()["findings"]
             if f["severity"] != "note"}
    assert len(breaking) > 50
    assert [text for name, text in breaking.items() if name not in found] == []
