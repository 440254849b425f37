"""`pawl probe` among names, objects and servers that do not mean well."""

import signal
import time

import psycopg
import pytest
from support.server import wait_until

PROMPT_S = 5  # about one second is promised; the limit leaves room for a busy machine
ODD_NAMES = ("%s%n%d", 'a"b', "it's", "two\nlines", "tab\tand\\backslash", "-- no comment", "/* nor this", "$1",
             "\u00e9\u4e16\U0001f40d", "n" * 63, "select", "pawl_parent", "pawl_group", "pawl_rows", "a.b", " ")


def quote(name):
    return '"' + name.replace('"', '""') + '"'


@pytest.fixture
def target(make_pawl, pg):
    return make_pawl(pg.url)


def probe(pawl, text, *options, check=None, timeout=60):
    pawl.run("adopt", "--as-of", "none", check=0)
    pawl.write("20250102000000_next", text)
    return pawl.run("--json", "probe", *options, check=check, timeout=timeout)


def verdicts(result):
    return [one["verdict"] for one in result.json()["probes"]]


def backends(pg):
    return pg.query("SELECT pid FROM pg_stat_activity WHERE application_name = 'pawl'"
                    " AND datname = current_database()")


def wait_for_sleep(pg):
    wait_until(lambda: pg.query("SELECT 1 FROM pg_stat_activity WHERE application_name = 'pawl'"
                                " AND wait_event = 'PgSleep' AND datname = current_database()"), "the query runs")


# ---- names ----

@pytest.mark.parametrize("name", ODD_NAMES, ids=range(len(ODD_NAMES)))
def test_an_odd_name_is_a_name(name, target, pg):
    it = quote(name)
    pg.query(f"CREATE SCHEMA {it}; CREATE TABLE {it}.{it} ({it} int PRIMARY KEY, own int);"
             f"CREATE TABLE {it}.child ({it} int, x text); CREATE DOMAIN {it}.kind AS text;"
             f"CREATE TABLE {it}.kinds (x {it}.kind); INSERT INTO {it}.kinds VALUES ('a');"
             f"INSERT INTO {it}.{it} VALUES (1, 1), (2, 1); INSERT INTO {it}.child VALUES (7, 'x'), (7, 'y')")
    text = ";\n".join((
        f"ALTER TABLE {it}.child ALTER x TYPE int USING x::int",
        f"ALTER TABLE {it}.child ADD CONSTRAINT {it} FOREIGN KEY ({it}) REFERENCES {it}.{it} ({it})",
        f"ALTER TABLE {it}.child ADD UNIQUE ({it})",
        f"ALTER TABLE {it}.child ADD CHECK ({it} < 7)",
        f"ALTER TABLE {it}.{it} ADD EXCLUDE USING btree (own WITH =)",
        f"ALTER DOMAIN {it}.kind ADD CONSTRAINT {it} CHECK (VALUE <> 'a')",
        f"CREATE UNIQUE INDEX {it} ON {it}.{it} ((own + 1)) WHERE {it} > 0"))
    result = probe(target, text + ";", check=3)
    told = {(one["kind"], one["verdict"]) for one in result.json()["probes"]} - {("evaluate", "holds")}
    assert told == {(kind, "violated") for kind in
                    ("foreign-key", "unique", "check", "convert", "exclude", "domain")}, result
    shown = target.run("probe", "--queries", check=3)
    assert "\nlines" not in shown.out + shown.err


def test_what_an_expression_may_hold(target, pg):
    pg.query("CREATE TABLE t (x text); INSERT INTO t VALUES ('),('), ('--'), (NULL)")
    checks = ("x <> '),(' -- a comment, with ) in it\n", "x /* ) */ <> '--'", "x <> $$),($$", "x <> $q$--$q$",
              "x <> E'\\x2d\\x2d'", "x <> U&'\\002d-'", "(x) NOT IN ('--', '(')", "x <> concat('-', '-')")
    report = probe(target, "".join(f"ALTER TABLE t ADD CHECK ({one});\n" for one in checks), check=3)
    assert verdicts(report) == ["violated"] * len(checks), report


def test_a_parameter_stands_for_nothing(target, pg):
    pg.query("CREATE TABLE t (x int); INSERT INTO t VALUES (1)")
    result = probe(target, "ALTER TABLE t ADD CHECK (x > $1);")
    assert result.code == 3 and verdicts(result) == ["violated"] and "no parameters" in result.out


# ---- where names lead ----

SHOP = """CREATE SCHEMA shop; CREATE TABLE shop.t (a int); INSERT INTO shop.t VALUES (NULL);
CREATE TABLE t (a int); INSERT INTO t VALUES (1)"""


def test_names_are_those_of_the_targets_schema(target, pg):
    pg.query(SHOP)
    target.config({"target.main": {"url": pg.url, "schema": "shop"}})
    one, = probe(target, "ALTER TABLE t ALTER a SET NOT NULL;", check=3).json()["probes"]
    assert one["relation"] == "shop.t"


