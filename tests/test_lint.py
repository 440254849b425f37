"""`pawl lint`: each rule by its own examples, and the command by what it prints."""

import json
import shlex
import subprocess

import pytest
from support.pawl import clean_environment, pawl_binary


def linted_rules():
    done = subprocess.run([pawl_binary(), "--json", "explain", "--list"], capture_output=True, check=True,
                          env=clean_environment())
    return [rule for rule in json.loads(done.stdout)["rules"] if rule["linted"]]


RULES = linted_rules()
EXAMPLES = [pytest.param(rule, engine, id=f"{rule['id']}-{engine}") for rule in RULES for engine in rule["engines"]]


@pytest.fixture
def desk(make_pawl):
    return make_pawl()


def lint(desk, text, *args, dialect="postgres"):
    """The findings of one text, with the exit code that fits them."""
    (desk.folder / "text.sql").write_text(text)
    result = desk.run("--json", "lint", "--dialect", dialect, *args, "text.sql")
    findings = result.json()["findings"]
    assert result.code == (3 if any(f["severity"] == "error" for f in findings) else 0), result
    return findings


def rules_of(findings):
    return {finding["rule"] for finding in findings}


@pytest.mark.parametrize("rule, engine", EXAMPLES)
def test_a_rule_finds_its_bad_example_and_not_its_good_one(desk, rule, engine):
    bad = [f for f in lint(desk, rule["example_bad"], dialect=engine) if f["rule"] == rule["id"]]
    assert bad and all(f["severity"] == rule["severity"] for f in bad)
    assert all(f["excerpt"] and 1 <= f["column"] <= len(f["excerpt"]) + 1 for f in bad)
    assert rule["id"] not in rules_of(lint(desk, rule["example_good"], dialect=engine))


def test_a_finding_points_at_its_part_of_the_statement(desk):
    findings = lint(desk, 'select 1;\nALTER TABLE "a, b".c\n  ADD COLUMN d numeric(1, 2), -- drop column x,\n'
                          "  DROP COLUMN \u00e9, DROP COLUMN f;")
    assert [(f["line"], f["column"]) for f in findings if f["rule"] == "drop-column"] == [(4, 3), (4, 18)]


def test_what_the_file_makes_is_new_until_it_is_filled(desk):
    make = "CREATE TABLE t (id bigint PRIMARY KEY, a int);\n"
    index = "CREATE INDEX t_a ON t (a);\n"
    assert "create-index-blocking" not in rules_of(lint(desk, make + index))
    assert "create-index-blocking" not in rules_of(lint(desk, make + "ALTER TABLE t RENAME TO u;\n"
                                                        + index.replace("ON t", "ON u")))
    fill = "INSERT INTO t SELECT id FROM old;\n"
    committed = "CREATE INDEX CONCURRENTLY t_id ON t (id);\n"
    assert "create-index-blocking" in rules_of(lint(desk, make + fill + committed + index))
    # What is not committed yet nobody else waits for.
    assert "create-index-blocking" not in rules_of(lint(desk, make + fill + index))


def test_files_are_alone_and_a_base_makes_one_deploy(desk):
    (desk.migrations / "20250101000000_a.sql").write_text("CREATE TABLE t (id bigint PRIMARY KEY);\n")
    (desk.migrations / "20250102000000_b.sql").write_text("CREATE INDEX t_id ON t (id);\n")
    alone = desk.run("--json", "lint", "--dialect", "postgres")
    assert rules_of(alone.json()["findings"]) >= {"create-index-blocking"} and alone.json()["migrations"] == 2
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(desk.folder)]
    for words in (["init", "-q", "-b", "main"], ["commit", "-q", "--allow-empty", "-m", "none"]):
        subprocess.run([*git, *words], check=True)
    together = desk.run("--json", "lint", "--dialect", "postgres", "--base", "main")
    assert "create-index-blocking" not in rules_of(together.json()["findings"])
    assert together.json()["migrations"] == 2


