"""Statements of every form that sql/facts knows, and a schema to run them in."""

ROWS = 1000

# Columns whose type is changed: name, type, a value of row n; each has an index unless its type cannot.
KINDS = [
    ("i2", "smallint", "n"), ("i4", "int", "n"), ("i8", "bigint", "n"), ("nu", "numeric", "n"),
    ("n102", "numeric(10,2)", "n"), ("f4", "real", "n"), ("f8", "float8", "n"),
    ("vc20", "varchar(20)", "'v' || n"), ("vc", "varchar", "'v' || n"), ("tx", "text", "'v' || n"),
    ("ch10", "char(10)", "'v' || n"), ("ct", "citext", "'v' || n"),
    ("uut", "text", "gen_random_uuid()::text"), ("ts", "timestamp", "'2024-01-01'::timestamp"),
    ("ts3", "timestamp(3)", "'2024-01-01'::timestamp"),
    ("tz", "timestamptz", "'2024-01-01'::timestamptz"),
    ("tz3", "timestamptz(3)", "'2024-01-01'::timestamptz"), ("da", "date", "'2024-01-01'::date"),
    ("ti", "time", "'12:00'::time"), ("ti3", "time(3)", "'12:00'::time"),
    ("iv", "interval", "'1 day'::interval"), ("iv3", "interval(3)", "'1 day'::interval"),
    ("b8", "bit(8)", "B'10101010'"), ("vb8", "varbit(8)", "B'1010'"), ("by", "bytea", "'x'::bytea"),
    ("js", "json", "'{}'::json"), ("jb", "jsonb", "'{}'::jsonb"), ("xm", "xml", "NULL::xml"),
    ("en", "size", "'small'::size"), ("uu", "uuid", "gen_random_uuid()"), ("bo", "bool", "true"),
    ("ine", "inet", "'10.0.0.1'::inet"), ("cid", "cidr", "'10.0.0.0/8'::cidr"), ("oi", "oid", "n"),
    ("vca", "varchar(20)[]", "'{a}'::varchar(20)[]"), ("vcau", "varchar[]", "'{a}'::varchar[]"),
    ("txa", "text[]", "'{a}'::text[]"), ("ia", "int[]", "'{1}'::int[]"), ("dpl", "plain", "n"),
    ("dtx", "words", "'v' || n"),
]
NOT_INDEXED = {"json", "xml"}
KINDS_TABLE = f"""
CREATE EXTENSION citext;
CREATE TYPE size AS ENUM ('small', 'large');
CREATE DOMAIN words AS text;
CREATE DOMAIN short_words AS text CHECK (length(VALUE) < 1000);
CREATE TABLE kinds(id int PRIMARY KEY, {", ".join(f"{name} {kind}" for name, kind, _ in KINDS)});
INSERT INTO kinds SELECT n, {", ".join(value for _, _, value in KINDS)} FROM generate_series(1, 10) n;
""" + "\n".join(f"CREATE INDEX kinds_{name} ON kinds({name});"
                for name, kind, _ in KINDS if kind not in NOT_INDEXED)

# A column of it, and its new type.
TYPE_CHANGES = [
    ("i4", "bigint"), ("i4", "smallint USING 1"), ("i8", "int"), ("i2", "int"), ("i4", "numeric"),
    ("i4", "text"), ("i4", "oid"), ("i4", "int"), ("i4", "int USING i4"), ("i4", "int USING i4 + 1"),
    ("vc20", "varchar(40)"), ("vc20", "varchar(10)"), ("vc20", "varchar"), ("vc20", "text"),
    ("vc20", "text USING vc20::text"), ("vc20", "text USING trim(vc20)"), ("vc", "text"),
    ("vc", "varchar(50)"), ("tx", "varchar"), ("tx", "varchar(50)"), ("tx", "char(20)"),
    ("ch10", "char(20)"), ("ch10", "text"), ("ch10", "varchar(10)"), ("tx", "citext"), ("ct", "text"),
    ("tx", 'text COLLATE "C"'), ("tx", 'text COLLATE "POSIX"'), ("n102", "numeric(12,2)"),
    ("n102", "numeric(12,4)"), ("n102", "numeric"), ("n102", "numeric(8,2)"), ("nu", "numeric(20,2)"),
    ("n102", "float8"), ("ts", "timestamptz"), ("tz", "timestamp"), ("ts3", "timestamp"),
    ("ts3", "timestamp(6)"), ("ts", "timestamp(3)"), ("ts", "timestamp(6)"), ("ts", "date"),
    ("da", "timestamp"), ("da", "timestamptz"), ("tz3", "timestamptz"), ("ti3", "time"),
    ("ti", "time(3)"), ("iv3", "interval"), ("iv", "interval(3)"), ("iv", "interval day to second"),
    ("b8", "bit(16)"), ("vb8", "varbit(16)"), ("vb8", "varbit"), ("js", "jsonb"), ("jb", "json"),
    ("jb", "text"), ("tx", "json USING to_json(tx)"), ("en", "text"), ("tx", "size USING 'small'"),
    ("uu", "text"), ("uut", "uuid USING uut::uuid"), ("uut", "bytea USING uut::bytea"),
    ("tx", "bytea USING tx::bytea"), ("ine", "cidr"), ("cid", "inet"), ("f4", "float8"), ("f8", "real"),
    ("vca", "varchar(40)[]"), ("vca", "text[]"), ("vcau", "text[]"), ("txa", "varchar[]"),
    ("ia", "bigint[]"), ("dpl", "int"), ("i4", "plain"), ("i4", "positive"), ("dtx", "text"),
    ("tx", "words"), ("tx", "short_words"), ("vc20", "words"), ("xm", "text"), ("bo", "int"),
    ("oi", "int"), ("oi", "bigint"),
]

