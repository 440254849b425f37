"""What only SQLite does: table rebuilds, foreign keys, journal modes, one writer at a time."""

import sqlite3
import threading
from contextlib import closing

import pytest

from support import ledger
from support.ledger import version
from support.sqlite import SqliteDatabase


@pytest.fixture
def database(tmp_path):
    return SqliteDatabase(tmp_path / "database.db")


@pytest.fixture
def pawl(make_pawl, database):
    return make_pawl(database.url)


FAMILY = """
CREATE TABLE parent (id integer PRIMARY KEY, name text);
CREATE TABLE child (id integer PRIMARY KEY,
                    parent integer NOT NULL REFERENCES parent ON DELETE CASCADE);
INSERT INTO parent VALUES (1, 'a'), (2, 'b');
INSERT INTO child VALUES (10, 1), (11, 1), (12, 2);
"""

REBUILD = """
CREATE TABLE new_parent (id integer PRIMARY KEY, name text NOT NULL, age integer);
INSERT INTO new_parent (id, name) SELECT id, name FROM parent;
DROP TABLE parent;
ALTER TABLE new_parent RENAME TO parent;
"""


# ---- table rebuilds and foreign keys ----

@pytest.mark.parametrize("text", [
    REBUILD,
    f"PRAGMA foreign_keys=OFF;\n{REBUILD}PRAGMA foreign_keys=ON;\n",
    f"PRAGMA foreign_keys = off;\nBEGIN TRANSACTION;\n{REBUILD}PRAGMA foreign_key_check;\n"
    "COMMIT;\nPRAGMA foreign_keys = on;\n",
    f"PRAGMA defer_foreign_keys = ON;\n{REBUILD}",
], ids=["plain", "off-on", "own-transaction", "defer"])
def test_a_table_rebuild_loses_no_child(pawl, database, text):
    pawl.write(f"{version(1)}_family", FAMILY)
    pawl.write(f"{version(2)}_rebuild", text)
    pawl.run("deploy", check=0)
    assert database.query("SELECT id, name, age FROM parent ORDER BY 1") == [
        (1, "a", None), (2, "b", None)]
    assert database.query("SELECT id, parent FROM child ORDER BY 1") == [(10, 1), (11, 1), (12, 2)]
    assert database.query("PRAGMA foreign_key_list(child)")[0][2] == "parent"
    with closing(database.connect()) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("DELETE FROM parent WHERE id = 1")
        assert connection.execute("SELECT id FROM child").fetchall() == [(12,)]


@pytest.mark.parametrize("drop", ["DROP TABLE parent", "drop /* it */ table IF EXISTS parent"])
def test_dropping_a_table_with_foreign_keys_on_is_refused(pawl, database, drop):
    pawl.write(f"{version(1)}_family", FAMILY)
    pawl.run("deploy", check=0)
    before = ledger.whole_dump(database)
    path = pawl.write(f"{version(2)}_rebuild",
                      f"PRAGMA foreign_keys=ON;\n{REBUILD.replace('DROP TABLE parent', drop)}")
    result = pawl.run("deploy", check=3)
    assert path.name in result.err and "Remove PRAGMA foreign_keys=ON" in result.err
    assert ledger.whole_dump(database) == before


def test_a_file_may_ask_for_foreign_keys_where_it_drops_no_table(pawl, database):
    pawl.write(f"{version(1)}_family", FAMILY)
    pawl.write(f"{version(2)}_delete", "PRAGMA foreign_keys=ON;\nDELETE FROM parent WHERE id = 1;\n")
    pawl.write(f"{version(3)}_rebuild", REBUILD)
    pawl.run("deploy", check=0)
    assert database.query("SELECT id FROM child") == [(12,)]
    assert database.query("SELECT id FROM parent") == [(2,)]


def test_a_migration_that_leaves_orphans_is_rolled_back(pawl, database):
    pawl.write(f"{version(1)}_family", FAMILY)
    pawl.run("deploy", check=0)
    schema = database.dump()
    pawl.write(f"{version(2)}_orphans", "CREATE TABLE x (id integer);\n"
               "DELETE FROM parent WHERE id = 2;\n")
    result = pawl.run("deploy", check=1)
    assert f"{version(2)}_orphans.sql" in result.err
    assert 'row 12 of "child" has no row in "parent"' in result.err
    assert database.query("SELECT id FROM parent") == [(1,), (2,)] and database.dump() == schema
    assert ledger.applied(database) == [f"{version(1)}_family"]
    ledger.assert_whole(database)


