"""What check/xray and check/shadow do: statements measured in a scratch database, and that one made,
filled and dropped."""

import os
import re
import signal
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from support.locks import OUTSIDE
from support.postgres import PG_DUMP_MAJOR
from support.server import wait_until
from support.xray import finish, start, xray

SHOP = """
CREATE TABLE orders(id int PRIMARY KEY, note text, amount int NOT NULL);
CREATE TABLE lines(id int, order_id int REFERENCES orders);
INSERT INTO orders SELECT n, 'n', n FROM generate_series(1, 100) n;
"""


def shadows(cluster):
    with cluster.connect() as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'pawl_shadow%'")
        return [name for name, in rows]


def is_dumped(cluster):
    """Whether this machine has a pg_dump for the server; else what was applied is replayed."""
    return cluster.major <= PG_DUMP_MAJOR


def no_pg_dump(cluster):
    return f"there is no pg_dump of PostgreSQL {cluster.major} or later"


def copied(pg, *texts, **options):
    """One X-ray of a copy of the target; nothing stays behind it, and the target stays as it was."""
    before = pg.whole_dump()
    answer = xray(pg.url, [list(texts)], target=pg.url, applied=pg.applied, once=True, **options)
    assert shadows(pg.cluster) == [] and pg.whole_dump() == before
    assert "error" not in answer, answer
    expected = ("copied", None) if is_dumped(pg.cluster) else ("replayed", no_pg_dump(pg.cluster))
    assert (answer["source"], answer["why_replayed"]) == expected
    return answer


def statements(pg, *texts, **options):
    return copied(pg, *texts, **options)["runs"][0]["statements"]


def locks(statement):
    return {row["name"]: row["mode"] for row in statement["relations"] if row["taken"]}


def row_of(statement, name):
    return next(row for row in statement["relations"] if row["name"] == name)


def apply(pg, text):
    pg.query(text)
    pg.applied.append(text)


@pytest.fixture
def target(pg):
    """An empty database that remembers what is applied to it."""
    pg.applied = []
    return pg


@pytest.fixture
def shop(target):
    apply(target, SHOP)
    return target


# ---- what is measured ----

def test_locks_and_work_of_a_statement(shop):
    first, = statements(shop, "ALTER TABLE orders ALTER id TYPE bigint")
    assert first["source"] == "measured" and locks(first)["public.orders"] == "ACCESS EXCLUSIVE"
    table = row_of(first, "public.orders")
    assert table["rewritten"] and table["scanned"] and not table["created"] and table["kind"] == "r"
    built = [row for row in first["relations"] if row["built"]]
    assert [(row["name"], row["table"]) for row in built] == [("public.orders_pkey", "public.orders")]
    assert first["validates"] and locks(first)["public.lines"] == "ACCESS EXCLUSIVE"


def test_a_lock_that_is_held_already_is_not_taken_again(shop):
    answer = copied(shop, "COMMENT ON TABLE orders IS 'x'; LOCK orders IN SHARE MODE; LOCK orders IN ROW"
                          " SHARE MODE; CREATE INDEX i ON orders(note); ALTER TABLE orders RENAME TO old")
    comment, share, weaker, index, rename = answer["runs"][0]["statements"]
    assert locks(comment) == {"public.orders": "SHARE UPDATE EXCLUSIVE"}
    assert locks(share) == {"public.orders": "SHARE"} and locks(weaker) == {}
    table = row_of(index, "public.orders")
    assert table["mode"] == "SHARE" and table["scanned"] and not table["taken"]
    assert row_of(index, "public.i")["built"] and row_of(index, "public.i")["created"]
    assert row_of(rename, "public.orders")["new_name"] == "public.old"
    unit, = answer["runs"][0]["units"]
    sums = {row["name"]: (row["mode"], row["new_name"], row["scanned"]) for row in unit["relations"]}
    assert sums["public.orders"] == ("ACCESS EXCLUSIVE", "public.old", True)


