"""`pawl plan`: the statements of a deploy with what they lock, on the target as it is."""

import pytest


FIRST = """
CREATE SCHEMA app;
CREATE TABLE app.users (id bigint PRIMARY KEY, email text);
INSERT INTO app.users SELECT i, i FROM generate_series(1, 5000) AS i;
CREATE TABLE events (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE events_2 PARTITION OF events DEFAULT;
INSERT INTO events SELECT i, '2020-01-01'::date + i FROM generate_series(0, 699) AS i;
CREATE TABLE \"a|b\" (id int);
"""


@pytest.fixture
def target(make_pawl, pg):
    pawl = make_pawl(pg.url)
    pawl.write("20250101000000_first", FIRST.replace('\\"', '"'))
    pawl.run("deploy", check=0)
    pg.query("ANALYZE")
    return pawl


def plan(pawl, text, check=None):
    """The locks of each statement."""
    pawl.write("20250102000000_next", text)
    report = pawl.run("--json", "plan", check=check).json()
    migration, = report["plan"]
    return [statement["locks"] for statement in migration["statements"]]


def test_sizes_are_those_of_the_target(target):
    (lock,), (events,) = plan(target, "ALTER TABLE app.users ALTER id TYPE text;\nDROP TABLE events;")
    assert (lock["relation"], lock["mode"], lock["work"]) == ("app.users", "ACCESS EXCLUSIVE", "rewrite")
    assert lock["rows"] == 5000 and lock["bytes"] > 100_000 and lock["index_bytes"] > 50_000
    assert 0 < lock["low_ms"] < lock["high_ms"] and lock["writes_per_s"] > 0
    assert events["relation"] == "public.events" and events["rows"] == 700  # its partitions


def test_names_are_followed_and_what_is_new_is_left_out(target):
    locks = plan(target, """
        CREATE TABLE new (id int REFERENCES app.users);
        CREATE INDEX ON new (id);
        ALTER TABLE app.users RENAME TO people;
        ALTER TABLE app.people ADD COLUMN age int;
        ALTER TABLE new RENAME TO newer;""")
    assert [[lock["relation"] for lock in found] for found in locks] == [
        ["app.users"], [], ["app.users"], ["app.users"], []]


def test_what_a_function_of_the_set_does_is_listed_where_it_is_called(target):
    made, call = plan(target, """
        CREATE FUNCTION change() RETURNS void LANGUAGE plpgsql AS $$
        BEGIN ALTER TABLE app.users ALTER id TYPE text; END $$;
        SELECT change();""")
    assert made == []
    assert [(lock["relation"], lock["mode"], lock["work"], lock["rows"]) for lock in call] == [
        ("app.users", "ACCESS EXCLUSIVE", "rewrite", 5000)]


def test_the_search_path_of_the_target_counts(target, pg):
    target.config({"target.main": {"url": pg.url, "schema": "app"}})
    (lock,), = plan(target, "ALTER TABLE users ADD COLUMN age int;")
    assert lock["relation"] == "app.users"


def test_what_is_not_analysed_says_why(target):
    target.write("20250102000000_next", "DO $$ BEGIN PERFORM 1; END $$;\nFROBNICATE THE users;")
    out = target.run("plan").out
    assert "not analysed: a DO block may do more than its text says" in out
    assert "not analysed: pawl cannot read it" in out


def test_a_table_that_is_locked_away(target, pg):
    target.write("20250102000000_next", "ALTER TABLE app.users ADD COLUMN age int;")
    with pg.connect() as other:
        other.execute("BEGIN; LOCK TABLE app.users")
        result = target.run("plan", check=0)
        assert "the sizes of tables cannot be read" in result.err and "ADD COLUMN age" in result.out
        other.execute("ROLLBACK")


def test_a_role_that_may_only_look(target, pg):
    role = pg.role()
    pg.query(f"GRANT USAGE ON SCHEMA app, pawl TO {role}")
    pg.query(f"GRANT SELECT ON ALL TABLES IN SCHEMA pawl TO {role}")
    target.config({"target.main": {"url": pg.url_as(role)}})
    (lock,), = plan(target, "ALTER TABLE app.users ADD COLUMN age int;")
    assert lock["rows"] == 5000


def test_a_page_for_a_pull_request(target):
    target.write("20250102000000_next", 'DROP TABLE "a|b";\n-- \x07\nSELECT \'\x07 `x`\';')
    out = target.run("plan", "--markdown").out
    row, = [line for line in out.splitlines() if line.startswith("| 1:1 |")]
    assert row.replace("\\|", "").count("|") == 7 and "\x07" not in out
    assert "### 20250102000000" in out


