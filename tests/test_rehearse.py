"""What pawl rehearse says, where it does its work, what rows it brings there, and that it leaves nothing."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from support.postgres import BINARIES, PG_DUMP_MAJOR
from support.server import wait_until

SHOP = """
CREATE TABLE users(id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, born date,
    shout text GENERATED ALWAYS AS (upper(name)) STORED);
CREATE TABLE orders(id int PRIMARY KEY, user_id int REFERENCES users, giver int, note text);
INSERT INTO users(name, born) SELECT 'n' || n, '2000-12-31' FROM generate_series(1, 50) n;
INSERT INTO orders SELECT n, 51 - n, 51 - n, E'a\\ttab and \\\\ backslash' FROM generate_series(1, 40) n;
"""


def is_dumped(pg):
    return pg.cluster.major <= PG_DUMP_MAJOR


def open_folder(folder):
    """One that is there, and open to another user."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o1777)
    return folder


def databases(cluster):
    with cluster.connect() as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^pawl_'")
        return {name for name, in rows}


@pytest.fixture
def scratch():
    """Where the servers and copies of this test's runs are made: short, and open to another user."""
    folder = Path(tempfile.mkdtemp(prefix="pawl-r-", dir="/tmp"))
    folder.chmod(0o1777)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def shop(pg, make_pawl, scratch):
    pawl = make_pawl(pg.url)
    pawl.env.update(TMPDIR=scratch, PAWL_SHADOW="target")
    pawl.write("20250101000000_shop", SHOP)
    pawl.run("deploy", check=0)
    pawl.pg, pawl.scratch = pg, scratch
    return pawl


def rehearse(shop, *args, check=0):
    """The JSON of a rehearsal that leaves nothing, and the target as it was."""
    before = shop.pg.whole_dump()
    result = shop.run("rehearse", "--json", *args, check=check)
    assert shop.pg.whole_dump() == before
    assert list(shop.scratch.iterdir()) == [] and databases(shop.pg.cluster) == set()
    return result.json()


def failure(answer):
    finding, = answer["findings"]
    assert finding["rule"] == "fails-rehearsal" and answer["error"]["code"] == "failed"
    return finding


PLACES = pytest.mark.parametrize("where", ["local", "target"])


def test_a_role_that_may_not_end_a_superusers_session_leaves_nothing(shop):
    """The server refuses it DROP DATABASE ... WITH (FORCE) then, and autovacuum is a superuser."""
    cluster = shop.pg.cluster
    role = shop.pg.role("maker", "LOGIN CREATEDB IN ROLE pg_read_all_data")
    shop.pg.query(f"GRANT ALL ON SCHEMA public TO {role}; GRANT USAGE ON SCHEMA pawl TO {role}")
    shop.write("20250102000000_slow", "CREATE TABLE more(); SELECT pg_sleep(1);")
    rehearsal = shop.spawn("rehearse", "--url", shop.pg.url_as(role))
    name = wait_until(lambda: databases(cluster), "the rehearsal's database").pop()
    with cluster.connect(name):
        dropping = f"SELECT 1 FROM pg_stat_activity WHERE query ~ 'DROP DATABASE.*{name}' AND query !~ 'FORCE'"
        wait_until(lambda: shop.pg.query(dropping + " AND state = 'active' AND pid <> pg_backend_pid()"),
                   "the drop that waits")
    rehearsal.finish(check=0)
    assert databases(cluster) == set()


# ---- what it says ----