def test_each_migration_sees_what_those_before_it_did(shop):
    one, two, three = statements(shop, "CREATE TABLE fresh(id int)", "CREATE TEMP TABLE t(); TRUNCATE fresh")
    assert row_of(one, "public.fresh")["created"] and two["source"] == "measured"
    assert locks(three) == {"public.fresh": "ACCESS EXCLUSIVE"}
    assert not row_of(three, "public.fresh")["rewritten"]
    again, = statements(shop, "TRUNCATE fresh")
    assert again["failure"]["sqlstate"] == "42P01"


@pytest.mark.parametrize("text", [
    "DO $$ BEGIN EXECUTE 'ALTER TABLE ' || 'orders ALTER amount TYPE bigint'; END $$",
    "SELECT change()",
])
def test_what_code_does_is_seen(shop, text):
    apply(shop, "CREATE FUNCTION change() RETURNS void LANGUAGE plpgsql AS $$"
                "BEGIN EXECUTE format('ALTER TABLE %I ALTER amount TYPE bigint', 'orders'); END $$")
    done, = statements(shop, text)
    table = row_of(done, "public.orders")
    assert table["mode"] == "ACCESS EXCLUSIVE" and table["rewritten"]


def test_debug_messages(shop):
    texts = ["ALTER TABLE orders ADD CONSTRAINT set CHECK (note IS NOT NULL)",
             "SET client_min_messages = error; ALTER TABLE orders ALTER note SET NOT NULL",
             "ALTER TABLE lines ADD FOREIGN KEY (id) REFERENCES orders",
             "ALTER TABLE lines ADD CHECK (id > 0) NOT VALID"]
    answer = copied(shop, *texts)["runs"][0]
    check, _, proved, foreign, nothing = answer["statements"]
    assert answer["notices"]
    told = [(x["verifies"], x["validates"], x["proved"]) for x in (check, proved, foreign, nothing)]
    assert told == [(True, False, False), (False, False, True), (False, True, False), (False,) * 3]


def test_a_statement_outside_a_transaction(shop):
    before, alone, after = statements(
        shop, "ALTER TABLE orders ADD a int; CREATE INDEX CONCURRENTLY i ON orders(a); DROP INDEX i")
    assert before["unit"] != alone["unit"] != after["unit"]
    assert alone["source"] == "alone" and alone["has_facts"] and not before["has_facts"]
    assert row_of(alone, "public.i")["built"] and row_of(alone, "public.i")["mode"] == ""
    assert row_of(after, "public.i")["dropped"] and locks(after)["public.orders"] == "ACCESS EXCLUSIVE"


def test_a_failed_statement_is_a_result(shop):
    text = ("ALTER TABLE orders ADD a int;\n\nSELECT 'é',\n  nope FROM orders;\n"
            "ALTER TABLE orders ADD b int;\nGRANT SELECT ON orders TO nobody_at_all;\nDROP TABLE lines")
    _, failed, after, grant, drop = statements(shop, text)
    assert failed["source"] == "failed" and failed["has_facts"] and failed["relations"] == []
    assert failed["failure"] == {"sqlstate": "42703", "message": 'column "nope" does not exist',
                                 "line": 4, "column": 3}
    assert after["source"] == "measured"
    assert grant["failure"]["sqlstate"] == "42704" and grant["failure"]["line"] == 6
    assert row_of(drop, "public.lines")["dropped"]


def test_what_fails_at_the_commit(shop):
    apply(shop, "CREATE TABLE later(id int REFERENCES orders DEFERRABLE INITIALLY DEFERRED)")
    texts = ["INSERT INTO later VALUES (7000); CREATE TABLE fresh()", "CREATE TABLE fresh()"]
    run, = copied(shop, *texts)["runs"]
    assert [x["source"] for x in run["statements"]] == ["measured"] * 3
    assert run["units"][0]["failure"]["sqlstate"] == "23503" and run["units"][1]["failure"] is None


