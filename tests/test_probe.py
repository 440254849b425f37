"""`pawl probe`: each kind of question against rows that break it and rows that do not, held against
what the server then does with the statement."""

import psycopg
import pytest
from support.postgres import BINARIES, major_of

T = "CREATE TABLE t (a int, b int, x text);"
P = "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1), (2), (3); CREATE TABLE c (id int, pid int);"
P2 = """CREATE TABLE p (a int, b int, PRIMARY KEY (a, b)); INSERT INTO p VALUES (1, 1), (2, 2);
CREATE TABLE c (id int, a int, b int);"""
PP = """CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10); INSERT INTO p VALUES (1), (2);
CREATE TABLE c (id int, pid int) PARTITION BY LIST (id); CREATE TABLE c1 PARTITION OF c FOR VALUES IN (1);"""
CI = """CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE t (x text); INSERT INTO t VALUES ('A'), ('a');"""
X = "CREATE EXTENSION btree_gist; CREATE TABLE t (k int, r int4range);"
XA = "ALTER TABLE t ADD EXCLUDE USING gist (k WITH =, r WITH &&)"
D = "CREATE DOMAIN d AS int; CREATE TABLE t (x d);"
PT = "CREATE TABLE pt (k int, v int) PARTITION BY RANGE (k, v); CREATE TABLE n (k int, v int);"
PA = "ALTER TABLE pt ATTACH PARTITION n FOR VALUES FROM (1, 5) TO (3, MAXVALUE)"
A1 = "ALTER TABLE c ADD FOREIGN KEY (pid) REFERENCES p (id)"
AS = "ALTER TABLE c ADD FOREIGN KEY (a, b) REFERENCES p (a, b)"