def test_names_are_those_of_the_roles_search_path(target, pg):
    pg.query(SHOP + f"; ALTER DATABASE {pg.name} SET search_path = shop, public")
    one, = probe(target, "ALTER TABLE t ALTER a SET NOT NULL;", check=3).json()["probes"]
    assert one["relation"] == "shop.t"


def test_a_search_path_that_the_set_changes_is_followed_or_deferred(target, pg):
    pg.query(SHOP)
    report = probe(target, "SET search_path = shop; ALTER TABLE t ALTER a SET NOT NULL;")
    assert [one["verdict"] for one in report.json()["probes"]] != ["holds"], report


def test_operators_in_the_way_are_not_used(target, pg):
    """A foreign key compares by the operators of its index, whatever "=" stands first in search_path."""
    pg.query("""CREATE SCHEMA trap; CREATE FUNCTION trap.never(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT true';
        CREATE OPERATOR trap.= (LEFTARG = int, RIGHTARG = int, FUNCTION = trap.never);
        CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1); CREATE TABLE c (pid int);
        INSERT INTO c VALUES (9)""" + f"; ALTER DATABASE {pg.name} SET search_path = trap, pg_catalog, public")
    text = "ALTER TABLE c ADD FOREIGN KEY (pid) REFERENCES p (id);"
    assert verdicts(probe(target, text, check=3)) == ["violated"]


# ---- what is no ordinary table ----

ODD_RELATIONS = {
    "view": ("CREATE VIEW v AS SELECT 1 AS a", "ALTER TABLE v ALTER a SET DEFAULT 2"),
    "materialized view": ("CREATE MATERIALIZED VIEW v AS SELECT 1 AS a UNION ALL SELECT 1", "CREATE UNIQUE INDEX ON v (a)"),
    "materialized view ok": ("CREATE MATERIALIZED VIEW v AS SELECT 1 AS a", "CREATE UNIQUE INDEX ON v (a)"),
    "temporary table": ("SELECT 1", "CREATE TEMP TABLE v (a int); ALTER TABLE v ALTER a SET NOT NULL"),
    "temporary table of the same name": ("CREATE TABLE v (a int); INSERT INTO v VALUES (NULL)",
                                         "CREATE TEMP TABLE v (a int); ALTER TABLE v ALTER a SET NOT NULL"),
    "foreign table": ("""CREATE EXTENSION file_fdw; CREATE SERVER s FOREIGN DATA WRAPPER file_fdw;
        CREATE FOREIGN TABLE v (a text) SERVER s OPTIONS (filename '/nothing/there')""",
                      "ALTER TABLE v ADD CHECK (a <> 'x')"),
    "partition of a foreign table": ("""CREATE EXTENSION file_fdw; CREATE SERVER s FOREIGN DATA WRAPPER file_fdw;
        CREATE TABLE v (a text) PARTITION BY LIST (a);
        CREATE FOREIGN TABLE f PARTITION OF v FOR VALUES IN ('x') SERVER s OPTIONS (filename '/nothing/there')""",
                                     "ALTER TABLE v ALTER a SET NOT NULL"),
    "sequence": ("CREATE SEQUENCE v", "ALTER TABLE v OWNER TO CURRENT_USER"),
    "no columns": ("CREATE TABLE v (); INSERT INTO v DEFAULT VALUES", "ALTER TABLE v ADD a int NOT NULL"),
    "unlogged": ("CREATE UNLOGGED TABLE v (a int); INSERT INTO v VALUES (NULL)", "ALTER TABLE v ALTER a SET NOT NULL"),
    "typed": ("CREATE TYPE k AS (a int); CREATE TABLE v OF k; INSERT INTO v VALUES (NULL)",
              "ALTER TABLE v ALTER a SET NOT NULL"),
}


@pytest.mark.parametrize("name", ODD_RELATIONS)
def test_an_odd_relation_has_the_servers_answer(name, target, pg):
    setup, text = ODD_RELATIONS[name]
    pg.query(setup)
    found = verdicts(probe(target, text + ";"))
    try:
        pg.query(f"BEGIN; {text}; ROLLBACK")
        fails = False
    except psycopg.Error:
        fails = True
    if {"deferred", "not asked"} & set(found):
        return
    assert ("violated" in found) == fails, found


def test_a_table_with_1600_columns(target, pg):
    columns = [f"column_number_{number}" for number in range(1600)]
    pg.query(f"CREATE TABLE t ({', '.join(f'{name} bool' for name in columns)}); INSERT INTO t DEFAULT VALUES")
    text = "".join(f"UPDATE t SET {name} = true WHERE {name} IS NULL;\n" for name in columns[:5])
    text += "".join(f"ALTER TABLE t ALTER {name} SET NOT NULL;\n" for name in columns[3:7])
    assert verdicts(probe(target, text, check=3)) == ["holds", "holds", "violated", "violated"]


# ---- many statements ----