def test_savepoints_of_the_file(shop):
    text = ("SAVEPOINT a; ALTER TABLE orders RENAME TO x; CREATE INDEX i ON x(note); ROLLBACK TO a;"
            "ALTER TABLE orders ALTER amount TYPE bigint; RELEASE a; RELEASE a; DROP TABLE lines")
    found = statements(shop, text)
    again = row_of(found[4], "public.orders")
    assert again["taken"] and again["mode"] == "ACCESS EXCLUSIVE" and again["rewritten"]
    assert [x["source"] for x in found[5:]] == ["measured", "failed", "not run"]
    assert found[7]["why"] == "its transaction has failed"


def test_a_migration_that_breaks_its_session(shop):
    role = shop.role()
    text = (f"SET search_path = ''; SET ROLE {role}; SET lc_messages = 'C'; SELECT pg_advisory_lock(7);"
            "PREPARE p AS SELECT 1; SET LOCAL statement_timeout = 1")
    found = statements(shop, text, "SELECT * FROM orders; ALTER TABLE orders ADD a int; EXECUTE p")
    assert locks(found[-2]) == {"public.orders": "ACCESS EXCLUSIVE"}
    assert found[-1]["failure"]["sqlstate"] == "26000"


# ---- what is not run ----

REACHING = {
    *OUTSIDE,
    "ALTER USER postgres PASSWORD 'x'",
    "GRANT pg_monitor TO postgres",
    "REVOKE CONNECT ON DATABASE postgres FROM PUBLIC",
    "COMMENT ON DATABASE postgres IS 'x'",
    "CREATE TABLESPACE t LOCATION '/tmp'",
    "COPY (SELECT 1) TO PROGRAM 'touch /tmp/never'",
    "SELECT pg_terminate_backend(1)",
    'SELECT pg_catalog . "pg_cancel_backend"(1)',
    "SELECT 1 WHERE pg_reload_conf()",
    "CREATE TABLE fresh AS SELECT lo_export(1, '/tmp/never')",
    "SELECT * FROM dblink('host=nowhere', 'SELECT 1') AS t(a int)",
    "CREATE EXTENSION IF NOT EXISTS dblink",
    'CREATE EXTENSION "postgres_fdw"',
    "CREATE USER MAPPING FOR PUBLIC SERVER nowhere",
    "DO $$ BEGIN PERFORM pg_terminate_backend(pid) FROM pg_stat_activity; END $$",
    "DO $$ BEGIN EXECUTE 'ALTER SYSTEM SET work_mem = ''4MB'''; END $$",
    "DO 'BEGIN EXECUTE ''CREATE '' || ''x''; CREATE ROLE never; END'",
    "SELECT query_to_xml('SELECT pg_terminate_backend(1)', true, true, '')",
}

STAYING = [
    "CREATE TABLE copy(load int, role text)",
    "CREATE FUNCTION killer() RETURNS bool LANGUAGE sql AS 'SELECT pg_terminate_backend(1)'",
    "COMMENT ON TABLE orders IS 'pg_terminate_backend(1)'",
    "GRANT SELECT ON orders TO PUBLIC",
    "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
    "CREATE EXTENSION pg_trgm",
]


def test_what_reaches_outside_is_not_run(shop):
    found = {x["text"]: x for x in statements(shop, ";\n".join(sorted(REACHING)))}
    assert set(found) == REACHING
    assert {text: x["source"] for text, x in found.items() if x["source"] != "not run"} == {}
    assert all(x["why"] and x["has_facts"] for x in found.values())
    with shop.connect() as connection:
        roles = connection.execute("SELECT FROM pg_roles WHERE rolname IN ('never', 'facts_role')").fetchall()
    assert roles == [] and not Path("/tmp/never").exists()


def test_what_stays_inside_is_run(shop):
    assert {x["text"]: x["source"] for x in statements(shop, ";\n".join(STAYING))} == {
        text: "measured" for text in STAYING}


# ---- the schema ----

