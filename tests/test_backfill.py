"""kind=data and kind=backfill: rows changed in one transaction, or batch by batch, each exactly once."""

import os
import signal

import pytest
from support.ledger import Journal, version
from support.server import wait_until

ONE, TWO, THREE, FOUR = (f"{version(n)}_{word}" for n, word in enumerate(("one", "two", "three", "four"), 1))
FAST = {"PAWL_REST": "0", "PAWL_BATCH_TIME": "1m"}

TABLE = """
    CREATE TABLE t (id integer PRIMARY KEY, n bigint NOT NULL DEFAULT 0, word text);
    INSERT INTO t (id) WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 1000)
      SELECT i FROM c;"""
ADD_ONE = "-- pawl: kind=backfill batch=100\nUPDATE t SET n = n + 1;\n"


@pytest.fixture
def bench(pawl, engine):
    pawl.env.update(FAST)
    pawl.write(ONE, TABLE)
    pawl.run("deploy", check=0)
    return pawl


def counts(engine, column="n", table="t"):
    """How many rows have each value."""
    return dict(engine.query(f"SELECT {column}, count(*) FROM {table} GROUP BY 1 ORDER BY 1"))


def checkpoints(engine):
    name = "pawl.checkpoint" if engine.engine == "postgres" else "pawl_checkpoint"
    return engine.query(f"SELECT migration, walked, batches FROM {name}")


def test_every_row_once(bench, engine):
    bench.write(TWO, ADD_ONE)
    result = bench.run("deploy", check=0)
    assert "1000 rows" in result.out, str(result)
    assert counts(engine) == {1: 1000}
    assert checkpoints(engine) == []
    journal = Journal(engine).verify()
    [begun] = journal.of("backfill_begin")
    assert (begun.facts["key"], begun.facts["until"]) == (["id"], '["1000"]')
    applied = journal.of("applied")[-1].facts
    assert (applied["rows"], applied["walked"], applied["batches"]) == (1000, 1000, 10)
    bench.run("deploy", check=0)
    assert counts(engine) == {1: 1000}


# ---- keys ----

KEYS = {
    "smallest": ("bigint", "n", ["-9223372036854775808", "-1", "0", "1", "9223372036854775807"]),
    "text": ("text", "t", ["", "'", '"', "\\", "a\nb", "a'b\"c\\", "{x,y}", "[1]", "\u00fc\u4e2d", "NULL", "$1", "%s"]),
}


@pytest.mark.parametrize("kind", KEYS)
def test_keys_of_any_value(pawl, engine, kind):
    type_name, _, values = KEYS[kind]
    pawl.env.update(FAST)
    pawl.write(ONE, f"CREATE TABLE t (k {type_name} NOT NULL UNIQUE, n int NOT NULL DEFAULT 0);")
    pawl.run("deploy", check=0)
    for value in values:
        engine.query("INSERT INTO t (k) VALUES (%s)", int(value) if kind == "smallest" else value)
    pawl.write(TWO, "-- pawl: kind=backfill key=k batch=1\nUPDATE t SET n = n + 1")
    pawl.run("deploy", check=0)
    assert counts(engine) == {1: len(values)}


@pytest.mark.parametrize("type_name, values", [
    ("uuid", ["00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000001",
              "ffffffff-ffff-ffff-ffff-ffffffffffff"]),
    ("timestamptz", ["-infinity", "2024-02-03 04:05:06.000001+00", "2024-03-02 04:05:06.000002+02", "infinity"]),
    ("date", ["0044-03-15 BC", "2024-02-03", "2024-03-02"]),
    ("numeric", ["-1", "0.1", "0.10000000000000000000000000000000000001", "Infinity", "NaN"]),
    ("float8", ["-Infinity", "0.1", "0.10000000000000002", "NaN"]),
    ("bytea", ["\\x", "\\x00", "\\x27", "\\xff"]),
    ("boolean", ["f", "t"]),
])
def test_keys_of_postgres(pg, make_pawl, type_name, values):
    if type_name == "numeric" and pg.cluster.major < 14:  # which has no such number
        values = [value for value in values if value != "Infinity"]
    pawl = make_pawl(pg.url)
    pawl.env.update(FAST)
    pg.query(f"ALTER DATABASE {pg.name} SET datestyle = 'SQL, DMY'")
    pawl.write(ONE, f"CREATE TABLE t (k {type_name} PRIMARY KEY, n int NOT NULL DEFAULT 0);")
    pawl.run("deploy", check=0)
    for value in values:
        pg.query(f"SET datestyle = 'ISO'; INSERT INTO t (k) VALUES ('{value}')")
    pawl.write(TWO, "-- pawl: kind=backfill batch=1\nUPDATE t SET n = n + 1")
    pawl.run("deploy", check=0)
    assert counts(pg) == {1: len(values)}