CASES = {
    "fk ok": (P + "INSERT INTO c VALUES (1, 1), (2, NULL)", A1),
    "fk bad": (P + "INSERT INTO c VALUES (1, 1), (2, 9)", A1),
    "fk without columns": (P + "INSERT INTO c VALUES (2, 9)",
                           "ALTER TABLE c ADD CONSTRAINT k FOREIGN KEY (pid) REFERENCES p"),
    "fk not valid": (P + "INSERT INTO c VALUES (2, 9)", A1 + " NOT VALID"),
    "fk partial null": (P2 + "INSERT INTO c VALUES (1, 9, NULL)", AS),
    "fk partial null full": (P2 + "INSERT INTO c VALUES (1, 9, NULL)", AS + " MATCH FULL"),
    "fk all null full": (P2 + "INSERT INTO c VALUES (1, NULL, NULL)", AS + " MATCH FULL"),
    "fk two bad": (P2 + "INSERT INTO c VALUES (1, 1, 2)", AS),
    "fk two swapped": (P2 + "INSERT INTO p VALUES (1, 2); INSERT INTO c VALUES (1, 2, 1)",
                       "ALTER TABLE c ADD FOREIGN KEY (a, b) REFERENCES p (b, a)"),
    "fk self ok": ("CREATE TABLE c (id int PRIMARY KEY, pid int); INSERT INTO c VALUES (2, 1), (1, NULL), (3, 3)",
                   "ALTER TABLE c ADD FOREIGN KEY (pid) REFERENCES c (id)"),
    "fk self bad": ("CREATE TABLE c (id int PRIMARY KEY, pid int); INSERT INTO c VALUES (2, 7)",
                    "ALTER TABLE c ADD FOREIGN KEY (pid) REFERENCES c (id)"),
    "fk rows of a child table": (P + "CREATE TABLE c2 () INHERITS (c); INSERT INTO c2 VALUES (1, 99)", A1),
    "fk parent rows of a child table": (P + """CREATE TABLE p2 () INHERITS (p); INSERT INTO p2 VALUES (50);
        INSERT INTO c VALUES (1, 50)""", A1),
    "fk partitioned ok": (PP + "INSERT INTO c VALUES (1, 1)", A1),
    "fk partitioned bad": (PP + "INSERT INTO c VALUES (1, 8)", A1),
    "fk citext to text": ("""CREATE EXTENSION citext; CREATE TABLE p (id citext PRIMARY KEY);
        INSERT INTO p VALUES ('Ab'); CREATE TABLE c (id int, pid text); INSERT INTO c VALUES (1, 'AB')""", A1),
    "fk citext": ("""CREATE EXTENSION citext; CREATE TABLE p (id citext PRIMARY KEY);
        INSERT INTO p VALUES ('Ab'); CREATE TABLE c (id int, pid citext); INSERT INTO c VALUES (1, 'AB')""", A1),
    "fk char to varchar": ("""CREATE TABLE p (id varchar(5) PRIMARY KEY); INSERT INTO p VALUES ('ab');
        CREATE TABLE c (id int, pid char(5)); INSERT INTO c VALUES (1, 'ab')""", A1),
    "fk int to bigint": ("""CREATE TABLE p (id bigint PRIMARY KEY); INSERT INTO p VALUES (1);
        CREATE TABLE c (id int, pid int); INSERT INTO c VALUES (1, 1)""", A1),
    "fk numeric to int": ("""CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1);
        CREATE TABLE c (id int, pid numeric); INSERT INTO c VALUES (1, 1)""", A1),
    "fk text to int": ("CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int, pid text)", A1),
    "fk enum": ("""CREATE TYPE e AS ENUM ('a', 'b'); CREATE TABLE p (id e PRIMARY KEY); INSERT INTO p VALUES ('a');
        CREATE TABLE c (id int, pid e); INSERT INTO c VALUES (1, 'b')""", A1),
    "fk array": ("""CREATE TABLE p (id int[] PRIMARY KEY); INSERT INTO p VALUES ('{1}');
        CREATE TABLE c (id int, pid int[]); INSERT INTO c VALUES (1, '{1}')""", A1),
    "fk domain": ("""CREATE DOMAIN d AS int; CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1);
        CREATE TABLE c (id int, pid d); INSERT INTO c VALUES (1, 2)""", A1),
    "fk without a key": ("CREATE TABLE p (id int); CREATE TABLE c (id int, pid int)", A1),
    "fk to a deferrable key": ("CREATE TABLE p (id int UNIQUE DEFERRABLE); CREATE TABLE c (id int, pid int)", A1),
    "fk to a partial index": ("""CREATE TABLE p (id int); CREATE UNIQUE INDEX ON p (id) WHERE id > 0;
        CREATE TABLE c (id int, pid int)""", A1),
    "fk quoted": ("""CREATE TABLE "P 1" ("I d" int PRIMARY KEY); CREATE TABLE "c""'x" ("p'id" int);
        INSERT INTO "c""'x" VALUES (3)""",
                  """ALTER TABLE "c""'x" ADD FOREIGN KEY ("p'id") REFERENCES "P 1" ("I d")"""),
    "fk of a new column": (P + "INSERT INTO c VALUES (1, 1)", "ALTER TABLE c ADD COLUMN q int REFERENCES p DEFAULT 7"),
    "fk of a new column ok": (P + "INSERT INTO c VALUES (1, 1)", "ALTER TABLE c ADD COLUMN q int REFERENCES p"),
    "validate fk": (P + """INSERT INTO c VALUES (1, 9);
        ALTER TABLE c ADD CONSTRAINT f FOREIGN KEY (pid) REFERENCES p (id) NOT VALID""",
                    "ALTER TABLE c VALIDATE CONSTRAINT f"),
    "validate fk ok": (P + """INSERT INTO c VALUES (1, 2);
        ALTER TABLE c ADD CONSTRAINT f FOREIGN KEY (pid) REFERENCES p (id) NOT VALID""",
                       "ALTER TABLE c VALIDATE CONSTRAINT f"),
    "not valid, validated": (P + "INSERT INTO c VALUES (1, 9)",
                             A1.replace("ADD", "ADD CONSTRAINT f") + " NOT VALID; ALTER TABLE c VALIDATE CONSTRAINT f"),
    "unique ok": (T + "INSERT INTO t VALUES (1, NULL), (1, NULL), (1, 1)", "ALTER TABLE t ADD UNIQUE (a, b)"),
    "unique bad": (T + "INSERT INTO t VALUES (1, 1), (1, 1)", "ALTER TABLE t ADD CONSTRAINT u UNIQUE (a, b)"),
    "unique nulls not distinct": (T + "INSERT INTO t VALUES (1, NULL), (1, NULL)",
                                  "ALTER TABLE t ADD UNIQUE NULLS NOT DISTINCT (a, b)"),
    "unique nulls not distinct ok": (T + "INSERT INTO t VALUES (1, NULL), (2, NULL)",
                                     "ALTER TABLE t ADD UNIQUE NULLS NOT DISTINCT (a, b)"),
    "unique partial ok": (T + "INSERT INTO t VALUES (1, 1), (1, 1), (2, 0)", "CREATE UNIQUE INDEX ON t (a) WHERE b = 0"),
    "unique partial bad": (T + "INSERT INTO t VALUES (1, 0), (1, 0)", "CREATE UNIQUE INDEX ON t (a) WHERE b = 0"),
    "unique expression": (T + "INSERT INTO t (x) VALUES ('A'), ('a')", "CREATE UNIQUE INDEX i ON t (lower(x))"),
    "unique expression, class": (T + "INSERT INTO t (x) VALUES ('A'), ('b')",
                                 "CREATE UNIQUE INDEX i ON t USING btree ((lower(x)) text_pattern_ops DESC, a)"),
    "unique include": (T + "INSERT INTO t VALUES (1, 1), (2, 1)", "CREATE UNIQUE INDEX ON t (a) INCLUDE (b)"),
    "unique collation": (CI, "CREATE UNIQUE INDEX ON t (x COLLATE ci)"),
    "unique own collation": (CI, "CREATE UNIQUE INDEX ON t (x)"),
    "unique float": ("CREATE TABLE t (x float8); INSERT INTO t VALUES (0), ('-0')", "ALTER TABLE t ADD UNIQUE (x)"),
    "unique numeric": ("CREATE TABLE t (x numeric); INSERT INTO t VALUES (1.0), (1.00)", "ALTER TABLE t ADD UNIQUE (x)"),
    "unique inherited": ("""CREATE TABLE t (a int); CREATE TABLE t2 () INHERITS (t);
        INSERT INTO t VALUES (1); INSERT INTO t2 VALUES (1)""", "ALTER TABLE t ADD UNIQUE (a)"),
    "unique of a new column": (T + "INSERT INTO t VALUES (1), (2)", "ALTER TABLE t ADD COLUMN n int UNIQUE DEFAULT 3"),
    "unique serial": (T + "INSERT INTO t VALUES (1), (2)", "ALTER TABLE t ADD COLUMN n bigserial PRIMARY KEY"),
    "primary null": ("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (NULL)", "ALTER TABLE t ADD PRIMARY KEY (a)"),
    "primary twice": ("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1)", "ALTER TABLE t ADD PRIMARY KEY (a)"),
    "primary ok": ("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2)", "ALTER TABLE t ADD PRIMARY KEY (a)"),
    "primary using index": ("CREATE TABLE t (a int); CREATE UNIQUE INDEX i ON t (a); INSERT INTO t VALUES (1), (NULL)",
                            "ALTER TABLE t ADD PRIMARY KEY USING INDEX i"),
    "primary using new index": ("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (NULL)",
                                "CREATE UNIQUE INDEX i ON t (a); ALTER TABLE t ADD PRIMARY KEY USING INDEX i"),
    "index expression fails": (T + "INSERT INTO t VALUES (0)", "CREATE INDEX ON t ((1 / a))"),
    "index expression ok": (T + "INSERT INTO t VALUES (1)", "CREATE INDEX ON t ((1 / a))"),
    "not null bad": (T + "INSERT INTO t VALUES (NULL, 1)", "ALTER TABLE t ALTER a SET NOT NULL"),
    "not null ok": (T + "INSERT INTO t VALUES (2, 1)", "ALTER TABLE t ALTER a SET NOT NULL"),
    "not null inherited": (T + "CREATE TABLE t2 () INHERITS (t); INSERT INTO t2 VALUES (NULL, 1)",
                           "ALTER TABLE t ALTER a SET NOT NULL"),
    "new not null": (T + "INSERT INTO t VALUES (1, 1)", "ALTER TABLE t ADD z int NOT NULL"),
    "new not null, empty": (T, "ALTER TABLE t ADD z int NOT NULL"),
    "new not null, default": (T + "INSERT INTO t VALUES (1, 1)",
                              "ALTER TABLE t ADD z timestamptz(3) NOT NULL DEFAULT now(), ADD y numeric(5, 2) DEFAULT -1 NOT NULL"),
    "new not null, null default": (T + "INSERT INTO t VALUES (1, 1)",
                                   "ALTER TABLE t ADD z text DEFAULT NULLIF('a', 'a') NOT NULL"),
    "check null": (T + "INSERT INTO t VALUES (NULL, 1)", "ALTER TABLE t ADD CHECK (a > 0)"),
    "check bad": (T + "INSERT INTO t VALUES (-1, 1)", "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0 AND b IN (1, 2))"),
    "check not valid": (T + "INSERT INTO t VALUES (-1, 1)", "ALTER TABLE t ADD CHECK (a > 0) NOT VALID"),
    "check raises": (T + "INSERT INTO t VALUES (0, 1)", "ALTER TABLE t ADD CHECK (1 / a > 0)"),
    "check of the table": (T + "INSERT INTO t VALUES (1, 1)", "ALTER TABLE t ADD CHECK (t.a < t.b -- smaller\n)"),
    "check inherited": (T + "CREATE TABLE t2 () INHERITS (t); INSERT INTO t2 VALUES (-1, 1)",
                        "ALTER TABLE t ADD CHECK (a > 0)"),
    "check no inherit": (T + "CREATE TABLE t2 () INHERITS (t); INSERT INTO t2 VALUES (-1, 1)",
                         "ALTER TABLE t ADD CHECK (a > 0) NO INHERIT"),
    "check of a new column": (T + "INSERT INTO t VALUES (1, 1)", "ALTER TABLE t ADD n int DEFAULT 3 CHECK (n < 3)"),
    "validate check": (T + "INSERT INTO t VALUES (-1, 1); ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT VALID",
                       "ALTER TABLE t VALIDATE CONSTRAINT k"),
    "generated": (T + "INSERT INTO t VALUES (0, 1)", "ALTER TABLE t ADD g int GENERATED ALWAYS AS (1 / a) STORED"),
    "generated ok": (T + "INSERT INTO t VALUES (2, 1)", "ALTER TABLE t ADD g int GENERATED ALWAYS AS (1 / a) STORED"),
    "exclude bad": (X + "INSERT INTO t VALUES (1, '[1,5)'), (1, '[4,9)')", XA),
    "exclude adjacent": (X + "INSERT INTO t VALUES (1, '[1,5)'), (1, '[5,9)')", XA),
    "exclude nulls": (X + "INSERT INTO t VALUES (NULL, '[1,5)'), (NULL, '[1,5)')", XA),
    "exclude empty": (X + "INSERT INTO t VALUES (1, 'empty'), (1, 'empty')", XA),
    "exclude where": (X + "INSERT INTO t VALUES (1, '[1,5)'), (1, '[4,9)')", XA + " WHERE (k > 1)"),
    "exclude expression": (X + "INSERT INTO t VALUES (1, '[1,5)'), (2, '[4,9)')",
                           "ALTER TABLE t ADD CONSTRAINT e EXCLUDE USING gist (int4range(k, k + 2) WITH &&)"),
    "type text to int bad": ("CREATE TABLE t (x text); INSERT INTO t VALUES ('1'), ('x')",
                             "ALTER TABLE t ALTER x TYPE int USING x::int"),
    "type text to int ok": ("CREATE TABLE t (x text); INSERT INTO t VALUES ('1'), (NULL)",
                            "ALTER TABLE t ALTER COLUMN x SET DATA TYPE int USING (x)::int"),
    "type without using": ("CREATE TABLE t (x text)", "ALTER TABLE t ALTER x TYPE int"),
    "varchar bad": ("CREATE TABLE t (x varchar(20)); INSERT INTO t VALUES ('abcdefg')", "ALTER TABLE t ALTER x TYPE varchar(5)"),
    "varchar blanks": ("CREATE TABLE t (x varchar(20)); INSERT INTO t VALUES ('abcde   ')", "ALTER TABLE t ALTER x TYPE varchar(5)"),
    "varchar longer": ("CREATE TABLE t (x varchar(20)); INSERT INTO t VALUES ('abcdefg')", "ALTER TABLE t ALTER x TYPE varchar(50)"),
    "varchar cast": ("CREATE TABLE t (x varchar(20)); INSERT INTO t VALUES ('abcdefg')",
                     "ALTER TABLE t ALTER x TYPE character varying(5) USING x::varchar(5)"),
    "char bad": ("CREATE TABLE t (x text); INSERT INTO t VALUES ('abcdefg')", "ALTER TABLE t ALTER x TYPE char(5)"),
    "bit bad": ("CREATE TABLE t (x bit(8)); INSERT INTO t VALUES (B'11111111')", "ALTER TABLE t ALTER x TYPE bit(4)"),
    "numeric bad": ("CREATE TABLE t (x numeric); INSERT INTO t VALUES (999.996)", "ALTER TABLE t ALTER x TYPE numeric(5, 2)"),
    "numeric nan": ("CREATE TABLE t (x numeric); INSERT INTO t VALUES ('NaN')", "ALTER TABLE t ALTER x TYPE numeric(5, 2)"),
    "bigint to int": ("CREATE TABLE t (x bigint); INSERT INTO t VALUES (3000000000)", "ALTER TABLE t ALTER x TYPE int"),
    "enum bad": ("""CREATE TYPE e1 AS ENUM ('a', 'b', 'c'); CREATE TYPE e2 AS ENUM ('a', 'b');
        CREATE TABLE t (x e1); INSERT INTO t VALUES ('c')""", "ALTER TABLE t ALTER x TYPE e2 USING x::text::e2"),
    "new enum bad": ("CREATE TYPE e AS ENUM ('a', 'b', 'c'); CREATE TABLE t (x e); INSERT INTO t VALUES ('c')",
                     """ALTER TYPE e RENAME TO e_old; CREATE TYPE e AS ENUM ('a', 'b');
        ALTER TABLE t ALTER x TYPE e USING (x::text::e); DROP TYPE e_old"""),
    "new enum ok": ("CREATE TYPE e AS ENUM ('a', 'b', 'c'); CREATE TABLE t (x e); INSERT INTO t VALUES ('b')",
                    """ALTER TYPE e RENAME TO e_old; CREATE TYPE e AS ENUM ('a', 'b');
        ALTER TABLE t ALTER x TYPE e USING x::text::e; DROP TYPE e_old"""),
    "type then unique": ("CREATE TABLE t (x numeric UNIQUE); INSERT INTO t VALUES (1.2), (1.3)",
                         "ALTER TABLE t ALTER x TYPE int"),
    "type then check": ("CREATE TABLE t (x numeric CHECK (x > 0)); INSERT INTO t VALUES (0.3)",
                        "ALTER TABLE t ALTER x TYPE int"),
    "type under a view": ("CREATE TABLE t (x int); CREATE VIEW v AS SELECT x FROM t", "ALTER TABLE t ALTER x TYPE bigint"),
    "type under a view, dropped": ("CREATE TABLE t (x int); CREATE VIEW v AS SELECT x FROM t",
                                   "DROP VIEW v; ALTER TABLE t ALTER x TYPE bigint"),
    "domain bad": (D + "INSERT INTO t VALUES (-1)", "ALTER DOMAIN d ADD CONSTRAINT k CHECK (VALUE > 0)"),
    "domain null": (D + "INSERT INTO t VALUES (NULL)", "ALTER DOMAIN d ADD CHECK (VALUE > 0)"),
    "domain not null": (D + "INSERT INTO t VALUES (NULL)", "ALTER DOMAIN d SET NOT NULL"),
    "domain on a domain": (D + "CREATE DOMAIN dd AS d; CREATE TABLE u (y dd); INSERT INTO u VALUES (-1)",
                           "ALTER DOMAIN d ADD CHECK (VALUE > 0)"),
    "domain array": ("CREATE DOMAIN d AS int; CREATE TABLE t (x d[])", "ALTER DOMAIN d ADD CHECK (VALUE > 0)"),
    "domain validate": (D + "INSERT INTO t VALUES (-1); ALTER DOMAIN d ADD CONSTRAINT k CHECK (VALUE > 0) NOT VALID",
                        "ALTER DOMAIN d VALIDATE CONSTRAINT k"),
    "attach ok": (PT + "INSERT INTO n VALUES (1, 5), (3, 999)", PA),
    "attach below": (PT + "INSERT INTO n VALUES (1, 4)", PA),
    "attach null": (PT + "INSERT INTO n VALUES (2, NULL)", PA),
    "attach above": (PT + "INSERT INTO n VALUES (4, 0)", PA),
    "attach beside default": ("""CREATE TABLE pt (k int) PARTITION BY LIST (k); CREATE TABLE pd PARTITION OF pt DEFAULT;
        INSERT INTO pt VALUES (7); CREATE TABLE n (k int)""", "ALTER TABLE pt ATTACH PARTITION n FOR VALUES IN (7)"),
    "partition of beside default": ("""CREATE TABLE pt (k int) PARTITION BY LIST (k);
        CREATE TABLE pd PARTITION OF pt DEFAULT; INSERT INTO pt VALUES (7)""",
                                    "CREATE TABLE n PARTITION OF pt FOR VALUES IN (7, 8)"),
    "attach default": ("""CREATE TABLE pt (k int) PARTITION BY LIST (k);
        CREATE TABLE p1 PARTITION OF pt FOR VALUES IN (1); CREATE TABLE n (k int); INSERT INTO n VALUES (1)""",
                       "ALTER TABLE pt ATTACH PARTITION n DEFAULT"),
    "attach hash": ("""CREATE TABLE pt (k int) PARTITION BY HASH (k); CREATE TABLE n (k int);
        INSERT INTO n SELECT generate_series(1, 10)""",
                    "ALTER TABLE pt ATTACH PARTITION n FOR VALUES WITH (MODULUS 4, REMAINDER 1)"),
    "attach list null": ("CREATE TABLE pt (k int) PARTITION BY LIST (k); CREATE TABLE n (k int); INSERT INTO n VALUES (NULL)",
                         "ALTER TABLE pt ATTACH PARTITION n FOR VALUES IN (1, NULL)"),
    "attach list of null": ("CREATE TABLE pt (k int) PARTITION BY LIST (k); CREATE TABLE n (k int); INSERT INTO n VALUES (NULL)",
                            "ALTER TABLE pt ATTACH PARTITION n FOR VALUES IN (1, 2)"),
    "attach dates": ("""CREATE TABLE pt (d date) PARTITION BY RANGE (d); CREATE TABLE n (d date);
        INSERT INTO n VALUES ('2025-01-31')""",
                     "ALTER TABLE pt ATTACH PARTITION n FOR VALUES FROM ('2025-01-01') TO ('2025-02-01')"),
    "drop table under a view": ("CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t", "DROP TABLE t"),
    "drop both": ("CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t", "DROP VIEW v; DROP TABLE t"),
    "drop a view in a table's place": ("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (a int REFERENCES t)",
                                       "ALTER TABLE t RENAME TO t2; CREATE VIEW t AS SELECT * FROM t2;"
                                       " DROP VIEW t"),
    "drop referred": (P + "ALTER TABLE c ADD FOREIGN KEY (pid) REFERENCES p", "DROP TABLE p"),
    "drop referred with it": (P + "ALTER TABLE c ADD FOREIGN KEY (pid) REFERENCES p", "DROP TABLE p, c"),
    "drop referred after its key": (P + "ALTER TABLE c ADD CONSTRAINT f FOREIGN KEY (pid) REFERENCES p",
                                    "ALTER TABLE c DROP CONSTRAINT f; DROP TABLE p"),
    "drop cascade": ("CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t", "DROP TABLE t CASCADE"),
    "drop column under a view": (T + "CREATE VIEW v AS SELECT a FROM t", "ALTER TABLE t DROP COLUMN a"),
    "drop other column": (T + "CREATE VIEW v AS SELECT a FROM t", "ALTER TABLE t DROP COLUMN b"),
    "drop type in use": ("CREATE TYPE e AS ENUM ('a'); CREATE TABLE t (x e)", "DROP TYPE e"),
    "drop type no longer in use": ("CREATE TYPE e AS ENUM ('a'); CREATE TABLE t (x e)",
                                   "ALTER TABLE t ALTER x TYPE text; DROP TYPE e"),
    "drop function of a trigger": (T + """CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()""", "DROP FUNCTION f()"),
    "drop function after its trigger": (T + """CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()""",
                                        "DROP TRIGGER g ON t; DROP FUNCTION f"),
    # What earlier statements do to the rows.
    "update, then not null": (T + "INSERT INTO t VALUES (NULL, 1), (2, 2)",
                              "UPDATE t SET a = 0 WHERE a IS NULL; ALTER TABLE t ALTER a SET NOT NULL"),
    "part of an update": (T + "INSERT INTO t VALUES (NULL, 1), (NULL, 2)",
                          "UPDATE t AS y SET a = 0, x = 'q' WHERE y.a IS NULL AND y.b > 1; ALTER TABLE t ALTER a SET NOT NULL"),
    "update everything": (T + "INSERT INTO t VALUES (NULL, 1)", "UPDATE t SET a = b; ALTER TABLE t ALTER a SET NOT NULL"),
    "delete, then unique": (T + "INSERT INTO t VALUES (1, 1), (1, 2)",
                            "DELETE FROM t WHERE b > 1; ALTER TABLE t ADD UNIQUE (a)"),
    "delete nulls, then unique": (T + "INSERT INTO t VALUES (1, NULL), (1, 2)",
                                  "DELETE FROM t WHERE b > 1; ALTER TABLE t ADD UNIQUE (a)"),
    "delete orphans, then fk": (P + "INSERT INTO c VALUES (1, 9)",
                                "DELETE FROM c WHERE NOT EXISTS (SELECT FROM p WHERE p.id = c.pid);" + A1),
    "truncate": (P + "INSERT INTO c VALUES (1, 9)", "TRUNCATE c;" + A1),
    "rename": (T + "INSERT INTO t VALUES (1, 1), (1, 2)", "ALTER TABLE t RENAME a TO z; ALTER TABLE t ADD UNIQUE (z)"),
    "rename table": (T + "INSERT INTO t VALUES (1, 1), (1, 2)", "ALTER TABLE t RENAME TO u; ALTER TABLE u ADD UNIQUE (a)"),
    "two columns in turn": (T + "INSERT INTO t VALUES (1, NULL)",
                            "ALTER TABLE t RENAME a TO c; ALTER TABLE t RENAME b TO a; ALTER TABLE t ALTER a SET NOT NULL"),
    "drop, add": (T + "INSERT INTO t VALUES (1, 1)",
                  "ALTER TABLE t DROP a; ALTER TABLE t ADD a int; ALTER TABLE t ALTER a SET NOT NULL"),
    "type, then check": ("CREATE TABLE t (x text); INSERT INTO t VALUES ('10'), ('-3')",
                         "ALTER TABLE t ALTER x TYPE int USING x::int; ALTER TABLE t ADD CHECK (x > 0)"),
    "new parent, empty": (T + "INSERT INTO t VALUES (1)",
                          "CREATE TABLE n (id int PRIMARY KEY); ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES n"),
    "new table": (P, "CREATE TABLE n (id int, pid int); ALTER TABLE n ADD FOREIGN KEY (pid) REFERENCES p"),
    "check, then validate, mended between": (T + "INSERT INTO t VALUES (-1)",
                                             """ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT VALID;
        DELETE FROM t WHERE a <= 0; ALTER TABLE t VALIDATE CONSTRAINT k"""),
    # Found by random cases (test_probe_property.py).
    "type without a cast, after an update": ("CREATE TABLE t (x int, y int); INSERT INTO t VALUES (1, 2)",
                                             "UPDATE t SET x = y; ALTER TABLE t ALTER x TYPE bool"),
    "type of a domain without a cast": ("CREATE DOMAIN d AS int; CREATE TABLE t (x text); INSERT INTO t VALUES ('1')",
                                        "ALTER TABLE t ALTER x TYPE d"),
    "fk with another type, after an update": ("""CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1);
        CREATE TABLE c (id int, pid numeric); INSERT INTO c VALUES (1, 1)""", "UPDATE c SET id = 2;" + A1),
    "unique of a partitioned table": ("CREATE TABLE t (a int, b int) PARTITION BY LIST (b)", "ALTER TABLE t ADD UNIQUE (a)"),
    "unique of a partitioned table ok": ("CREATE TABLE t (a int, b int) PARTITION BY LIST (b)",
                                         "ALTER TABLE t ADD UNIQUE (a, b)"),
    "type of what it is partitioned by": ("CREATE TABLE t (a int, b int) PARTITION BY LIST (b)",
                                          "ALTER TABLE t ALTER b TYPE bigint"),
    "drop what it is partitioned by": ("CREATE TABLE t (a int, b int) PARTITION BY LIST (b)", "ALTER TABLE t DROP b"),
    "domain, added and validated": (D + "INSERT INTO t VALUES (-1)",
                                    "ALTER DOMAIN d ADD CONSTRAINT k CHECK (VALUE > 0) NOT VALID;"
                                    "ALTER DOMAIN d VALIDATE CONSTRAINT k"),
    "domain, added and validated ok": (D + "INSERT INTO t VALUES (1)",
                                       "ALTER DOMAIN d ADD CONSTRAINT k CHECK (VALUE > 0) NOT VALID;"
                                       "ALTER DOMAIN d VALIDATE CONSTRAINT k"),
    "a unique index computes for every row": ("CREATE TABLE t (a int, x text); INSERT INTO t VALUES (NULL, 'x')",
                                              "CREATE UNIQUE INDEX ON t (a) WHERE x::int > 0"),
    "an index has rows that its transaction deletes": (T + "INSERT INTO t VALUES (0, 1)",
                                                       "DELETE FROM t; CREATE INDEX ON t ((1 / a))"),
    "a new type has not": (T + "INSERT INTO t VALUES (0, 1)",
                           "DELETE FROM t; ALTER TABLE t ALTER b TYPE bigint; CREATE INDEX ON t ((1 / a))"),
    "check in its order": (T + "INSERT INTO t VALUES (0, 1)", "ALTER TABLE t ADD CHECK (1 / a > 0 OR a IS NOT NULL)"),
    "update that fails": (T + "INSERT INTO t (x) VALUES ('x')", "UPDATE t SET a = x::int"),
    "update that does not": (T + "INSERT INTO t (x) VALUES ('x')", "UPDATE t SET a = x::int WHERE x ~ '^[0-9]+$'"),
    "rows that are deleted are not asked": (T + "INSERT INTO t (x) VALUES ('x'), ('2')",
                                            "DELETE FROM t WHERE x !~ '^[0-9]+$';ALTER TABLE t ADD CHECK (x::int > 0)"),
    "update to a type's own precision": ("CREATE TABLE t (n numeric(4, 1)); INSERT INTO t VALUES (1.2), (1.3)",
                                         "UPDATE t SET n = n + 0.04 WHERE n < 1.3; ALTER TABLE t ADD CHECK (n <> 1.24)"),
    "new values of no rows": (T, "ALTER TABLE t ADD n int DEFAULT 0; ALTER TABLE t ADD CHECK (1 / n > 0)"),
    "an index computes for its rows alone": (T + "INSERT INTO t VALUES (NULL, 1), (3, 0)",
                                             "CREATE UNIQUE INDEX ON t ((1 / b)) WHERE b > 0 AND a > 0"),
    "type under a foreign key, bad": ("""CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1);
        CREATE TABLE c (id int, pid bigint REFERENCES p); INSERT INTO c VALUES (1, 1)""",
                                      "ALTER TABLE c ALTER pid TYPE bigint USING pid + 1"),
    "type under a foreign key, ok": ("""CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1);
        CREATE TABLE c (id int, pid int REFERENCES p); INSERT INTO c VALUES (1, 1)""", "ALTER TABLE c ALTER pid TYPE bigint"),
    "type under a foreign key, other": ("""CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1);
        CREATE TABLE c (id int, pid int REFERENCES p); INSERT INTO c VALUES (1, 1)""", "ALTER TABLE c ALTER pid TYPE numeric"),
    "type of what a foreign key refers to": ("""CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1);
        CREATE TABLE c (id int, pid int REFERENCES p); INSERT INTO c VALUES (1, 1)""",
                                             "ALTER TABLE p ALTER id TYPE int USING id + 1"),
    "type under a check that is not valid": ("""CREATE TABLE t (x text); ALTER TABLE t ADD CHECK (x ~ 'a') NOT VALID;
        INSERT INTO t VALUES ('a')""", "ALTER TABLE t ALTER x TYPE bytea USING x::bytea"),
    "attach without a NOT NULL": ("CREATE TABLE pt (k int, v int NOT NULL) PARTITION BY LIST (k); CREATE TABLE n (k int, v int)",
                                  "ALTER TABLE pt ATTACH PARTITION n FOR VALUES IN (1)"),
    "attach with a NOT NULL of the set": ("""CREATE TABLE pt (k int, v int NOT NULL) PARTITION BY LIST (k);
        CREATE TABLE n (k int, v int)""",
                                          "ALTER TABLE n ALTER v SET NOT NULL; ALTER TABLE pt ATTACH PARTITION n FOR VALUES IN (1)"),
    "attach without a check": ("CREATE TABLE pt (k int CONSTRAINT o CHECK (k > 0)) PARTITION BY LIST (k); CREATE TABLE n (k int)",
                               "ALTER TABLE pt ATTACH PARTITION n FOR VALUES IN (1)"),
    "attach without a column": ("CREATE TABLE pt (k int, v int) PARTITION BY LIST (k); CREATE TABLE n (k int)",
                                "ALTER TABLE pt ATTACH PARTITION n FOR VALUES IN (1)"),
    "attach under a unique key": ("""CREATE TABLE pt (k int, v int, UNIQUE (k, v)) PARTITION BY LIST (k);
        CREATE TABLE n (k int, v int); INSERT INTO n VALUES (1, 1), (1, 1)""",
                                  "ALTER TABLE pt ATTACH PARTITION n FOR VALUES IN (1)"),
    "attach under a foreign key": ("""CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE n (k int, v int);
        CREATE TABLE pt (k int, v int REFERENCES p) PARTITION BY LIST (k); INSERT INTO n VALUES (1, 1)""",
                                   "ALTER TABLE pt ATTACH PARTITION n FOR VALUES IN (1)"),
    "NaN to int": ("CREATE TABLE t (x numeric); INSERT INTO t VALUES ('NaN')", "ALTER TABLE t ALTER x TYPE int"),
    "exclude computes for every row": (X + "INSERT INTO t VALUES (0, NULL)", XA + " WHERE (1 / k > 0)"),
    "type, with a default without a cast": ("CREATE TABLE t (x text DEFAULT 'a'); INSERT INTO t VALUES ('1')",
                                            "ALTER TABLE t ALTER x TYPE int USING x::int"),
    "type, without that default": ("CREATE TABLE t (x text DEFAULT 'a'); INSERT INTO t VALUES ('1')",
                                   "ALTER TABLE t ALTER x DROP DEFAULT; ALTER TABLE t ALTER x TYPE int USING x::int"),
    "check of what does not fit": (T + "INSERT INTO t VALUES (1, 1)", "ALTER TABLE t ADD CHECK (lower(a) = 'x')"),
    "check of no column": (T + "INSERT INTO t VALUES (1, 1)", "ALTER TABLE t ADD CHECK (nothing > 1)"),
    "a function that only computes": (T + "INSERT INTO t VALUES (1, 1), (1, 1)",
                                      "CREATE INDEX ON t (acosd(a)); ALTER TABLE t ADD UNIQUE (a)"),
    "in one statement": (T + "INSERT INTO t VALUES (1, 1)",
                         "ALTER TABLE t ADD CHECK (n > 3), ADD COLUMN n int DEFAULT 3"),
}