@PLACES
def test_locks_work_times_and_the_change_of_the_schema(shop, where):
    shop.write("20250102000000_wide", "ALTER TABLE orders ALTER id TYPE bigint;\n"
                                      "CREATE TABLE fresh(id int);")
    shop.write("20250103000000_index", "-- pawl: no-transaction\n"
                                       "CREATE INDEX CONCURRENTLY by_note ON orders(note);")
    answer = rehearse(shop, "--on", where)
    wide, index = answer["rehearsed"]
    assert (wide["outcome"], index["outcome"]) == ("applied", "applied") and answer["rows"] == 0
    alter, create = wide["statements"]
    assert alter["ms"] >= 0 and wide["ms"] >= alter["ms"] and create["locks"] == []
    lock = {row["relation"]: row for row in alter["locks"]}["public.orders"]
    assert (lock["mode"], lock["work"]) == ("ACCESS EXCLUSIVE", "written anew")
    concurrently, = index["statements"]
    locks = {row["relation"]: (row["mode"], row["work"]) for row in concurrently["locks"]}
    assert concurrently["source"] == "alone" and locks["public.by_note"] == (None, "built")
    if is_dumped(shop.pg):
        assert "-    id integer NOT NULL,\n+    id bigint NOT NULL,\n" in answer["changes"]
        assert "+CREATE TABLE public.fresh (" in answer["changes"]
        assert "+CREATE INDEX by_note ON public.orders USING btree (note);" in answer["changes"]
        assert answer["gaps"] == []


def test_nothing_is_pending(shop):
    assert rehearse(shop)["rehearsed"] == []
    assert shop.run("rehearse", "--markdown", check=0).out == "nothing is pending\n"


def test_a_page_for_a_pull_request(shop):
    shop.write("20250102000000_f", "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$\n"
                                   "SELECT '````|<b>'\n$$;\nALTER TABLE orders ADD x int;")
    out = shop.run("rehearse", "--markdown", check=0).out
    assert "| 1:1 | CREATE FUNCTION f() " in out and "SELECT '\\`\\`\\`\\`\\|\\<b\\>' $$ |" in out
    if is_dumped(shop.pg):
        before, _, after = out.partition("\n`````diff\n")
        diff, _, after = after.partition("\n`````\n")
        assert "+SELECT '````|<b>'\n" in diff and after == "rehearsed 1 pending migration: no failure\n"


def test_a_failure_in_the_middle_ends_it(shop):
    shop.write("20250102000000_one", "ALTER TABLE orders ADD a int;")
    shop.write("20250103000000_two", "ALTER TABLE orders ADD b int;\n"
                                     "  ALTER TABLE orders ADD nonsense nothing;\nSELECT 1;")
    shop.write("20250104000000_three", "SELECT 1;")
    answer = rehearse(shop, check=1)
    finding = failure(answer)
    assert (finding["line"], finding["column"]) == (2, 35) and finding["file"].endswith("_two.sql")
    assert 'type "nothing" does not exist (SQLSTATE 42704)' in finding["what"]
    outcomes = [(one["outcome"], len(one["statements"])) for one in answer["rehearsed"]]
    assert outcomes == [("applied", 1), ("failed", 2), ("not reached", 0)]
    if is_dumped(shop.pg):  # the unit that failed is undone
        assert "+    a integer" in answer["changes"] and " b integer" not in answer["changes"]
    assert answer["error"]["state"] == "Nothing was changed in the target."


def test_blocks_of_code_run(shop):
    shop.write("20250102000000_do", "DO $$ BEGIN EXECUTE 'ALTER TABLE orders RENAME note TO text';\n"
                                    "  RAISE EXCEPTION 'no %', 'luck'; END $$;")
    assert "no luck (SQLSTATE P0001)" in failure(rehearse(shop, check=1))["what"]


def test_what_reaches_outside_is_not_run(shop):
    shop.write("20250102000000_role", "CREATE ROLE pawl_rehearsal_role;\nSELECT 1;")
    role, one = rehearse(shop)["rehearsed"][0]["statements"]
    assert role["not_run"] == "it changes roles" and role["ms"] is None and one["not_run"] is None


def test_hostile_names(shop):
    shop.pg.query('CREATE SCHEMA "a.b";'
                  'CREATE TABLE "a.b"."t\\""x%s"("c\\""%L" int PRIMARY KEY, "sp ace" text);'
                  'CREATE TABLE "a.b"."ch;ild"("p%I" int REFERENCES "a.b"."t\\""x%s");'
                  'INSERT INTO "a.b"."t\\""x%s" SELECT n, chr(39) || n FROM generate_series(1, 20) n;'
                  'INSERT INTO "a.b"."ch;ild" SELECT 21 - n FROM generate_series(1, 20) n')
    shop.write("20250102000000_new", 'ALTER TABLE "a.b"."ch;ild" ADD "x\x1b[31my" int;\n'
                                     'DO $$ BEGIN IF (SELECT count(*) FROM "a.b"."ch;ild") <> 3 THEN'
                                     " RAISE EXCEPTION 'not three'; END IF; END $$;")
    if is_dumped(shop.pg):
        answer = rehearse(shop, "--data", "sample", "--rows", "3")
        assert answer["rehearsed"][0]["outcome"] == "applied" and answer["gaps"] == []
        assert "\x1b" not in shop.run("rehearse", "--data", "sample").out


