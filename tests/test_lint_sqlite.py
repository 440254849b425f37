"""The rules of SQLite: what they say, held against SQLite itself."""

import sqlite3
from contextlib import closing

import pytest
from test_lint import desk, lint, rules_of  # noqa: F401

# What is added to a table with a row, and whether SQLite refuses it there.
COLUMNS = {
    "b text": True,
    "b text NOT NULL": False,
    "b text NOT NULL DEFAULT NULL": False,
    "b text NOT NULL DEFAULT ''": True,
    "b int DEFAULT -1 NOT NULL": True,
    "b int DEFAULT (1)": True,
    "b text DEFAULT CURRENT_TIMESTAMP": False,
    "b text DEFAULT (datetime('now'))": False,
    "b text DEFAULT (upper('a'))": False,
    "b text DEFAULT ('a')": True,
    "b int UNIQUE": False,
    "b int PRIMARY KEY": False,
    "b int CHECK (b > 0)": True,
    "b int REFERENCES t (a)": True,
    "b int GENERATED ALWAYS AS (a + 1) STORED": False,
    "b int NOT NULL AS (a + 1) VIRTUAL": True,
    "b text COLLATE nocase DEFAULT 'not null'": True,
    '"not null" text': True,
}


@pytest.mark.parametrize("column", COLUMNS)
def test_an_added_column_is_judged_as_sqlite_does(desk, column):  # noqa: F811
    sql = f"ALTER TABLE t ADD COLUMN {column};"
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript("CREATE TABLE t (a integer PRIMARY KEY); INSERT INTO t VALUES (1);")
        try:
            connection.execute(sql)
            works = True
        except sqlite3.OperationalError:
            works = False
    assert works == COLUMNS[column]
    assert ("sqlite-add-column" in rules_of(lint(desk, sql, dialect="sqlite"))) == (not works)


BUILD = ("CREATE TABLE n (a integer PRIMARY KEY);\nINSERT INTO n (a) SELECT a FROM t;\n"
         "DROP TABLE t;\nALTER TABLE n RENAME TO t;\n")
OLD_FIRST = ("ALTER TABLE t RENAME TO o;\nCREATE TABLE t (a integer PRIMARY KEY);\n"
             "INSERT INTO t (a) SELECT a FROM o;\nDROP TABLE o;\n")
MAKE = "CREATE TABLE t (a integer PRIMARY KEY);\n"
CHILD = "CREATE TABLE c (a integer REFERENCES t);\n"

