"""The rules about locks, rewrites and constraints, where they have conditions: what fires, and what does not."""

import pytest
from test_lint import desk, lint, rules_of  # noqa: F401

NEW = "CREATE TABLE t (id bigint PRIMARY KEY, a int);"
LATER = "CREATE INDEX CONCURRENTLY later ON other_table (a);"  # commits what stands before it
CHECK = "ALTER TABLE t ADD CONSTRAINT c CHECK (a IS NOT NULL)"
VALIDATE = "ALTER TABLE t VALIDATE CONSTRAINT c;"
ADD = "ALTER TABLE t ADD COLUMN b int;"

# By rule: what it finds, and what it leaves alone.
TABLE = {
    "create-index-blocking": (
        ["CREATE UNIQUE INDEX i ON t (a);", "CREATE INDEX IF NOT EXISTS i ON public.t (a);",
         "CREATE INDEX i ON t (a) WHERE a > 0;", f"{NEW} {LATER} INSERT INTO t SELECT; {LATER} CREATE INDEX ON t (a);"],
        ["CREATE INDEX i ON ONLY t (a);", f"{NEW} CREATE INDEX i ON t (a);",
         "CREATE TABLE IF NOT EXISTS t (a int); CREATE INDEX IF NOT EXISTS i ON t (a);",
         "CREATE TABLE t AS SELECT * FROM u; CREATE INDEX i ON t (a);",
         "CREATE MATERIALIZED VIEW t AS SELECT * FROM u; CREATE UNIQUE INDEX i ON t (a);"]),
    "index-if-not-exists": (
        ["CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a);",
         "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON s.t (a) WHERE a > 0;",
         f"{ADD} CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (b);"],
        ["CREATE INDEX IF NOT EXISTS i ON t (a);", "CREATE INDEX CONCURRENTLY ON t (a);",
         "DROP INDEX CONCURRENTLY IF EXISTS i; CREATE INDEX CONCURRENTLY i ON t (a);"]),
    "drop-index-blocking": (
        ["DROP INDEX IF EXISTS i;", "DROP INDEX i, j;", "DROP INDEX s.i CASCADE;"],
        ["DROP INDEX CONCURRENTLY IF EXISTS i;", f"{NEW} CREATE INDEX i ON t (a); DROP INDEX i;", "DROP TABLE t;"]),
    "drop-index-first": (
        ["DROP INDEX CONCURRENTLY i; CREATE INDEX CONCURRENTLY i ON t (b);",
         "DROP INDEX i; CREATE UNIQUE INDEX CONCURRENTLY i ON t (b);",
         'DROP INDEX CONCURRENTLY s."I"; CREATE INDEX CONCURRENTLY "I" ON s.t (b);'],
        ["DROP INDEX CONCURRENTLY IF EXISTS i; CREATE INDEX CONCURRENTLY i ON t (b);",
         "DROP INDEX i; CREATE INDEX i ON t (b);",
         "CREATE INDEX CONCURRENTLY j ON t (b); DROP INDEX CONCURRENTLY i;"]),
    "reindex-blocking": (
        ["REINDEX INDEX i;", "REINDEX (VERBOSE) TABLE t;", "REINDEX TABLE s.t;"],
        ["REINDEX INDEX CONCURRENTLY i;", "REINDEX (CONCURRENTLY) TABLE t;", f"{NEW} REINDEX TABLE t;"]),
    "refresh-blocking": (
        ["REFRESH MATERIALIZED VIEW v;", "REFRESH MATERIALIZED VIEW s.v WITH DATA;",
         f"CREATE MATERIALIZED VIEW v AS SELECT 1; {LATER} REFRESH MATERIALIZED VIEW v;"],
        ["REFRESH MATERIALIZED VIEW CONCURRENTLY v;", "REFRESH MATERIALIZED VIEW v WITH NO DATA;",
         "CREATE MATERIALIZED VIEW v AS SELECT 1; REFRESH MATERIALIZED VIEW v;"]),
    "work-after-lock": (
        [f"{ADD} UPDATE t SET b = a;", f"{ADD} DELETE FROM other WHERE a IS NULL;",
         f"{ADD} WITH x AS (SELECT 1) UPDATE t SET b = 1 WHERE b IS NULL;",
         f"{ADD} INSERT INTO copies SELECT * FROM t;", f"{ADD} UPDATE t SET b = 1 WHERE status = 'old';",
         "ALTER TABLE t DROP COLUMN b; MERGE INTO u USING t ON t.id = u.id WHEN MATCHED THEN DELETE;",
         "CREATE TABLE n (id int REFERENCES t); INSERT INTO n SELECT id FROM t;",
         "CREATE TRIGGER r AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f(); UPDATE t SET b = 1;",
         f"BEGIN; {ADD} UPDATE t SET b = a; COMMIT;", f"{ADD} ALTER TABLE u VALIDATE CONSTRAINT x;",
         f"-- atlas:txmode none\nBEGIN; {ADD} UPDATE t SET b = a; COMMIT;"],
        [f"{ADD} UPDATE pg_index SET indisready = false WHERE indrelid = 5;", f"{ADD} INSERT INTO kinds VALUES (1, 'a');", f"{ADD} UPDATE settings SET v = 'x' WHERE name = 'y';",
         f"{ADD} DELETE FROM t WHERE a > 1 AND id IN (1, 2);", f"{ADD} {LATER} UPDATE t SET b = a;",
         f"{NEW} {ADD} UPDATE t SET b = a;", f"{NEW} {ADD} INSERT INTO t SELECT 1, 2;",
         "UPDATE t SET b = a; ALTER TABLE t ADD COLUMN c int;", f"{ADD} SELECT setval('s', (SELECT max(id) FROM t));",
         f"{NEW} INSERT INTO t SELECT id, a FROM u;", "CREATE TABLE n (id int); INSERT INTO n SELECT id FROM t;",
         f"-- atlas:txmode none\n{ADD} UPDATE t SET b = a;", "COMMENT ON TABLE t IS 'x'; UPDATE t SET b = a;",
         f"{ADD} INSERT INTO kinds SELECT 1 WHERE NOT EXISTS (SELECT FROM kinds);"]),
    "several-foreign-keys": (
        ["ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u, ADD FOREIGN KEY (b) REFERENCES v;",
         "ALTER TABLE t ADD COLUMN b int REFERENCES u; ALTER TABLE t ADD COLUMN c int REFERENCES v;",
         "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u NOT VALID; ALTER TABLE w ADD FOREIGN KEY (a) REFERENCES u;"],
        ["ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u, ADD FOREIGN KEY (b) REFERENCES u;",
         "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u; ALTER TABLE t ADD FOREIGN KEY (b) REFERENCES t;",
         f"{NEW} ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u; ALTER TABLE t ADD FOREIGN KEY (id) REFERENCES v;",
         "CREATE TABLE n (a int REFERENCES u, b int REFERENCES v);",
         f"ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u; {LATER} ALTER TABLE t ADD FOREIGN KEY (b) REFERENCES v;"]),
    "concurrently-in-transaction": (
        ["BEGIN; DROP INDEX CONCURRENTLY i; END;", "START TRANSACTION; VACUUM t; COMMIT;",
         "-- atlas:txmode none\nBEGIN; SELECT 1; REINDEX TABLE CONCURRENTLY t; COMMIT;"],
        ["BEGIN; SELECT 1; COMMIT; DROP INDEX CONCURRENTLY i;", f"SELECT 1; {LATER} SELECT 1;",
         "BEGIN; CREATE INDEX i ON t (a); COMMIT;"]),
    "enum-value-used": (
        ["BEGIN; ALTER TYPE e ADD VALUE 'x'; INSERT INTO t VALUES ('x'); COMMIT;",
         "BEGIN; ALTER TYPE e ADD VALUE IF NOT EXISTS 'x' BEFORE 'y'; UPDATE t SET a = 'x'; END;",
         "BEGIN; ALTER TYPE e ADD VALUE 'x'; ALTER TABLE t ALTER a SET DEFAULT 'x'; COMMIT;"],
        ["ALTER TYPE e ADD VALUE 'x'; INSERT INTO t VALUES ('x');",
         "BEGIN; ALTER TYPE e ADD VALUE 'x'; COMMIT; INSERT INTO t VALUES ('x');",
         "BEGIN; ALTER TYPE e ADD VALUE 'x'; INSERT INTO t VALUES ('y'); COMMIT;"]),
    "disable-trigger": (
        ["ALTER TABLE t DISABLE TRIGGER ALL;", "ALTER TABLE t DISABLE TRIGGER USER;", "ALTER TABLE t DISABLE TRIGGER x;"],
        ["ALTER TABLE t ENABLE TRIGGER ALL;", f"{NEW} ALTER TABLE t DISABLE TRIGGER ALL;", "ALTER TABLE t DISABLE RULE r;"]),
    "truncate-cascade": (
        ["TRUNCATE t CASCADE;", "TRUNCATE t, u RESTART IDENTITY CASCADE;", "TRUNCATE TABLE ONLY t CASCADE;"],
        ["TRUNCATE t;", "TRUNCATE t RESTRICT;", f"{NEW} TRUNCATE t CASCADE;"]),
    "alter-column-type": (
        ["ALTER TABLE t ALTER a TYPE bigint;", "ALTER TABLE t ALTER a TYPE text USING trim(a);",
         "ALTER TABLE t ALTER a TYPE varchar(20)[];", "ALTER TABLE t ALTER a TYPE my.kind USING a::my.kind;",
         "ALTER TABLE t ADD COLUMN c int, ALTER COLUMN a SET DATA TYPE timestamptz;"],
        ["ALTER TABLE t ALTER a TYPE text;", "ALTER TABLE t ALTER a TYPE varchar(30) USING a::varchar(30);",
         f"{NEW} ALTER TABLE t ALTER a TYPE bigint;", "ALTER TABLE t ALTER a SET DEFAULT 1;"]),
    "alter-column-type-unsure": (
        ["ALTER TABLE t ALTER a TYPE varchar(255);", "ALTER TABLE t ALTER a TYPE numeric(12, 2);",
         "ALTER TABLE t ALTER a TYPE text USING a;"],
        ["ALTER TABLE t ALTER a TYPE int;", "ALTER TABLE t ALTER a TYPE text USING a || 'x';",
         f"{NEW} ALTER TABLE t ALTER a TYPE text;"]),
    "add-column-volatile-default": (
        ["ALTER TABLE t ADD COLUMN b timestamptz DEFAULT clock_timestamp();", "ALTER TABLE t ADD b float DEFAULT random();",
         "ALTER TABLE t ADD COLUMN IF NOT EXISTS b uuid NOT NULL DEFAULT uuid_generate_v4();"],
        ["ALTER TABLE t ADD COLUMN b timestamptz DEFAULT now();", "ALTER TABLE t ADD b int NOT NULL DEFAULT 1 + 2;",
         f"{NEW} ALTER TABLE t ADD COLUMN b uuid DEFAULT gen_random_uuid();",
         "ALTER TABLE t ALTER a SET DEFAULT gen_random_uuid();"]),
    "add-column-serial": (
        ["ALTER TABLE t ADD COLUMN b serial;", "ALTER TABLE t ADD COLUMN b smallserial PRIMARY KEY;",
         "ALTER TABLE t ADD COLUMN b bigint GENERATED BY DEFAULT AS IDENTITY;"],
        [f"{NEW} ALTER TABLE t ADD COLUMN b serial;", "CREATE TABLE n (id serial);",
         "ALTER TABLE t ALTER a ADD GENERATED ALWAYS AS IDENTITY;"]),
    "several-passes": (
        ["ALTER TABLE t ALTER a SET NOT NULL; ALTER TABLE t ALTER b SET NOT NULL;",
         "ALTER TABLE t ADD CHECK (a > 0); ALTER TABLE t ADD CHECK (b > 0);",
         "ALTER TABLE t ALTER a TYPE bigint; SELECT 1; ALTER TABLE t ADD COLUMN x uuid DEFAULT gen_random_uuid();"],
        ["ALTER TABLE t ALTER a SET NOT NULL; ALTER TABLE u ALTER b SET NOT NULL;",
         f"{ADD} ALTER TABLE t ADD COLUMN c int;", f"{NEW} ALTER TABLE t ALTER a SET NOT NULL; ALTER TABLE t ADD CHECK (a > 0);",
         f"ALTER TABLE t ALTER a SET NOT NULL; {LATER} ALTER TABLE t ALTER b SET NOT NULL;"]),
    "add-foreign-key-scan": (
        ["ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u (id) ON DELETE CASCADE;",
         "ALTER TABLE ONLY s.t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u;",
         "ALTER TABLE t ADD COLUMN b int DEFAULT 1 REFERENCES u;", "CREATE TABLE u (id int); ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u;"],
        ["ALTER TABLE t ADD COLUMN b int REFERENCES u;", f"{NEW} ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u;",
         "CREATE TABLE n (a int REFERENCES u);"]),
    "add-check-scan": (
        ["ALTER TABLE t ADD CHECK (a > 0);", "ALTER TABLE t ADD COLUMN b int CHECK (b > 0);",
         "ALTER TABLE t ADD COLUMN b int, ADD CONSTRAINT x CHECK (b > 0);"],
        ["ALTER TABLE t ADD CHECK (a > 0) NOT VALID;", f"{NEW} ALTER TABLE t ADD CHECK (a > 0);",
         "CREATE TABLE n (a int CHECK (a > 0));"]),
    "add-unique-blocking": (
        ["ALTER TABLE t ADD UNIQUE (a);", "ALTER TABLE t ADD COLUMN b int UNIQUE;",
         "ALTER TABLE t ADD CONSTRAINT x UNIQUE (a, b) DEFERRABLE;"],
        ["ALTER TABLE t ADD CONSTRAINT x UNIQUE USING INDEX i;", f"{NEW} ALTER TABLE t ADD UNIQUE (a);",
         "CREATE TABLE n (a int UNIQUE);"]),
    "primary-key-nullable": (
        ["ALTER TABLE t ADD PRIMARY KEY USING INDEX i;", "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a); ALTER TABLE t ADD PRIMARY KEY USING INDEX i;",
         "ALTER TABLE u DROP CONSTRAINT x; ALTER TABLE t ADD CONSTRAINT i PRIMARY KEY USING INDEX i;"],
        ["ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t ADD CONSTRAINT t_pkey PRIMARY KEY USING INDEX i;",
         "ALTER TABLE t ALTER a SET NOT NULL; ALTER TABLE t ADD PRIMARY KEY USING INDEX i;",
         f"{NEW} ALTER TABLE t ADD PRIMARY KEY USING INDEX i;", "ALTER TABLE t ADD PRIMARY KEY (a);"]),
    "set-not-null-scan": (
        ["ALTER TABLE t ALTER a SET NOT NULL;", f"{CHECK} NOT VALID; ALTER TABLE t ALTER a SET NOT NULL;",
         f"{CHECK} NOT VALID; {VALIDATE} ALTER TABLE t ALTER b SET NOT NULL;",
         f"{CHECK} NOT VALID; {VALIDATE} ALTER TABLE t DROP CONSTRAINT c; ALTER TABLE t ALTER a SET NOT NULL;",
         f"{CHECK}, ALTER a SET NOT NULL;",
         "ALTER TABLE t ADD CONSTRAINT c CHECK (a IS NOT NULL OR b IS NOT NULL); ALTER TABLE t ALTER a SET NOT NULL;"],
        [f"{CHECK} NOT VALID; {VALIDATE} ALTER TABLE t ALTER a SET NOT NULL, DROP CONSTRAINT c;",
         f"{CHECK}; ALTER TABLE t ALTER a SET NOT NULL;", f"{NEW} ALTER TABLE t ALTER a SET NOT NULL;",
         "ALTER TABLE t ADD CONSTRAINT c CHECK (b > 0 AND (a IS NOT NULL AND d IS NOT NULL)) NOT VALID;"
         f"{VALIDATE} ALTER TABLE t ALTER d SET NOT NULL;", "ALTER TABLE t ALTER a DROP NOT NULL;"]),
    "add-column-not-null": (
        ["ALTER TABLE t ADD COLUMN b text NOT NULL;", "ALTER TABLE t ADD b int NOT NULL DEFAULT NULL;",
         'ALTER TABLE "T" ADD COLUMN b "Role" NOT NULL, ADD COLUMN c text;'],
        ["ALTER TABLE t ADD COLUMN b text NOT NULL DEFAULT '';", "ALTER TABLE t ADD COLUMN b text NULL;",
         f"{NEW} ALTER TABLE t ADD b int NOT NULL;", "ALTER TABLE t ADD b serial NOT NULL;",
         "ALTER TABLE t ADD b int GENERATED ALWAYS AS IDENTITY NOT NULL;"]),
    "validate-in-transaction": (
        [f"{CHECK} NOT VALID; {VALIDATE}", f"{CHECK} NOT VALID, VALIDATE CONSTRAINT c;",
         "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT t_a_fkey;"],
        [f"{CHECK} NOT VALID; {LATER} {VALIDATE}", f"-- atlas:txmode none\n{CHECK} NOT VALID; {VALIDATE}", VALIDATE,
         f"{NEW} {CHECK} NOT VALID; {VALIDATE}"]),
    "not-valid-left": (
        [f"{CHECK} NOT VALID;", "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u NOT VALID;",
         f"{CHECK} NOT VALID; ALTER TABLE u VALIDATE CONSTRAINT c;"],
        [f"{CHECK} NOT VALID; {LATER} {VALIDATE}", f"{CHECK} NOT VALID; ALTER TABLE t DROP CONSTRAINT c;",
         f"{CHECK} NOT VALID; DROP TABLE u, t;", f"{CHECK};"]),
    "attach-partition-scan": (
        ["ALTER TABLE t ATTACH PARTITION p DEFAULT;", "ALTER TABLE t ATTACH PARTITION p FOR VALUES IN (1);",
         "ALTER TABLE p ADD CHECK (a = 1) NOT VALID; ALTER TABLE t ATTACH PARTITION p FOR VALUES IN (1);"],
        ["CREATE TABLE p (LIKE t); ALTER TABLE t ATTACH PARTITION p FOR VALUES IN (1);",
         "ALTER TABLE p ADD CHECK (a = 1); ALTER TABLE t ATTACH PARTITION p FOR VALUES IN (1);",
         "CREATE TABLE p PARTITION OF t FOR VALUES IN (1);"]),
    "alter-domain-scan": (
        ["ALTER DOMAIN d SET NOT NULL;", "ALTER DOMAIN d VALIDATE CONSTRAINT c;", "ALTER DOMAIN d ADD CHECK (value > 0);"],
        ["ALTER DOMAIN d DROP NOT NULL;", "ALTER DOMAIN d DROP CONSTRAINT c;", "ALTER DOMAIN d SET DEFAULT 1;"]),
    "unique-on-rows": (
        ["CREATE UNIQUE INDEX i ON t (a);", "CREATE UNIQUE INDEX CONCURRENTLY ON t (a);",
         "CREATE UNIQUE INDEX CONCURRENTLY i ON t (lower(a)) WHERE b;"],
        ["CREATE INDEX i ON t (a);", f"{NEW} CREATE UNIQUE INDEX i ON t (a);", "CREATE UNIQUE INDEX i ON ONLY t (a);"]),
}