# Where nothing can be said beforehand; each with a word of the reason.
DEFERRED = {
    "trigger": (T + """INSERT INTO t VALUES (NULL, 1);
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.a := NULL; RETURN NEW; END';
        CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()""",
                "UPDATE t SET a = 0 WHERE a IS NULL; ALTER TABLE t ALTER a SET NOT NULL", "triggers"),
    "volatile": (T + "INSERT INTO t VALUES (NULL, 1)",
                 "UPDATE t SET a = random() WHERE a IS NULL; ALTER TABLE t ALTER a SET NOT NULL", "volatile"),
    "insert": (T, "INSERT INTO t VALUES (1), (1); ALTER TABLE t ADD UNIQUE (a)", "writes rows"),
    "do": (T, "DO $$ BEGIN UPDATE t SET a = 1; END $$; ALTER TABLE t ADD UNIQUE (a)", "the code of"),
    "other tables": (P, "DELETE FROM c USING p WHERE p.id = c.pid;" + A1, "other tables"),
    "do, with DDL": (T + "INSERT INTO t VALUES (1), (1)",
                     "DO $$ BEGIN IF now() IS NULL THEN ALTER TABLE t ADD UNIQUE (a); END IF; END $$;"
                     "ALTER TABLE t ADD UNIQUE (a)", "the code of"),
    "rules of the set, then a type": ("CREATE TABLE t (x numeric); INSERT INTO t VALUES (1.2), (1.3)",
                                      "ALTER TABLE t ADD CHECK (x <> 1); ALTER TABLE t ALTER x TYPE int", "again"),
    "filled table": (T, "CREATE TABLE n AS SELECT 1 AS a, 2 AS b; ALTER TABLE n ADD UNIQUE (a)", "fills"),
    "foreign keys carry it on": (P + "ALTER TABLE c ADD FOREIGN KEY (pid) REFERENCES p ON DELETE SET NULL",
                                 "DELETE FROM p; ALTER TABLE c ALTER pid SET NOT NULL", "carry"),
    "unique record image": ("""CREATE TYPE r AS (n numeric); CREATE TABLE t (x r);
        INSERT INTO t VALUES ('(1.0)'), ('(1.00)')""", "CREATE UNIQUE INDEX ON t (x record_image_ops)", "operator class"),
    "later type": (T, "CREATE DOMAIN d AS int CHECK (VALUE > 0); ALTER TABLE t ALTER a TYPE d", "type"),
}


