"""What pawl compat says of an old release's statements, held against what really happens to them."""

import os
import time

import psycopg
import pytest
from psycopg import sql

# make test-compat: each change, and more statements.
FULL = os.environ.get("PAWL_TEST_FULL") == "1"

BASE = """
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN short AS text CHECK (length(VALUE) < 100);
CREATE DOMAIN number AS int CHECK (VALUE > 0);
CREATE DOMAIN given AS int NOT NULL CHECK (VALUE > 0);
CREATE TYPE address AS (street text, zip text);
CREATE TABLE p (id int PRIMARY KEY, title text);
CREATE TABLE d (id int PRIMARY KEY, n number DEFAULT 1, s given DEFAULT 1, a address);
CREATE TABLE kid (p_id int REFERENCES p ON DELETE CASCADE, note text);
CREATE TABLE loose (id int, x text);
CREATE SCHEMA lib;
CREATE TABLE lib.x (id int);
CREATE VIEW early AS SELECT id, title FROM p WHERE id < 5;
CREATE FUNCTION deep() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM lib.x); END';
CREATE TABLE t (id int PRIMARY KEY, a int UNIQUE, b text DEFAULT 'b', vc varchar(20), e mood, s short,
    p_id int REFERENCES p, at timestamp);
CREATE TABLE log (id int GENERATED ALWAYS AS IDENTITY, what text);
CREATE TABLE part (id int, x text) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (100);
CREATE SEQUENCE numbers;
CREATE VIEW v AS SELECT id, a FROM t;
CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION body(n int) RETURNS text LANGUAGE plpgsql AS
    'BEGIN RETURN (SELECT b FROM t WHERE id = n); END';
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO log(what) VALUES (NEW.title); RETURN NEW; END';
CREATE TRIGGER audit AFTER INSERT OR UPDATE ON p FOR EACH ROW EXECUTE FUNCTION audit();
INSERT INTO p VALUES (1, 'one'), (2, 'two');
INSERT INTO t VALUES (1, 1, 'x', 'y', 'ok', 's', 1, '2020-01-01'), (2, 2, 'q', 'z', 'sad', NULL, NULL, NULL);
INSERT INTO part VALUES (1, 'one');
INSERT INTO kid VALUES (2, 'of two');
INSERT INTO d VALUES (1, 1, 1, ROW('a', 'b'));
"""

