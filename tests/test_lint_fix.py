"""`pawl lint --fix` and `--diff`: what is written comes to the same schema, and nobody waits for it."""

import subprocess

import pytest

OLD, NEW = "20250101000000_base", "20250102000000_change"

BASE = """
CREATE TABLE customers (id int PRIMARY KEY, name text);
CREATE TABLE orders (id int PRIMARY KEY, customer int, amount int, code text, paid int);
CREATE TABLE notes (id int, "Body" text);
CREATE INDEX orders_paid ON orders (paid);
INSERT INTO customers SELECT n FROM generate_series(1, 100) n;
INSERT INTO orders SELECT n, n, n, n, n FROM generate_series(1, 100) n;
INSERT INTO notes SELECT n, n FROM generate_series(1, 100) n;
"""

# Statement, the rules that it is against, and whether there is a sequel.
FORMS = [
    ("CREATE INDEX a ON orders (amount);", {"create-index-blocking"}, False),
    ("CREATE UNIQUE /* x */ INDEX ON orders (lower(code)) WHERE paid > 0; -- y", {"create-index-blocking"}, False),
    ("CREATE INDEX IF NOT EXISTS a ON orders (amount)", {"create-index-blocking"}, False),
    ("drop index orders_paid;", {"drop-index-blocking"}, False),
    ("DROP INDEX IF EXISTS public.orders_paid;", {"drop-index-blocking"}, False),
    ("REINDEX TABLE orders;", {"reindex-blocking"}, False),
    ("REINDEX (VERBOSE) INDEX orders_paid;", {"reindex-blocking"}, False),
    ("ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers ON DELETE CASCADE;",
     {"add-foreign-key-scan"}, True),
    ("ALTER TABLE orders ADD CONSTRAINT \"Of it\" FOREIGN KEY (customer) REFERENCES customers (id)"
     " DEFERRABLE INITIALLY DEFERRED /* z */;", {"add-foreign-key-scan"}, True),
    ("ALTER TABLE ONLY public.orders\n  ADD FOREIGN KEY (id) REFERENCES customers, -- one, two\n"
     "  ADD COLUMN b int;", {"add-foreign-key-scan"}, True),
    ("ALTER TABLE orders ADD CHECK (amount > 0);", {"add-check-scan"}, True),
    ("ALTER TABLE orders ADD CHECK (amount > 0 AND amount < 1000), ADD CHECK (paid IN (amount, id));",
     {"add-check-scan"}, True),
    ("ALTER TABLE notes ADD CONSTRAINT c CHECK (\"Body\" <> '');", {"add-check-scan"}, True),
    ("ALTER TABLE orders ADD UNIQUE (code, paid);", {"add-unique-blocking"}, False),
    ("ALTER TABLE notes ADD CONSTRAINT n UNIQUE (\"Body\");", {"add-unique-blocking"}, False),
    ("ALTER TABLE notes ADD PRIMARY KEY (id);", {"add-primary-key-blocking"}, False),
    ("ALTER TABLE orders ALTER COLUMN code SET NOT NULL;", {"set-not-null-scan"}, True),
    ("ALTER TABLE notes ALTER id SET NOT NULL, ALTER \"Body\" SET NOT NULL, ALTER \"Body\" SET DEFAULT 'x';",
     {"set-not-null-scan"}, True),
    ("ALTER TABLE orders ADD CHECK (paid > 0);\nALTER TABLE orders ALTER code SET NOT NULL;\n"
     "CREATE INDEX a ON orders (code);\n", {"add-check-scan", "set-not-null-scan", "create-index-blocking"}, True),
]


def rules(result):
    return {finding["rule"] for finding in result.json()["findings"]}


def write_set(pawl, text):
    pawl.write(OLD, BASE)
    pawl.run("deploy", check=0)
    return pawl.write(NEW, text)