def probe(pawl, text, *options, check=None):
    pawl.run("adopt", "--as-of", "none", check=0)
    pawl.write("20250102000000_next", text)
    return pawl.run("--json", "probe", *options, check=check)


def truth(pg, text):
    """The SQLSTATE of the statements, run and rolled back; None: they go through."""
    try:
        pg.query(f"BEGIN; {text}; ROLLBACK")
    except psycopg.Error as error:
        return error.sqlstate
    return None


@pytest.fixture
def target(make_pawl, pg):
    return make_pawl(pg.url)


def known_to_the_server(name):
    return major_of(BINARIES) >= 15 or "NULLS NOT DISTINCT" not in CASES[name][1]


@pytest.mark.parametrize("name", filter(known_to_the_server, CASES))
def test_the_answer_is_the_servers(name, target, pg):
    setup, text = CASES[name]
    pg.query(setup)
    report = probe(target, text + ";").json()
    expected = truth(pg, text)
    verdicts = [one["verdict"] for one in report["probes"]]
    assert not {"deferred", "not asked"} & set(verdicts), report["probes"]
    assert ("violated" in verdicts) == (expected is not None), (expected, report["probes"])
    assert report["exit"] == (3 if expected else 0)


@pytest.mark.parametrize("name", DEFERRED)
def test_what_cannot_be_said_is_deferred(name, target, pg):
    setup, text, why = DEFERRED[name]
    pg.query(setup)
    report = probe(target, text + ";", check=0).json()
    told = [one for one in report["probes"] if one["verdict"] == "deferred"]
    assert told and all(why in one["words"] for one in told), report["probes"]