ODD = """
CREATE SCHEMA "a b";
CREATE TYPE "a b"."My Mood" AS ENUM ('it''s', 'ok');
CREATE TABLE "a b"."T ""x"" 'y'"("Id %I" int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                                 "Ж" "a b"."My Mood");
CREATE INDEX "i;--" ON "a b"."T ""x"" 'y'"("Ж");
CREATE VIEW "a b".v AS SELECT * FROM "a b"."T ""x"" 'y'";
"""


def test_hostile_names(shop):
    apply(shop, ODD)
    renamed, dropped = statements(
        shop, 'ALTER TABLE "a b"."T ""x"" \'y\'" RENAME TO "\'"; DROP INDEX "a b"."i;--"')
    table = row_of(renamed, '"a b"."T ""x"" \'y\'"')
    assert table["new_name"] == '"a b"."\'"' and table["mode"] == "ACCESS EXCLUSIVE"
    assert row_of(dropped, '"a b"."i;--"')["dropped"]
    assert row_of(dropped, '"a b"."i;--"')["table"] == '"a b"."T ""x"" \'y\'"'


RICH = """
CREATE EXTENSION citext;
CREATE EXTENSION pgcrypto;
CREATE TABLE people(id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name citext UNIQUE,
                    secret bytea DEFAULT digest('x', 'sha256'));
CREATE TABLE visits(at timestamptz NOT NULL, who int REFERENCES people) PARTITION BY RANGE (at);
CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE INDEX ON visits(who);
CREATE VIEW names AS SELECT name FROM people;
CREATE MATERIALIZED VIEW counted AS SELECT who, count(*) FROM visits GROUP BY who;
CREATE UNIQUE INDEX ON counted(who);
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END;$$;
CREATE TRIGGER t BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION f();
"""


def test_extensions_partitions_views_and_identity(target):
    apply(target, RICH)
    answer = copied(target, "ALTER TABLE people ALTER name TYPE text; DROP VIEW names",
                    "ALTER TABLE people ALTER name TYPE text; ALTER TABLE visits ADD a int;"
                    "ALTER TABLE people ALTER id DROP IDENTITY;"
                    "REFRESH MATERIALIZED VIEW CONCURRENTLY counted")
    assert answer["gaps"] == []
    view, drop, kind, parts, identity, refresh = answer["runs"][0]["statements"]
    assert view["failure"]["sqlstate"] == "0A000" and row_of(drop, "public.names")["kind"] == "v"
    assert kind["source"] == "measured"
    assert locks(parts) == {"public.visits": "ACCESS EXCLUSIVE", "public.visits_1": "ACCESS EXCLUSIVE"}
    assert row_of(identity, "public.people_id_seq")["dropped"]
    assert locks(refresh)["public.counted"] == "EXCLUSIVE"


def test_the_session_is_the_targets(target):
    """A time zone other than UTC has a timestamp written anew where its zone is added."""
    pg = target
    apply(pg, "CREATE TABLE t(at timestamp); CREATE SCHEMA deep; CREATE TABLE deep.below()")
    change = "ALTER TABLE t ALTER at TYPE timestamptz"
    rewritten, database = [], sql.Identifier(pg.name)
    for zone in ("UTC", "Europe/Prague"):
        pg.cluster.execute(sql.SQL("ALTER DATABASE {} SET timezone = {}").format(database, zone))
        rewritten.append(row_of(statements(pg, change)[0], "public.t")["rewritten"])
    assert rewritten == [False, True]
    assert statements(pg, "DROP TABLE below")[0]["failure"]["sqlstate"] == "42P01"
    assert row_of(statements(pg, "DROP TABLE below", search_path="deep, public")[0], "deep.below")["dropped"]
    pg.cluster.execute(sql.SQL("ALTER DATABASE {} SET search_path = deep").format(database))
    assert row_of(statements(pg, "DROP TABLE below")[0], "deep.below")["dropped"]