STATEMENTS = [
    ("SELECT id, a FROM t WHERE id = $1", (1,)),
    ("SELECT * FROM t ORDER BY id", ()),
    ("SELECT b FROM t WHERE vc = $1 ORDER BY a", ("y",)),
    ("SELECT e FROM t WHERE e = $1", ("ok",)),
    ("SELECT id FROM t WHERE e = 'ok'", ()),
    ("SELECT at FROM t WHERE id = 1", ()),
    ("SELECT to_jsonb(t) -> 'b' FROM t WHERE id = 1", ()),
    ("SELECT id FROM p WHERE title IN (SELECT b FROM t)", ()),
    ("SELECT id FROM v WHERE a = $1", (1,)),
    ("SELECT f($1)", (1,)),
    ("SELECT body($1)", (1,)),
    ("SELECT nextval('numbers') > 0", ()),
    ("INSERT INTO t (id, a) VALUES ($1, $2)", (7, 7)),
    ("INSERT INTO t (id, a) VALUES ($1, $2) RETURNING *", (7, 7)),
    ("INSERT INTO t (id) VALUES ($1) RETURNING b", (7,)),
    ("INSERT INTO t VALUES ($1, $2, $3)", (7, 7, "seven")),
    ("INSERT INTO t (id, a) VALUES ($1, $2) ON CONFLICT (a) DO NOTHING", (7, 1)),
    ("INSERT INTO t (id, a) VALUES ($1, $2) ON CONFLICT DO NOTHING", (7, 1)),
    ("INSERT INTO t (id, a) VALUES ($1, $2) ON CONFLICT ON CONSTRAINT t_a_key DO UPDATE SET b = 'c'",
     (7, 1)),
    ("INSERT INTO t (id, b, vc, s, p_id) VALUES ($1, $2, $3, $4, $5)",
     (7, None, "long text here", "short", None)),
    ("WITH new AS (INSERT INTO p VALUES ($1, $2) RETURNING id) SELECT id FROM new", (7, "seven")),
    ("UPDATE t SET b = $1 WHERE id = $2", (None, 1)),
    ("UPDATE t SET vc = $1, s = $2 WHERE id = 1", ("a longer text", "y")),
    ("DELETE FROM t WHERE id = $1", (1,)),
    ("DELETE FROM p WHERE id = $1", (2,)),
    ("MERGE INTO t USING p ON t.id = p.id WHEN MATCHED THEN UPDATE SET b = p.title"
     " WHEN NOT MATCHED THEN INSERT (id) VALUES (p.id)", ()),
    ("INSERT INTO part VALUES ($1, $2)", (2, "two")),
    ("SELECT * FROM t NATURAL JOIN p", ()),
    ("UPDATE p SET title = $1 WHERE id = $2", ("new", 1)),
    ("SELECT x.id, x.a FROM t x WHERE x.id = $1", (1,)),
    ("SELECT vc FROM t WHERE id = $1", (1,)),
    ("SELECT to_jsonb(t) FROM t WHERE id = 1", ()),
    ("SELECT json_agg(t.*)::text FROM t WHERE id = 1", ()),
    ("SELECT row_to_json(x)::text FROM (SELECT * FROM p WHERE id = 1) x", ()),
    ("SELECT id FROM p WHERE EXISTS (SELECT * FROM t)", ()),
    ("UPDATE t SET at = $1 WHERE id = $2", ("2021-01-01", 1)),
    ("UPDATE d SET n = $1 WHERE id = $2", (None, 1)),
    ("UPDATE d SET s = $1 WHERE id = $2", (2, 1)),
    ("SELECT a::text FROM d", ()),
    ("SELECT e::text FROM t", ()),
    ("INSERT INTO d (id) VALUES ($1) RETURNING id", (7,)),
    ("UPDATE d SET a = $1 WHERE id = 1", ("(a,b)",)),
    ("SELECT deep()", ()),
    ("INSERT INTO early VALUES ($1, $2)", (7, "x")),
    ("INSERT INTO loose VALUES ($1, $2)", (300, "x")),
]