# ---- what is told ----

def test_rows_are_counted_and_shown_by_key(target, pg):
    pg.query("CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY, pid int);"
             "INSERT INTO c SELECT i, i FROM generate_series(1, 1000) AS i")
    one, = probe(target, A1 + ";", check=3).json()["probes"]
    assert (one["verdict"], one["count"], one["exact"]) == ("violated", 1000, True)
    assert one["samples"][:2] == [{"id": "1", "pid": "1"}, {"id": "2", "pid": "2"}]
    assert one["words"] == "1000 rows refer to no row" and one["relation"] == "public.c"
    assert len(pg.query(one["query"])) == 1000


def test_the_row_that_an_expression_fails_on_is_found(target, pg):
    pg.query("CREATE TABLE t (id int PRIMARY KEY, x text);"
             "INSERT INTO t SELECT i, i FROM generate_series(1, 20000) AS i;"
             "UPDATE t SET x = 'seven' WHERE id IN (7, 15000)")
    one, = [one for one in probe(target, "ALTER TABLE t ALTER x TYPE int USING x::int;").json()["probes"]]
    assert one["verdict"] == "violated" and "invalid input syntax" in one["words"]
    if pg.cluster.major < 14:  # no ranges of rows by their place: that there is one is all it knows
        assert (one["count"], one["exact"]) == (1, False)
        return
    assert (one["count"], one["exact"]) == (2, True)
    assert sorted(sample["id"] for sample in one["samples"]) == ["15000", "7"]