@pytest.mark.parametrize("text, against, sequel", FORMS, ids=range(len(FORMS)))
def test_the_same_schema_without_anybody_waiting(cluster, make_pawl, text, against, sequel):
    databases = [cluster.create_database() for _ in range(2)]
    try:
        plain, fixed = (make_pawl(database.url, name) for database, name in zip(databases, "ab", strict=True))
        write_set(plain, text)
        plain.run("deploy", check=0)
        path = write_set(fixed, text).relative_to(fixed.folder)
        fixed.run("sum", check=0)
        diff = fixed.run("lint", "--diff", path, check=0)
        assert f"--- {path}\n+++ {path}\n@@ " in diff.out and (fixed.folder / path).read_text() == text
        result = fixed.run("--json", "lint", "--fix", path)
        assert not (against | {"not-valid-left"}) & rules(result), result
        assert {row["rule"] for row in result.json()["fixed"]} == against and result.json()["left"] == []
        names = sorted(entry.name for entry in fixed.migrations.iterdir() if entry.suffix == ".sql")
        assert [name.endswith("_change_validate.sql") for name in names] == [False, False, True][:2 + sequel]
        assert not against & rules(fixed.run("--json", "lint"))
        fixed.run("deploy", check=0)
        assert databases[0].dump() == databases[1].dump()
        fixed.run("status", "--exit-code", check=0)
    finally:
        for database in databases:
            database.drop()


def test_rules_that_are_mended_say_so(make_pawl):
    pawl = make_pawl()
    listed = pawl.run("--json", "explain", "--list", check=0).json()["rules"]
    fixable = {rule["id"] for rule in listed if rule["fixed_by"] == "lint"}
    assert fixable == set().union(*(against for _, against, _ in FORMS))
    for rule in listed:
        assert ("`pawl lint --fix`" in pawl.run("explain", rule["id"], check=0).out) == (rule["id"] in fixable)


LEFT = {
    "DROP INDEX a, b;": "takes one index",
    "DROP INDEX a CASCADE;": "takes no CASCADE",
    "BEGIN; CREATE INDEX a ON t (b); COMMIT;": "between BEGIN and COMMIT",
    "SET LOCAL search_path = x; CREATE INDEX a ON t (b);": "SET LOCAL",
    "ALTER TABLE t ADD COLUMN b int CHECK (b > 0);": "part of ADD COLUMN",
    "ALTER TABLE t ADD COLUMN b int UNIQUE;": "part of ADD COLUMN",
    "ALTER TABLE t ADD UNIQUE (a), ADD COLUMN b int;": "does more than this",
    "ALTER TABLE t ADD UNIQUE (a) DEFERRABLE;": "has options",
    f"ALTER TABLE t ADD UNIQUE ({'a' * 62});": "name would be too long",
    "ALTER TABLE t ADD CHECK (a > 0); ALTER TABLE t DROP COLUMN a;": "a later statement",
    "ALTER TABLE t ALTER a SET NOT NULL; ALTER TABLE t RENAME TO u;": "a later statement",
    "ALTER TABLE t ALTER a SET NOT NULL; ALTER TABLE public.t ALTER a DROP NOT NULL;": "a later statement",
    "DO $$ BEGIN CREATE INDEX a ON t (b); ALTER TABLE t ADD CHECK (b > 0); END $$;": "in a DO block",
    "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'CREATE INDEX a ON t (b)'; SELECT f();":
        "a function does it",
    "ALTER TABLE s.\"T.t\" ADD CHECK (a > 0); DROP TABLE \"T.t\";": "a later statement",
}


@pytest.mark.parametrize("text, why", LEFT.items(), ids=range(len(LEFT)))
def test_what_has_no_plain_safe_form_is_left(make_pawl, text, why):
    pawl = make_pawl()
    path = pawl.write(NEW, text).relative_to(pawl.folder)
    result = pawl.run("--json", "lint", "--dialect", "postgres", "--fix", path)
    rows = result.json()["left"]
    assert rows and why in rows[0]["why"] and result.json()["written"] == [], result
    assert (pawl.folder / path).read_text() == text and len(list(pawl.migrations.glob("*.sql"))) == 1