def test_a_blob_as_key(tmp_path, make_pawl):
    from support.sqlite import SqliteDatabase
    engine = SqliteDatabase(tmp_path / "blob.db")
    pawl = make_pawl(engine.url)
    pawl.env.update(FAST)
    pawl.write(ONE, "CREATE TABLE t (k NOT NULL UNIQUE, n int NOT NULL DEFAULT 0);")
    pawl.run("deploy", check=0)
    for value in (b"", b"\0", b"'", "text", 1, 1.5, 0.1, -(1 << 63)):
        engine.query("INSERT INTO t (k) VALUES (%s)", value)
    pawl.write(TWO, "-- pawl: kind=backfill key=k batch=1\nUPDATE t SET n = n + 1")
    pawl.run("deploy", check=0)
    assert counts(engine) == {1: 8}


def test_a_key_of_two_columns(pawl, engine):
    pawl.env.update(FAST)
    pawl.write(ONE, 'CREATE TABLE "odd "" name" (a int NOT NULL, "b c" text NOT NULL, n int NOT NULL DEFAULT 0,'
                    ' PRIMARY KEY (a, "b c"));')
    pawl.run("deploy", check=0)
    for a in range(6):
        for b in ("", "x", "y'"):
            engine.query('INSERT INTO "odd "" name" (a, "b c") VALUES (%s, %s)', a, b)
    pawl.write(TWO, '-- pawl: kind=backfill batch=4 key="a, \\"b c\\""\n'
                    'UPDATE "odd "" name" AS o SET n = n + 1 WHERE a < 3 OR a > 3 -- not 3')
    pawl.run("deploy", check=0)
    assert counts(engine, table='"odd "" name"') == {0: 3, 1: 15}
    pawl.write(THREE, '-- pawl: kind=backfill batch=4 table="\\"odd \\"\\" name\\""\n'
                      'DELETE FROM "odd "" name" WHERE ($1 IS NULL OR (a, "b c") > ($1, $2))'
                      ' AND (a, "b c") <= ($3, $4) AND n = 0;')
    pawl.run("deploy", check=0)
    assert counts(engine, table='"odd "" name"') == {1: 15}


# ---- statements ----

@pytest.mark.parametrize("text, expected", [
    ("UPDATE t SET n = n + 1 WHERE id <= 500 OR id > 900 -- a comment at the end", {0: 400, 1: 600}),
    ("UPDATE t AS x SET n = x.n + 1 WHERE x.id > 10 /* ) */;\n-- the end", {0: 10, 1: 990}),
    ("UPDATE t SET n = (SELECT max(s.id) FROM t AS s WHERE s.id = t.id) WHERE n = 0 RETURNING id", None),
    ("DELETE FROM t WHERE id % 2 = 0", {0: 500}),
    ("DELETE FROM t -- but for none\nWHERE id IS NOT NULL", {}),
    ("DELETE FROM t AS d WHERE d.id < 11 OR d.id > 20 RETURNING id;", {0: 10}),
    ("UPDATE t SET n = n + 1 WHERE ($1 IS NULL OR id > $1) AND id <= $2", {1: 1000}),
    ("UPDATE t SET (n, word) = (n + 2, 'a') FROM (SELECT 1) AS one", {2: 1000}),
])
def test_statements(bench, engine, text, expected):
    bench.write(TWO, f"-- pawl: kind=backfill batch=97\n{text}\n")
    bench.run("deploy", check=0)
    if expected is None:
        assert engine.query("SELECT count(*) FROM t WHERE n = id") == [(1000,)]
    else:
        assert counts(engine) == expected