def test_values_that_would_change_are_a_warning(target, pg):
    pg.query("CREATE TABLE t (x numeric); INSERT INTO t VALUES (1), (1.5)")
    report = probe(target, "ALTER TABLE t ALTER x TYPE int;", check=0).json()
    assert [(one["kind"], one["verdict"], one["count"]) for one in report["probes"]] == [
        ("convert", "holds", 0), ("lossy", "loses", 1)]
    assert [finding["rule"] for finding in report["findings"]] == ["data-loses"]


def test_the_place_is_the_part_of_the_statement(target, pg):
    pg.query(T + "INSERT INTO t VALUES (-1, NULL)")
    text = "SELECT 1;\nALTER TABLE t\n  ADD CHECK (a > 0),\n  ALTER b SET NOT NULL;"
    report = probe(target, text, check=3).json()
    assert [(one["line"], one["column"]) for one in report["probes"]] == [(3, 3), (4, 3)]


def test_allow_silences_a_warning_and_no_error_of_the_data(target, pg):
    pg.query("CREATE TABLE t (x numeric); INSERT INTO t VALUES (1.5)")
    text = '-- pawl: allow=data-loses reason="cents are gone since 2019"\nALTER TABLE t ALTER x TYPE int;'
    assert [(one["rule"], one["severity"]) for one in probe(target, text, check=0).json()["findings"]] == [
        ("data-loses", "note")]