SHAPES = {
    "sqlite-refuses": (
        ["CREATE TABLE t (a, a);", "SELEC 1;", "CREATE TABLE t (a int DEFAULT (b));",
         "CREATE TABLE t (a) STRICT;",
         "CREATE VIEW v AS SELECT 1 +;", "CREATE TABLE t (a PRIMARY KEY, b PRIMARY KEY);"],
        ["SELECT a FROM absent;", "INSERT INTO absent VALUES (1);", "SELECT own_function(1);",
         "ALTER TABLE absent ADD b;", MAKE + MAKE, "CREATE VIRTUAL TABLE v USING own_module (a);",
         MAKE + "ALTER TABLE t ADD b;\nALTER TABLE t ADD b;",
         "CREATE TRIGGER g AFTER INSERT ON absent BEGIN SELECT 1; END;"]),
    "sqlite-add-column": (
        [MAKE + "ALTER TABLE u ADD b NOT NULL;", "DROP TABLE t;\nALTER TABLE t ADD b UNIQUE;",
         BUILD.replace("DROP TABLE t;\n", "") + "ALTER TABLE u ADD b DEFAULT CURRENT_DATE;"],
        [MAKE + "ALTER TABLE t ADD b text NOT NULL;", "ALTER TABLE t ADD b text;"]),
    "sqlite-drop-column": (
        ["ALTER TABLE t DROP COLUMN a;", "alter table [t] drop a;", "ALTER TABLE main.t DROP `a`;"],
        ["-- pawl: phase=contract\nALTER TABLE t DROP COLUMN a;",
         "CREATE TABLE t (a, b);\nALTER TABLE t DROP b;",
         "ALTER TABLE t ADD COLUMN a;"]),
    "sqlite-rename-column": (
        ["ALTER TABLE t RENAME a TO b;", "ALTER TABLE t RENAME COLUMN a TO b;",
         'ALTER TABLE "t" RENAME "a" TO "b";'],
        ["ALTER TABLE t RENAME TO u;", "CREATE TABLE t (a);\nALTER TABLE t RENAME a TO b;",
         "-- pawl: phase=contract\nALTER TABLE t RENAME a TO b;"]),
    "sqlite-rename-table": (
        ["ALTER TABLE t RENAME TO u;", "ALTER TABLE T RENAME TO u;\nCREATE TABLE v (a);",
         MAKE + "ALTER TABLE u RENAME TO v;"],
        [BUILD, OLD_FIRST, "-- pawl: phase=contract\nALTER TABLE t RENAME TO u;",
         MAKE + "ALTER TABLE t RENAME TO u;"]),
    "sqlite-drop-table": (
        ["DROP TABLE t;", "DROP TABLE IF EXISTS main.t;", "DROP TABLE t;\nCREATE TABLE u (a);"],
        [BUILD, OLD_FIRST, "DROP TABLE t;\n" + MAKE, MAKE + "DROP TABLE t;", "DROP VIEW t;",
         "-- pawl: phase=contract\nDROP TABLE t;", MAKE + "ALTER TABLE t RENAME TO u;\nDROP TABLE u;"]),
    "sqlite-rebuild-order": (
        [OLD_FIRST, MAKE + CHILD + "INSERT INTO t VALUES (1);\n-- it\n" + OLD_FIRST.replace("t ", "T ", 1),
         OLD_FIRST + "SELECT 1;"],
        [BUILD, "PRAGMA legacy_alter_table = ON;\n" + OLD_FIRST, "ALTER TABLE t RENAME TO o;"]),
    "sqlite-rebuild-loses": (
        [MAKE + "CREATE INDEX i ON t (a);\n" + BUILD,
         MAKE + "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END;\n" + BUILD,
         MAKE + 'CREATE UNIQUE INDEX "I" ON T (a);\n' + BUILD],
        [MAKE + "CREATE INDEX i ON t (a);\n" + BUILD + "CREATE INDEX i ON t (a);", BUILD,
         "CREATE TABLE t (a UNIQUE);\n" + BUILD, MAKE + "CREATE INDEX i ON t (a);\nDROP TABLE t;"]),
    "sqlite-keys-on-drop": (
        ["PRAGMA foreign_keys = ON;\n" + BUILD, "PRAGMA foreign_keys(1);\nDROP TABLE t;",
         "pragma Foreign_Keys=yes;\nSELECT 1;\nDROP TABLE IF EXISTS t;"],
        ["PRAGMA foreign_keys = OFF;\n" + BUILD + "PRAGMA foreign_keys = ON;", BUILD,
         "PRAGMA foreign_keys = ON;\nDELETE FROM t WHERE a = 1;"]),
    "sqlite-all-rows": (
        ["DELETE FROM t;", "UPDATE t SET a = (SELECT b FROM u WHERE c = 1);",
         "UPDATE OR IGNORE t SET a = 1;"],
        ["DELETE FROM t WHERE a = 1;", "UPDATE t SET a = 1 WHERE true;", MAKE + "UPDATE t SET a = 1;",
         "INSERT INTO t (a) VALUES (1);", "DELETE FROM t ORDER BY a LIMIT 5;"]),
    "sqlite-copy-by-place": (
        ["INSERT INTO n SELECT * FROM t;", "INSERT OR REPLACE INTO n SELECT * FROM t;",
         "REPLACE INTO n SELECT * FROM t;"],
        ["INSERT INTO n (a) SELECT * FROM t;", "INSERT INTO n SELECT a FROM t;", "SELECT * FROM t;"]),
    "sqlite-vacuum": (["VACUUM;", "vacuum main;", "VACUUM INTO 'x';"],
                      ["PRAGMA optimize;", "ANALYZE;", "PRAGMA incremental_vacuum;"]),
}
FIRING = [pytest.param(rule, sql, id=f"{rule}-{i}") for rule, (bad, _) in SHAPES.items()
          for i, sql in enumerate(bad)]