def test_orphans_of_before_do_not_hide_new_ones(pawl, database):
    pawl.write(f"{version(1)}_family", FAMILY + "INSERT INTO child VALUES (99, 7);\n")
    assert 'row 99 of "child"' in pawl.run("deploy", check=1).err
    pawl.write(f"{version(1)}_family", FAMILY)
    pawl.run("deploy", check=0)
    database.query("INSERT INTO child VALUES (99, 7)")  # by someone with foreign keys off
    pawl.write(f"{version(2)}_harmless", "CREATE TABLE x (id integer);")
    pawl.run("deploy", check=0)
    # As many orphans as before, but another one.
    pawl.write(f"{version(3)}_swap", "UPDATE child SET parent = 1 WHERE id = 99;\n"
               "UPDATE child SET parent = 7 WHERE id = 10;\n")
    assert 'row 10 of "child"' in pawl.run("deploy", check=1).err
    # One more: it is the new one that is named.
    pawl.write(f"{version(3)}_swap", "UPDATE child SET parent = 7 WHERE id = 11;\n")
    assert 'row 11 of "child"' in pawl.run("deploy", check=1).err
    assert database.query("SELECT id FROM child WHERE parent = 7") == [(99,)]


def test_a_rebuild_keeps_the_orphans_of_before(pawl, database):
    """Their row numbers may change, and the migration is not to blame for them."""
    pawl.write(f"{version(1)}_tables", "CREATE TABLE parent (id integer PRIMARY KEY);\n"
               "CREATE TABLE child (parent integer REFERENCES parent);\n"
               "INSERT INTO child VALUES (NULL), (NULL), (NULL);\nDELETE FROM child WHERE rowid < 3;")
    pawl.run("deploy", check=0)
    database.query("UPDATE child SET parent = 5")
    assert database.query("SELECT rowid FROM child") == [(3,)]
    pawl.write(f"{version(2)}_rebuild", "CREATE TABLE n (parent integer REFERENCES parent, x text);\n"
               "INSERT INTO n (parent) SELECT parent FROM child;\nDROP TABLE child;\n"
               "ALTER TABLE n RENAME TO child;\n")
    pawl.run("deploy", check=0)
    assert database.query("SELECT rowid, parent FROM child") == [(1, 5)]


# ---- statements that are special ----

def test_vacuum_is_a_step(pawl, database):
    pawl.write(f"{version(1)}_v", "CREATE TABLE t (x text);\nINSERT INTO t VALUES ('a');\nVACUUM;\n"
               "INSERT INTO t VALUES ('b');\n")
    pawl.run("deploy", check=0)
    assert database.query("SELECT x FROM t ORDER BY 1") == [("a",), ("b",)]
    assert ledger.applied(database) == [f"{version(1)}_v"]
    assert "step" in ledger.events(database)
    ledger.assert_whole(database)


def test_a_journal_mode_is_a_step(pawl, database):
    pawl.write(f"{version(1)}_wal", "PRAGMA journal_mode = WAL;\nCREATE TABLE t (x text);\n")
    pawl.write(f"{version(2)}_u", "CREATE TABLE u (x text);\n")
    pawl.run("deploy", check=0)
    assert database.query("PRAGMA journal_mode") == [("wal",)]
    assert database.tables() == ["t", "u"]
    ledger.assert_whole(database)


def test_triggers_are_one_statement(pawl, database):
    pawl.write(f"{version(1)}_trigger", """
        CREATE TABLE t (id integer PRIMARY KEY, n integer);
        CREATE TABLE log (what text);
        CREATE TRIGGER t_log AFTER UPDATE ON t FOR EACH ROW WHEN new.n > 0 BEGIN
          INSERT INTO log VALUES (CASE WHEN new.n > 1 THEN 'many; "END"' ELSE 'one' END);
          UPDATE t SET n = -1 WHERE id = new.id; -- END;
        END;
        CREATE TEMP TRIGGER unseen AFTER INSERT ON t BEGIN SELECT 1; END;
        INSERT INTO t VALUES (1, 0);
        UPDATE t SET n = 5;
        """)
    pawl.run("deploy", check=0)
    assert database.query("SELECT what FROM log") == [('many; "END"',)]
    assert database.query("SELECT n FROM t") == [(-1,)]


def test_names_and_values_of_any_kind(pawl, database):
    pawl.write(f"{version(1)}_names", 'CREATE TABLE "a;b" (`c;d` text, [e;f] text);\n'
               "INSERT INTO \"a;b\" VALUES (x'3b', 'é;''漢');\n")
    pawl.run("deploy", check=0)
    assert database.query('SELECT * FROM "a;b"') == [(b";", "é;'漢")]