# ---- what is not answered ----

def test_a_locked_table_is_not_waited_for(target, pg):
    pg.query(T)
    with pg.connect() as other:
        other.execute("BEGIN")
        other.execute("LOCK TABLE t")
        one, = probe(target, "ALTER TABLE t ALTER a SET NOT NULL;", check=0).json()["probes"]
        assert one["verdict"] == "not asked" and "locked" in one["words"]


def test_the_time_limit_is_kept(target, pg):
    pg.query(T + "INSERT INTO t SELECT i, i FROM generate_series(1, 3000) AS i")
    text = "ALTER TABLE t ADD CHECK (pg_sleep(0.01) IS NOT NULL);"
    one, = probe(target, text, "--timeout", "300ms", check=0).json()["probes"]
    assert one["verdict"] == "not asked" and "time limit" in one["words"]


def test_rows_that_a_policy_hides_are_no_answer(target, pg):
    pg.query(T + """INSERT INTO t VALUES (NULL, 1); ALTER TABLE t ENABLE ROW LEVEL SECURITY;
        ALTER TABLE t FORCE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (false)""")
    role = f"reader_{pg.name}"
    pg.query(f"CREATE ROLE {role} LOGIN; GRANT ALL ON SCHEMA public TO {role}; ALTER TABLE t OWNER TO {role};"
             f"GRANT CREATE ON DATABASE {pg.name} TO {role}")
    try:
        target.config({"target.main": {"url": pg.url_as(role)}})
        one, = probe(target, "ALTER TABLE t ALTER a SET NOT NULL;", check=0).json()["probes"]
        assert one["verdict"] == "not asked" and "rows" in one["words"]
    finally:
        pg.query(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_nothing_is_written_and_no_writer_waits(target, pg):
    pg.query(T + "INSERT INTO t SELECT i, i FROM generate_series(1, 300) AS i")
    with pg.connect() as writer:
        writer.execute("BEGIN")
        writer.execute("UPDATE t SET b = 0 WHERE a = 1")  # ROW EXCLUSIVE, until the end
        one, = probe(target, "ALTER TABLE t ALTER a SET NOT NULL;", check=0).json()["probes"]
        assert one["verdict"] == "holds"
    assert pg.query("SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass") == [(0,)]


def test_sqlite_says_that_it_has_no_probes(make_pawl):
    pawl = make_pawl("sqlite:x.db")
    pawl.write("20250102000000_next", "CREATE TABLE t (a int);")
    result = pawl.run("probe", check=0)
    assert "PostgreSQL" in result.err


# ---- repairs ----

REPAIRS = {
    "foreign key, NULL": (P + "INSERT INTO c VALUES (1, 9), (2, 1)", A1, "SELECT id, pid FROM c ORDER BY 1",
                          [(1, None), (2, 1)]),
    "foreign key, NOT NULL": (P + "INSERT INTO c VALUES (1, 9), (2, 1); ALTER TABLE c ALTER pid SET NOT NULL", A1,
                              "SELECT id, pid FROM c ORDER BY 1", [(2, 1)]),
    "unique": ("CREATE TABLE t (id int PRIMARY KEY, a text); INSERT INTO t VALUES (3, 'x'), (1, 'x'), (2, 'y')",
               "ALTER TABLE t ADD UNIQUE (a)", "SELECT id FROM t ORDER BY 1", [(1,), (2,)]),
    "unique expression": (T + "INSERT INTO t (x) VALUES ('A'), ('a'), (NULL), (NULL)",
                          "CREATE UNIQUE INDEX ON t (lower(x))", "SELECT count(*) FROM t", [(3,)]),
    "not null with a default": ("CREATE TABLE t (a int DEFAULT 5); INSERT INTO t VALUES (NULL), (1)",
                                "ALTER TABLE t ALTER a SET NOT NULL", "SELECT a FROM t ORDER BY 1", [(1,), (5,)]),
    "foreign key, after changes": (P + "INSERT INTO c VALUES (1, 9), (2, 1)",
                                   "DELETE FROM p WHERE id = 3; UPDATE c SET id = id + 1 WHERE id > 0;"
                                   "ALTER TABLE c ADD n int DEFAULT 3;" + A1, "SELECT id, pid FROM c ORDER BY 1",
                                   [(2, None), (3, 1)]),
    "hostile name": ("""CREATE TABLE "a\nDROP TABLE keep;--" (x int); CREATE TABLE keep ();
        INSERT INTO "a\nDROP TABLE keep;--" VALUES (1), (1)""",
                     """ALTER TABLE "a\nDROP TABLE keep;--" ADD UNIQUE (x)""", "SELECT count(*) FROM keep", [(0,)]),
    "quoted": ("""CREATE TABLE "t'""x" ("a b" int); INSERT INTO "t'""x" VALUES (1), (1)""",
               """ALTER TABLE "t'""x" ADD UNIQUE ("a b")""", """SELECT count(*) FROM "t'""x\"""", [(1,)]),
}


@pytest.mark.parametrize("name", REPAIRS)
def test_a_repair_is_written_before_and_both_go_through(name, target, pg):
    setup, text, question, rows = REPAIRS[name]
    pg.query(setup)
    report = probe(target, text + ";", "--write-repair", check=3).json()
    file, = report["written"]
    assert file.endswith("20250101235900_repair_rows.sql")
    again = target.run("--json", "probe", check=None).json()
    assert "violated" not in [one["verdict"] for one in again["probes"]], again
    target.run("deploy", "--override", "lint", "--reason", "it is about rows", check=0)
    assert pg.query(question) == rows


def test_a_repair_that_lacks_a_value_does_not_go_through_as_it_is(target, pg):
    pg.query(T + "INSERT INTO t VALUES (NULL, 1)")
    result = target.run("adopt", "--as-of", "none", check=0)
    target.write("20250102000000_next", "ALTER TABLE t ALTER a SET NOT NULL;")
    result = target.run("probe", "--write-repair", check=3)
    assert "only you know" in result.err
    target.run("deploy", check=1)
    assert pg.query("SELECT a FROM t") == [(None,)]


def test_that_no_repair_is_known_is_said(target, pg):
    pg.query(T + "INSERT INTO t VALUES (1), (1)")
    result = target.run("adopt", "--as-of", "none", check=0)
    target.write("20250102000000_next", "UPDATE t SET a = a; ALTER TABLE t ADD UNIQUE (a);")
    result = target.run("probe", "--write-repair", check=3)
    assert "no repair is known for public.t (a)" in result.err and len(list(target.migrations.iterdir())) == 1


def test_no_repair_where_there_is_no_version_before(target, pg):
    pg.query(T + "INSERT INTO t VALUES (1), (1)")
    target.run("adopt", "--as-of", "none", check=0)
    target.config({"pawl": {"naming": "sequence"}, "target.main": {"url": pg.url}})
    (target.migrations / "000001_a.up.sql").write_text("SELECT 1;")
    (target.migrations / "000002_b.up.sql").write_text("ALTER TABLE t ADD UNIQUE (a);")
    result = target.run("probe", "--write-repair", check=2)
    assert "renumber" in result.err and len(list(target.migrations.iterdir())) == 2


def test_a_backfill_has_bounds_of_its_own(target, pg):
    pg.query("CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, NULL), (2, 5)")
    target.run("adopt", "--as-of", "none", check=0)
    target.write("20250101000000_fill", "-- pawl: kind=backfill\n"
                 "UPDATE t SET a = 0 WHERE a IS NULL AND ($1 IS NULL OR id > $1) AND id <= $2;")
    target.write("20250102000000_next", "ALTER TABLE t ALTER a SET NOT NULL;")
    one, = target.run("--json", "probe", check=0).json()["probes"]
    assert one["verdict"] == "deferred" and "writes rows" in one["words"]
    target.run("deploy", "--override", "lint", "--reason", "it is about rows", check=0)
    assert pg.query("SELECT a FROM t ORDER BY id") == [(0,), (5,)]