def test_an_allow_makes_a_note_and_one_for_nothing_is_told(desk):
    allow = '-- pawl: allow=create-index-blocking reason="forty rows"\n'
    found, = lint(desk, allow + "CREATE INDEX a ON t (b);")
    assert found["severity"] == "note" and "forty rows" in found["what"]
    assert rules_of(lint(desk, allow + "CREATE TABLE t (id bigint PRIMARY KEY);")) == {"allow-unused"}
    # That one is for `pawl check` to use, or to tell.
    assert lint(desk, '-- pawl: allow=duplicate-version reason="in production"\nSELECT 1;') == []


IN_A_DO = """\
DO $$
DECLARE r record;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_class WHERE relname = 'orders_b') THEN
    CREATE INDEX orders_b ON orders (b);
  END IF;
  ALTER TABLE orders
    ADD FOREIGN KEY (a) REFERENCES users (id);
  EXECUTE 'ALTER TABLE orders DROP COLUMN c';
  EXECUTE format('DROP TABLE %I', 'old');
  FOR r IN SELECT id FROM users LOOP
    EXECUTE 'DROP TABLE part_' || r.id;
  END LOOP;
  CREATE TABLE fresh (id bigint PRIMARY KEY);
  CREATE INDEX fresh_id ON fresh (id);
EXCEPTION WHEN duplicate_object THEN
  UPDATE users SET a = 1;
END $$;
"""


def test_the_rules_see_into_a_do(desk):
    rows = [(row["rule"], row["line"], row["column"], row["severity"]) for row in lint(desk, IN_A_DO)]
    assert rows == [("not-analysed", 1, 1, "note"),
                    ("create-index-blocking", 5, 30, "error"),
                    ("add-foreign-key-scan", 8, 5, "error"),
                    ("unnamed-constraint", 8, 9, "note"),
                    ("drop-column", 9, 31, "error"),
                    ("update-all-rows", 17, 10, "warning")]
    for quotes in ("'BEGIN\n CREATE INDEX i ON t (a); END'", "E'BEGIN\\n CREATE INDEX i ON t (a); END'"):
        places = {row["rule"]: (row["line"], row["column"]) for row in lint(desk, f"\nDO {quotes};\n")}
        assert places == {"not-analysed": (2, 1), "create-index-blocking": (2, 1) if quotes[0] == "E" else (3, 20)}


INSIDE = {
    "grant-to-public": ("GRANT SELECT ON t TO PUBLIC", len("GRANT SELECT ON t TO ")),
    "duplicate-column": ("UPDATE t SET a = 1, a = 2 WHERE b", len("UPDATE t SET a = 1, ")),
    "json-column": ("ALTER TABLE t ADD COLUMN a json", len("ALTER TABLE t ADD COLUMN ")),
    "password-in-file": ("CREATE ROLE r PASSWORD 'secret'", len("CREATE ROLE r ")),
    "checks-switched-off": ("SET LOCAL session_replication_role = 'replica'", 0),
    "extension-needs-rights": ("CREATE EXTENSION file_fdw", 0),
}


@pytest.mark.parametrize("rule", INSIDE)
def test_rules_of_the_text_see_into_a_do_too(desk, rule):
    statement, at = INSIDE[rule]
    doubled = statement.replace("'", "''")
    for before in ("DO $$ BEGIN ", "DO $$ BEGIN DO $q$ BEGIN NULL; ", "DO $$ BEGIN EXECUTE $q$", None):
        if before is None:
            text, column = f"DO $$ BEGIN EXECUTE '' || '{doubled}'; END $$;", len("DO $$ BEGIN EXECUTE ") + 1
        else:
            after = "; END $q$" if "DO $q$" in before else "$q$" if "$q$" in before else ""
            text, column = f"{before}{statement}{after}; END $$;", len(before) + at + 1
        found, = [row for row in lint(desk, text) if row["rule"] == rule]
        assert (found["line"], found["column"]) == (1, column), text