# ---- others at the same file ----

@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_busy_writer_is_waited_for(pawl, database, mode):
    database.query(f"PRAGMA journal_mode = {mode}")
    pawl.write(f"{version(1)}_t", "CREATE TABLE t (x text);")
    pawl.run("deploy", check=0)
    before = ledger.whole_dump(database)
    pawl.write(f"{version(2)}_u", "CREATE TABLE u (x text);")
    with closing(database.connect()) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO t VALUES ('theirs')")
        result = pawl.run("deploy", "--wait", "300ms", check=5, timeout=20)
        assert "locked" in result.err or "at work" in result.err
        writer.execute("ROLLBACK")
    assert ledger.whole_dump(database) == before
    writer = sqlite3.connect(database.path, isolation_level=None, check_same_thread=False)
    writer.execute("BEGIN IMMEDIATE")
    deploy = pawl.spawn("deploy")
    timer = threading.Timer(0.7, writer.execute, ["COMMIT"])
    timer.start()
    deploy.finish(check=0)
    timer.join()
    writer.close()
    assert database.tables() == ["t", "u"]
    ledger.assert_whole(database)


def test_a_first_deploy_waits_for_a_busy_writer_too(pawl, database):
    database.query("VACUUM")  # makes the file
    pawl.write(f"{version(1)}_t", "CREATE TABLE t (x text);")
    with closing(database.connect()) as writer:
        writer.execute("BEGIN IMMEDIATE")
        pawl.run("deploy", "--wait", "300ms", check=5, timeout=20)
    assert not ledger.exists(database)
    pawl.run("deploy", check=0)


def test_a_reader_at_the_commit_is_waited_for(pawl, database):
    pawl.write(f"{version(1)}_t", "CREATE TABLE t (x text);\nINSERT INTO t VALUES ('a');")
    pawl.run("deploy", check=0)
    pawl.write(f"{version(2)}_u", "CREATE TABLE u (x text);")
    reader = sqlite3.connect(database.path, isolation_level=None, check_same_thread=False)
    reader.execute("BEGIN")
    assert reader.execute("SELECT x FROM t").fetchall() == [("a",)]
    result = pawl.run("deploy", "--wait", "300ms", check=5, timeout=20)
    assert "locked" in result.err
    assert reader.execute("SELECT x FROM t").fetchall() == [("a",)]
    deploy = pawl.spawn("deploy")
    timer = threading.Timer(0.7, reader.execute, ["COMMIT"])
    timer.start()
    deploy.finish(check=0)
    timer.join()
    reader.close()
    assert database.tables() == ["t", "u"]
    ledger.assert_whole(database)


def test_ready_gives_up_on_a_writer_that_holds_the_whole_file(pawl, make_pawl, database):
    pawl.config({"target.main": {"url": database.url}, "deploy": {"connect_timeout": "1s"}})
    pawl.write(f"{version(1)}_t", "CREATE TABLE t (x text);")
    pawl.run("deploy", check=0)
    with closing(database.connect()) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        for command in ("ready", "status"):
            assert "locked" in pawl.run(command, check=9 if command == "ready" else None).err
    pawl.run("ready", check=0)


def test_a_reader_of_a_wal_database_holds_up_nothing(pawl, database):
    pawl.write(f"{version(1)}_t", "PRAGMA journal_mode = WAL;\nCREATE TABLE t (x text);")
    pawl.run("deploy", check=0)
    pawl.write(f"{version(2)}_u", "CREATE TABLE u (x text);")
    with closing(database.connect()) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT x FROM t").fetchall()
        pawl.run("deploy", "--wait", "0s", check=0)
        pawl.run("ready", check=0)
        assert reader.execute("SELECT name FROM sqlite_schema WHERE name = 'u'").fetchall() == []
    assert database.tables() == ["t", "u"]


def test_a_file_that_is_no_database_is_left_alone(pawl, database):
    database.path.write_text("Dear diary, this is no database. " * 50)
    pawl.write(f"{version(1)}_t", "CREATE TABLE t (x text);")
    for command in ("deploy", "ready", "status"):
        assert "not a database" in pawl.run(command, check=9).err
    assert database.path.read_text().startswith("Dear diary")


def test_reading_makes_no_file(pawl, database):
    pawl.write(f"{version(1)}_t", "CREATE TABLE t (x text);")
    assert pawl.run("ready").code == 4
    for command in (["status"], ["log"], ["deploy", "--dry-run"]):
        pawl.run(*command, check=0)
    assert not database.path.exists()