CHANGES = {
    "nothing of theirs": "CREATE TABLE other (id int); CREATE INDEX ON t (b)",
    "add a column": "ALTER TABLE t ADD n int",
    "add a column with a default": "ALTER TABLE t ADD n int NOT NULL DEFAULT 1",
    "add a column that must be given": "ALTER TABLE t ADD n int NOT NULL DEFAULT 1; ALTER TABLE t ALTER n DROP DEFAULT",
    "add a title": "ALTER TABLE t ADD title text",
    "drop a column": "ALTER TABLE t DROP b",
    "drop and add a column": "ALTER TABLE t DROP b; ALTER TABLE t ADD b text DEFAULT 'b'",
    "rename a column": "ALTER TABLE t RENAME b TO bb",
    "rename the title": "ALTER TABLE p RENAME title TO heading",
    "rename a table": "ALTER TABLE t RENAME TO t2",
    "a view in place": "ALTER TABLE t RENAME TO t2; CREATE VIEW t AS SELECT * FROM t2",
    "another schema": "CREATE SCHEMA other; ALTER TABLE t SET SCHEMA other",
    "drop a table": "DROP TABLE t CASCADE",
    "drop the log": "DROP TABLE log",
    "a log that wants more": "TRUNCATE log; ALTER TABLE log ADD who text NOT NULL",
    "drop a unique": "ALTER TABLE t DROP CONSTRAINT t_a_key",
    "rename a unique": "ALTER TABLE t RENAME CONSTRAINT t_a_key TO other",
    "add a unique": "CREATE UNIQUE INDEX ON t ((b IS NULL)) WHERE b IS NULL",
    "add a check": "ALTER TABLE t ADD CHECK (a < 5)",
    "add a check not valid": "ALTER TABLE t ADD CONSTRAINT c CHECK (b IS NOT NULL) NOT VALID",
    "add a foreign key": "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p (id)",
    "be referred to": "CREATE TABLE c (p int REFERENCES p); INSERT INTO c SELECT id FROM p WHERE id = 2",
    "set not null": "ALTER TABLE t ALTER b SET NOT NULL",
    "set not null without default": "ALTER TABLE t ALTER vc SET NOT NULL",
    "drop a default": "ALTER TABLE t ALTER b DROP DEFAULT",
    "another default": "ALTER TABLE t ALTER b SET DEFAULT 'c'",
    "narrow": "ALTER TABLE t ALTER vc TYPE varchar(3)",
    "widen": "ALTER TABLE t ALTER vc TYPE varchar(40)",
    "to text": "ALTER TABLE t ALTER vc TYPE text",
    "to bigint": "DROP VIEW v; ALTER TABLE t ALTER a TYPE bigint; CREATE VIEW v AS SELECT id, a FROM t",
    "to another type": "ALTER TABLE t ALTER b DROP DEFAULT; ALTER TABLE t ALTER b TYPE int USING 0",
    "to timestamptz": "ALTER TABLE t ALTER at TYPE timestamptz",
    "identity": "ALTER TABLE t ALTER id ADD GENERATED ALWAYS AS IDENTITY",
    "generated": "ALTER TABLE t DROP b; ALTER TABLE t ADD b text GENERATED ALWAYS AS (vc) STORED",
    "rename a label": "ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'",
    "add a label": "ALTER TYPE mood ADD VALUE 'glad'",
    "stricter domain": "ALTER DOMAIN short ADD CHECK (VALUE <> 'short')",
    "raising trigger": "CREATE FUNCTION r() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END';"
                       "CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION r()",
    "silent trigger": "CREATE FUNCTION r() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
                      "CREATE TRIGGER r BEFORE INSERT OR UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION r()",
    "trigger's function": "CREATE OR REPLACE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS "
                          "'BEGIN RAISE ''no''; END'",
    "a rule": "CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING",
    "row security": "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
    "a view's body": "CREATE OR REPLACE VIEW v AS SELECT id, a FROM t WHERE false",
    "a wider view": "CREATE OR REPLACE VIEW v AS SELECT id, a, b FROM t",
    "drop a view": "DROP VIEW v",
    "a function's body": "CREATE OR REPLACE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT -$1'",
    "an overload": "CREATE FUNCTION f(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT $1'",
    "another result": "DROP FUNCTION f(int); CREATE FUNCTION f(int) RETURNS text LANGUAGE sql AS 'SELECT ''x'''",
    "drop a function": "DROP FUNCTION f(int)",
    "drop a sequence": "DROP SEQUENCE numbers",
    "detach a partition": "ALTER TABLE part DETACH PARTITION part_1",
    "revoke": "REVOKE SELECT ON t FROM compat_app",
    "revoke a sequence": "REVOKE ALL ON SEQUENCE numbers FROM compat_app",
    "a view anew": "DROP VIEW v; CREATE VIEW v AS SELECT id, a FROM t",
    "to varchar": "ALTER TABLE t ALTER b TYPE varchar(10)",
    "to an enum": "ALTER TABLE t ALTER vc TYPE mood USING NULL",
    "an enum to text": "ALTER TABLE t ALTER e TYPE text",
    "an enum anew": "ALTER TABLE t ALTER e TYPE text; DROP TYPE mood; CREATE TYPE mood AS ENUM ('sad', 'ok');"
                    "ALTER TABLE t ALTER e TYPE mood USING e::mood",
    "another collation": "ALTER TABLE t ALTER vc TYPE varchar(20) COLLATE \"C\"",
    "domain not null": "ALTER DOMAIN number SET NOT NULL",
    "a longer composite": "ALTER TYPE address ADD ATTRIBUTE country text",
    "revoke a schema": "REVOKE USAGE ON SCHEMA lib FROM compat_app",
    "a view that checks": "ALTER VIEW early SET (check_option = local)",
    "a trigger on what cascades": "CREATE FUNCTION r() RETURNS trigger LANGUAGE plpgsql AS"
                                  " 'BEGIN RAISE ''no''; END';"
                                  "CREATE TRIGGER r BEFORE DELETE ON kid FOR EACH ROW EXECUTE FUNCTION r()",
    "a column that refers": "ALTER TABLE t ADD n int UNIQUE REFERENCES p",
    "a check of a domain": "ALTER DOMAIN number ADD CHECK (VALUE IS NOT NULL)",
    "attach a partition": "ALTER TABLE part ATTACH PARTITION loose FOR VALUES FROM (100) TO (200)",
}

# Those of a short run: the server says it, the catalogs say it, values and drivers see it.
FEW = ["nothing of theirs", "add a column", "drop a column", "set not null", "to bigint", "an enum anew"]