BASE = f"""
CREATE EXTENSION hstore;
CREATE TYPE mood AS ENUM ('calm', 'angry');
CREATE TYPE pair AS (x int, y text);
CREATE DOMAIN plain AS int;
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE SCHEMA other;

CREATE TABLE customers(id int PRIMARY KEY, name text, tier mood, score positive, stay int4range);
INSERT INTO customers SELECT n, 'c' || n, 'calm', n, int4range(n, n + 1) FROM generate_series(1, {ROWS}) n;
CREATE TABLE orders(id int PRIMARY KEY, customer int REFERENCES customers, amount int NOT NULL,
                    code varchar(20), note text, paid int, full_name text DEFAULT 'x');
INSERT INTO orders SELECT n, n, n, 'o' || n, 'n', n, 'f' FROM generate_series(1, {ROWS}) n;
CREATE INDEX orders_amount ON orders(amount);
CREATE UNIQUE INDEX orders_amount_once ON orders(amount);
CREATE UNIQUE INDEX orders_paid_once ON orders(paid);
ALTER TABLE orders ADD CONSTRAINT amount_set CHECK (amount > 0);
ALTER TABLE orders ADD CONSTRAINT paid_open CHECK (paid > 0) NOT VALID;
CREATE TABLE lines(id int PRIMARY KEY, order_id int, other_order int,
                   CONSTRAINT of_order FOREIGN KEY (order_id) REFERENCES orders);
INSERT INTO lines SELECT n, n, n FROM generate_series(1, {ROWS}) n;
ALTER TABLE lines ADD CONSTRAINT of_other FOREIGN KEY (other_order) REFERENCES orders NOT VALID;
CREATE TABLE notes(id int, body text);
INSERT INTO notes SELECT n, 'b' FROM generate_series(1, {ROWS}) n;
CREATE UNIQUE INDEX notes_id ON notes(id);
CREATE TABLE other."Odd ""x"" name"("Id" int PRIMARY KEY, CONSTRAINT "Is set" CHECK ("Id" > 0),
    CONSTRAINT "To it" FOREIGN KEY ("Id") REFERENCES orders);
CREATE INDEX "Odd index" ON other."Odd ""x"" name"("Id");
CREATE UNLOGGED TABLE scratch AS SELECT n AS id FROM generate_series(1, {ROWS}) n;

CREATE TABLE tickets(id serial PRIMARY KEY, body text);
INSERT INTO tickets(body) SELECT 'b' FROM generate_series(1, {ROWS});
CREATE TABLE badges(id int GENERATED BY DEFAULT AS IDENTITY, body text,
                    twice int GENERATED ALWAYS AS (1 + 1) STORED);
CREATE SEQUENCE numbers;

CREATE TABLE events(id int NOT NULL, body text) PARTITION BY RANGE (id);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10000);
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (10000) TO (20000);
CREATE INDEX events_body ON events(body);
INSERT INTO events SELECT n, 'b' FROM generate_series(1, {ROWS}) n;
CREATE TABLE events_3(id int NOT NULL, body text);
INSERT INTO events_3 SELECT n, 'b' FROM generate_series(20000, 20000 + {ROWS}) n;
CREATE TABLE logs(id int NOT NULL PRIMARY KEY, customer int REFERENCES customers) PARTITION BY RANGE (id);
CREATE TABLE logs_1 PARTITION OF logs FOR VALUES FROM (0) TO (10000);
CREATE TABLE logs_rest PARTITION OF logs DEFAULT;
INSERT INTO logs SELECT n FROM generate_series(100000, 100000 + {ROWS}) n;
CREATE TABLE logs_2(id int NOT NULL PRIMARY KEY, customer int);
INSERT INTO logs_2 SELECT n FROM generate_series(20000, 20000 + {ROWS}) n;
CREATE TABLE log_marks(log int REFERENCES logs);

CREATE TABLE animals(id int, name text);
CREATE TABLE cats() INHERITS (animals);
INSERT INTO animals SELECT n, 'a' FROM generate_series(1, {ROWS}) n;
INSERT INTO cats SELECT n, 'c' FROM generate_series(1, {ROWS}) n;
CREATE TABLE dogs(id int, name text);
CREATE TABLE pairs(x int, y text);
CREATE TABLE typed OF pair;

CREATE VIEW order_view AS SELECT id, amount, code FROM orders;
CREATE VIEW order_view_2 AS SELECT id FROM order_view;
CREATE MATERIALIZED VIEW totals AS SELECT customer, sum(amount) FROM orders GROUP BY customer;
CREATE UNIQUE INDEX totals_once ON totals(customer);
CREATE STATISTICS order_stats ON customer, paid FROM orders;
CREATE TABLE posts(id int, body text);
CREATE PUBLICATION feed FOR TABLE posts;

CREATE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION plus_one(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';
CREATE TRIGGER order_changed BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION changed();
CREATE TRIGGER event_changed BEFORE UPDATE ON events FOR EACH ROW EXECUTE FUNCTION changed();
CREATE RULE post_rule AS ON UPDATE TO posts DO ALSO NOTHING;
CREATE POLICY note_policy ON notes USING (true);

CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
CREATE FOREIGN TABLE far(id int) SERVER nowhere;
CREATE PROCEDURE commits() LANGUAGE plpgsql AS 'BEGIN COMMIT; END';
CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
{KINDS_TABLE}
ANALYZE;
"""

# The same without rows.
EMPTY_BASE = "\n".join(line for line in BASE.splitlines() if not line.startswith("INSERT"))

# Made beside the database, for the forms that move what is in it.
TABLESPACE = "elsewhere"

REPLACED_TRIGGER = ("CREATE OR REPLACE TRIGGER order_changed BEFORE UPDATE ON orders"
                    " FOR EACH ROW EXECUTE FUNCTION changed()")

# What the grammar of PostgreSQL 15 does not read, which pawl has: the major that does.
NEWER = {
    "ALTER TABLE orders ADD COLUMN a text STORAGE EXTERNAL": 16,
    "ALTER TABLE orders ALTER COLUMN note SET STORAGE DEFAULT": 16,
    "CREATE STATISTICS ON amount, paid FROM orders": 16,
    "SELECT * FROM (SELECT id FROM orders)": 16,
    "SELECT id FROM orders WHERE note IS JSON": 16,
    "SELECT id FROM orders WHERE id > 1_000": 16,
    "SELECT json_arrayagg(id RETURNING jsonb) FROM orders": 16,
    "ALTER TABLE badges ALTER COLUMN twice SET EXPRESSION AS (1 + 2)": 17,
    "ALTER TABLE orders SET ACCESS METHOD DEFAULT": 17,
    "MERGE INTO notes n USING customers c ON c.id = n.id WHEN NOT MATCHED BY SOURCE THEN DELETE": 17,
    "MERGE INTO notes n USING customers c ON c.id = n.id WHEN MATCHED THEN DELETE RETURNING n.id": 17,
    "SELECT * FROM JSON_TABLE(jsonb '[1]', '$[*]' COLUMNS (id int PATH '$')) AS t": 17,
    "ALTER TABLE orders ADD COLUMN a int GENERATED ALWAYS AS (amount + 1) VIRTUAL": 18,
    "ALTER TABLE orders ADD COLUMN a int GENERATED ALWAYS AS (amount + 1)": 18,
    "ALTER TABLE orders ADD CONSTRAINT note_set NOT NULL note": 18,
    "ALTER TABLE orders ADD CONSTRAINT note_set NOT NULL note NOT VALID": 18,
    "ALTER TABLE orders ADD CONSTRAINT big CHECK (amount > 1) NOT ENFORCED": 18,
    "ALTER TABLE lines ADD FOREIGN KEY (other_order) REFERENCES orders NOT ENFORCED": 18,
    "ALTER TABLE lines ALTER CONSTRAINT of_order NOT ENFORCED": 18,
    "CREATE TABLE fresh(room int4range, stay int4range, UNIQUE (room, stay WITHOUT OVERLAPS))": 18,
    "ANALYZE ONLY events": 18,
    "UPDATE notes SET body = 'c' WHERE id = 1 RETURNING WITH (OLD AS was) was.body": 18,
}