def test_insert_select(bench, engine):
    bench.write(TWO, "CREATE TABLE copies (id integer, n integer);")
    bench.write(THREE, "-- pawl: kind=backfill table=t batch=300\n"
                       "INSERT INTO copies SELECT id, 7 FROM t WHERE ($1 IS NULL OR id > $1) AND id <= $2")
    result = bench.run("deploy", "--json", check=0).json()
    assert engine.query("SELECT count(*), count(DISTINCT id), min(n) FROM copies") == [(1000, 1000, 7)]
    assert [item["rows"] for item in result["applied"]] == [None, 1000]


@pytest.mark.parametrize("text, says", [
    ("UPDATE t SET n = 1 WHERE CURRENT OF c", "CURRENT OF"),
    ("WITH x AS (SELECT 1) UPDATE t SET n = 1", "only UPDATE and DELETE without WITH"),
    ("INSERT INTO t (id) VALUES (5)", "where its batch goes"),
    ("UPDATE t SET n = 1; UPDATE t SET n = 2", "one statement"),
    ("UPDATE t SET n = 1 WHERE id > $1 AND id <= $2", "$1 IS NULL"),
    ("UPDATE t SET n = 1 WHERE id = $1", "pairs"),
    ("UPDATE t SET n = 1 ORDER BY id LIMIT 5", "ORDER BY"),
    ("SELECT 1", "no INSERT"),
    ("TRUNCATE t", "no INSERT"),
    ("UPDATE ONLY t SET n = 1", "ONLY"),
    ("UPDATE t SET id = id + 1", "must not change the key"),
    ("UPDATE t SET n = 1, (word, id) = ('a', 5)", "must not change the key"),
])
def test_refused_statements(bench, engine, text, says):
    before = Journal(engine).head
    bench.write(TWO, f"-- pawl: kind=backfill key=id\n{text};\n")
    result = bench.run("deploy", check=3)
    assert says in result.err and f"{TWO}.sql:2" in result.err, str(result)
    assert Journal(engine).head == before and counts(engine) == {0: 1000}


@pytest.mark.parametrize("head, says", [
    ("key=word", "may be NULL"), ("key=n", "no unique index"), ("key=nothing", "has no column"),
    ("table=nowhere", "there is no table"), ('key="id, n"', "no unique index"), ("table=v", "no table"),
    ("table=other", "the statement changes another"),
])
def test_refused_keys(bench, engine, head, says):
    bench.write(TWO, "ALTER TABLE t ADD COLUMN other integer; CREATE VIEW v AS SELECT id FROM t;"
                     " CREATE TABLE other (id integer PRIMARY KEY);")
    bench.write(THREE, f"-- pawl: kind=backfill {head}\nUPDATE t SET other = 1;\n")
    result = bench.run("deploy", check=1)
    assert says in result.err and "Nothing of it was run" in result.err, str(result)
    assert counts(engine) == {0: 1000}
    assert not Journal(engine).verify().of("backfill_begin")


def test_an_empty_table(bench, engine):
    bench.write(TWO, "DELETE FROM t WHERE id IS NOT NULL;")
    bench.write(THREE, '-- pawl: kind=backfill verify="SELECT * FROM t"\nUPDATE t SET n = n + 1')
    bench.run("deploy", check=0)
    assert Journal(engine).verify().applied()[-1] == THREE


def test_partitions(pg, make_pawl):
    pawl = make_pawl(pg.url)
    pawl.env.update(FAST)
    pawl.write(ONE, """
        CREATE TABLE t (id int, day date, n int NOT NULL DEFAULT 0, PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
        CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
        CREATE TABLE t_2 PARTITION OF t FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
        INSERT INTO t SELECT i, date '2024-01-01' + i % 60 FROM generate_series(1, 500) AS i;""")
    pawl.write(TWO, "-- pawl: kind=backfill batch=33\nUPDATE t SET n = n + 1")
    pawl.run("deploy", check=0)
    assert counts(pg) == {1: 500}