ROWS = [pytest.param(rule, text, found, id=f"{rule}-{'finds' if found else 'leaves'}-{number}")
        for rule, sides in TABLE.items() for found, side in zip((True, False), sides, strict=True)
        for number, text in enumerate(side)]


@pytest.mark.parametrize("rule, text, found", ROWS)
def test_what_a_rule_finds_and_what_it_leaves(desk, rule, text, found):  # noqa: F811
    assert (rule in rules_of(lint(desk, text))) is found


def test_a_validated_check_of_an_earlier_file_proves_and_a_later_file_validates(desk):  # noqa: F811
    texts = [f"{CHECK} NOT VALID;", VALIDATE, "ALTER TABLE t ALTER a SET NOT NULL, DROP CONSTRAINT c;"]
    for number, text in enumerate(texts):
        (desk.migrations / f"2025010{number + 1}000000_a.sql").write_text(text)
    assert desk.run("--json", "lint", "--dialect", "postgres").json()["findings"] == []


def test_a_finding_of_the_end_stands_where_the_constraint_is_added(desk):  # noqa: F811
    found, = lint(desk, f"SELECT 1;\nALTER TABLE t\n  ADD COLUMN b int,\n  ADD CONSTRAINT c CHECK (a > 0) NOT VALID;\n{ADD}")
    assert (found["rule"], found["line"], found["column"]) == ("not-valid-left", 4, 3)
    assert found["excerpt"] == "  ADD CONSTRAINT c CHECK (a > 0) NOT VALID;"