def test_encoding_and_locale_are_the_targets(cluster):
    with cluster.connect() as connection:
        connection.execute("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1'"
                           " LC_COLLATE 'C' LC_CTYPE 'C'")
    try:
        url = cluster.url("latin")
        answer = xray(url, [["DO $$ BEGIN RAISE EXCEPTION '% %', getdatabaseencoding(), (SELECT datcollate"
                             " FROM pg_database WHERE datname = current_database()); END $$"]], target=url)
        assert answer["runs"][0]["statements"][0]["failure"]["message"] == "LATIN1 C"
    finally:
        cluster.execute("DROP DATABASE latin")


def test_a_gap_in_the_schema_is_told(shop):
    """An extension that reaches outside is not made there; nor is what needs it."""
    apply(shop, "CREATE EXTENSION dblink; CREATE TABLE other(id int);"
                "CREATE VIEW far AS SELECT * FROM dblink('x', 'y') AS t(a int)")
    answer = copied(shop, "ALTER TABLE other ADD a int; DROP VIEW far")
    extension, far = answer["gaps"]
    assert "EXTENSION" in extension["statement"] and "VIEW" in far["statement"]
    assert extension["sqlstate"] == far["sqlstate"] == ""
    added, view = answer["runs"][0]["statements"]
    assert added["source"] == "measured" and view["failure"]["sqlstate"] == "42P01"


def test_applied_migrations_are_replayed_where_there_is_no_pg_dump(shop):
    """Neither in PATH nor where Debian has it: an empty folder lies over that one."""
    script = ("mount -t tmpfs none /usr/lib/postgresql && \"$@\"; code=$?;"
              " umount /usr/lib/postgresql; exit $code")
    user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        of_its_own = any(line.split()[4] == "/" for line in mounts)
    # In a chroot / is no mount, and unshare cannot make it private.
    kept = () if of_its_own else ("--propagation", "unchanged")
    program = ("/usr/bin/unshare", "--mount", *kept, *user, "/bin/sh", "-c", script, "sh")
    applied = [SHOP, "CREATE TABLE fresh(id int); GRANT SELECT ON fresh TO nobody_at_all; CREATE ROLE never;"
                     "CREATE INDEX CONCURRENTLY i ON fresh(id)"]
    answer = xray(shop.url, [["DROP INDEX i; ALTER TABLE orders ADD a int"]], target=shop.url,
                  applied=applied, program=program, PATH="/bin:/sbin")
    assert answer["source"] == "replayed"
    assert answer["why_replayed"] == no_pg_dump(shop.cluster)
    assert [(gap["statement"], gap["sqlstate"]) for gap in answer["gaps"]] == [
        ("GRANT SELECT ON fresh TO nobody_at_all", "42704"), ("CREATE ROLE never", "")]
    drop, add = answer["runs"][0]["statements"]
    assert row_of(drop, "public.i")["dropped"] and add["source"] == "measured"
    assert shadows(shop.cluster) == []


def test_without_a_target_the_migrations_are_all_there_is(shop):
    answer = xray(shop.cluster.url(), [["DROP TABLE lines"]], applied=[SHOP])
    assert answer["source"] == "replayed" and answer["why_replayed"] is None
    assert row_of(answer["runs"][0]["statements"][0], "public.lines")["dropped"]
    assert "lines" in shop.tables()


def test_a_pg_dump_that_fails_says_why(shop):
    """A role that may not read a table."""
    reader = shop.role("reader", "LOGIN CREATEDB")
    shop.query("REVOKE ALL ON orders FROM PUBLIC")
    answer = xray(shop.url_as(reader), [["ALTER TABLE lines ADD a int"]], target=shop.url_as(reader),
                  applied=[SHOP])
    said = "permission denied for table" if is_dumped(shop.cluster) else no_pg_dump(shop.cluster)
    assert answer["source"] == "replayed" and said in answer["why_replayed"]
    assert locks(answer["runs"][0]["statements"][0]) == {"public.lines": "ACCESS EXCLUSIVE"}