def test_it_starts_where_a_stopped_deploy_has(shop):
    shop.write("20250102000000_two", "-- pawl: no-transaction\nCREATE TABLE first(id int);\n"
                                     "INSERT INTO missing VALUES (1);")
    shop.run("deploy", check=7)
    shop.pg.query("CREATE TABLE missing(id int)")
    two, = rehearse(shop)["rehearsed"]
    assert two["outcome"] == "applied" and [one["line"] for one in two["statements"]] == [3]


def test_wrong_words(shop):
    for args, text in [(["--rows", "5"], "--rows is for --data sample"),
                       (["--data", "sample", "--rows", "0"], "--rows takes a number from 1 to 100000000"),
                       (["--data", "full", "--max-size", "1 GB"], "--max-size takes a size"),
                       (["--max-size", "1GB"], "--max-size is for --data full"),
                       (["--on", "sqlite:x.db"], "--on: sqlite:x.db is no PostgreSQL server"),
                       (["--on", ""], "--on names no server"),
                       (["--data", "some"], '--data takes none, sample or full, not "some"')]:
        shop.write("20250102000000_x", "SELECT 1;")
        assert text in shop.run("rehearse", *args, check=2).err
    assert databases(shop.pg.cluster) == set()


# ---- with rows ----

@pytest.fixture
def rows(shop):
    if not is_dumped(shop.pg):
        pytest.xfail("rows come with pg_dump alone, which is older than this server")
    return shop


def test_a_foreign_key_that_the_rows_break(rows):
    rows.pg.query("INSERT INTO orders VALUES (100, 1, 4711, 'broken')")
    rows.write("20250102000000_key", "ALTER TABLE orders ADD FOREIGN KEY (giver) REFERENCES users;")
    assert rehearse(rows)["rehearsed"][0]["outcome"] == "applied"
    for data in ("sample", "full"):
        what = failure(rehearse(rows, "--data", data, check=1))["what"]
        assert "Key (giver)=(4711) is not present in table" in what and "(SQLSTATE 23503)" in what


@PLACES
def test_a_sample_holds_its_keys_and_those_that_are_added(rows, where):
    rows.write("20250102000000_key", "ALTER TABLE orders ADD FOREIGN KEY (giver) REFERENCES users(id);")
    answer = rehearse(rows, "--data", "sample", "--rows", "5", "--on", where)
    assert answer["rehearsed"][0]["outcome"] == "applied" and answer["gaps"] == []
    assert answer["rows"] == 15  # five users, five orders, and the five users that those refer to


def test_a_sample_follows_many_keys(rows):
    rows.pg.query("CREATE TABLE parent(a int, b text, PRIMARY KEY (a, b)) PARTITION BY RANGE (a);"
                  "CREATE TABLE parent_1 PARTITION OF parent FOR VALUES FROM (0) TO (2000);"
                  "CREATE TABLE parent_2 PARTITION OF parent DEFAULT;"
                  "CREATE TABLE child(a int, b text, FOREIGN KEY (a, b) REFERENCES parent);"
                  "INSERT INTO parent SELECT n, chr(39) || '\\' || n FROM generate_series(1, 9000) n;"
                  "INSERT INTO child SELECT a, b FROM parent ORDER BY a DESC")
    rows.write("20250102000000_count",
               "DO $$ BEGIN RAISE EXCEPTION 'parents %', (SELECT count(*) FROM parent); END $$;")
    # The first of each partition, and those of the children, which start at the other end.
    what = failure(rehearse(rows, "--data", "sample", "--rows", "2500", check=1))["what"]
    assert "parents 6999 " in what