# Syntax that came with a major version, beside what the tables of facts say.
SINCE = {
    **NEWER,
    "REINDEX (CONCURRENTLY) TABLE orders": 14,
    REPLACED_TRIGGER: 14,
    "CREATE OR REPLACE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION changed()": 14,
    "ALTER TABLE events ADD EXCLUDE USING btree (id WITH =)": 17,
    "ALTER TABLE events ADD FOREIGN KEY (id) REFERENCES orders NOT VALID": 18,
    "ALTER VIEW memo_view SET (security_invoker = true)": 15,
}

# Servers before this major take less than facts say.
LESS_BEFORE = {
    "CREATE TABLE logs_9 PARTITION OF logs FOR VALUES FROM (90000) TO (99999)": 15,
    "ALTER TABLE logs ATTACH PARTITION logs_2 FOR VALUES FROM (20000) TO (30000)": 15,
    "ALTER TRIGGER event_changed ON events RENAME TO t": 15,
    "ALTER TABLE events ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY": 17,
    "ALTER TABLE events ALTER COLUMN id SET GENERATED ALWAYS": 17,
    "ALTER TABLE events ALTER COLUMN id DROP IDENTITY": 17,
    "ALTER TABLE events ADD EXCLUDE USING btree (id WITH =)": 18,
    "VACUUM animals": 18,
    "ALTER TABLE animals ADD CHECK (id >= 0) NO INHERIT": 18,
    "ALTER TABLE events ADD PRIMARY KEY (id)": 18,
    "ALTER TABLE events ADD CONSTRAINT p PRIMARY KEY (id)": 18,
    "ALTER TABLE events ADD UNIQUE (id)": 18,
    "ALTER TABLE animals ADD PRIMARY KEY (id)": 18,
    "ALTER TABLE animals ADD UNIQUE (id)": 18,
}

# What facts do not know: text that runs, work on whatever there is, and what a newer grammar reads.
UNKNOWN = {
    **{statement: "pawl cannot read it" for statement in NEWER},
    "CALL commits()": "it runs code",
    "DO $$ BEGIN COMMIT; END $$": "a DO block may do more than its text says",
    **{statement: "it works on relations that it does not name"
       for statement in ("REINDEX SCHEMA other", "REINDEX DATABASE fresh", "CLUSTER", "VACUUM")},
}

# What an X-ray does not run.
OUTSIDE = {
    "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p",
    "CREATE DATABASE fresh",
    "ALTER SYSTEM SET work_mem = '4MB'",
    "ALTER DATABASE postgres SET work_mem = '4MB'",
    "IMPORT FOREIGN SCHEMA x FROM SERVER nowhere INTO public",
    "REASSIGN OWNED BY pg_monitor TO postgres",
    "DROP OWNED BY pg_monitor",
    "CREATE ROLE facts_role",
    "COPY notes TO '/dev/null'",
    "COPY (SELECT * FROM orders) TO '/dev/null'",
    "COPY notes FROM '/dev/null'",
}

# What an empty table does not show: locks that are taken for a row, and foreign keys that fail.
NEEDS_ROWS = {
    "ALTER TABLE orders ADD COLUMN a int DEFAULT nextval('numbers')",
    "ALTER TABLE kinds ALTER COLUMN b8 TYPE bit(16)",
    'INSERT INTO other."Odd ""x"" name" VALUES (1)',
    "INSERT INTO lines VALUES (5000, 5)",
    "UPDATE lines SET order_id = 1",
}

# What reads a table without rows to its end, and is refused at the first row of another: short.
ENDS_AT_A_ROW = {
    "ALTER TABLE posts ADD COLUMN a int NOT NULL",
    "ALTER TABLE posts ADD COLUMN a int NOT NULL DEFAULT NULL",
}

# For a partition whose DETACH CONCURRENTLY was stopped half way.
DETACH_FINALIZE = "ALTER TABLE events DETACH PARTITION events_1 FINALIZE"

# What depends on a column, so that its type cannot be changed.
DEPENDENTS = [
    "CREATE TRIGGER t BEFORE UPDATE OF i4 ON kinds FOR EACH ROW EXECUTE FUNCTION changed()",
    "CREATE TRIGGER t BEFORE UPDATE ON kinds FOR EACH ROW WHEN (NEW.i4 > 0) EXECUTE FUNCTION changed()",
    "ALTER TABLE kinds ADD a int GENERATED ALWAYS AS (i4 + 1) STORED",
    "CREATE POLICY p ON kinds USING (i4 > 0)",
]

VIEWED = ("ALTER TABLE kinds ALTER COLUMN vc20 TYPE text", "CREATE VIEW fresh AS SELECT vc20 FROM kinds")

# What the server refuses, with its SQLSTATE: statements, and whole forms.
REFUSED = {
    "ALTER TABLE kinds ALTER COLUMN b8 TYPE bit(16)": "22026",
    "ALTER TABLE kinds ALTER COLUMN jb TYPE json": "42704",
    "ALTER TABLE kinds ALTER COLUMN tx TYPE json USING to_json(tx)": "42704",
    "ALTER TABLE kinds ALTER COLUMN bo TYPE int": "42804",
    "SECURITY LABEL ON TABLE orders IS 'x'": "22023",
    VIEWED: "0A000",
    **{("ALTER TABLE kinds ALTER COLUMN i4 TYPE bigint", setup): "0A000" for setup in DEPENDENTS},
}

# What servers before a major refuse with another SQLSTATE.
REFUSED_BEFORE = {
    ("ALTER TABLE kinds ALTER COLUMN i4 TYPE bigint",
     "ALTER TABLE kinds ADD a int GENERATED ALWAYS AS (i4 + 1) STORED"): (15, "42601"),
}