# ---- verify ----

def test_verify(bench, engine):
    bench.write(TWO, '-- pawl: kind=backfill batch=100 verify="SELECT id, word FROM t WHERE n <> 1 ORDER BY id;"\n'
                     "UPDATE t SET n = 1 WHERE id > 7")
    result = bench.run("deploy", check=1)
    assert "(1, NULL); (2, NULL)" in result.err and "and more" in result.err, str(result)
    assert checkpoints(engine) == [] and TWO not in Journal(engine).verify().applied()
    engine.query("UPDATE t SET n = 1 WHERE id <= 7")
    bench.run("deploy", check=0)
    journal = Journal(engine).verify()
    assert len(journal.of("backfill_begin")) == 2 and journal.applied()[-1] == TWO


# ---- the same row never twice ----

def test_killed_at_each_point(pawl, engine, tmp_path, cases):
    pawl.env.update(FAST)
    small = TABLE.replace("1000", "6")
    log = tmp_path / "points"

    def again(number=None):
        for name in ("t", "runs"):
            engine.query(f"DROP TABLE IF EXISTS {name}")
        if engine.engine == "postgres":
            engine.query("DROP SCHEMA IF EXISTS pawl CASCADE")
        else:
            engine.path.unlink(missing_ok=True)
        (pawl.migrations / f"{TWO}.sql").unlink(missing_ok=True)
        pawl.write(ONE, small)
        pawl.run("deploy", check=0)
        pawl.write(TWO, "-- pawl: kind=backfill batch=2\nUPDATE t SET n = n + 1;")
        if number is None:
            return pawl.run("deploy", check=0, env={"PAWL_FAULT_LOG": log})
        return pawl.run("deploy", env={"PAWL_FAULT_KILL": number})

    again()
    points = log.read_text().split("\n")[:-1]
    assert points.count("batch commit") == 3 and points.count("batch committed") == 3
    for number in range(1, len(points) + 1):
        where = f"{number} {points[number - 1]}"
        assert again(number).code == -signal.SIGKILL, where
        cases["kill -9 at a point of a backfill"] += 1
        pawl.run("deploy", check=0)
        assert counts(engine) == {1: 6}, where
        assert checkpoints(engine) == [], where
        assert Journal(engine).verify().applied() == [ONE, TWO], where


@pytest.mark.timeout(600)
def test_cut_at_each_message(pg, proxy, make_pawl, cases):
    direct, pawl = make_pawl(pg.url, "direct"), make_pawl(proxy.url, "cut")
    pawl.env.update(FAST)
    direct.write(ONE, TABLE.replace("1000", "6"))
    pawl.write(ONE, TABLE.replace("1000", "6"))
    direct.run("deploy", check=0)
    before = proxy.count()
    done = 0

    def one_more():
        nonlocal done
        done += 1
        pawl.write(f"{version(10 + done)}_again", "-- pawl: kind=backfill batch=2\nUPDATE t SET n = n + 1;")

    one_more()
    pawl.run("deploy", check=0)
    total = proxy.count() - before
    for nth in range(8, total, 4 if os.environ.get("PAWL_TEST_FULL") == "1" else 16):
        for deliver in (True, False):
            one_more()
            proxy.at("cut", nth=nth, deliver=deliver)
            first = pawl.run("deploy")
            assert first.code in (0, 7, 9), str(first)
            if not proxy.fired.is_set():  # it was done in fewer messages
                return
            pawl.run("deploy", check=0)
            cases["cut in a backfill"] += 1
            assert counts(pg) == {done: 6}, f"{nth} {deliver} {first}"
            assert checkpoints(pg) == []
    Journal(pg).verify()


# ---- stopped, paused, raced ----

SLOW = {**FAST, "PAWL_REST": "10000"}


def walked(engine):
    rows = checkpoints(engine)
    return rows[0][1] if rows else 0