def test_a_do_is_allowed_and_alone_like_any_statement(desk):
    allow = '-- pawl: allow=create-index-blocking reason="forty rows"\n'
    do = "DO $$ BEGIN CREATE INDEX i ON t (a); END $$;"
    assert [row["severity"] for row in lint(desk, allow + do)] == ["note", "note"]
    made = "CREATE TABLE t (id bigint PRIMARY KEY, a int);\n"
    assert rules_of(lint(desk, made + do)) == {"not-analysed"}
    assert "create-index-blocking" in rules_of(lint(desk, "DO LANGUAGE plpgsql " + do.removeprefix("DO")))
    assert rules_of(lint(desk, "DO LANGUAGE plperl " + do.removeprefix("DO"))) == {"not-analysed"}


BY_FUNCTION = """\
CREATE FUNCTION app.change(a int DEFAULT 1) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF a > 0 THEN
    CREATE INDEX orders_b ON orders (b);
  END IF;
  EXECUTE 'ALTER TABLE orders DROP COLUMN c';
  PERFORM inside();
END $$;
CREATE FUNCTION inside() RETURNS void LANGUAGE sql
  AS 'UPDATE users SET a = 1; GRANT SELECT ON users TO PUBLIC';
SELECT 1, app.change();
"""


def test_the_rules_see_what_a_called_function_does(desk):
    found = lint(desk, BY_FUNCTION)
    rows = [(row["rule"], row["column"], row["severity"]) for row in found]
    assert rows == [("not-analysed", 1, "note"), ("create-index-blocking", 11, "error"),
                    ("drop-column", 11, "error"), ("update-all-rows", 11, "warning"),
                    ("grant-to-public", 11, "warning")]
    assert {row["line"] for row in found} == {11} and found[1]["excerpt"] == "SELECT 1, app.change();"
    ends = ["(in function app.change, line 4)", "(in function app.change, line 6)",
            "(in function inside, line 10)", "(in function inside, line 10)"]
    assert [row["what"][-len(end):] for row, end in zip(found[1:], ends, strict=True)] == ends
    assert "function" not in lint(desk, BY_FUNCTION + "DROP TABLE old;")[-1]["what"]
    # What nobody calls does nothing yet.
    assert lint(desk, BY_FUNCTION.replace("SELECT 1, app.change();", "")) == []


CALLED = {
    "in the body of a DO": "DO $$ BEGIN IF true THEN PERFORM f(); END IF; END $$;",
    "for each row": "INSERT INTO log SELECT f() FROM other WHERE id = 1;",
    "as a new type": "ALTER TABLE other ALTER COLUMN a TYPE text USING f();",
    "as a table": "CREATE TABLE fresh AS SELECT n FROM f() AS n;",
}


@pytest.mark.parametrize("how", CALLED)
def test_a_call_is_seen_where_it_is_run(desk, how):
    made = ("CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS"
            " $$ BEGIN TRUNCATE gone; RETURN 'x'; END $$;\n"
            "CREATE FUNCTION g() RETURNS text LANGUAGE sql AS 'SELECT f()';\n")
    for call in CALLED[how], CALLED[how].replace("f()", "g()"):
        row, = [row for row in lint(desk, made + call) if row["rule"] == "truncate"]
        assert (row["line"], row["column"]) == (3, call.index("()"))
        assert row["what"].endswith("(in function f, line 1)")
    other = "CREATE OR REPLACE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT 1';"
    for after in "DROP FUNCTION f();", other:
        assert "truncate" not in rules_of(lint(desk, made + after + CALLED[how]))
        assert "truncate" in rules_of(lint(desk, made + CALLED[how] + after))