def test_a_sample_follows_a_chain_to_its_end(rows):
    rows.pg.query("CREATE TABLE boss(id int PRIMARY KEY, over int REFERENCES boss);"
                  "INSERT INTO boss SELECT n, nullif(n + 1, 101) FROM generate_series(1, 100) n;"
                  "CREATE TABLE tall(id int PRIMARY KEY, over int REFERENCES tall);"
                  "INSERT INTO tall SELECT n, nullif(n + 1, 11) FROM generate_series(1, 10) n")
    rows.write("20250102000000_count",
               "DO $$ BEGIN RAISE EXCEPTION 'tall % boss %', (SELECT count(*) FROM tall),"
               " (SELECT count(*) FROM boss); END $$;")
    what = failure(rehearse(rows, "--data", "sample", "--rows", "2", check=1))["what"]
    assert "tall 10 boss 0 " in what  # too long a chain is left out


def test_full_data_is_the_same_data(rows):
    rows.pg.query("CREATE TABLE part(id int, at date) PARTITION BY RANGE (id);"
                  "CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10);"
                  "CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (10) TO (20) PARTITION BY LIST (at);"
                  "CREATE TABLE part_2_d PARTITION OF part_2 DEFAULT;"
                  "INSERT INTO part SELECT n, '2024-02-29' FROM generate_series(1, 19) n;"
                  "CREATE TABLE odd(i interval, f float8, b bytea, j jsonb, a text[]); CREATE TABLE none();"
                  "INSERT INTO odd VALUES ('-1 mon +2 days', 0.1::float8 + 0.2, '\\x00ff', '{\"a\": null}',"
                  " ARRAY['a,b', NULL, 'q\"']);"
                  "CREATE MATERIALIZED VIEW seen AS SELECT count(*) FROM part;"
                  f"ALTER DATABASE {rows.pg.name} SET DateStyle = 'German, DMY';"
                  f"ALTER DATABASE {rows.pg.name} SET IntervalStyle = 'sql_standard'")
    sums = ("(SELECT md5(string_agg(o::text, ';')) FROM odd o), (SELECT * FROM seen),"
            " (SELECT md5(string_agg(p::text, ';' ORDER BY id)) FROM part p),"
            " (SELECT md5(string_agg(u::text, ';' ORDER BY id)) FROM users u)")
    expected = rows.pg.query(f"SELECT concat_ws(' ', {sums})")[0][0]
    rows.write("20250102000000_sums",
               "DO $$ DECLARE next int; BEGIN INSERT INTO users(name) VALUES ('x') RETURNING id INTO next;"
               " DELETE FROM users WHERE id = next;"
               f" RAISE EXCEPTION 'sums % next %', concat_ws(' ', {sums}), next; END $$;")
    what = failure(rehearse(rows, "--data", "full", check=1))["what"]
    assert f"sums {expected} next 51 " in what


def test_full_data_needs_leave_to_be_large(rows):
    rows.write("20250102000000_x", "SELECT 1;")
    error = rehearse(rows, "--data", "full", "--max-size", "8kB", check=3)["error"]
    assert error["code"] == "refused" and "--max-size" in error["hint"]
    assert error["message"].endswith(" kB, and 8.0 kB are allowed")
    assert rehearse(rows, "--data", "full", "--max-size", "1TB")["rows"] == 90


def test_triggers_and_defaults_stay_out_of_the_copying(rows):
    rows.pg.query("CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'fired'; END$$;"
                  "CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION no()")
    rows.write("20250102000000_x", "INSERT INTO orders VALUES (1000)")
    assert "fired (SQLSTATE P0001)" in failure(rehearse(rows, "--data", "full", check=1))["what"]


def test_a_role_that_may_not_read_everything(rows):
    role = rows.pg.role()
    rows.pg.query(f"GRANT USAGE ON SCHEMA pawl TO {role};"
                  f"GRANT SELECT ON ALL TABLES IN SCHEMA pawl TO {role}")
    rows.config({"target.main": {"url": rows.pg.url_as(role)}})
    rows.write("20250102000000_x", "SELECT 1;")
    error = rehearse(rows, "--data", "full", "--on", "local", check=3)["error"]
    assert "the rows of the target cannot be copied" in error["message"]