def start_slowly(bench, engine, head="batch=50", at_least=100):
    """A deploy that is in the middle of a backfill, its batches slowed down by a long rest."""
    bench.write(TWO, f"-- pawl: kind=backfill {head}\nUPDATE t SET n = n + 1;\n")
    process = bench.spawn("deploy", env=SLOW)
    if engine.engine == "postgres":
        wait_until(lambda: pg_walked(engine) >= at_least, "some batches are done")
    else:
        wait_until(lambda: sqlite_walked(engine) >= at_least, "some batches are done")
    return process


def pg_walked(engine):
    there = engine.query("SELECT to_regclass('pawl.checkpoint') IS NOT NULL") == [(True,)]
    return walked(engine) if there else 0


def sqlite_walked(engine):
    there = engine.query("SELECT count(*) FROM sqlite_schema WHERE name = 'pawl_checkpoint'") == [(1,)]
    return walked(engine) if there else 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_and_resumed(bench, engine, number):
    process = start_slowly(bench, engine)
    process.signal(number)
    stopped = process.finish(check=128 + number)
    assert "goes on from there" in stopped.err, str(stopped)
    [(_, done, _)] = checkpoints(engine)
    assert counts(engine) == {0: 1000 - done, 1: done} and 0 < done < 1000
    journal = Journal(engine).verify()
    assert journal.of("stopped")[-1].migration == TWO
    status = bench.run("status", "--json", check=0).json()["targets"][0]["backfills"]
    assert [(item["id"], item["state"], item["walked"]) for item in status] == [(TWO, "stopped", done)]
    again = bench.run("deploy", check=0)
    assert f"goes on at {done} of about" in again.err, str(again)
    assert counts(engine) == {1: 1000}


def test_paused_and_resumed(bench, engine):
    process = start_slowly(bench, engine)
    bench.run("backfill", "pause", "--reason", "the sale", check=0)
    process.wait_for("paused by")
    assert bench.run("backfill", "pause", check=2).err
    state = bench.run("backfill", "--json", check=0).json()["backfills"]
    assert [(item["id"], item["state"], item["reason"]) for item in state] == [(TWO, "paused", "the sale")]
    assert "the sale" in bench.run("status", check=0).out
    before = walked(engine)
    if engine.engine == "postgres":
        assert engine.query("SELECT state FROM pg_stat_activity WHERE application_name = 'pawl'"
                            " AND datname = current_database()") == [("idle",)]
    bench.run("backfill", "resume", TWO, check=0)
    wait_until(lambda: walked(engine) > before, "it goes on")
    process.signal()
    process.finish(check=143)
    bench.run("backfill", "pause", check=0)
    process = bench.spawn("deploy")
    process.wait_for("paused by")
    process.signal(signal.SIGINT)
    stopped = process.finish(check=7)
    assert "while" in stopped.err and "goes on from there" in stopped.err, str(stopped)
    bench.run("backfill", "resume", check=0)
    bench.run("deploy", check=0)
    assert counts(engine) == {1: 1000}
    events = [row.event for row in Journal(engine).verify().rows if row.event.startswith("backfill")]
    assert events == ["backfill_begin"] + ["backfill_paused", "backfill_resumed"] * 2


def test_edited_or_renamed_part_way(bench, engine):
    process = start_slowly(bench, engine)
    process.signal()
    process.finish(check=143)
    done = walked(engine)
    bench.write(TWO, ADD_ONE.replace("+ 1", "+ 2"))
    edited = bench.run("deploy", check=3)
    assert "was edited" in edited.err and walked(engine) == done, str(edited)
    (bench.migrations / f"{TWO}.sql").unlink()
    bench.write(THREE, ADD_ONE)
    bench.run("deploy", check=0)
    assert counts(engine) == {1: 1000}
    assert Journal(engine).verify().applied() == [ONE, THREE]


def stop_part_way(bench, engine):
    process = start_slowly(bench, engine)
    process.signal()
    process.finish(check=143)
    return walked(engine)