def test_a_call_is_seen_across_the_files_of_one_deploy(desk):
    (desk.migrations / "20250101000000_a.sql").write_text(
        "-- a head\nCREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'TRUNCATE gone';\n")
    (desk.migrations / "20250102000000_b.sql").write_text("SELECT f();\n")
    alone = desk.run("--json", "lint", "--dialect", "postgres").json()
    assert rules_of(alone["findings"]) == {"not-analysed"}
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(desk.folder)]
    for words in (["init", "-q", "-b", "main"], ["commit", "-q", "--allow-empty", "-m", "none"]):
        subprocess.run([*git, *words], check=True)
    row, = desk.run("--json", "lint", "--dialect", "postgres", "--base", "main", check=3).json()["findings"]
    assert (row["rule"], row["file"], row["line"]) == ("truncate", "migrations/20250102000000_b.sql", 1)
    assert row["what"].endswith("(in function f, line 2 of migrations/20250101000000_a.sql)")


def test_files_folders_and_odd_names(desk):
    odd = desk.folder / "od\nd"
    odd.mkdir()
    (odd / "x.sql").write_text("CREATE INDEX a ON t (b);")
    (odd / "x.txt").write_text("no SQL at all '")
    result = desk.run("lint", "--dialect", "postgres", odd)
    assert result.code == 3 and "od\\x0ad/x.sql:1:19" in result.out, result
    assert desk.run("lint", "--dialect", "postgres", "nowhere.sql").code == 2
    assert desk.run("lint", "--base", "main", odd / "x.sql").code == 2


def test_the_standard_input(desk):
    done = subprocess.run([pawl_binary(), "lint", "--dialect", "postgres", "-"], cwd=desk.folder, text=True,
                          input="CREATE INDEX a ON t (b);", capture_output=True, env=clean_environment())
    assert done.returncode == 3 and done.stdout.startswith("-:1:19: error: "), done


def test_what_cannot_be_read_is_only_a_note(desk):
    findings = lint(desk, "CREATE TABLE t (a int) WITH NEW SYNTAX; SELECT 1 +;")
    assert [(f["rule"], f["severity"]) for f in findings] == [("not-analysed", "note")] * 2


def test_a_deep_expression_ends_nothing(desk):
    assert rules_of(lint(desk, "SELECT " + "(" * 20000 + "1" + ")" * 20000 + ";")) == {"not-analysed"}
    assert rules_of(lint(desk, "SELECT 1" + "+1" * 100000 + ";")) == {"not-analysed"}


@pytest.mark.parametrize("text, recipe", [
    ("ALTER TABLE users RENAME COLUMN name TO full_name;",
     "rename-column --table users --column name --to full_name --type TYPE"),
    ("ALTER TABLE app.users RENAME TO people;", "rename-table --table app.users --to people"),
    ("ALTER TABLE orders ALTER COLUMN id TYPE bigint;", "change-type --table orders --column id --type TYPE"),
    ("ALTER TABLE \"Odd; table\" RENAME \"A b\" TO \"C$(x)\";",
     "rename-column --table '\"Odd; table\"' --column '\"A b\"' --to '\"C$(x)\"' --type TYPE"),
    ("ALTER TABLE users RENAME \"it's\" TO its;", None),
    ("ALTER TABLE users SET SCHEMA other;", None),
])
def test_a_fix_names_the_recipe_and_pawl_new_takes_it(desk, text, recipe):
    fixes = [finding["fix"] for finding in lint(desk, text) if finding["rule"] in
             ("rename-column", "rename-table", "alter-column-type")]
    assert len(fixes) == 1
    if recipe is None:
        assert "--recipe" not in fixes[0]
        return
    assert f"`pawl new --recipe {recipe}` writes these migrations" in fixes[0]
    desk.env["PAWL_DIALECT"] = "postgres"
    words = shlex.split(recipe.replace("TYPE", "text"))
    desk.run("new", "--recipe", *words, check=0)
    assert list(desk.migrations.glob("*.sql"))