# Each is a statement, or (statement, what is committed before it).
FORMS = [
    # columns
    "ALTER TABLE orders ADD COLUMN a int",
    "ALTER TABLE orders ADD COLUMN IF NOT EXISTS note text",
    "ALTER TABLE ONLY orders ADD COLUMN a int",
    "ALTER TABLE orders ADD COLUMN a int NOT NULL DEFAULT 0",
    "ALTER TABLE orders ADD COLUMN a text DEFAULT NULL",
    "ALTER TABLE orders ADD COLUMN a text DEFAULT 'a' || 'b'",
    "ALTER TABLE orders ADD COLUMN a varchar(3) DEFAULT 'ab'",
    "ALTER TABLE orders ADD COLUMN a jsonb DEFAULT '{}'::jsonb",
    "ALTER TABLE orders ADD COLUMN a date DEFAULT CURRENT_DATE",
    "ALTER TABLE orders ADD COLUMN a text DEFAULT current_user",
    "ALTER TABLE orders ADD COLUMN a timestamptz DEFAULT now()",
    "ALTER TABLE orders ADD COLUMN a timestamptz DEFAULT clock_timestamp()",
    "ALTER TABLE orders ADD COLUMN a uuid DEFAULT gen_random_uuid()",
    "ALTER TABLE orders ADD COLUMN a float8 DEFAULT random()",
    "ALTER TABLE orders ADD COLUMN a int DEFAULT nextval('numbers')",
    "ALTER TABLE orders ADD COLUMN a serial",
    "ALTER TABLE orders ADD COLUMN a bigserial",
    "ALTER TABLE orders ADD COLUMN a int GENERATED ALWAYS AS IDENTITY",
    "ALTER TABLE orders ADD COLUMN a int GENERATED ALWAYS AS (amount + 1) STORED",
    "ALTER TABLE orders ADD COLUMN a plain",
    "ALTER TABLE orders ADD COLUMN a positive",
    "ALTER TABLE orders ADD COLUMN a positive DEFAULT 1",
    "ALTER TABLE orders ADD COLUMN a mood DEFAULT 'calm'",
    "ALTER TABLE orders ADD COLUMN a int CHECK (a > 0)",
    "ALTER TABLE orders ADD COLUMN a int DEFAULT 1 CHECK (a > 0)",
    "ALTER TABLE posts ADD COLUMN a int NOT NULL",
    "ALTER TABLE posts ADD COLUMN a int NOT NULL DEFAULT NULL",
    "ALTER TABLE orders ADD COLUMN a int UNIQUE",
    "ALTER TABLE notes ADD COLUMN a serial PRIMARY KEY",
    "ALTER TABLE orders ADD COLUMN a int REFERENCES customers",
    "ALTER TABLE orders ADD COLUMN a int DEFAULT 1 REFERENCES customers(id)",
    "ALTER TABLE orders ADD COLUMN a int, ADD COLUMN b text DEFAULT 'z'",
    "ALTER TABLE orders ADD COLUMN a int, VALIDATE CONSTRAINT paid_open",
    "ALTER TABLE IF EXISTS nowhere_at_all ADD COLUMN a int",
    "ALTER TABLE events ADD COLUMN a int",
    "ALTER TABLE animals ADD COLUMN a int",
    "ALTER TABLE orders DROP COLUMN note",
    "ALTER TABLE orders DROP COLUMN IF EXISTS nothing_there",
    "ALTER TABLE orders DROP COLUMN code CASCADE",
    "ALTER TABLE orders DROP COLUMN id CASCADE",
    "ALTER TABLE orders DROP COLUMN customer CASCADE",
    "ALTER TABLE lines DROP COLUMN order_id",
    "ALTER TABLE tickets DROP COLUMN id",
    "ALTER TABLE badges DROP COLUMN id",
    "ALTER TABLE events DROP COLUMN body",
    "ALTER TABLE animals DROP COLUMN name",
    "ALTER TABLE orders RENAME COLUMN note TO remark",
    "ALTER TABLE events RENAME COLUMN body TO text",
    "ALTER TABLE animals RENAME COLUMN name TO called",
    "ALTER TABLE orders ALTER COLUMN note SET DEFAULT 'y'",
    "ALTER TABLE orders ALTER COLUMN full_name DROP DEFAULT",
    "ALTER TABLE events ALTER COLUMN body SET DEFAULT 'y'",
    "ALTER TABLE ONLY events ALTER COLUMN body SET DEFAULT 'y'",
    "ALTER TABLE orders ALTER COLUMN paid SET NOT NULL",
    "ALTER TABLE events ALTER COLUMN body SET NOT NULL",
    ("ALTER TABLE orders ALTER COLUMN paid SET NOT NULL",
     "ALTER TABLE orders ADD CONSTRAINT paid_set CHECK (paid IS NOT NULL)"),
    "ALTER TABLE orders ALTER COLUMN amount DROP NOT NULL",
    "ALTER TABLE orders ALTER COLUMN amount ADD GENERATED BY DEFAULT AS IDENTITY",
    "ALTER TABLE badges ALTER COLUMN id SET GENERATED ALWAYS",
    "ALTER TABLE events ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY",
    *((change, "ALTER TABLE events ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY") for change in (
        "ALTER TABLE events ALTER COLUMN id SET GENERATED ALWAYS",
        "ALTER TABLE events ALTER COLUMN id DROP IDENTITY")),
    "ALTER TABLE badges ALTER COLUMN id DROP IDENTITY",
    "ALTER TABLE badges ALTER COLUMN twice DROP EXPRESSION",
    "ALTER TABLE orders ALTER COLUMN amount SET STATISTICS 500",
    "ALTER TABLE events ALTER COLUMN body SET STATISTICS 500",
    "ALTER TABLE orders ALTER COLUMN amount SET (n_distinct = 5)",
    "ALTER TABLE orders ALTER COLUMN amount RESET (n_distinct)",
    "ALTER TABLE orders ALTER COLUMN note SET STORAGE EXTERNAL",
    "ALTER TABLE events ALTER COLUMN body SET STORAGE EXTERNAL",
    "ALTER TABLE orders ALTER COLUMN note SET COMPRESSION pglz",
    "ALTER TABLE events ALTER COLUMN body SET COMPRESSION pglz",
    "ALTER TABLE notes ALTER COLUMN id TYPE bigint",
    "ALTER TABLE notes ALTER COLUMN id TYPE bigint USING id + 1",
    "ALTER TABLE notes ALTER COLUMN body TYPE varchar",
    "ALTER TABLE lines ALTER COLUMN order_id TYPE bigint",
    "ALTER TABLE customers ALTER COLUMN id TYPE bigint",
    "ALTER TABLE tickets ALTER COLUMN id TYPE bigint",
    "ALTER TABLE badges ALTER COLUMN id TYPE bigint",
    "ALTER TABLE events ALTER COLUMN body TYPE varchar(100)",
    "ALTER TABLE animals ALTER COLUMN id TYPE bigint",
    "ALTER TABLE notes ALTER COLUMN id TYPE bigint, ALTER COLUMN body TYPE varchar",
    *(f"ALTER TABLE kinds ALTER COLUMN {column} TYPE {kind}" for column, kind in TYPE_CHANGES),
    "ALTER TABLE kinds ALTER COLUMN i4 TYPE bigint, ALTER COLUMN i2 TYPE int",
    *(("ALTER TABLE kinds ALTER COLUMN vc20 TYPE varchar(40)", setup) for setup in (
        "ALTER TABLE kinds ADD CHECK (vc20 <> 'zz')",
        "DROP INDEX kinds_vc20; CREATE INDEX i ON kinds(lower(vc20))",
        "DROP INDEX kinds_vc20; CREATE INDEX i ON kinds(id) WHERE vc20 <> 'x'",
        "CREATE TABLE fresh(i varchar(20)); ALTER TABLE kinds ADD UNIQUE (vc20);"
        "ALTER TABLE fresh ADD FOREIGN KEY (i) REFERENCES kinds(vc20)")),
    *(("ALTER TABLE kinds ALTER COLUMN i4 TYPE bigint", setup) for setup in (
        "CREATE TABLE fresh(i int); ALTER TABLE kinds ADD UNIQUE (i4);"
        "ALTER TABLE fresh ADD FOREIGN KEY (i) REFERENCES kinds(i4)", *DEPENDENTS)),
    VIEWED,
    "ALTER TABLE orders ADD COLUMN a int GENERATED BY DEFAULT AS IDENTITY",
    "ALTER TABLE orders ADD COLUMN IF NOT EXISTS amount int",
    "ALTER TABLE orders ADD COLUMN a int REFERENCES customers(id)",
    "ALTER TABLE orders ADD COLUMN a int DEFAULT 1, ADD COLUMN b int",
    *NEWER,
    "ALTER TABLE orders ADD CONSTRAINT c CHECK (paid IS NOT NULL), ALTER COLUMN paid SET NOT NULL",
    "ALTER TABLE orders ALTER COLUMN amount SET NOT NULL",
    *(("ALTER TABLE orders ALTER COLUMN paid SET NOT NULL",
       f"ALTER TABLE orders ADD CONSTRAINT c CHECK ({check}")
      for check in ("paid IS NOT NULL) NOT VALID", "paid > 0)", "paid IS NOT NULL AND paid > 0)")),
    # names that need quotes
    'ALTER TABLE other."Odd ""x"" name" DROP COLUMN "Id"',
    'ALTER TABLE other."Odd ""x"" name" DROP CONSTRAINT "To it"',
    'ALTER TABLE other."Odd ""x"" name" RENAME TO "Odd"',
    'DROP INDEX other."Odd index"',
    'DROP TABLE other."Odd ""x"" name"',
    'INSERT INTO other."Odd ""x"" name" VALUES (1)',
    # constraints
    "ALTER TABLE orders ADD CONSTRAINT c CHECK (amount > 0)",
    "ALTER TABLE orders ADD CHECK (amount > 0) NOT VALID",
    "ALTER TABLE orders ADD CONSTRAINT c CHECK (amount > 0) NOT VALID, VALIDATE CONSTRAINT c",
    "ALTER TABLE events ADD CHECK (id >= 0)",
    "ALTER TABLE events ADD CHECK (id >= 0) NOT VALID",
    "ALTER TABLE animals ADD CHECK (id >= 0)",
    "ALTER TABLE animals ADD CHECK (id >= 0) NO INHERIT",
    "ALTER TABLE orders VALIDATE CONSTRAINT paid_open",
    "ALTER TABLE lines VALIDATE CONSTRAINT of_other",
    ("ALTER TABLE events VALIDATE CONSTRAINT c",
     "ALTER TABLE events ADD CONSTRAINT c CHECK (id >= 0) NOT VALID"),
    "ALTER TABLE orders ADD CONSTRAINT c CHECK (amount > 0) NOT VALID",
    "ALTER TABLE events ADD CONSTRAINT c CHECK (id >= 0) NOT VALID",
    "ALTER TABLE orders ADD CONSTRAINT u UNIQUE (paid) DEFERRABLE INITIALLY DEFERRED",
    "ALTER TABLE orders ADD CONSTRAINT u UNIQUE USING INDEX orders_amount_once",
    "ALTER TABLE customers ADD CONSTRAINT e EXCLUDE USING gist (stay WITH &&)",
    "ALTER TABLE events ADD CONSTRAINT p PRIMARY KEY (id)",
    "ALTER TABLE lines ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES orders(id)",
    "ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (paid) REFERENCES orders(id)",
    "ALTER TABLE events ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES orders(id)",
    ("ALTER TABLE notes ADD CONSTRAINT p PRIMARY KEY USING INDEX notes_id",
     "ALTER TABLE notes ADD CHECK (id IS NOT NULL)"),
    "ALTER TABLE lines ADD FOREIGN KEY (id) REFERENCES orders",
    "ALTER TABLE lines ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES orders(id) NOT VALID",
    "ALTER TABLE orders ADD FOREIGN KEY (paid) REFERENCES orders(id)",
    "ALTER TABLE events ADD FOREIGN KEY (id) REFERENCES orders(id)",
    "ALTER TABLE log_marks ADD FOREIGN KEY (log) REFERENCES logs NOT VALID",
    "ALTER TABLE lines ADD FOREIGN KEY (id) REFERENCES orders NOT VALID, ADD COLUMN a int",
    "ALTER TABLE orders ADD CONSTRAINT u UNIQUE (paid)",
    "ALTER TABLE orders ADD UNIQUE (paid) DEFERRABLE INITIALLY DEFERRED",
    "ALTER TABLE orders ADD UNIQUE USING INDEX orders_amount_once",
    "ALTER TABLE notes ADD PRIMARY KEY (id)",
    "ALTER TABLE notes ADD CONSTRAINT p PRIMARY KEY USING INDEX notes_id",
    ("ALTER TABLE notes ADD CONSTRAINT p PRIMARY KEY USING INDEX notes_id",
     "ALTER TABLE notes ALTER id SET NOT NULL"),
    "ALTER TABLE events ADD PRIMARY KEY (id)",
    "ALTER TABLE events ADD UNIQUE (id)",
    "ALTER TABLE animals ADD PRIMARY KEY (id)",
    "ALTER TABLE animals ADD UNIQUE (id)",
    "ALTER TABLE customers ADD EXCLUDE USING gist (stay WITH &&)",
    "ALTER TABLE events ADD EXCLUDE USING btree (id WITH =)",
    "ALTER TABLE events ADD FOREIGN KEY (id) REFERENCES orders NOT VALID",
    "ALTER TABLE orders DROP CONSTRAINT amount_set",
    "ALTER TABLE orders DROP CONSTRAINT IF EXISTS nothing_there",
    "ALTER TABLE lines DROP CONSTRAINT of_order",
    "ALTER TABLE logs DROP CONSTRAINT logs_customer_fkey",
    "ALTER TABLE log_marks DROP CONSTRAINT log_marks_log_fkey",
    "ALTER TABLE lines DROP CONSTRAINT lines_pkey",
    "ALTER TABLE orders DROP CONSTRAINT orders_pkey CASCADE",
    ("ALTER TABLE events DROP CONSTRAINT c", "ALTER TABLE events ADD CONSTRAINT c CHECK (id >= 0)"),
    "ALTER TABLE orders RENAME CONSTRAINT orders_pkey TO p",
    "ALTER TABLE orders RENAME CONSTRAINT amount_set TO amount_positive",
    "ALTER TABLE lines ALTER CONSTRAINT of_order DEFERRABLE INITIALLY DEFERRED",
    "ALTER TABLE logs ALTER CONSTRAINT logs_customer_fkey DEFERRABLE",
    "ALTER DOMAIN positive ADD CONSTRAINT small CHECK (VALUE < 100000)",
    "ALTER DOMAIN positive ADD CONSTRAINT small CHECK (VALUE < 100000) NOT VALID",
    ("ALTER DOMAIN positive VALIDATE CONSTRAINT small",
     "ALTER DOMAIN positive ADD CONSTRAINT small CHECK (VALUE < 100000) NOT VALID"),
    "ALTER DOMAIN positive SET NOT NULL",
    "ALTER DOMAIN positive DROP NOT NULL",
    "ALTER DOMAIN positive SET DEFAULT 1",
    "ALTER DOMAIN positive DROP CONSTRAINT positive_check",
    # indexes
    "CREATE INDEX i ON orders(amount)",
    "CREATE UNIQUE INDEX i ON orders(amount)",
    "CREATE INDEX ON orders(amount) WHERE paid IS NULL",
    "CREATE INDEX i ON orders(amount) WHERE paid IS NULL",
    "CREATE INDEX IF NOT EXISTS orders_amount ON orders(amount)",
    "CREATE INDEX i ON events(id)",
    "CREATE INDEX i ON ONLY events(id)",
    "CREATE INDEX i ON animals(id)",
    "CREATE INDEX CONCURRENTLY i ON orders(amount)",
    ("ALTER INDEX i ATTACH PARTITION i_1",
     "CREATE INDEX i ON ONLY events(id); CREATE INDEX i_1 ON events_1(id)"),
    "DROP INDEX orders_amount",
    "DROP INDEX IF EXISTS nothing_there",
    "DROP INDEX events_body",
    "DROP INDEX CONCURRENTLY orders_amount",
    "REINDEX INDEX orders_amount",
    "REINDEX TABLE orders",
    "REINDEX INDEX CONCURRENTLY orders_amount",
    "REINDEX TABLE CONCURRENTLY orders",
    "REINDEX (CONCURRENTLY) TABLE orders",
    "ALTER INDEX orders_amount RENAME TO i",
    "ALTER INDEX orders_amount SET (fillfactor = 80)",
    "ALTER INDEX orders_amount RESET (fillfactor)",
    "ALTER INDEX orders_amount SET TABLESPACE pg_default",
    f"ALTER INDEX orders_amount SET TABLESPACE {TABLESPACE}",
    ("ALTER INDEX i ALTER COLUMN 1 SET STATISTICS 100", "CREATE INDEX i ON orders((amount + 1))"),
    # tables
    "CREATE TABLE fresh(id int)",
    "CREATE TABLE fresh(id serial PRIMARY KEY, body text DEFAULT clock_timestamp()::text)",
    "CREATE TABLE fresh(id int PRIMARY KEY, customer int REFERENCES customers(id))",
    "CREATE TABLE fresh(id int, FOREIGN KEY (id) REFERENCES logs)",
    "CREATE TABLE IF NOT EXISTS notes(id int REFERENCES orders)",
    "CREATE TABLE IF NOT EXISTS fresh(id int REFERENCES orders)",
    "CREATE TABLE fresh (LIKE orders INCLUDING ALL)",
    "CREATE TABLE fresh() INHERITS (animals)",
    "CREATE TABLE fresh OF pair",
    "CREATE TABLE fresh AS SELECT * FROM notes",
    "CREATE TABLE fresh AS SELECT * FROM notes WITH NO DATA",
    "SELECT * INTO fresh FROM notes",
    "CREATE TEMP TABLE fresh(id int)",
    "CREATE TABLE events_9 PARTITION OF events FOR VALUES FROM (90000) TO (99999)",
    "CREATE TABLE logs_9 PARTITION OF logs FOR VALUES FROM (90000) TO (99999)",
    "CREATE TABLE fresh(id int) PARTITION BY RANGE (id)",
    "CREATE FOREIGN TABLE fresh(id int) SERVER nowhere",
    "DROP TABLE notes",
    "DROP TABLE notes, scratch",
    "DROP TABLE IF EXISTS nothing_there",
    "DROP TABLE lines",
    "DROP TABLE tickets",
    "DROP TABLE badges",
    "DROP TABLE orders CASCADE",
    "DROP TABLE events",
    "DROP TABLE events_1",
    "DROP TABLE log_marks, logs",
    "DROP FOREIGN TABLE far",
    "ALTER TABLE orders RENAME TO purchases",
    "ALTER TABLE orders SET SCHEMA other",
    "ALTER TABLE tickets SET SCHEMA other",
    "ALTER TABLE orders OWNER TO pg_monitor",
    "ALTER TABLE tickets OWNER TO pg_monitor",
    "ALTER TABLE orders SET (fillfactor = 80)",
    "ALTER TABLE orders SET (autovacuum_enabled = off, toast.autovacuum_enabled = off)",
    "ALTER TABLE orders SET (parallel_workers = 2)",
    "ALTER TABLE orders SET (user_catalog_table = on)",
    "ALTER TABLE orders RESET (fillfactor)",
    "ALTER TABLE events_1 SET (fillfactor = 80), ALTER COLUMN body SET STATISTICS 5",
    "ALTER TABLE notes SET UNLOGGED",
    "ALTER TABLE scratch SET LOGGED",
    "ALTER TABLE badges SET UNLOGGED",
    "ALTER TABLE orders SET TABLESPACE pg_default",
    f"ALTER TABLE orders SET TABLESPACE {TABLESPACE}",
    "ALTER TABLE orders SET (autovacuum_enabled = off)",
    "ALTER TABLE orders SET ACCESS METHOD heap",
    "ALTER TABLE orders SET WITHOUT OIDS",
    "ALTER TABLE orders CLUSTER ON orders_amount",
    "ALTER TABLE orders SET WITHOUT CLUSTER",
    "ALTER TABLE orders REPLICA IDENTITY FULL",
    "ALTER TABLE orders REPLICA IDENTITY USING INDEX orders_amount_once",
    "ALTER TABLE dogs INHERIT animals",
    "ALTER TABLE cats NO INHERIT animals",
    "ALTER TABLE pairs OF pair",
    "ALTER TABLE typed NOT OF",
    "ALTER FOREIGN TABLE far OPTIONS (ADD name 'x')",
    "ALTER FOREIGN TABLE far ALTER COLUMN id OPTIONS (ADD name 'x')",
    "TRUNCATE notes",
    "TRUNCATE notes, tickets RESTART IDENTITY",
    "TRUNCATE tickets RESTART IDENTITY",
    "TRUNCATE orders CASCADE",
    "TRUNCATE customers CASCADE",
    "TRUNCATE events",
    "TRUNCATE events_1",
    "TRUNCATE ONLY animals",
    "TRUNCATE animals",
    "VACUUM orders",
    "VACUUM events",
    "VACUUM animals",
    "VACUUM (TRUNCATE false) orders",
    "VACUUM FULL orders",
    "VACUUM (FULL false) orders",
    "ANALYZE orders",
    "ANALYZE events",
    "ANALYZE animals",
    "CLUSTER orders USING orders_amount",
    "LOCK TABLE orders IN SHARE MODE",
    "LOCK TABLE orders, events IN ROW EXCLUSIVE MODE",
    "LOCK TABLE ONLY events",
    "LOCK TABLE notes IN SHARE UPDATE EXCLUSIVE MODE",
    # partitions
    "ALTER TABLE events ATTACH PARTITION events_3 FOR VALUES FROM (20000) TO (30000)",
    ("ALTER TABLE events ATTACH PARTITION events_3 FOR VALUES FROM (20000) TO (30000)",
     "ALTER TABLE events_3 ADD CHECK (id >= 20000 AND id < 30000); CREATE INDEX ON events_3(body)"),
    "ALTER TABLE logs ATTACH PARTITION logs_2 FOR VALUES FROM (20000) TO (30000)",
    ("ALTER TABLE events ATTACH PARTITION events_3 FOR VALUES FROM (20000) TO (30000)",
     "ALTER TABLE events_3 ALTER id DROP NOT NULL; ALTER TABLE events ALTER id DROP NOT NULL;"
     "ALTER TABLE events_3 ADD CHECK (id >= 20000 AND id < 30000)"),
    *(("ALTER TABLE logs ATTACH PARTITION logs_2 FOR VALUES FROM (20000) TO (30000)",
       "ALTER TABLE logs_2 ADD CHECK (id >= 20000 AND id < 30000);" + rest)
      for rest in ("", "ALTER TABLE logs_rest ADD CHECK (NOT (id >= 20000 AND id < 30000))")),
    "ALTER TABLE events DETACH PARTITION events_1",
    "ALTER TABLE logs DETACH PARTITION logs_1",
    "ALTER TABLE events DETACH PARTITION events_1 CONCURRENTLY",
    DETACH_FINALIZE,
    # triggers, rules, policies
    "CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION changed()",
    "CREATE TRIGGER t AFTER INSERT ON orders FOR EACH STATEMENT EXECUTE FUNCTION changed()",
    REPLACED_TRIGGER,
    ("CREATE OR REPLACE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION changed()",
     "CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION changed()"),
    "CREATE TRIGGER t AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION changed()",
    "CREATE TRIGGER t AFTER INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION changed()",
    "CREATE CONSTRAINT TRIGGER t AFTER INSERT ON orders FROM customers"
    " FOR EACH ROW EXECUTE FUNCTION changed()",
    "DROP TRIGGER order_changed ON orders",
    "DROP TRIGGER event_changed ON events",
    "ALTER TRIGGER order_changed ON orders RENAME TO t",
    "ALTER TRIGGER event_changed ON events RENAME TO t",
    *(f"ALTER TABLE {table} {verb} TRIGGER {which}"
      for verb in ("ENABLE", "DISABLE", "ENABLE ALWAYS", "ENABLE REPLICA")
      for table, which in (("orders", "order_changed"), ("events", "event_changed"))),
    *(f"ALTER TABLE {table} {verb} TRIGGER {which}" for table in ("orders", "events")
      for verb in ("ENABLE", "DISABLE") for which in ("ALL", "USER")),
    "CREATE RULE r AS ON INSERT TO notes DO ALSO NOTHING",
    "CREATE RULE r AS ON INSERT TO notes DO ALSO INSERT INTO scratch SELECT id FROM dogs",
    "DROP RULE post_rule ON posts",
    "ALTER RULE post_rule ON posts RENAME TO r",
    *(f"ALTER TABLE posts {verb} RULE post_rule"
      for verb in ("ENABLE", "DISABLE", "ENABLE ALWAYS", "ENABLE REPLICA")),
    "CREATE POLICY p ON orders USING (true)",
    "CREATE POLICY p ON orders USING (EXISTS (SELECT FROM customers WHERE customers.id = customer))",
    "ALTER POLICY note_policy ON notes USING (id > 0)",
    "ALTER POLICY note_policy ON notes RENAME TO p",
    "DROP POLICY note_policy ON notes",
    *(f"ALTER TABLE orders {verb} ROW LEVEL SECURITY" for verb in ("ENABLE", "DISABLE", "FORCE", "NO FORCE")),
    # views
    "CREATE VIEW fresh AS SELECT id FROM orders",
    "CREATE OR REPLACE VIEW fresh AS SELECT id FROM orders",
    "CREATE OR REPLACE VIEW order_view AS SELECT id, amount, code, paid FROM orders",
    "DROP VIEW order_view_2",
    "DROP VIEW order_view CASCADE",
    "ALTER VIEW order_view RENAME TO v",
    "ALTER VIEW order_view ALTER COLUMN amount SET DEFAULT 1",
    "ALTER VIEW order_view SET (security_barrier = true)",
    "ALTER VIEW order_view SET SCHEMA other",
    "ALTER VIEW order_view OWNER TO pg_monitor",
    "CREATE MATERIALIZED VIEW fresh AS SELECT id FROM orders",
    "CREATE MATERIALIZED VIEW fresh AS SELECT id FROM orders WITH NO DATA",
    "REFRESH MATERIALIZED VIEW totals",
    "REFRESH MATERIALIZED VIEW totals WITH NO DATA",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY totals",
    "ALTER MATERIALIZED VIEW totals RENAME TO sums",
    "DROP MATERIALIZED VIEW totals",
    # types, functions, and what locks no relation
    "ALTER TYPE mood ADD VALUE 'glad'",
    ("ALTER TYPE mood ADD VALUE IF NOT EXISTS 'calm'", "SELECT 1"),
    "ALTER TYPE mood ADD VALUE 'merry' BEFORE 'calm'",
    "ALTER TYPE mood RENAME VALUE 'calm' TO 'quiet'",
    "ALTER TYPE mood RENAME TO feeling",
    "ALTER TYPE pair RENAME TO couple",
    "ALTER TYPE pair OWNER TO pg_monitor",
    "ALTER TYPE pair SET SCHEMA other",
    ("ALTER TYPE pair ADD ATTRIBUTE z int", "DROP TABLE typed"),
    ("ALTER TYPE pair RENAME ATTRIBUTE x TO z", "DROP TABLE typed"),
    ("DROP TYPE pair", "DROP TABLE typed"),
    ("DROP TYPE mood", "ALTER TABLE customers DROP COLUMN tier"),
    "CREATE TYPE fresh AS ENUM ('a')",
    "CREATE TYPE fresh AS (a int)",
    "CREATE TYPE fresh AS RANGE (subtype = int)",
    "CREATE DOMAIN fresh AS int CHECK (VALUE > 0)",
    "CREATE FUNCTION fresh() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE OR REPLACE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "DROP FUNCTION plus_one(int)",
    "ALTER FUNCTION plus_one(int) STABLE",
    "CREATE EXTENSION pg_trgm",
    "DROP EXTENSION hstore",
    ("DROP EXTENSION hstore", "ALTER EXTENSION hstore ADD TABLE notes"),
    "COMMENT ON TABLE orders IS 'x'",
    "COMMENT ON COLUMN orders.note IS 'x'",
    "COMMENT ON VIEW order_view IS 'x'",
    "COMMENT ON SEQUENCE numbers IS 'x'",
    "COMMENT ON MATERIALIZED VIEW totals IS 'x'",
    "COMMENT ON CONSTRAINT orders_pkey ON orders IS 'x'",
    "COMMENT ON TRIGGER order_changed ON orders IS 'x'",
    "COMMENT ON POLICY note_policy ON notes IS 'x'",
    "COMMENT ON RULE post_rule ON posts IS 'x'",
    "COMMENT ON INDEX orders_amount IS 'x'",
    "COMMENT ON TYPE mood IS 'x'",
    "COMMENT ON FUNCTION changed() IS 'x'",
    "GRANT SELECT ON orders TO pg_monitor",
    "GRANT SELECT (id) ON orders TO pg_monitor",
    "REVOKE ALL ON orders FROM PUBLIC",
    "REVOKE ALL ON SCHEMA other FROM PUBLIC",
    "GRANT SELECT ON ALL TABLES IN SCHEMA public TO pg_monitor",
    "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO pg_monitor",
    "CREATE SCHEMA fresh",
    ("DROP SCHEMA other", "DROP TABLE other.\"Odd \"\"x\"\" name\""),
    "ALTER SCHEMA other RENAME TO o",
    "CREATE STATISTICS fresh ON id, amount FROM orders",
    "DROP STATISTICS order_stats",
    "ALTER STATISTICS order_stats SET STATISTICS 5",
    "CREATE SEQUENCE fresh",
    "CREATE SEQUENCE fresh OWNED BY orders.id",
    "ALTER SEQUENCE numbers RESTART",
    "ALTER SEQUENCE numbers INCREMENT 2",
    "ALTER SEQUENCE numbers AS bigint",
    "ALTER SEQUENCE numbers OWNED BY orders.id",
    "ALTER SEQUENCE numbers OWNED BY NONE",
    "ALTER SEQUENCE numbers RENAME TO n",
    "ALTER SEQUENCE numbers OWNER TO pg_monitor",
    "DROP SEQUENCE numbers",
    "CREATE PUBLICATION fresh FOR TABLE orders",
    "CREATE PUBLICATION fresh FOR ALL TABLES",
    "ALTER PUBLICATION feed ADD TABLE orders",
    "ALTER PUBLICATION feed DROP TABLE posts",
    "DROP PUBLICATION feed",
    *OUTSIDE,
    "SECURITY LABEL ON TABLE orders IS 'x'",
    "CREATE EVENT TRIGGER fresh ON ddl_command_end EXECUTE FUNCTION on_ddl()",
    "CALL commits()",
    "DO $$ BEGIN COMMIT; END $$",
    "REINDEX SCHEMA other",
    "REINDEX DATABASE fresh",
    "CLUSTER",
    "VACUUM",
    "SET lock_timeout = '1s'",
    "SAVEPOINT s",
    # rows
    "SELECT * FROM orders",
    "SELECT * FROM orders LIMIT 1",
    "SELECT * FROM orders WHERE id = 1 FOR UPDATE",
    "SELECT 1",
    "SELECT * FROM orders WHERE id IN (SELECT order_id FROM lines)",
    "WITH notes AS (SELECT * FROM orders) SELECT * FROM notes",
    "WITH notes AS (SELECT * FROM notes) SELECT * FROM notes",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT * FROM n, dogs",
    "SELECT * FROM events",
    "SELECT * FROM ONLY animals",
    "SELECT * FROM animals",
    "SELECT * FROM orders FOR UPDATE",
    "SELECT * FROM orders o JOIN customers c ON c.id = o.customer FOR SHARE OF o",
    "SELECT * FROM orders WHERE id IN (SELECT order_id FROM lines) FOR UPDATE",
    "SELECT * FROM (SELECT * FROM orders) o FOR NO KEY UPDATE",
    "SELECT nextval('numbers')",
    "SELECT setval('numbers', 10)",
    "UPDATE notes SET body = 'c'",
    "UPDATE orders SET paid = 1 WHERE id = 1",
    "UPDATE lines SET order_id = 1",
    "UPDATE customers SET id = id",
    "UPDATE notes SET body = c.name FROM customers c WHERE c.id = notes.id",
    "UPDATE animals SET name = 'a'",
    "INSERT INTO lines VALUES (5000, 5)",
    "INSERT INTO tickets(body) VALUES ('a')",
    "INSERT INTO notes SELECT -id, note FROM orders",
    "INSERT INTO notes VALUES (1) ON CONFLICT (id) DO UPDATE SET body = 'd'",
    "INSERT INTO events VALUES (5, 'a')",
    "DELETE FROM lines WHERE id = 1",
    "DELETE FROM lines",
    "DELETE FROM notes WHERE true",
    "DELETE FROM customers WHERE id = -1",
    "DELETE FROM notes USING dogs WHERE dogs.id = notes.id",
    "WITH gone AS (DELETE FROM lines RETURNING id) INSERT INTO scratch SELECT id FROM gone",
    "MERGE INTO notes n USING (SELECT 1 AS id) x ON n.id = x.id WHEN MATCHED THEN UPDATE SET body = 'z'",
    "MERGE INTO notes n USING customers c ON c.id = n.id WHEN MATCHED THEN UPDATE SET body = 'z'",
    "EXPLAIN SELECT * FROM orders",
    "DECLARE c CURSOR FOR SELECT * FROM orders",
]