def fake_pg_dump(folder, text):
    """A program in PATH that says it is of a later version than all servers."""
    program = folder / "pg_dump"
    version = 'if [ "$1" = --version ]; then echo "pg_dump (PostgreSQL) 99.1"; exit; fi\n'
    program.write_text("#!/bin/sh\n" + version + text)
    program.chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


def test_a_password_is_in_no_argument(cluster_tcp, tmp_path):
    """The program that is started instead of pg_dump keeps what it was given."""
    path = fake_pg_dump(tmp_path, f'echo "$@" > {tmp_path}/arguments\nenv > {tmp_path}/environment\n'
                        "printf '%s\\n' '\\restrict abc' 'CREATE TABLE one(id int);' '\\unrestrict abc'\n")
    database = cluster_tcp.create_database()
    try:
        url = cluster_tcp.url(database.name, tcp=True)
        answer = xray(url, [["DROP TABLE one"]], target=url, PATH=path)
        assert answer["source"] == "copied" and answer["gaps"] == []
        assert answer["runs"][0]["statements"][0]["source"] == "measured"
        assert "s3cret" not in (tmp_path / "arguments").read_text()
        assert "PGPASSWORD=s3cret word\n" in (tmp_path / "environment").read_text()
    finally:
        database.drop()


def test_its_password_is_not_shown(make_pawl):
    pawl = make_pawl("sqlite:x.db")
    shown = pawl.run("config", env={"PAWL_SHADOW": "postgres://u:s3cret@h/db"})
    assert shown.code == 0 and "postgres://u@h/db" in shown.out and "s3cret" not in shown.out + shown.err
    assert "[check] shadow" in pawl.run("config", env={"PAWL_SHADOW": "target"}).out


# ---- roles and servers ----

def test_a_role_that_may_not_create_databases(shop):
    role = shop.role()
    answer = xray(shop.url_as(role), [["SELECT 1"]], target=shop.url)
    assert answer == {"no_shadow": "may not create databases"}


def test_an_ordinary_role_needs_createdb_alone(shop):
    """The server's messages are English here, or it would not know their words."""
    role = shop.role("maker", "LOGIN CREATEDB")
    text = ("CREATE TABLE fresh(id int CHECK (id > 0)); CREATE EXTENSION hstore;"
            "ALTER TABLE orders ALTER amount TYPE bigint")
    run, = xray(shop.url_as(role), [[text]], target=shop.url, applied=shop.applied)["runs"]
    assert run["notices"] and [x["source"] for x in run["statements"]] == ["measured"] * 3
    assert row_of(run["statements"][2], "public.orders")["rewritten"]
    assert shadows(shop.cluster) == []


def start_sleeping(shop):
    """An X-ray that goes on, and the names of its databases."""
    worker = start(shop.url, [["SELECT pg_sleep(25)"]], target=shop.url)
    wait_until(lambda: shop.query("SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(25)'"),
               "it sleeps")
    return worker, shadows(shop.cluster)


def test_others_may_not_connect_to_it(shop):
    other = shop.role("curious")
    worker, names = start_sleeping(shop)
    try:
        for name in names:
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                psycopg.connect(shop.cluster.url(name, user=other))
    finally:
        worker.send_signal(signal.SIGINT)
        finish(worker)


def test_a_standby_is_an_ordinary_answer(make_cluster):
    primary, standby = make_cluster(), make_cluster()
    standby.follow(primary)
    answer = xray(standby.url(), [["SELECT 1"]], target=primary.url())
    assert "cannot create a database" in answer["no_shadow"] or "may not" in answer["no_shadow"]


def test_a_pooler_is_an_ordinary_answer(bouncer, pg):
    answer = xray(bouncer.url, [["SELECT 1"]], target=pg.url)
    assert answer == {"no_shadow": "a pooler stands before its server"}


# ---- the end ----