SILENT = [pytest.param(rule, sql, id=f"{rule}-{i}") for rule, (_, good) in SHAPES.items()
          for i, sql in enumerate(good)]


@pytest.mark.parametrize("rule, sql", FIRING)
def test_a_rule_speaks(desk, rule, sql):  # noqa: F811
    assert rule in rules_of(lint(desk, sql, dialect="sqlite"))


@pytest.mark.parametrize("rule, sql", SILENT)
def test_a_rule_is_silent(desk, rule, sql):  # noqa: F811
    assert rule not in rules_of(lint(desk, sql, dialect="sqlite"))


def test_a_renamed_table_takes_its_references_along():
    """What sqlite-rebuild-order says, and that its safe form is safe."""
    for text, broken in ((OLD_FIRST, True), (BUILD, False)):
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
            connection.executescript(MAKE + CHILD + text)
            sql, = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'c'").fetchone()
            assert ('"o"' in sql) == broken


def test_what_earlier_files_made_is_known(desk):  # noqa: F811
    """The files of a folder, in their order: nothing names the table that is renamed, or something does."""
    folder = desk.folder / "sql"
    folder.mkdir()
    (folder / "1.sql").write_text(MAKE)
    (folder / "2.sql").write_text(OLD_FIRST)
    silent = desk.run("--json", "lint", "--dialect", "sqlite", folder).json()["findings"]
    assert rules_of(silent) == set()
    (folder / "1.sql").write_text(MAKE + CHILD)
    found, = desk.run("--json", "lint", "--dialect", "sqlite", folder).json()["findings"]
    assert found["rule"] == "sqlite-rebuild-order"


@pytest.mark.parametrize("sql", [
    "ATTACH '{}' AS a;", "VACUUM INTO '{}';", "SELECT load_extension('{}');",
    "CREATE VIEW v AS SELECT load_extension('{}');\nSELECT * FROM v;",
    "CREATE TABLE t (a);\nCREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT writefile('{}', 'x'); END;",
    "EXPLAIN ATTACH '{}' AS a;", "PRAGMA temp_store_directory = '{}';",
    "CREATE VIRTUAL TABLE c USING csv('{}');",
    "/* */ ATTACH DATABASE '{}' AS a; CREATE TABLE a.t (b);",
])
def test_no_statement_reaches_a_file(desk, sql):  # noqa: F811
    path = desk.folder / "reached"
    before = sorted(desk.folder.rglob("*"))
    lint(desk, sql.format(path), dialect="sqlite")
    assert sorted(desk.folder.rglob("*")) == sorted([*before, desk.folder / "text.sql"])


@pytest.mark.parametrize("sql", [
    "CREATE TABLE t AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c;",
    "CREATE TABLE t AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
    " SELECT count(*) FROM c;",
    "CREATE TABLE t AS SELECT zeroblob(1000000000);",
    "CREATE TABLE t AS SELECT replace(hex(zeroblob(500000)), '0', hex(zeroblob(500000)));",
    "CREATE VIEW v AS SELECT " + "(" * 5000 + "1" + ")" * 5000 + ";",
])
def test_no_statement_works_for_long(desk, sql):  # noqa: F811
    assert {"sqlite-refuses"} >= rules_of(lint(desk, sql, dialect="sqlite"))