GRANTS = """
GRANT ALL ON ALL TABLES IN SCHEMA public TO compat_app;
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO compat_app;
GRANT USAGE ON SCHEMA lib TO compat_app;
GRANT ALL ON ALL TABLES IN SCHEMA lib TO compat_app;
"""


@pytest.fixture
def app_role(cluster):
    with cluster.connect() as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'compat_app'").fetchone():
            connection.execute("CREATE ROLE compat_app")
    return "compat_app"


@pytest.fixture
def shop(pg, make_pawl, app_role):
    pawl = make_pawl(pg.url)
    pawl.config({"check": {"shadow": "target"}, "target.main": {"url": pg.url, "app_role": app_role}})
    pawl.write("20250101000000_base", BASE + GRANTS)
    pawl.run("deploy", check=0)
    pawl.pg = pg
    return pawl


def write_queries(pawl, *statements, release="1.0", name="all"):
    folder = pawl.folder / "queries" / release
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.sql").write_text("".join(f"{text}\n;\n" for text in statements))


def outcome(connection, text, parameters=None):
    """What the server answers, with real values, and undone again."""
    connection.execute("BEGIN")
    try:
        connection.execute("SET LOCAL ROLE compat_app")
        cursor = connection.execute(text, parameters)
        if cursor.description is None:
            return ("rows", cursor.rowcount)
        return ([(column.name, column.type_code) for column in cursor.description],
                sorted(map(repr, cursor.fetchall())))
    except psycopg.Error as error:
        return ("fails", error.sqlstate)
    finally:
        connection.execute("ROLLBACK")


def statements_of(cluster):
    """MERGE is there from PostgreSQL 15 on."""
    return [one for one in STATEMENTS if cluster.major >= 15 or not one[0].startswith("MERGE")]


class Drivers:
    """The statements as three drivers send them: one lets the server find the types of parameters,
    one says those of the old schema, one has prepared them before and still has its connection."""

    def __init__(self, pg):
        self.pg = pg
        self.open = pg.connect(prepare_threshold=None)
        self.types = []
        self.statements = statements_of(pg.cluster)
        for number, (text, _) in enumerate(self.statements):
            self.open.execute(f"PREPARE s{number} AS {text}")
            found = self.open.execute("SELECT parameter_types::text[] FROM pg_prepared_statements"
                                      " WHERE name = %s", [f"s{number}"]).fetchone()[0]
            self.types.append(f"({', '.join(found)})" if found else "")

    def execute(self, connection, number):
        values = sql.SQL(", ").join(sql.Literal(value) for value in self.statements[number][1])
        call = sql.SQL("EXECUTE {}({})") if self.statements[number][1] else sql.SQL("EXECUTE {}")
        return outcome(connection, call.format(sql.SQL(f"s{number}"), values))

    def declared(self, connection, number):
        try:
            connection.execute(f"PREPARE s{number} {self.types[number]} AS {self.statements[number][0]}")
        except psycopg.Error as error:
            return ("fails", error.sqlstate)
        return self.execute(connection, number)

    def outcomes(self):
        said = []
        with self.pg.connect(prepare_threshold=None) as connection:
            for number, (text, parameters) in enumerate(self.statements):
                for place in range(len(parameters), 0, -1):
                    text = text.replace(f"${place}", "%s")
                said.append((outcome(connection, text, parameters), self.declared(connection, number),
                             self.execute(self.open, number)))
        return said


def verdicts(answer):
    """The worst of each line of the one file: a statement takes two lines."""
    order = ["note", "warning", "error"]
    worst = {}
    for verdict in answer["verdicts"]:
        number = (verdict["line"] - 1) // 2
        worst[number] = max(worst.get(number, "note"), verdict["severity"], key=order.index)
    return worst


def is_broken(before, after):
    """It fails, or a reader does not find its columns."""
    if after[0] == "fails":
        return True
    return before[0] != after[0]