# Several statements in one transaction.
SETS = [
    "ALTER TABLE orders RENAME TO old; ALTER TABLE old ADD COLUMN a int; COMMENT ON TABLE old IS 'x'",
    "ALTER TABLE notes RENAME TO x; ALTER TABLE dogs RENAME TO notes; ALTER TABLE x RENAME TO dogs;"
    "TRUNCATE notes; COMMENT ON TABLE dogs IS 'x'",
    "ALTER TABLE tickets SET SCHEMA other; CREATE INDEX i ON other.tickets(body); DROP INDEX other.i",
    "CREATE TABLE fresh(id int PRIMARY KEY REFERENCES orders); CREATE INDEX ON fresh(id);"
    "ALTER TABLE lines ADD FOREIGN KEY (id) REFERENCES fresh NOT VALID; DROP INDEX orders_amount",
    "ALTER TABLE notes RENAME TO old; CREATE TABLE notes (LIKE old INCLUDING ALL);"
    "CREATE INDEX i ON notes(body); ALTER TABLE old SET (fillfactor = 80)",
    "COMMENT ON TABLE orders IS 'x'; LOCK TABLE orders IN SHARE MODE;"
    "CREATE VIEW fresh AS SELECT * FROM notes",
    "CREATE TABLE events_9 (LIKE events); ALTER TABLE events_9 ADD CHECK (id >= 90000 AND id < 99999);"
    "ALTER TABLE events ATTACH PARTITION events_9 FOR VALUES FROM (90000) TO (99999)",
    "ALTER INDEX orders_amount RENAME TO i; DROP INDEX i; CREATE INDEX i ON notes(body)",
    "DROP TABLE lines; CREATE TABLE lines(id int REFERENCES customers); INSERT INTO scratch VALUES (1)",
    "ALTER TABLE orders ADD CONSTRAINT c CHECK (amount > 0) NOT VALID;"
    "ALTER TABLE orders VALIDATE CONSTRAINT c",
]