def test_given_up_and_the_file_removed(bench, engine):
    """What is done stands, and a contract migration goes on without it."""
    done = stop_part_way(bench, engine)
    (bench.migrations / f"{TWO}.sql").unlink()
    assert f"pawl backfill cancel {TWO}" in bench.run("backfill", check=0).err
    assert "--reason" in bench.run("backfill", "cancel", check=2).err
    assert "no backfill" in bench.run("backfill", "cancel", "other", "--reason", "x", check=2).err
    said = bench.run("backfill", "cancel", TWO, "--reason", "the column goes", "--json", check=0).json()
    journal = Journal(engine).verify()
    row = journal.rows[-1]
    assert (said["backfill"], said["cancelled"], said["head"]) == (TWO, True, f"{row.seq}:{row.hash}")
    assert (row.event, row.migration, row.facts["reason"]) == ("backfill_cancelled", TWO, "the column goes")
    assert row.facts["walked"] == row.facts["changed"] == done and row.facts["reached"] == f'["{done}"]'
    assert checkpoints(engine) == [] and counts(engine) == {0: 1000 - done, 1: done}
    assert "no backfill has begun" in bench.run("backfill", "cancel", "--reason", "x", check=2).err
    bench.write(THREE, "-- pawl: phase=contract\nALTER TABLE t DROP COLUMN n;")
    bench.run("deploy", check=0)
    assert Journal(engine).verify().applied() == [ONE, THREE]


def test_given_up_and_begun_anew_with_another_text(bench, engine):
    done = stop_part_way(bench, engine)
    bench.run("backfill", "pause", check=0)
    bench.write(TWO, ADD_ONE.replace("+ 1", "+ 2"))
    assert f"pawl backfill cancel {TWO} --reason TEXT" in bench.run("deploy", check=3).err
    said = bench.run("backfill", "cancel", "--reason", "it was wrong", check=0)
    assert f"{TWO} cancelled at {done} of about" in said.out, str(said)
    assert bench.run("backfill", "--json", check=0).json()["backfills"] == [{"id": TWO, "state": "pending"}]
    bench.run("deploy", check=0)
    assert counts(engine) == {2: 1000 - done, 3: done}
    assert Journal(engine).verify().applied() == [ONE, TWO]


def test_not_given_up_while_a_deploy_is_at_work(bench, engine):
    process = start_slowly(bench, engine)
    result = bench.run("backfill", "cancel", "--reason", "x", check=5)
    assert "a deploy is at work" in result.err and "Nothing was changed" in result.err, str(result)
    process.signal()
    process.finish(check=143)
    assert [row[0] for row in checkpoints(engine)] == [TWO]
    assert not Journal(engine).verify().of("backfill_cancelled")


def test_two_deployers(bench, engine):
    bench.write(TWO, ADD_ONE)
    racers = [bench.spawn("deploy") for _ in range(3)]
    for racer in racers:
        racer.finish(check=0)
    assert counts(engine) == {1: 1000}
    assert len(Journal(engine).verify().of("backfill_begin")) == 1


def test_a_lock_in_the_way(pg, make_pawl):
    pawl = make_pawl(pg.url)
    pawl.env.update(FAST)
    pawl.write(ONE, TABLE)
    pawl.run("deploy", check=0)
    pawl.write(TWO, ADD_ONE)
    with pg.connect() as other:
        other.execute("BEGIN; UPDATE t SET n = 0 WHERE id = 450")
        process = pawl.spawn("deploy")
        process.wait_for("trying again")
        other.execute("COMMIT")
        process.finish(check=0)
    assert counts(pg) == {1: 1000}


def test_a_batch_that_takes_too_long(pg, make_pawl):
    pawl = make_pawl(pg.url)
    pawl.env.update({**FAST, "PAWL_BATCH_TIMEOUT": "300ms"})
    pawl.write(ONE, TABLE.replace("1000", "20"))
    pawl.run("deploy", check=0)
    pawl.write(TWO, "-- pawl: kind=backfill batch=16\n"
                    "UPDATE t SET n = n + 1 WHERE pg_sleep(CASE WHEN id <= 8 THEN 0.05 ELSE 0 END) IS NOT NULL;")
    result = pawl.run("deploy", check=0)
    assert "half of it" in result.err, str(result)
    assert counts(pg) == {1: 20}
    pawl.write(THREE, "-- pawl: kind=backfill batch=4\n"
                      "UPDATE t SET n = n + 1 WHERE id <> 11 OR pg_sleep(2) IS NOT NULL;")
    result = pawl.run("deploy", check=7)
    assert '["11"]' in result.err and "batch_timeout" in result.err, str(result)
    assert counts(pg) == {1: 10, 2: 10}