# ---- where ----

def test_a_role_that_may_not_create_databases(shop):
    role = shop.pg.role()
    shop.write("20250102000000_x", "SELECT 1;")
    error = rehearse(shop, "--on", shop.pg.url_as(role), check=3)["error"]
    assert "may not create databases" in error["message"] and "CREATEDB" in error["hint"]
    assert rehearse(shop, "--on", "local")["where"] == "a server for this run alone"


def test_the_setting_says_where_else_a_server_is_started(shop):
    shop.write("20250102000000_x", "SELECT 1;")
    assert shop.pg.name in rehearse(shop)["where"]
    shop.env["PAWL_SHADOW"] = ""
    assert rehearse(shop)["where"] == "a server for this run alone"


def test_the_role_of_the_target(shop):
    role = shop.pg.role("owner", "NOLOGIN")
    shop.pg.query(f'GRANT ALL ON SCHEMA public TO "{role}"; ALTER TABLE orders OWNER TO "{role}"')
    shop.config({"target.main": {"url": shop.pg.url, "role": role}})
    shop.write("20250102000000_x", "ALTER TABLE orders ADD x int;\nDO $$ BEGIN IF current_user <> "
                                   f"'{role}' THEN RAISE 'no'; END IF; END $$;\n"
                                   f'CREATE TABLE mine(id int);\nGRANT SELECT ON mine TO "{role}";')
    for where in ("local", "target"):
        assert rehearse(shop, "--on", where)["rehearsed"][0]["outcome"] == "applied"


def test_another_major_version(shop, make_cluster):
    others = [path / "bin" for path in Path("/usr/lib/postgresql").glob("*")
              if path / "bin" != BINARIES and (path / "bin/postgres").exists()]
    shop.write("20250102000000_x", "SELECT 1;")
    if others:
        other = make_cluster(binaries=others[0])
        error = rehearse(shop, "--on", other.url(), check=3)["error"]
        assert "its server is PostgreSQL" in error["message"]
    # Debian's folder is looked at where PATH has none.
    assert shop.run("rehearse", "--on", "local", env={"PATH": "/nowhere"}, check=0)