@pytest.mark.parametrize("change", CHANGES if FULL else FEW)
def test_no_statement_that_changes_is_called_fine(shop, change, figures):
    statements = statements_of(shop.pg.cluster)
    write_queries(shop, *(text for text, _ in statements))
    shop.write("20250102000000_change", CHANGES[change])
    drivers = Drivers(shop.pg)
    before = drivers.outcomes()
    assert all(one[0] != "fails" for said in before for one in said), before
    result = shop.run("compat", "--json")
    assert result.code in (0, 3), result
    answer = result.json()
    assert answer["judged"] == len(statements), result.out
    worst = verdicts(answer)
    with shop.pg.connect() as connection:
        connection.execute(CHANGES[change])
    after = drivers.outcomes()
    alarms = []
    for number, (text, _) in enumerate(statements):
        said = worst.get(number, "fine")
        if before[number] != after[number]:
            assert said in ("warning", "error"), (text, before[number], after[number])
        if said == "error":
            assert is_broken(before[number][0], after[number][0]), (text, answer["verdicts"])
        if said == "warning" and before[number] == after[number]:
            alarms.append(number)
    assert result.code == (3 if "error" in worst.values() else 0)
    if change == "nothing of theirs":
        assert worst == {}
    figures(f"{change}: {len(alarms)} of {len(statements)} were warned of without need: {alarms}")


# ---- the command ----

def databases(cluster):
    with cluster.connect() as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^pawl_'")
        return {name for name, in rows}


def test_the_migration_after_which_it_breaks(shop):
    write_queries(shop, "SELECT id FROM t", "SELECT b\nFROM t", name="one")
    shop.write("20250102000000_fine", "ALTER TABLE t ADD n int;")
    shop.write("20250103000000_drop", "ALTER TABLE t DROP b;")
    shop.write("20250104000000_later", "ALTER TABLE t ADD m int;")
    answer = shop.run("compat", "--json", check=3).json()
    verdict, = [one for one in answer["verdicts"] if one["severity"] == "error"]
    assert verdict["migration"] == "20250103000000_drop" and verdict["rule"] == "compat-breaks"
    assert verdict["migration_file"].endswith("20250103000000_drop.sql")
    assert verdict["file"].endswith("queries/1.0/one.sql") and verdict["line"] == 3
    assert 'column "b" does not exist (SQLSTATE 42703)' in verdict["what"]
    shop.run("compat", "--to", "20250102000000_fine", check=0)
    assert databases(shop.pg.cluster) == set()


def test_what_breaks_in_between_is_a_warning(shop):
    write_queries(shop, "SELECT b FROM t")
    shop.write("20250102000000_away", "ALTER TABLE t RENAME TO t2;")
    shop.write("20250103000000_back", "ALTER TABLE t2 RENAME TO t;")
    verdict, = shop.run("compat", "--json", check=0).json()["verdicts"]
    assert verdict["what"].startswith("until a later migration has run, it fails: ")
    assert (verdict["severity"], verdict["migration"]) == ("warning", "20250102000000_away")


def test_what_is_not_judged(shop):
    write_queries(shop, "SELECT nothing FROM t", "LISTEN x", "SELECT 1", "CREATE TABLE x AS SELECT 1")
    shop.write("20250102000000_drop", "DROP TABLE t CASCADE;")
    answer = shop.run("compat", "--json", check=0).json()
    assert answer["statements"] == 4 and answer["judged"] == 1
    assert [(one["line"], one["severity"]) for one in answer["verdicts"]] == \
        [(3, "note"), (7, "note"), (1, "warning")]


@pytest.mark.parametrize("text", ["SELECT id FROM t WHERE id = ?", "SELECT id FROM t WHERE id = :id"])
def test_placeholders_of_drivers(shop, text):
    write_queries(shop, "SELECT b::text FROM t", text)
    result = shop.run("compat", check=2)
    assert "parameters of statements are $1, $2, not ? or :name" in result.err and "all.sql:3:1" in result.err


def test_no_statements(shop):
    assert 'there are no statements in "queries"' in shop.run("compat", check=2).err
    write_queries(shop)
    assert "there are no statements" in shop.run("compat", check=2).err
    assert "there are no statements" in shop.run("compat", "--release", "2", check=2).err


def test_hostile_names(shop):
    name = 'a"b; DROP TABLE t; --\x1b[31m $1 %s {o}'
    quoted = '"' + name.replace('"', '""') + '"'
    shop.write("20250101000001_odd", f"CREATE TABLE {quoted} ({quoted} int);")
    shop.run("deploy", check=0)
    write_queries(shop, f"INSERT INTO {quoted} ({quoted}) VALUES ($1)", f"SELECT {quoted} FROM {quoted}")
    shop.write("20250102000000_tight", f"ALTER TABLE {quoted} ADD CHECK ({quoted} > 0);")
    shop.config({"check": {"shadow": "target"}, "target.main": {"url": shop.pg.url}})
    result = shop.run("compat", check=0)
    assert "may refuse what was allowed" in result.out and "\x1b" not in result.out + result.err


