"""`pawl new --recipe`: the files of each recipe, deployed step by step under code of both releases."""

import os
from dataclasses import dataclass, replace

import pytest

from support.writers import Crew, Release

# RECIPE_WRITES=100000 is the long form: make test-recipes.
WRITES = int(os.environ.get("RECIPE_WRITES", "1000"))
TIMEOUT = max(120, WRITES // 50)

SCHEMA = """
CREATE TABLE orders (id serial PRIMARY KEY, customer text NOT NULL, amount integer NOT NULL DEFAULT 0,
  note text, code text);
CREATE TABLE items (id serial PRIMARY KEY,
  order_id integer CONSTRAINT items_order_id_fkey REFERENCES orders (id) ON DELETE CASCADE);
CREATE INDEX items_order ON items (order_id);
CREATE TABLE lines (id serial PRIMARY KEY, order_id integer);
INSERT INTO orders (customer, amount, code) SELECT 'first' || i || ' last' || i, i, 'c' || i
  FROM generate_series(1, 5000) AS i;
INSERT INTO items (order_id) SELECT id FROM orders;
INSERT INTO lines (order_id) SELECT id FROM orders WHERE id <= 1000;
"""

CUSTOMER = Release("INSERT INTO orders (customer) VALUES (%(value)s) RETURNING id",
                   "UPDATE orders SET customer = %(value)s WHERE id = %(id)s",
                   "SELECT customer FROM orders WHERE id = %(id)s")
AMOUNT = Release("INSERT INTO orders (customer, amount) VALUES ('x', %(value)s) RETURNING id",
                 "UPDATE orders SET amount = %(value)s WHERE id = %(id)s",
                 "SELECT amount FROM orders WHERE id = %(id)s", values=(0, 1000))
NOTE = Release("INSERT INTO orders (customer, note) VALUES ('x', %(value)s) RETURNING id",
               "UPDATE orders SET note = %(value)s WHERE id = %(id)s",
               "SELECT note FROM orders WHERE id = %(id)s")
CODE = Release("INSERT INTO orders (customer, code) VALUES ('x', %(value)s) RETURNING id",
               "UPDATE orders SET code = %(value)s WHERE id = %(id)s",
               "SELECT code FROM orders WHERE id = %(id)s")
LINE = Release("INSERT INTO lines (order_id) VALUES (%(value)s) RETURNING id",
               "UPDATE lines SET order_id = %(value)s WHERE id = %(id)s",
               "SELECT order_id FROM lines WHERE id = %(id)s",
               "DELETE FROM lines WHERE id = %(id)s", values=(1, 5000))
ITEM = Release("WITH o AS (INSERT INTO orders (customer) VALUES (%(value)s) RETURNING id)"
               " SELECT id FROM o",
               "WITH i AS (INSERT INTO items (order_id) VALUES (%(id)s))"
               " UPDATE orders SET customer = %(value)s WHERE id = %(id)s", CUSTOMER.read)


@dataclass(frozen=True)
class Case:
    """A recipe, code of the release before it and after it, and what must hold."""

    options: tuple
    old: Release
    new: Release
    # A query that finds no row once the rows are filled, whatever writes meanwhile.
    unlike: str = "SELECT 1 WHERE false"
    # How the rows of the old release are read at the end, where it is not as the new one reads.
    stays: str = ""
    # What is true at the end.
    holds: str = "SELECT true"


FIRST = "split_part(customer, ' ', 1)"
LAST = "nullif(substr(customer, length(split_part(customer, ' ', 1)) + 2), '')"
COLUMN = ("SELECT count(*) = 1 FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attname = '{}'"
          " AND atttypid = '{}'::regtype AND attnotnull = {}")
CONSTRAINT = "SELECT count(*) = 1 FROM pg_constraint WHERE conname = '{}' AND contype = '{}' AND convalidated"

TABLES = "(SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r')"

CASES = {
    "rename-column": Case(
        ("--table", "public.orders", "--column", "customer", "--to", "client", "--type", "text",
         "--not-null"),
        CUSTOMER,
        Release("INSERT INTO orders (client) VALUES (%(value)s) RETURNING id",
                "UPDATE orders SET client = %(value)s WHERE id = %(id)s",
                "SELECT client FROM orders WHERE id = %(id)s"),
        "SELECT id FROM orders WHERE client IS DISTINCT FROM customer",
        holds=COLUMN.format("client", "text", True)),
    "split-column": Case(
        ("--table", "orders", "--column", "customer", "--to", "first", "--expression", FIRST,
         "--to", "last", "--expression", LAST, "--type", "text", "--back", "concat_ws(' ', first, last)"),
        CUSTOMER,
        Release("INSERT INTO orders (first, last) VALUES"
                " (split_part(%(value)s, ' ', 1), split_part(%(value)s, ' ', 2)) RETURNING id",
                "UPDATE orders SET first = split_part(%(value)s, ' ', 1),"
                " last = split_part(%(value)s, ' ', 2) WHERE id = %(id)s",
                "SELECT first || ' ' || last FROM orders WHERE id = %(id)s"),
        "SELECT id FROM orders WHERE first || ' ' || last IS DISTINCT FROM customer",
        holds=COLUMN.format("last", "text", False)),
    "change-type": Case(
        ("--table", "orders", "--column", "amount", "--type", "bigint", "--not-null", "--default", "0"),
        AMOUNT, AMOUNT, "SELECT id FROM orders WHERE amount_new IS DISTINCT FROM amount",
        holds=COLUMN.format("amount", "bigint", True)),
    "int-to-bigint": Case(
        ("--table", "orders", "--column", "id", "--child", "items(order_id) ON DELETE CASCADE"),
        ITEM, ITEM, "SELECT id FROM orders WHERE id_new IS DISTINCT FROM id",
        holds=COLUMN.format("id", "bigint", True) + " AND EXISTS (SELECT FROM pg_constraint"
        " WHERE conname = 'items_order_id_fkey' AND convalidated AND confdeltype = 'c')"
        " AND nextval('orders_id_seq') > 5000 AND pg_get_serial_sequence('orders', 'id') IS NOT NULL"
        " AND NOT EXISTS (SELECT FROM items WHERE order_id NOT IN (SELECT id FROM orders))"),
    "set-not-null": Case(
        ("--table", "orders", "--column", "note", "--expression", "'none'"),
        # It writes NULL, and takes the value in its place for it.
        Release("INSERT INTO orders (customer, note) VALUES ('x', nullif(%(value)s, 0)::text) RETURNING id",
                "UPDATE orders SET note = nullif(%(value)s, 0)::text WHERE id = %(id)s",
                "SELECT coalesce(nullif(note, 'none')::integer, 0) FROM orders WHERE id = %(id)s",
                values=(0, 2)),
        NOTE, "SELECT id FROM orders WHERE note IS NULL",
        "SELECT coalesce(nullif(note, 'none')::integer, 0) FROM orders WHERE id = %(id)s",
        COLUMN.format("note", "text", True)),
    "add-foreign-key": Case(
        ("--table", "lines", "--column", "order_id", "--references", "orders(id) ON DELETE CASCADE"),
        LINE, LINE, holds=CONSTRAINT.format("lines_order_id_fkey", "f")),
    "add-unique": Case(
        ("--table", "orders", "--column", "code"), CODE, CODE,
        holds=CONSTRAINT.format("orders_code_key", "u")),
    "drop-column": Case(
        ("--table", "orders", "--column", "note"),
        Release("INSERT INTO orders (customer, note) VALUES (%(value)s, 'x') RETURNING id",
                "UPDATE orders SET customer = %(value)s, note = 'y' WHERE id = %(id)s", CUSTOMER.read),
        CUSTOMER, holds="SELECT NOT EXISTS (SELECT FROM pg_attribute"
        " WHERE attrelid = 'orders'::regclass AND attname = 'note')"),
    "drop-table": Case(
        ("--table", "lines"),
        Release("WITH o AS (INSERT INTO orders (customer) VALUES (%(value)s) RETURNING id)"
                " INSERT INTO lines (order_id) SELECT id FROM o RETURNING order_id",
                CUSTOMER.update, CUSTOMER.read),
        CUSTOMER, holds="SELECT to_regclass('lines') IS NULL AND to_regclass('lines_dropped') IS NULL"),
    "rename-table": Case(
        ("--table", "orders", "--to", "purchases"),
        CUSTOMER, replace(CUSTOMER, **{name: getattr(CUSTOMER, name).replace("orders", "purchases")
                                       for name in ("insert", "update", "read", "delete")}),
        holds="SELECT to_regclass('orders') IS NULL"),
}


@pytest.fixture
def target(make_pawl, pg):
    pawl = make_pawl(pg.url)
    # The writers of the old release have ended when a contract step comes; none of them is registered.
    pawl.config({"target.main": {"url": pg.url}, "releases": {"others": ".*"}})
    pg.query(SCHEMA)
    pawl.run("adopt", "--as-of", "none", check=0)
    return pawl


def make(pawl, recipe, *options):
    """The files that it makes: paths, in their order."""
    paths = pawl.run("--json", "new", "--recipe", recipe, *options, check=0).json()["paths"]
    return [pawl.folder / path for path in paths]


def step_by_step(pawl, pg, case, files, after=lambda step: None):
    """Deploys file by file while the releases work: the old one up to the first contract step, the
    new one from the last expand step on. Returns the crew, which has ended."""
    expand = [file for file in files if "phase=contract" not in file.read_text()]
    contract = files[len(expand):]
    portion = WRITES // (len(files) + 2) + 1
    filled = next((n for n, file in enumerate(expand) if "kind=backfill" in file.read_text()), len(files))
    with Crew(pg) as crew:
        old = crew.add(case.old)
        crew.work(portion)
        for number, file in enumerate(expand):
            pawl.run("deploy", "--to", file.stem, check=0)
            after(number)
            crew.work(portion)
            if number >= filled:
                assert pg.query(case.unlike) == [], f"rows differ after {file.stem}"
        new = crew.add(case.new)
        crew.work(portion)
        if filled < len(files):
            assert pg.query(case.unlike) == [], "rows differ with both releases"
        crew.stop(old)
        for file in contract:
            pawl.run("deploy", "--to", file.stem, check=0)
            crew.work(portion)
        crew.stop(new)
    return crew


@pytest.mark.timeout(TIMEOUT)
@pytest.mark.parametrize("recipe", CASES)
def test_no_row_is_lost_while_both_releases_write(recipe, target, pg, figures):
    case = CASES[recipe]
    files = make(target, recipe, *case.options)
    assert target.run("lint", "--json").json()["errors"] == 0
    crew = step_by_step(target, pg, case, files)
    assert [writer.failed for writer in crew.writers] == [None] * 6
    assert crew.wrong(crew.writers[:3], case.stays or case.new.read) == []
    assert crew.wrong(crew.writers[3:], case.new.read) == []
    figures(f"{recipe}: {crew.writes} writes, {len(files)} steps, no row lost or unlike")
    assert pg.query(case.holds) == [(True,)]
    # Nothing that was made for the time between is left.
    assert pg.query(f"SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid IN {TABLES}") == []
    assert pg.query("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace") == []
    assert pg.query("SELECT attname FROM pg_attribute"
                    f" WHERE attname ~ '_(old|new)$' AND attrelid IN {TABLES}") == []
    assert pg.query("SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid") == []
    assert target.run("status", "--json", check=0).json()["targets"][0]["pending"] == 0


@pytest.mark.timeout(120)
def test_the_bench_sees_rows_that_differ(target, pg):
    """The trigger is what keeps them alike: without it the same run fails."""
    case = CASES["rename-column"]
    files = make(target, "rename-column", *(word for word in case.options if word != "--not-null"))

    def sabotage(step):
        if step == 1:
            pg.query("DROP TRIGGER zz_customer_pawl_sync ON orders")

    with pytest.raises(AssertionError, match="rows differ"):
        step_by_step(target, pg, case, files, sabotage)


# ---- names ----

# As they are, and as they are typed; each goes wherever a name goes.
NAMES = {
    "what SQL quotes": ('A "b"\'s; -- \\ $$ {table}', '"A ""b""\'s; -- \\ $$ {table}"'),
    "folded": ("mixed", "MiXed"),
    "key word": ("select", "select"),
    "63 bytes of letters of two": ("x" + "\u00e9" * 31, '"x' + "\u00e9" * 31 + '"'),
}


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def options_of(recipe, typed, word, other):
    """Schema, table and column are of one name, which is typed in some way; `word` is it as SQL."""
    table, column = ("--table", f"{typed}.{typed}"), ("--column", typed)
    return {
        "rename-column": (*table, *column, "--to", other, "--type", "text", "--not-null"),
        "split-column": (*table, *column, "--to", other, "--expression", f"left({word}, 1)",
                         "--to", "rest", "--expression", f"substr({word}, 2)", "--type", "text",
                         "--back", f"{other} || rest"),
        "change-type": (*table, *column, "--type", "varchar(90)", "--not-null", "--default", "'x'"),
        "set-not-null": (*table, *column, "--expression", "'none'"),
        "add-foreign-key": (*table, *column, "--references", f"{typed}.other({typed})"),
        "add-unique": (*table, *column, "--column", "id"),
        "drop-column": (*table, *column),
        "drop-table": table,
        "rename-table": (*table, "--to", other),
        "int-to-bigint": (*table, "--column", "id", "--child", f"{typed}.child({typed})"),
    }[recipe]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("recipe", CASES)
def test_any_name_goes_through(recipe, pg, make_pawl, cluster):
    for number, (name, typed) in enumerate(NAMES.values()):
        database = cluster.create_database()
        pawl = make_pawl(database.url, name=f"checkout{number}")
        word = quoted(name)
        database.query(f"""
            CREATE SCHEMA {word};
            CREATE TABLE {word}.{word} (id serial PRIMARY KEY, {word} text NOT NULL, spare text);
            CREATE TABLE {word}.other ({word} text PRIMARY KEY);
            CREATE TABLE {word}.child (id serial PRIMARY KEY, {word} integer REFERENCES {word}.{word});
            INSERT INTO {word}.{word} ({word}) SELECT 'v' || i FROM generate_series(1, 10) AS i;
            INSERT INTO {word}.other SELECT {word} FROM {word}.{word};
            INSERT INTO {word}.child ({word}) SELECT id FROM {word}.{word};
            """)
        if recipe == "drop-table":
            database.query(f"DROP TABLE {word}.child")
        pawl.run("adopt", "--as-of", "none", check=0)
        make(pawl, recipe, *options_of(recipe, typed, word, '"new ""one"'))
        assert pawl.run("lint", "--json").json()["errors"] == 0, name
        pawl.run("deploy", check=0)
        assert pawl.run("status", "--json", check=0).json()["targets"][0]["recipes"] == []
        database.drop()


# ---- what is refused, and the list ----

RENAME = ("--recipe", "rename-column", "--table", "t", "--column", "a", "--to", "b", "--type", "text")

WRONG = {
    "no such recipe": (("--recipe", "rename-colum"), 'there is no recipe "rename-colum"'),
    "something is missing": (RENAME[:-2], "recipe rename-column needs --type"),
    "something too many": ((*RENAME, "--back", "a"), "recipe rename-column does not take --back"),
    "given twice": ((*RENAME, "--to", "c"), "recipe rename-column takes only one --to"),
    "without a recipe": (("add", "users", "--table", "t"), "--table goes with --recipe"),
    "with a kind": ((*RENAME, "--kind", "data"), "--recipe goes without --kind"),
    "no name": ((*RENAME[:3], "a b", *RENAME[4:]), '--table takes a name as in SQL, with its schema or'
                ' without, not "a b"'),
    "too long a name": ((*RENAME[:3], "n" * 64, *RENAME[4:]), "--table takes a name"),
    "an empty name": ((*RENAME[:5], '""', *RENAME[6:]), "--column takes a name"),
    "a column with its table": ((*RENAME[:5], "t.a", *RENAME[6:]), "--column takes a name"),
    "the same name": ((*RENAME[:7], '"a"', *RENAME[8:]), '"a" is given twice'),
    "two statements": ((*RENAME[:-1], "text; DROP TABLE t"), "--type takes a type"),
    "a second column": ((*RENAME[:-1], "text, ADD COLUMN c text"), "--type takes a type"),
    "a comment": ((*RENAME[:-1], "text --"), "--type takes a type"),
    "beyond its parenthesis": ((*RENAME[:-1], "text) , (text"), "--type takes a type"),
    "two lines": ((*RENAME[:-1], "text\nx"), "--type takes a type"),
    "not closed": (("--recipe", "set-not-null", "--table", "t", "--column", "a", "--expression", "'x"),
                   "--expression takes an expression"),
    "no expression": (("--recipe", "set-not-null", "--table", "t", "--column", "a", "--expression", "1 +"),
                      "--expression takes an expression"),
    "no reference": (("--recipe", "add-foreign-key", "--table", "t", "--column", "a", "--references", "u"),
                     "--references takes a column of a table"),
    "more than a reference": (("--recipe", "add-foreign-key", "--table", "t", "--column", "a",
                               "--references", "u(id); x"), "--references takes a column of a table"),
    "expressions and columns": (("--recipe", "split-column", "--table", "t", "--column", "a", "--to", "b",
                                 "--to", "c", "--expression", "a", "--type", "text", "--back", "b"),
                                "recipe split-column needs an --expression for each --to"),
    "no words at all": ((), "`pawl new` needs more: NAME..."),
    # The last of its files has the longest name.
    "too long a name for one file": (("w" * 88, *RENAME), "the name is 104 bytes long: 100 at most"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_makes_no_file(name, make_pawl, pg):
    pawl = make_pawl(pg.url)
    options, said = WRONG[name]
    result = pawl.run("new", *options, check=2)
    assert f"pawl: {said}" in result.err
    assert list(pawl.migrations.iterdir()) == []


def test_sqlite_is_refused_with_what_to_do(make_pawl, tmp_path):
    pawl = make_pawl(f"sqlite:{tmp_path}/database.db")
    result = pawl.run("new", *RENAME, check=2)
    assert "recipes are for PostgreSQL" in result.err and "as one migration" in result.err
    assert list(pawl.migrations.iterdir()) == []


def test_the_list_names_every_recipe_and_a_shell_completes_them(make_pawl, pg):
    pawl = make_pawl(pg.url)
    listed = [recipe["name"] for recipe in
              pawl.run("--json", "new", "--recipe", "list", check=0).json()["recipes"]]
    assert sorted(listed) == sorted(CASES)
    choices = pawl.run("help", "new", check=0).out
    assert all(name in choices for name in [*listed, "list"])


@pytest.mark.parametrize("naming", ["timestamp", "epoch", "logto", "flyway", "sequence", "folder"])
def test_names_of_files_follow_one_another(naming, make_pawl, pg):
    pawl = make_pawl()
    pawl.config({"pawl": {"naming": naming}, "target.main": {"url": pg.url}})
    pg.query("CREATE TABLE t (id integer PRIMARY KEY, a text); INSERT INTO t VALUES (1, 'x')")
    pawl.run("adopt", "--as-of", "none", check=0)
    files = make(pawl, "rename-column", *RENAME[2:])
    assert len(files) == 3 and all(file.exists() for file in files)
    assert "errors" not in pawl.run("check", check=0).out.replace("no errors", "")
    pawl.run("deploy", check=0)
    assert pg.query("SELECT b FROM t") == [("x",)]


# ---- what is unfinished ----

def test_status_tells_of_a_recipe_until_its_last_step(target, pg):
    files = make(target, "rename-column", *CASES["rename-column"].options)

    def unfinished():
        return target.run("status", "--json", check=0).json()["targets"][0]["recipes"]

    assert unfinished() == []
    target.run("deploy", "--to", files[1].stem, check=0)
    begun, = unfinished()
    since, = pg.query("SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
                      " FROM pawl.journal WHERE event = 'applied' ORDER BY seq LIMIT 1")[0]
    assert begun == {"recipe": "rename-column", "id": files[0].stem[:14], "done": 2, "steps": 6,
                     "since": since, "next": files[2].stem}
    since = since[:19].replace("T", " ")
    assert (f"unfinished: recipe rename-column {files[0].stem[:14]}, 2 of 6 steps, since {since}Z; "
            f"next: {files[2].stem}\n") in target.run("status", check=0).out
    # A file that somebody has taken away is missed all the same.
    last = files[-1].read_text()
    files[-1].unlink()
    target.run("deploy", check=0)
    begun, = unfinished()
    assert (begun["done"], begun["steps"], begun["next"]) == (5, 6, None)
    files[-1].write_text(last)
    target.run("deploy", check=0)
    assert unfinished() == []