def test_behind_a_pooler(bouncer, pg, make_pawl):
    pawl = make_pawl(bouncer.url)
    pawl.env.update(FAST)
    pawl.write(ONE, TABLE)
    pawl.write(TWO, ADD_ONE)
    pawl.run("deploy", check=0)
    assert counts(pg) == {1: 1000}


# ---- order ----

def test_background_runs_behind_what_it_may(bench, engine):
    bench.write(TWO, "-- pawl: kind=backfill background batch=500\nUPDATE t SET n = n + 1;")
    bench.write(THREE, "CREATE TABLE other (id integer);")
    bench.write(FOUR, "-- pawl: phase=contract\nDROP TABLE other;")
    bench.run("deploy", check=0)
    assert Journal(engine).verify().applied() == [ONE, THREE, TWO, FOUR]


def test_background_waits_before_its_table_changes(bench, engine):
    bench.write(TWO, "-- pawl: kind=backfill background batch=500\nUPDATE t SET n = n + 1;")
    bench.write(THREE, "CREATE TABLE other (id integer);")
    bench.write(FOUR, "ALTER TABLE t ADD COLUMN more integer;")
    bench.run("deploy", check=0)
    assert Journal(engine).verify().applied() == [ONE, THREE, TWO, FOUR]


def test_a_late_background_backfill_is_in_order(bench, engine):
    bench.write(THREE, "CREATE TABLE other (id integer);")
    bench.run("deploy", check=0)
    bench.write(TWO, "-- pawl: kind=backfill background\nUPDATE t SET n = n + 1;")
    bench.run("deploy", check=0)
    assert counts(engine) == {1: 1000}


# ---- kind=data ----

def test_data_counts_rows(bench, engine):
    bench.write(TWO, "-- pawl: kind=data\nUPDATE t SET n = 1 WHERE id <= 10;\nSELECT count(*) FROM t;\n"
                     "INSERT INTO t (id) VALUES (2001), (2002);\nDELETE FROM t WHERE id = 2001;")
    result = bench.run("--json", "deploy", check=0).json()
    assert [item["rows"] for item in result["applied"]] == [13]
    assert Journal(engine).verify().of("applied")[-1].facts["rows"] == 13


def test_data_over_the_limit(bench, engine):
    bench.env["PAWL_DATA_ROWS"] = "900"
    bench.write(TWO, "-- pawl: kind=data\nUPDATE t SET n = 1 WHERE id <= 500;\nUPDATE t SET n = 2;\n"
                     "UPDATE t SET n = 3;")
    result = bench.run("deploy", check=1)
    assert "1500 rows" in result.err and "kind=backfill" in result.err, str(result)
    assert counts(engine) == {0: 1000} and TWO not in Journal(engine).verify().applied()
    text = (bench.migrations / f"{TWO}.sql").read_text()
    bench.write(TWO, f'-- pawl: allow=data-rows reason="a small table"\n{text}')
    bench.run("deploy", check=0)
    assert counts(engine) == {3: 1000}


def test_data_without_a_limit(bench, engine):
    bench.env["PAWL_DATA_ROWS"] = "0"
    bench.write(TWO, "-- pawl: kind=data\nUPDATE t SET n = 2;")
    bench.run("deploy", check=0)
    assert counts(engine) == {2: 1000}


@pytest.mark.parametrize("statement", ["CREATE TABLE other (id integer)", "DROP TABLE t", "VACUUM"])
def test_data_is_nothing_else(bench, engine, statement):
    before = Journal(engine).head
    bench.write(TWO, f"-- pawl: kind=data\nUPDATE t SET n = 1;\n{statement};")
    result = bench.run("deploy", check=3)
    assert f"{TWO}.sql:3:1" in result.err and "kind=data" in result.err, str(result)
    assert Journal(engine).head == before and counts(engine) == {0: 1000}