def test_a_migration_that_fails(shop):
    write_queries(shop, "SELECT 1")
    shop.write("20250102000000_bad", "SELECT 1;\nALTER TABLE nowhere ADD x int;")
    error = shop.run("compat", "--json", check=1).json()["error"]
    assert '"20250102000000_bad" fails in the copy' in error["message"] and error["line"] == 2


def test_without_the_right_to_make_databases(shop, cluster):
    with cluster.connect() as connection:
        connection.execute("DROP ROLE IF EXISTS compat_plain")
        connection.execute("CREATE ROLE compat_plain LOGIN")
    write_queries(shop, "SELECT 1")
    result = shop.run("compat", "--on", cluster.url(shop.pg.name, user="compat_plain"), check=3)
    assert "may not create databases" in result.err and "Nothing was changed." in result.err


def test_many_statements(shop, figures):
    write_queries(shop, *(f"SELECT id, a FROM t WHERE id = $1 AND a <> {n}" for n in range(1000)))
    shop.write("20250102000000_drop", "DROP VIEW v; ALTER TABLE t DROP a;")
    answer = shop.run("compat", "--json", check=3).json()
    assert answer["judged"] == 1000 and len(answer["verdicts"]) == 1000


def test_types_that_the_server_cannot_find(shop):
    write_queries(shop, "SELECT json_build_object($1, a, $2, b) FROM t",
                  "SELECT concat($2, $3, $1::int) FROM p")
    shop.write("20250102000000_drop", "ALTER TABLE t DROP b;")
    answer = shop.run("compat", "--json", check=3).json()
    verdict, = answer["verdicts"]
    assert answer["judged"] == 2 and 'column "b" does not exist' in verdict["what"]


def test_allow_silences_nothing(shop):
    write_queries(shop, "SELECT b FROM t")
    shop.write("20250102000000_drop", '-- pawl: phase=contract\n-- pawl: allow=drop-column reason="unread"\n'
                                      "ALTER TABLE t DROP b;")
    verdict, = shop.run("compat", "--json", check=3).json()["verdicts"]
    assert verdict["rule"] == "compat-breaks"


@pytest.mark.parametrize("text, place", [("SELECT 1;\nSELECT 'no end", "2:8"), ("SELECT 1;\n\\d t\n", "2:1"),
                                         ("SELECT \0 1", "1:8"), ("SELECT '\udcff'", "1:9")])
def test_a_file_that_is_no_sql(shop, text, place):
    write_queries(shop, "SELECT 1", name="a")
    (shop.folder / "queries/1.0/b.sql").write_bytes(text.encode(errors="surrogateescape"))
    result = shop.run("compat", check=3)
    assert f"queries/1.0/b.sql:{place}" in result.err and "\0" not in result.err
    assert databases(shop.pg.cluster) == set()


def test_statements_with_mistakes(shop):
    write_queries(shop, "SELECT FROM WHERE", "SELEC 1", "SELECT b FROM t", "SELECT ))))",
                  "INSERT INTO t VALUES (1,)")
    shop.write("20250102000000_drop", "ALTER TABLE t DROP b;")
    answer = shop.run("compat", "--json", check=3).json()
    assert [(one["line"], one["severity"]) for one in answer["verdicts"]] == \
        [(3, "note"), (1, "warning"), (7, "warning"), (9, "warning"), (5, "error")]


def test_hostile_names_of_files(shop):
    write_queries(shop, "SELECT b FROM t", release="1.0 \x1b[31m", name="a'; DROP TABLE t; --\x1b[2J\n\"")
    (shop.folder / "queries/1.0").mkdir(parents=True)
    (shop.folder / "queries/1.0/folder.sql").mkdir()
    shop.write("20250102000000_drop", "ALTER TABLE t DROP b;")
    assert "not a regular file" in shop.run("compat", check=2).err
    (shop.folder / "queries/1.0/folder.sql").rmdir()
    for arguments in ([], ["--format", "github"]):
        result = shop.run("compat", *arguments)
        assert "\x1b" not in result.out + result.err
    assert shop.run("compat", "--json", check=3).json()["verdicts"][0]["rule"] == "compat-breaks"