def test_what_takes_a_moment_is_a_note(target, pg):
    pg.query("CREATE TABLE large AS SELECT i, repeat('x', 500) AS filler FROM generate_series(1, 200000) AS i")
    pg.query("ANALYZE large")
    target.write("20250102000000_next", "CREATE INDEX ON events (id);\nCREATE INDEX ON large (i);")
    report = target.run("--json", "plan", check=3).json()
    small, large = [f for f in report["findings"] if f["rule"] == "create-index-blocking"]
    assert (small["severity"], large["severity"]) == ("note", "error")
    assert "a moment: it works on 700 rows" in small["what"]


def test_nothing_pending_and_a_refusal(target):
    assert "nothing is pending" in target.run("plan", check=0).out
    (target.migrations / "20250101000000_first.sql").write_text("SELECT 1;")
    assert target.run("plan").code == 3


def test_on_sqlite_statements_alone(make_pawl, tmp_path):
    pawl = make_pawl(f"sqlite:{tmp_path / 'x.db'}")
    (found,) = plan(pawl, "CREATE TABLE t (id int);", check=0)
    assert found == []


def test_what_code_does_is_measured_in_a_shadow(target, pg):
    target.env["PAWL_SHADOW"] = "target"
    target.write("20250102000000_next", """
        CREATE TABLE new (id int);
        ALTER TABLE app.users RENAME TO people;
        DO $$ BEGIN EXECUTE 'ALTER TABLE app.people ALTER id TYPE text'; EXECUTE 'CREATE INDEX ON events (id)'; END $$;
        ALTER TABLE new ADD COLUMN a int;
        CREATE ROLE nobody_needs;
        SELECT nothing FROM new;""")
    result = target.run("--json", "plan", check=3)
    statements = result.json()["plan"][0]["statements"]
    assert [s["source"] for s in statements] == ["measured"] * 4 + ["not run", "failed"]
    locks = {lock["relation"]: lock for lock in statements[2]["locks"]}
    assert locks["app.users"]["work"] == "rewrite" and locks["app.users"]["rows"] == 5000
    assert {name for name in locks if locks[name]["work"] == "index build"} == {
        "public.events_1", "public.events_2"}
    assert statements[2]["not_analysed"] is None and statements[3]["locks"] == []
    failed, = [f for f in result.json()["findings"] if f["rule"] == "fails-on-shadow"]
    assert failed["line"] == 7 and "42703" in failed["what"] and failed["severity"] == "error"
    assert pg.query("SELECT 1 FROM pg_database WHERE datname LIKE 'pawl_shadow%%'") == []
    assert "app.users" in target.run("plan", "--markdown", env={"PAWL_SHADOW": ""}).out


def test_a_role_that_may_not_create_databases_reads(target, pg):
    role = pg.role()
    pg.query(f"GRANT USAGE ON SCHEMA app, pawl TO {role}")
    pg.query(f"GRANT SELECT ON ALL TABLES IN SCHEMA pawl TO {role}")
    target.config({"target.main": {"url": pg.url_as(role)}, "check": {"shadow": "target"}})
    target.write("20250102000000_next", "ALTER TABLE app.users ADD COLUMN age int;")
    result = target.run("--json", "plan", check=0)
    assert "nothing is measured: " in result.err
    assert result.json()["plan"][0]["statements"][0]["source"] == "read"


def test_a_note_about_no_file(target, pg):
    """A migration that is meant to be missing has none."""
    (target.folder / "migrations" / "20250101000000_first.sql").unlink()
    target.config({"pawl": {"missing": "allow"}, "target.main": {"url": pg.url}})
    target.write("20250102000000_next", "CREATE TABLE notes (id bigint PRIMARY KEY, at timestamp DEFAULT now());")
    findings = target.run("--json", "plan", check=0).json()["findings"]
    assert [(finding["rule"], finding["file"]) for finding in findings] == [
        ("missing", None), ("local-timestamp", "migrations/20250102000000_next.sql")]


def test_a_cut_statement_ends_with_a_whole_character(target):
    for before in "", "x", "xx":
        euros = "\u20ac" * 60
        target.write("20250102000000_next", f"COMMENT ON TABLE events IS '{before}{euros}';")
        for page in target.run("plan", check=0).out, target.run("plan", "--markdown", check=0).out:
            assert "\u20ac ..." in page and "\\x" not in page


def test_a_name_of_two_lines_takes_one(target, pg):
    pg.query('CREATE TABLE "c\n| d" (id int)')
    target.write("20250102000000_next", 'ALTER TABLE "c\n| d" ADD COLUMN n int;')
    for page in target.run("plan").out, target.run("plan", "--markdown").out:
        assert not [line for line in page.splitlines() if line.lstrip("|\\ ").startswith('d"')]