def reading_ms(target, pg, count):
    """Time of a probe of that many statements, on tables in turn."""
    text = "".join(f"ALTER TABLE t{number % 20} ADD COLUMN c{number} int DEFAULT {number};\n"
                   f"ALTER TABLE t{number % 20} ADD CHECK (a < {number + 100});\n" for number in range(count // 2))
    target.write("20250102000000_next", text)
    start = time.monotonic()
    report = target.run("--json", "probe", check=0, timeout=300).json()
    elapsed_ms = (time.monotonic() - start) * 1000
    assert len(report["probes"]) == count // 2
    return elapsed_ms


def test_two_thousand_statements(target, pg, figures):
    pg.query("".join(f"CREATE TABLE t{number} (a int); INSERT INTO t{number} VALUES (1);" for number in range(20)))
    target.run("adopt", "--as-of", "none", check=0)
    few_ms, many_ms = reading_ms(target, pg, 500), reading_ms(target, pg, 2000)
    longest = max(len(one["query"]) for one in target.run("--json", "probe", check=0).json()["probes"])
    assert longest < 8000, "the queries grow with the square of the columns that are added"
    figures(f"probe: 500 statements in {few_ms:.0f} ms, 2000 in {many_ms:.0f} ms")


def test_a_table_that_is_changed_very_often_is_deferred(target, pg):
    pg.query("CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
    text = "".join(f"UPDATE t SET a = a + {number};\n" for number in range(300))
    report = probe(target, text + "ALTER TABLE t ADD CHECK (a > 0);", check=0)
    assert "too many earlier statements" in report.json()["probes"][-1]["words"]


def test_a_catalog_that_cannot_be_read_is_told(pg, make_pawl):
    name = f"{pg.name}_ascii"
    pg.cluster.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    try:
        with pg.cluster.connect(name) as connection:
            connection.execute("CREATE TABLE p (id int PRIMARY KEY)")
            connection.execute("DO $$ BEGIN EXECUTE format('CREATE TABLE %I (pid int REFERENCES p)',"
                               " 'c' || chr(233)); END $$")
        result = probe(make_pawl(pg.cluster.url(name)), "ALTER TABLE p ALTER id TYPE bigint;", check=0)
        unasked = [one for one in result.json()["probes"] if one["verdict"] == "not asked"]
        assert unasked and "invalid byte sequence" in unasked[0]["words"], result
        assert "data-unasked" in [found["rule"] for found in result.json()["findings"]]
    finally:
        pg.cluster.execute(f"DROP DATABASE {name}")


# ---- servers and lines ----

BAD = "CREATE TABLE t (a int); INSERT INTO t VALUES (NULL), (1), (1)"
TWO = "ALTER TABLE t ALTER a SET NOT NULL; ALTER TABLE t ADD UNIQUE (a);"
SLOW = "CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 100000)"
SLEEP = "ALTER TABLE t ADD CHECK (pg_sleep(0.1) IS NOT NULL);"


def test_behind_a_pooler(make_pawl, pg, bouncer):
    pg.query(BAD)
    pawl = make_pawl(bouncer.url)
    assert verdicts(probe(pawl, TWO, check=3)) == ["violated", "violated"]
    with bouncer.connect() as client:
        for name in ("statement_timeout", "lock_timeout"):
            assert client.execute(f"SHOW {name}").fetchone() == ("0",)
        assert client.execute("SHOW row_security").fetchone() == ("on",)


@pytest.mark.parametrize("words", [b"json_build_object", b"DECLARE", b"FETCH", b"set_config", b"ROLLBACK"])
@pytest.mark.parametrize("sender", ["client", "server"])
def test_a_line_that_is_cut_is_an_error(make_pawl, pg, proxy, words, sender):
    pg.query(BAD)
    pawl = make_pawl(pg.url)
    pawl.run("adopt", "--as-of", "none", check=0)
    pawl.write("20250102000000_next", TWO)
    pawl.config({"target.main": {"url": proxy.url}})
    proxy.at("cut", contains=words, deliver=sender == "server")
    result = pawl.run("probe")
    proxy.wait_fired()
    assert result.code == 9, result
    wait_until(lambda: not backends(pg), "pawl's backend ends", PROMPT_S)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_long_query(target, pg, number):
    pg.query(SLOW)
    target.run("adopt", "--as-of", "none", check=0)
    target.write("20250102000000_next", SLEEP)
    process = target.spawn("probe", "--timeout", "10m")
    wait_for_sleep(pg)
    sent = time.monotonic()
    process.signal(number)
    result = process.finish(timeout=30)
    assert result.code == 128 + number and time.monotonic() - sent < PROMPT_S, result
    wait_until(lambda: not backends(pg), "pawl's backend ends", PROMPT_S)


def test_a_killed_probe_leaves_nothing_running(target, pg):
    """Before version 14 no server notices that its client is gone: there the time limit ends it."""
    limit = "10m" if pg.cluster.major >= 14 else "8s"
    pg.query(SLOW)
    target.run("adopt", "--as-of", "none", check=0)
    target.write("20250102000000_next", SLEEP)
    process = target.spawn("probe", "--timeout", limit)
    wait_for_sleep(pg)
    process.kill()
    wait_until(lambda: not backends(pg), "pawl's backend ends", 30)