@pytest.mark.parametrize("release", ["", "../x", "a/b", "..", "a\nb"])
def test_a_release_that_is_no_folder_has_no_statements(shop, release):
    write_queries(shop, "SELECT 1")
    assert "cannot be the name of a folder" in shop.run("compat", "--release", release, check=2).err


def test_many_files(shop, figures):
    folder = shop.folder / "queries/1.0"
    folder.mkdir(parents=True)
    count = 10_000 if FULL else 2_000
    for number in range(count):
        (folder / f"{number:05}.sql").write_text(f"SELECT id, a FROM t WHERE id = $1 AND a <> {number};")
    shop.write("20250102000000_add", "ALTER TABLE t ADD n int;")
    started = time.monotonic()
    answer = shop.run("compat", "--json", check=0, timeout=300).json()
    assert (answer["judged"], answer["verdicts"]) == (count, [])
    figures(f"compat: {count} statements against one migration in {time.monotonic() - started:.0f} s")
    run = shop.spawn("compat")
    run.wait_for("applying 20250102000000_add")
    run.signal()
    assert run.finish(timeout=20).code == 128 + 15
    assert databases(shop.pg.cluster) == set()


# ---- capture ----

def test_capture(make_cluster, make_pawl):
    cluster = make_cluster(shared_preload_libraries="pg_stat_statements")
    pg = cluster.create_database()
    pawl = make_pawl(pg.url)
    pawl.write("20250101000000_one", "CREATE TABLE t (id int, at timestamp);")
    pawl.run("deploy", check=0)
    assert "has no pg_stat_statements" in pawl.run("capture", "--release", "1.0", check=3).err
    with pg.connect() as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        connection.execute("SELECT id FROM t WHERE at > timestamp '2020-01-01' - interval '1 day'")
        connection.execute("INSERT INTO t (id) VALUES (17)")
        connection.execute("LISTEN x")
    answer = pawl.run("capture", "--release", "1.0", "--json", check=0).json()
    text = (pawl.folder / "queries/1.0/captured.sql").read_text()
    assert answer["statements"] == text.count("\n;\n")
    assert "SELECT id FROM t WHERE at > $1::timestamp - $2::interval\n;\n" in text
    assert "INSERT INTO t (id) VALUES ($1)\n;\n" in text and "LISTEN" not in text and "pawl" not in text
    pawl.run("capture", "--release", "1.0", check=0)
    assert (pawl.folder / "queries/1.0/captured.sql").read_text() == text
    assert pawl.run("compat", "--on", "target", "--json", check=0).json()["judged"] == answer["statements"]


@pytest.mark.parametrize("release", ["", "../x", "a/b", ".."])
def test_a_release_that_is_no_folder(shop, release):
    assert "cannot be the name of a folder" in shop.run("capture", "--release", release, check=2).err


# ---- tests ----

def test_a_command_sees_the_schema_that_is_to_come(shop):
    shop.write("20250102000000_add", "ALTER TABLE t ADD fresh int;")
    script = 'psql -qAt "$DATABASE_URL" -c "SELECT fresh FROM t" && psql -qAt -c "SELECT current_database()"'
    result = shop.run("compat", "--tests", "--", "sh", "-c", script, check=0)
    assert "pawl_shadow_" in result.err and databases(shop.pg.cluster) == set()
    result = shop.run("compat", "--tests", "--", "sh", "-c", "exit 7", check=3)
    assert '"sh" failed with the pending migrations: exit code 7' in result.err
    assert databases(shop.pg.cluster) == set()
    shop.run("compat", "--tests", "--", "no-such-program", check=125)
    assert "behind --" in shop.run("compat", "--tests", check=2).err


def test_a_stop_ends_the_command_and_leaves_nothing(shop):
    run = shop.spawn("compat", "--tests", "--", "sh", "-c", "trap '' TERM; echo started; sleep 300 & sleep 300")
    run.wait_for("started")
    run.signal()
    assert run.finish(timeout=10).code == 128 + 15
    assert databases(shop.pg.cluster) == set()


def test_a_killed_run_is_swept_by_the_next(shop):
    run = shop.spawn("compat", "--tests", "--", "sh", "-c", "echo started; exec sleep 300")
    run.wait_for("started")
    run.kill()
    assert len(databases(shop.pg.cluster)) == 1
    shop.run("compat", "--tests", "--", "true", check=0)
    assert databases(shop.pg.cluster) == set()