def test_a_file_that_is_named_twice_is_fixed_once(make_pawl):
    pawl = make_pawl()
    (pawl.folder / "new").mkdir()
    file = pawl.folder / "new" / "x.sql"
    file.write_text("CREATE INDEX i ON t (a);\n")
    lint = "--json", "lint", "--dialect", "postgres"
    report = pawl.run(*lint, "new", "new/x.sql", check=3).json()
    assert len(report["findings"]) == report["migrations"] == 1
    report = pawl.run(*lint, "--fix", "new/x.sql", "new", "new/x.sql", check=0).json()
    assert report["written"] == ["new/x.sql"]
    assert file.read_text() == "CREATE INDEX CONCURRENTLY i ON t (a);\n"


def test_only_what_is_new_is_fixed(make_pawl):
    pawl = make_pawl()
    index = "CREATE INDEX a ON t (b);\n"
    pawl.write(OLD, index)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(pawl.folder)]
    for words in (["init", "-q", "-b", "main"], ["add", "migrations"], ["commit", "-q", "-m", "base"]):
        subprocess.run([*git, *words], check=True)
    pawl.write(NEW, index.replace("a ON", "c ON") + "ALTER TABLE t ADD CHECK (b > 0);\n")
    lint = ["lint", "--dialect", "postgres"]
    result = pawl.run(*lint, "--fix", check=2)
    assert "nothing says which files are new" in result.err
    pawl.run(*lint, "--fix", "--diff", "--base", "main", check=2)
    pawl.run(*lint, "--fix", "-", check=2)
    pawl.run(*lint, "--fix", "--base", "main", check=0)
    assert (pawl.migrations / f"{OLD}.sql").read_text() == index
    assert (pawl.migrations / f"{NEW}.sql").read_text() == (
        "CREATE INDEX CONCURRENTLY c ON t (b);\nALTER TABLE t ADD CONSTRAINT t_b_check CHECK (b > 0) NOT VALID;\n")
    again = pawl.run("--json", *lint, "--fix", "--base", "main", check=0).json()
    assert again["fixed"] == again["written"] == []


def test_the_set_says_which_tables_are_partitioned(make_pawl):
    pawl = make_pawl()
    pawl.write(OLD, "CREATE TABLE public.t (a int) PARTITION BY RANGE (a);\n"
              "CREATE TABLE u (a int);\nCREATE INDEX i ON t (a);")
    text = "CREATE INDEX a ON t (a);\nALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u;\nALTER TABLE t ADD UNIQUE (a);\n"
    text += "DROP INDEX i;\n"
    path = pawl.write(NEW, text).relative_to(pawl.folder)
    result = pawl.run("--json", "lint", "--dialect", "postgres", "--fix", path)
    assert [row["why"] for row in result.json()["left"]] == ["the table is partitioned"] * 4
    assert (pawl.folder / path).read_text() == text


def test_an_allow_and_a_byte_order_mark_stay(make_pawl):
    pawl = make_pawl()
    allow = '-- pawl: allow=create-index-blocking reason="forty rows"\n'
    path = pawl.write(NEW, "")
    path.write_bytes(b"\xef\xbb\xbf" + (allow + "CREATE INDEX a ON t (b);\nREINDEX TABLE t;").encode())
    pawl.run("lint", "--dialect", "postgres", "--fix", path.relative_to(pawl.folder), check=0)
    assert path.read_bytes() == b"\xef\xbb\xbf" + (
        allow + "CREATE INDEX a ON t (b);\nREINDEX TABLE CONCURRENTLY t;").encode()


def test_outside_of_the_folder_there_is_no_sequel(make_pawl):
    pawl = make_pawl()
    text = "CREATE INDEX a ON t (b);\nALTER TABLE t ADD CHECK (b > 0);\n"
    (pawl.folder / "x.sql").write_text(text)
    result = pawl.run("--json", "lint", "--dialect", "postgres", "--fix", "x.sql", check=3)
    assert "not in their folder" in result.json()["left"][0]["why"]
    assert (pawl.folder / "x.sql").read_text() == text.replace("INDEX a", "INDEX CONCURRENTLY a")