@pytest.fixture
def binaries():
    """A folder that another user may look into."""
    folder = Path(tempfile.mkdtemp(prefix="pawl-b-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_ruined_binaries_are_told(shop, binaries):
    folder = binaries
    major = shop.pg.cluster.major
    (folder / "postgres").write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {major}.1'\n")
    (folder / "initdb").write_text("#!/bin/sh\necho 'no \x1b[31mspace'; exit 1\n")
    for program in folder.iterdir():
        program.chmod(0o755)
    shop.write("20250102000000_x", "SELECT 1;")
    result = shop.run("rehearse", "--on", "local", env={"PATH": f"{folder}:{os.environ['PATH']}"}, check=2)
    assert f"{folder}/initdb failed: no \\x1b[31mspace" in result.err
    assert list(shop.scratch.iterdir()) == []


def test_plan_measures_on_a_local_server(shop):
    shop.env["PAWL_SHADOW"] = "local"
    shop.write("20250102000000_x", "ALTER TABLE orders ADD x int;")
    statement, = shop.run("plan", "--json", check=0).json()["plan"][0]["statements"]
    assert statement["source"] == "measured" and list(shop.scratch.iterdir()) == []


# ---- what is left ----

def servers(scratch):
    """The processes that work in the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(scratch) in line:
            found.append(int(process.name))
    return found


@PLACES
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_in_the_middle_leaves_nothing(shop, where, number):
    shop.write("20250102000000_long", "SELECT pg_sleep(300);")
    running = shop.spawn("rehearse", "--on", where)
    running.wait_for("rehearsing 20250102000000_long")
    running.signal(number)
    assert running.finish(timeout=20).code == 128 + number
    assert list(shop.scratch.iterdir()) == [] and databases(shop.pg.cluster) == set()
    assert servers(shop.scratch) == []


def test_a_stop_while_rows_are_copied(rows):
    rows.pg.query("CREATE TABLE locked(id int)")
    rows.write("20250102000000_x", "SELECT 1;")
    with rows.pg.connect() as other:
        # pg_dump waits for this as a copy would, and the snapshot stands.
        other.execute("BEGIN; LOCK TABLE locked")
        running = rows.spawn("rehearse", "--data", "full", "--on", "local")
        wait_until(lambda: rows.pg.query("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                                         " AND datname = %s", rows.pg.name), "pg_dump waits")
        running.signal()
        assert running.finish(timeout=20).code == 128 + signal.SIGTERM
        other.execute("ROLLBACK")
    assert list(rows.scratch.iterdir()) == [] and servers(rows.scratch) == []


@pytest.mark.parametrize("on", ["local", "url"])
def test_a_stop_within_the_copy_of_a_table(rows, on):
    role = rows.pg.role()
    rows.pg.query(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}; GRANT USAGE ON SCHEMA pawl TO {role};"
                  f"GRANT SELECT ON ALL TABLES IN SCHEMA pawl TO {role};"
                  "ALTER TABLE orders ENABLE ROW LEVEL SECURITY;"
                  "CREATE POLICY slow ON orders USING (pg_sleep(600) IS NOT NULL)")
    rows.config({"target.main": {"url": rows.pg.url_as(role)}})
    rows.write("20250102000000_x", "SELECT 1;")
    running = rows.spawn("rehearse", "--data", "full", "--on", rows.pg.url if on == "url" else on)
    copying = ("SELECT 1 FROM pg_stat_activity WHERE usename = %s AND query LIKE 'COPY %%'"
               " AND wait_event = 'PgSleep'", role)
    wait_until(lambda: rows.pg.query(*copying), "the rows of a table are under way")
    running.signal()
    assert running.finish(timeout=20).code == 128 + signal.SIGTERM
    assert list(rows.scratch.iterdir()) == [] and databases(rows.pg.cluster) == set()
    assert servers(rows.scratch) == []
    wait_until(lambda: not rows.pg.query(*copying), "the target is left alone")


def test_what_a_kill_leaves_ends_and_is_swept(shop):
    shop.write("20250102000000_long", "SELECT pg_sleep(300);")
    running = shop.spawn("rehearse", "--on", "local")
    running.wait_for("rehearsing 20250102000000_long")
    assert len(servers(shop.scratch)) > 0
    left, = shop.scratch.iterdir()
    running.kill()
    wait_until(lambda: servers(shop.scratch) == [], "the server ends with pawl")
    assert left.exists()
    (shop.scratch / "pawl_scratch_0_1_2_other").mkdir()
    shop.write("20250102000000_long", "SELECT 1;")
    shop.run("rehearse", "--on", "local", check=0)
    assert [path.name for path in shop.scratch.iterdir()] == ["pawl_scratch_0_1_2_other"]


def as_server_user(command):
    prefix = [] if os.geteuid() else ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
    return subprocess.run([*prefix, "sh", "-c", command], text=True, capture_output=True, timeout=60)


ODD_FOLDER = "a 'b' (c)"  # as many bytes as the path of a socket leaves


@pytest.mark.parametrize("place", [".", ODD_FOLDER])
def test_a_copy_that_is_kept(shop, place):
    shop.write("20250102000000_x", "CREATE TABLE fresh(id int);")
    parent = open_folder(shop.scratch / place)
    shop.env["TMPDIR"] = parent
    answer = shop.run("rehearse", "--keep", "--json", "--on", "local", check=0).json()
    folder, = parent.iterdir()
    assert folder.name.startswith("pawl_kept_") and str(folder) in answer["kept"]
    start, connect = answer["kept_connect"].split("; psql ")
    started = as_server_user(f"{start} -l {shlex.quote(str(folder / 'log'))} -w")
    try:
        assert started.returncode == 0, started
        asked = as_server_user(f'psql {connect} -Atc "SELECT count(*) FROM fresh"')
        assert asked.stdout == "0\n", asked
    finally:
        as_server_user(f"{BINARIES}/pg_ctl -D {shlex.quote(str(folder / 'data'))} -m immediate -w stop")
    shop.run("rehearse", "--on", "local", check=0)
    assert folder.exists()  # nobody sweeps it


def test_a_copy_that_is_kept_on_the_targets_server(shop):
    shop.write("20250102000000_x", "CREATE TABLE fresh(id int);")
    answer = shop.run("rehearse", "--keep", "--json", "--on", "target", check=0).json()
    name, = databases(shop.pg.cluster)
    assert name.startswith("pawl_kept_")
    asked = as_server_user(f'{answer["kept_connect"]} -Atc "SELECT count(*) FROM fresh"')
    assert asked.stdout == "0\n", asked
    shop.run("rehearse", "--on", "target", check=0)
    assert databases(shop.pg.cluster) == {name}
    shop.pg.cluster.execute(f"DROP DATABASE {name}")


# ---- SQLite ----

@pytest.fixture
def lite(tmp_path, make_pawl, scratch):
    pawl = make_pawl(f"sqlite:{tmp_path / 'd.db'}")
    pawl.env["TMPDIR"] = pawl.scratch = scratch
    pawl.file = tmp_path / "d.db"
    pawl.write("20250101000000_a",
               "CREATE TABLE t(id INTEGER PRIMARY KEY, x TEXT); INSERT INTO t VALUES (1, NULL);")
    return pawl


def test_a_copy_of_a_file(lite):
    lite.run("deploy", check=0)
    before = lite.file.read_bytes()
    lite.write("20250102000000_b",
               "ALTER TABLE t ADD COLUMN y TEXT;\nCREATE INDEX i ON t(y);\nUPDATE t SET y = x;")
    answer = lite.run("rehearse", "--json", check=0).json()
    one, = answer["rehearsed"]
    assert one["outcome"] == "applied" and [s["line"] for s in one["statements"]] == [1, 2, 3]
    assert all(s["ms"] >= 0 for s in one["statements"]) and answer["rows"] is None
    assert "+CREATE INDEX i ON t(y);" in answer["changes"]
    assert lite.file.read_bytes() == before and list(lite.scratch.iterdir()) == []


def test_rows_of_a_file_break_a_migration(lite):
    lite.run("deploy", check=0)
    lite.write("20250102000000_b", "CREATE TABLE u(id INTEGER);\nCREATE TABLE n(x TEXT NOT NULL);\n"
                                   "INSERT INTO n SELECT x FROM t;")
    lite.write("20250103000000_c", "SELECT 1;")
    answer = lite.run("rehearse", "--json", check=1).json()
    assert "NOT NULL constraint failed: n.x" in failure(answer)["what"] and answer["findings"][0]["line"] == 3
    assert [one["outcome"] for one in answer["rehearsed"]] == ["failed", "not reached"]
    lines = [[statement["line"] for statement in one["statements"]] for one in answer["rehearsed"]]
    assert lines == [[1, 2, 3], []]
    assert answer["changes"] == "" and list(lite.scratch.iterdir()) == []


def test_without_a_file_all_is_replayed(lite):
    answer = lite.run("rehearse", "--json", check=0).json()
    assert answer["rehearsed"][0]["outcome"] == "applied" and not lite.file.exists()
    assert "+CREATE TABLE t(" in answer["changes"]


@pytest.mark.parametrize("place", [".", ODD_FOLDER])
def test_a_copy_of_a_file_that_is_kept(lite, place):
    parent = open_folder(lite.scratch / place)
    lite.env["TMPDIR"] = parent
    out = lite.run("rehearse", "--keep", check=0).out
    path = re.search(r"^kept: (.*)\n  (.*)$", out, re.MULTILINE)
    assert Path(path[1]).stat().st_size > 0 and Path(path[1]).parent.parent == parent
    assert shlex.split(path[2]) == ["sqlite3", path[1]]
    page = lite.run("rehearse", "--keep", "--markdown", check=0)
    assert "kept: " not in page.out and f"kept: {parent}/pawl_kept_" in page.err and "  sqlite3 " in page.err
    assert "for PostgreSQL" in lite.run("rehearse", "--data", "full", check=2).err