def test_ctrl_c_drops_it(shop):
    worker, _ = start_sleeping(shop)
    worker.send_signal(signal.SIGINT)
    answer = finish(worker)
    assert answer["code"] == "SIGNAL" and shadows(shop.cluster) == []


def test_ctrl_c_ends_a_pg_dump(shop, tmp_path):
    path = fake_pg_dump(tmp_path, f"echo $$ > {tmp_path}/pid\nmv {tmp_path}/pid {tmp_path}/started\n"
                                  "exec sleep 25\n")
    worker = start(shop.url, [["SELECT 1"]], target=shop.url, PATH=path)
    wait_until((tmp_path / "started").exists, "pg_dump works")
    worker.send_signal(signal.SIGINT)
    assert finish(worker)["code"] == "SIGNAL" and shadows(shop.cluster) == []
    assert not Path(f"/proc/{(tmp_path / 'started').read_text().strip()}").exists()


def test_a_lost_connection_drops_it(shop):
    worker, names = start_sleeping(shop)
    with shop.cluster.connect() as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                           " WHERE pid <> pg_backend_pid() AND (datname = ANY (%s) OR datname = %s)",
                           (names, shop.name))
    assert finish(worker)["code"] == "UNREACHABLE" and shadows(shop.cluster) == []


def leave_behind(shop):
    worker, names = start_sleeping(shop)
    worker.kill()
    worker.communicate()
    shop.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY (%s)", (names))
    wait_until(lambda: shop.query("SELECT 1 FROM pg_stat_activity WHERE datname LIKE 'pawl_shadow%'") == [],
               "its sessions have ended")
    return names


def test_each_use_has_a_fresh_copy(shop):
    text = "ALTER TABLE orders ADD a int; CREATE INDEX CONCURRENTLY i ON orders(a)"
    for once, second in ((False, ["measured", "alone"]), (True, ["failed", "failed"])):
        first, again = xray(shop.url, [[text], [text]], target=shop.url, applied=[SHOP], once=once)["runs"]
        assert [x["source"] for x in first["statements"]] == ["measured", "alone"]
        assert [x["source"] for x in again["statements"]] == second
        assert shadows(shop.cluster) == []


def test_what_a_killed_run_left_is_dropped_by_the_next_one(shop):
    assert len(leave_behind(shop)) == 2
    copied(shop, "SELECT 1")


def test_only_what_is_surely_left_is_dropped(shop):
    """Not what belongs to another machine, to a process that lives, or to somebody who likes the name."""
    name = min(leave_behind(shop))
    digest, pid, started = re.fullmatch(r"pawl_shadow_([0-9a-f]{8})_(\d+)_(\d+)_\d", name).groups()
    own = Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19]
    stay = [f"pawl_shadow_00000000_{pid}_{started}_0", f"pawl_shadow_{digest}_{os.getpid()}_{own}_0",
            "pawl_shadow_of_mine", f"pawl_shadow_{digest}_{pid}_{started}_5", f"{name}x"]
    go = [f"pawl_shadow_{digest}_{pid}_{started}_7"]
    with shop.cluster.connect() as connection, ExitStack() as stack:
        for made in stay + go:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(made)))
            stack.callback(shop.cluster.execute,
                           sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(made)))
        connection.execute(sql.SQL("COMMENT ON DATABASE {} IS 'mine'").format(sql.Identifier(stay[3])))
        answer = xray(shop.url, [["SELECT 1"]], target=shop.url)
        assert "runs" in answer and sorted(shadows(shop.cluster)) == sorted(stay)


def test_many_statements(shop, figures):
    text = ";\n".join(f"ALTER TABLE orders ADD COLUMN a{n} int" for n in range(100))
    answer = copied(shop, text)
    took = answer["runs"][0]["ms"]
    figures(f"PostgreSQL {shop.cluster.major}, X-ray: 100 statements in {took} ms, the shadow in "
            f"{answer['made_ms']} ms")
    assert all(x["source"] == "measured" for x in answer["runs"][0]["statements"])
