"""Statements of code of the release before, and changes that show what each form does to them."""

import hashlib

# Beside support.locks.BASE: what the code of the release before is allowed, and what refuses rows.
OLD_CODE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN IF NEW.body = ''bad'' THEN RAISE ''refused''; END IF; RETURN NEW; END';
CREATE FUNCTION add_a() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN NEW.body := NEW.body || ''a''; RETURN NEW; END';
CREATE FUNCTION add_b() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN NEW.body := NEW.body || ''b''; RETURN NEW; END';
CREATE FUNCTION insert_note() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO notes VALUES (NEW.id); RETURN NEW; END';
CREATE FUNCTION is_wide(int) RETURNS boolean LANGUAGE sql AS 'SELECT $1 > 2';
CREATE TABLE drafts(id int PRIMARY KEY, body text NOT NULL DEFAULT 'd', kind text DEFAULT 'k');
INSERT INTO drafts VALUES (1, 'one', 'x'), (2, 'two', 'y');
CREATE TABLE walled(id int, body text);
INSERT INTO walled VALUES (1, 'a'), (2, 'b');
CREATE TABLE joined(id int, body text) PARTITION BY RANGE (id);
CREATE TABLE joined_1 PARTITION OF joined FOR VALUES FROM (0) TO (10);
INSERT INTO joined VALUES (1, 'a');
CREATE TABLE memos(id int, body text);
INSERT INTO memos VALUES (1, 'a'), (2, 'b');
CREATE VIEW memo_view AS SELECT id, body FROM memos WHERE id > 0;
CREATE VIEW join_view AS SELECT m.id, d.body FROM memos m JOIN drafts d ON d.id = m.id;
CREATE FUNCTION write_draft() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN UPDATE drafts SET body = NEW.body WHERE id = NEW.id; RETURN NEW; END';
CREATE TRIGGER join_write INSTEAD OF UPDATE ON join_view FOR EACH ROW EXECUTE FUNCTION write_draft();
CREATE TABLE parcels(id int PRIMARY KEY, size pair, mark mood NOT NULL DEFAULT 'calm', weight positive,
                     stay int4range, EXCLUDE USING gist (stay WITH &&));
INSERT INTO parcels VALUES (1, ROW(1, 'a'), 'calm', 5, '[1,3)'), (2, ROW(2, 'b'), 'angry', 6, '[5,7)');
CREATE DOMAIN label AS text DEFAULT 'l' CHECK (VALUE <> 'bad');
CREATE TABLE labels(id int, name label NOT NULL);
GRANT ALL ON SCHEMA other TO old_code;
GRANT ALL ON ALL TABLES IN SCHEMA public, other TO old_code;
GRANT ALL ON ALL SEQUENCES IN SCHEMA public, other TO old_code;
REVOKE EXECUTE ON FUNCTION plus_one(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION plus_one(int) TO old_code;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
"""

LONG = "".join(hashlib.sha256(str(n).encode()).hexdigest() for n in range(300))

READS = [
    *(f"SELECT * FROM {table} AS t ORDER BY t::text LIMIT 3"
      for table in ("customers", "orders", "lines", "notes", "tickets", "badges", "events", "logs", "animals",
                    "pairs", "typed", "posts", "order_view", "order_view_2", "totals", "drafts",
                    "walled", "joined",
                    "memo_view", "join_view", "parcels", "labels", 'other."Odd ""x"" name"', "scratch",
                    "events_1", "cats", "dogs", "log_marks", "memos")),
    *(f"SELECT count(*) FROM {table}"
      for table in ("orders", "lines", "notes", "events", "events_1", "logs", "animals", "posts", "scratch",
                    "walled", "joined", "customers", "tickets", "totals", 'other."Odd ""x"" name"')),
    "SELECT id, customer, amount, code, note, paid, full_name FROM orders WHERE id < 4 ORDER BY id",
    "SELECT o.id, c.name, c.tier, c.score FROM orders o JOIN customers c ON c.id = o.customer WHERE o.id < 4"
    " ORDER BY o.id",
    "SELECT id, body FROM tickets WHERE id < 4 ORDER BY id",
    "SELECT id, body, twice FROM badges",
    "SELECT id, body FROM notes WHERE id < 4 ORDER BY id",
    "SELECT sum(amount), max(code), min(note) FROM orders",
    "SELECT id, amount FROM order_view WHERE id = 2",
    "SELECT count(*) FROM customers WHERE tier = 'calm'",
    "SELECT count(*) FROM customers WHERE tier::text = 'calm'",
    "SELECT 'calm'::mood",
    "SELECT enum_range(NULL::mood)",
    "SELECT ROW(1, 'a')::pair",
    "SELECT '(1,a)'::pair",
    "SELECT (ROW(1, 'a')::pair).x",
    "SELECT id, (size).x, mark, weight FROM parcels ORDER BY id",
    "SELECT 5::positive",
    "SELECT plus_one(3)",
    "SELECT plus_one('3')",
    "SELECT plus_one(3::smallint)",
    "SELECT id, upper(kind) FROM drafts ORDER BY id",
    "SELECT is_wide(3)",
    "SELECT last_value IS NOT NULL FROM numbers",
    "SELECT 'a=>b'::hstore -> 'a'",
    "SELECT \"Id\" FROM other.\"Odd \"\"x\"\" name\"",
    "SELECT customer, sum FROM totals WHERE customer < 4 ORDER BY customer",
]

WRITES = [
    "INSERT INTO orders(id, customer, amount, code) VALUES (5001, 1, 5001, 'o')"
    " RETURNING id, amount, note, full_name",
    "INSERT INTO orders(id, amount, paid) VALUES (5001, 5001, 5001) RETURNING id",
    "INSERT INTO orders VALUES (5001, 1, 5001, 'o', 'n', 5001, 'f')",
    "INSERT INTO orders VALUES (5001, 1, 5001, 'o', 'n', 5001, 'f') RETURNING *",
    "INSERT INTO orders(id, amount, paid) VALUES (5001, 6001, 1)",
    "INSERT INTO orders(id, amount, paid) VALUES (1, 5001, 5001) ON CONFLICT (id) DO UPDATE SET note = 'u'",
    "INSERT INTO orders(id, amount, paid) VALUES (5001, 1, 5001) ON CONFLICT (amount) DO NOTHING",
    "INSERT INTO orders(id, amount, paid) VALUES (5001, 5001, 1) ON CONFLICT (paid) DO NOTHING",
    "INSERT INTO orders(id, amount) VALUES (1, 5001) ON CONFLICT ON CONSTRAINT orders_pkey DO NOTHING",
    "INSERT INTO orders(id, amount) VALUES (5001, -1)",
    "INSERT INTO orders(id, amount) VALUES (5001, 1000001)",
    "INSERT INTO orders(id, amount, customer) VALUES (5001, 5001, 9999)",
    f"INSERT INTO orders(id, amount, note) VALUES (5001, 5001, '{LONG}')",
    "INSERT INTO orders(id, amount, note) VALUES (5001, 5001, 'bad')",
    "UPDATE orders SET amount = 7001, code = 'p', note = 'q', full_name = NULL WHERE id = 2"
    " RETURNING amount, code, note",
    "UPDATE orders SET note = NULL, paid = NULL WHERE id = 3",
    "UPDATE orders SET code = repeat('x', 20) WHERE id = 3",
    "UPDATE orders SET amount = NULL WHERE id = 3",
    "DELETE FROM orders WHERE id = 2",
    "DELETE FROM lines WHERE id = 2",
    "DELETE FROM customers WHERE id = 2",
    "INSERT INTO customers(id, name, tier, score, stay) VALUES (5001, 'c', 'calm', 1, '[1,5)')",
    "INSERT INTO customers(id, score) VALUES (5001, 200000)",
    "INSERT INTO customers(id) VALUES (5001) RETURNING tier, score",
    "INSERT INTO lines(id, order_id) VALUES (5001, 2)",
    "INSERT INTO lines(id, order_id) VALUES (5001, 9999)",
    "INSERT INTO lines(id, other_order) VALUES (9998, 9999)",
    "INSERT INTO notes(id, body) VALUES (5001, 'b') RETURNING body",
    "INSERT INTO notes VALUES (5001, 'b')",
    "INSERT INTO notes(id, body) VALUES (NULL, 'b')",
    "INSERT INTO notes(id, body) VALUES (3000000000, 'b')",
    "INSERT INTO notes(id, body) VALUES (5001, repeat('b', 200))",
    "INSERT INTO notes(id, body) VALUES (1, 'b') ON CONFLICT (id) DO UPDATE SET body = 'c'",
    "UPDATE notes SET body = 'z' WHERE id = 2 RETURNING body",
    "DELETE FROM notes WHERE id = 2",
    "TRUNCATE notes",
    "TRUNCATE orders, lines, other.\"Odd \"\"x\"\" name\"",
    "INSERT INTO tickets(body) VALUES ('b')",
    "INSERT INTO badges(body) VALUES ('b')",
    "INSERT INTO badges(body) VALUES ('b') RETURNING id > 100000",
    "INSERT INTO badges(id, body) VALUES (7, 'b') RETURNING twice",
    "INSERT INTO events(id, body) VALUES (5, 'e') RETURNING body",
    "INSERT INTO events VALUES (5, 'e')",
    "INSERT INTO events(id, body) VALUES (95000, 'e')",
    "INSERT INTO events(id, body) VALUES (25000, 'e')",
    "INSERT INTO events(id, body) VALUES (-5, 'e')",
    "INSERT INTO events(id) VALUES (5)",
    "INSERT INTO events(id, body) VALUES (5, repeat('e', 150))",
    "INSERT INTO events_1(id, body) VALUES (6, 'e')",
    "INSERT INTO events_3(id, body) VALUES (5, 'e')",
    "UPDATE events SET body = 'f' WHERE id = 2 RETURNING body",
    "DELETE FROM events WHERE id = 3",
    "INSERT INTO logs(id, customer) VALUES (5, 1)",
    "INSERT INTO logs(id, customer) VALUES (25001, 1)",
    "INSERT INTO logs(id, customer) VALUES (90001, 1) RETURNING tableoid::regclass",
    "INSERT INTO logs(id, customer) VALUES (6, 9999)",
    "DELETE FROM logs WHERE id = 100000",
    "INSERT INTO log_marks VALUES (9999999)",
    "INSERT INTO log_marks VALUES (100000)",
    "INSERT INTO animals(id, name) VALUES (5001, 'a')",
    "INSERT INTO animals(id, name) VALUES (-1, 'a')",
    "INSERT INTO animals(id, name) VALUES (1, 'a')",
    "INSERT INTO animals(id, name) VALUES (NULL, 'a')",
    "INSERT INTO animals(id, name) VALUES (3000000000, 'a')",
    "UPDATE animals SET name = 'x' WHERE id = 2",
    "INSERT INTO dogs VALUES (1, 'd')",
    "INSERT INTO pairs VALUES (1, 'd')",
    "INSERT INTO typed VALUES (1, 'd')",
    "INSERT INTO posts(id, body) VALUES (1, 'p')",
    "INSERT INTO posts VALUES (1, 'p')",
    "UPDATE order_view SET code = 'x' WHERE id = 2",
    "UPDATE join_view SET body = 'x' WHERE id = 2",
    "INSERT INTO memo_view(id, body) VALUES (5001, 'b')",
    "INSERT INTO memo_view(id, body) VALUES (-5, 'b')",
    "INSERT INTO drafts(id) VALUES (3) RETURNING body, kind",
    "INSERT INTO drafts VALUES (3, 'b')",
    "INSERT INTO drafts(body) VALUES ('x')",
    "INSERT INTO memos VALUES (1, 'm')",
    "INSERT INTO drafts(id, body) VALUES (1, 'b')",
    "DELETE FROM drafts WHERE id = 1",
    "INSERT INTO drafts(id, body) VALUES (3, 'bad') RETURNING body",
    "INSERT INTO drafts(id, body) VALUES (1, 'b') ON CONFLICT (id) DO UPDATE SET body = 'c' RETURNING body",
    "UPDATE drafts SET body = 'c' WHERE id = 1 RETURNING body",
    "UPDATE drafts SET body = 'c', kind = 'b'",
    "INSERT INTO walled VALUES (3, 'c')",
    "UPDATE walled SET body = 'c' WHERE id = 1",
    "INSERT INTO joined VALUES (2, 'b')",
    "INSERT INTO parcels(id, size, mark) VALUES (3, ROW(1, 'b'), 'calm')",
    "INSERT INTO parcels(id, size, mark) VALUES (3, '(1,b)', 'calm')",
    "INSERT INTO parcels(id, weight) VALUES (3, 200000)",
    "INSERT INTO parcels(id) VALUES (3) RETURNING mark",
    "INSERT INTO parcels(id, mark) VALUES (3, 'calm'::mood)",
    "INSERT INTO parcels(id, weight) SELECT 3, (size).x FROM parcels WHERE id = 1",
    "INSERT INTO labels(id, name) VALUES (1, 'x')",
    "INSERT INTO labels(id, name) VALUES (1, 'bad')",
    "INSERT INTO labels(id, name) VALUES (1, NULL)",
    "INSERT INTO labels(id) VALUES (1) RETURNING name",
    "INSERT INTO other.\"Odd \"\"x\"\" name\" VALUES (1)",
    "INSERT INTO other.\"Odd \"\"x\"\" name\" VALUES (-1)",
    "INSERT INTO other.\"Odd \"\"x\"\" name\" VALUES (9999)",
    "SELECT nextval('numbers') > 0",
    "SELECT id FROM orders WHERE id = 2 FOR UPDATE",
]

# What is prepared before the change and run after it.
PREPARED = [
    "SELECT * FROM orders WHERE id = 2",
    "SELECT id, code FROM orders WHERE id = 2",
    "SELECT * FROM events WHERE id = 2",
    "SELECT * FROM order_view WHERE id = 2",
    "SELECT * FROM notes WHERE id = 2",
    "SELECT * FROM drafts",
    "UPDATE orders SET note = 'r' WHERE id = 2 RETURNING *",
    "INSERT INTO orders(id, amount) VALUES (5002, 5002)",
]

# Changes beyond support.locks.FORMS: (what is committed before, the change, what new code does then).
CASES = [
    ("", "ALTER TABLE drafts ALTER COLUMN body DROP DEFAULT", ""),
    ("", "ALTER TABLE drafts ALTER COLUMN kind SET DEFAULT NULL", ""),
    ("", "ALTER TABLE orders ALTER COLUMN paid SET NOT NULL", ""),
    ("DELETE FROM labels", "ALTER TABLE labels ADD COLUMN n int NOT NULL", ""),
    ("", "ALTER TABLE labels ADD COLUMN n int DEFAULT 1 UNIQUE", "INSERT INTO labels VALUES (9, 'y')"),
    ("DELETE FROM labels", "ALTER TABLE labels ADD COLUMN n int PRIMARY KEY", ""),
    ("", "ALTER TABLE drafts ADD COLUMN n serial", ""),
    ("", "ALTER TABLE drafts ADD COLUMN n int GENERATED ALWAYS AS (1 / (length(body) - 1)) STORED", ""),
    ("", "ALTER TABLE drafts ADD COLUMN n int CHECK (n > 0), ADD CHECK (n IS NULL OR body <> 'b')", ""),
    ("DELETE FROM labels", "ALTER TABLE labels ADD COLUMN n int CHECK (n IS NOT NULL)", ""),
    ("CREATE DOMAIN full_text AS text CHECK (VALUE IS NOT NULL); DELETE FROM labels",
     "ALTER TABLE labels ADD COLUMN n full_text", ""),
    ("", "ALTER TABLE orders ADD CONSTRAINT c CHECK (amount < 1000000)", ""),
    ("", "ALTER TABLE orders ADD CONSTRAINT c CHECK (amount < 1000000) NOT VALID", ""),
    ("DELETE FROM parcels", "ALTER TABLE parcels ADD COLUMN n int DEFAULT 7 REFERENCES customers", ""),
    ("DELETE FROM customers WHERE id > 900 AND id NOT IN (SELECT customer FROM orders)",
     "ALTER TABLE labels ADD COLUMN n int DEFAULT 7 REFERENCES customers", ""),
    ("INSERT INTO customers(id) VALUES (7777); DELETE FROM labels",
     "ALTER TABLE labels ADD COLUMN n int DEFAULT 7777 REFERENCES customers",
     "DELETE FROM customers WHERE id = 7777"),
    ("", "ALTER TABLE walled ADD FOREIGN KEY (id) REFERENCES drafts", ""),
    ("", "ALTER TABLE notes ADD CONSTRAINT u UNIQUE (body, id)", ""),
    ("", "ALTER TABLE walled ADD UNIQUE (id)", "INSERT INTO walled VALUES (3, 'x')"),
    ("", "ALTER TABLE walled ADD PRIMARY KEY (id)", "INSERT INTO walled VALUES (3, 'x')"),
    ("", "CREATE UNIQUE INDEX w ON walled(id)", "INSERT INTO walled VALUES (3, 'x')"),
    ("", "CREATE INDEX w ON orders(note)", ""),
    ("", "CREATE INDEX w ON ONLY orders(note)", ""),
    ("CREATE EXTENSION btree_gist; DELETE FROM walled",
     "ALTER TABLE walled ADD EXCLUDE USING gist (id WITH =)",
     "INSERT INTO walled VALUES (3, 'x')"),
    ("", "CREATE INDEX CONCURRENTLY w ON orders(note)", ""),
    ("", "CREATE TABLE walls(id int REFERENCES drafts)", "INSERT INTO walls VALUES (1)"),
    ("", "ALTER TABLE joined DETACH PARTITION joined_1", ""),
    ("", "ALTER TABLE events DETACH PARTITION events_1 CONCURRENTLY", ""),
    ("", "CREATE TABLE fresh() INHERITS (animals)", "INSERT INTO fresh VALUES (-7, 'f')"),
    ("", "CREATE TRIGGER t BEFORE INSERT ON drafts FOR EACH ROW EXECUTE FUNCTION refuse()", ""),
    ("", "CREATE TRIGGER t BEFORE INSERT ON drafts FOR EACH ROW EXECUTE FUNCTION add_a()", ""),
    ("CREATE TRIGGER t BEFORE INSERT ON drafts FOR EACH ROW EXECUTE FUNCTION add_a();"
     "CREATE TRIGGER u BEFORE INSERT ON drafts FOR EACH ROW EXECUTE FUNCTION add_b()",
     "ALTER TRIGGER t ON drafts RENAME TO z", ""),
    *((f"CREATE TRIGGER t BEFORE INSERT ON drafts FOR EACH ROW EXECUTE FUNCTION refuse();"
       f"CREATE TRIGGER u BEFORE INSERT ON drafts FOR EACH ROW EXECUTE FUNCTION add_b();"
       f"ALTER TABLE drafts DISABLE TRIGGER USER", f"ALTER TABLE drafts {verb} TRIGGER {which}", "")
      for verb in ("ENABLE", "ENABLE ALWAYS") for which in ("t", "u")),
    *((f"CREATE TRIGGER t BEFORE INSERT ON drafts FOR EACH ROW EXECUTE FUNCTION refuse();"
       f"CREATE TRIGGER u BEFORE INSERT ON drafts FOR EACH ROW EXECUTE FUNCTION add_b();"
       f"ALTER TABLE drafts DISABLE TRIGGER USER", f"ALTER TABLE drafts ENABLE TRIGGER {which}", "")
      for which in ("ALL", "USER")),
    *(("CREATE FUNCTION mend() RETURNS trigger LANGUAGE plpgsql AS"
       " 'BEGIN NEW.body := NEW.body || ''m''; RETURN NEW; END';"
       "CREATE TRIGGER m BEFORE INSERT ON drafts FOR EACH ROW EXECUTE FUNCTION mend();"
       "CREATE TRIGGER t BEFORE INSERT ON drafts FOR EACH ROW EXECUTE FUNCTION refuse();"
       "ALTER TABLE drafts ENABLE ALWAYS TRIGGER t", f"ALTER TABLE drafts {what}", "")
      for what in ("DISABLE TRIGGER m", "ENABLE REPLICA TRIGGER m")),
    *(("CREATE TRIGGER m BEFORE INSERT ON drafts FOR EACH ROW EXECUTE FUNCTION add_a();"
       "ALTER TABLE drafts ADD CHECK (body <> 'bad')", f"ALTER TABLE drafts DISABLE TRIGGER {which}", "")
      for which in ("ALL", "USER")),
    ("", "DROP TRIGGER join_write ON join_view", ""),
    ("CREATE TRIGGER t BEFORE INSERT ON drafts FOR EACH ROW EXECUTE FUNCTION add_a()",
     "DROP TRIGGER t ON drafts", ""),
    ("", "CREATE RULE r AS ON INSERT TO drafts WHERE NEW.body = 'b' DO INSTEAD NOTHING", ""),
    ("", "CREATE RULE r AS ON UPDATE TO notes DO ALSO UPDATE drafts SET kind = 'q'", ""),
    ("CREATE RULE r AS ON UPDATE TO join_view DO INSTEAD UPDATE walled SET body = NEW.body WHERE id = NEW.id;"
     "DROP TRIGGER join_write ON join_view", "DROP RULE r ON join_view", ""),
    *((f"CREATE RULE r AS ON INSERT TO drafts WHERE NEW.id = 3 DO INSTEAD NOTHING{setup}", change, "")
      for setup, change in (
          ("", "ALTER TABLE drafts DISABLE RULE r"), ("", "ALTER TABLE drafts ENABLE REPLICA RULE r"),
          ("", "DROP RULE r ON drafts"), ("; ALTER TABLE drafts DISABLE RULE r",
     "ALTER TABLE drafts ENABLE RULE r"),
          ("; ALTER TABLE drafts DISABLE RULE r", "ALTER TABLE drafts ENABLE ALWAYS RULE r"))),
    *(("CREATE RULE r AS ON INSERT TO drafts WHERE NEW.id = 1 DO INSTEAD NOTHING", change, "")
      for change in ("ALTER TABLE drafts DISABLE RULE r", "ALTER TABLE drafts ENABLE REPLICA RULE r")),
    ("", "ALTER TABLE dogs INHERIT animals", "INSERT INTO dogs VALUES (-9, 'd')"),
    ("", "ALTER TABLE walled ENABLE ROW LEVEL SECURITY", ""),
    ("ALTER TABLE walled ENABLE ROW LEVEL SECURITY", "ALTER TABLE walled DISABLE ROW LEVEL SECURITY", ""),
    ("ALTER TABLE walled OWNER TO old_code; ALTER TABLE walled ENABLE ROW LEVEL SECURITY",
     "ALTER TABLE walled FORCE ROW LEVEL SECURITY", ""),
    ("ALTER TABLE walled OWNER TO old_code; ALTER TABLE walled ENABLE ROW LEVEL SECURITY;"
     "ALTER TABLE walled FORCE ROW LEVEL SECURITY", "ALTER TABLE walled NO FORCE ROW LEVEL SECURITY", ""),
    ("ALTER TABLE walled ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON walled USING (id = 1)", ""),
    ("ALTER TABLE walled ENABLE ROW LEVEL SECURITY; CREATE POLICY q ON walled USING (true)",
     "CREATE POLICY p ON walled AS RESTRICTIVE USING (id = 1)", ""),
    ("ALTER TABLE walled ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON walled USING (true)",
     "ALTER POLICY p ON walled USING (id = 1)", ""),
    ("ALTER TABLE walled ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON walled USING (true)",
     "DROP POLICY p ON walled", ""),
    ("ALTER TABLE notes OWNER TO old_code; REVOKE ALL ON notes FROM old_code; GRANT ALL ON notes TO old_code",
     "ALTER TABLE notes OWNER TO pg_monitor", ""),
    ("", "REVOKE ALL ON notes FROM old_code", ""),
    ("", "REVOKE SELECT ON orders FROM old_code", ""),
    ("", "REVOKE EXECUTE ON FUNCTION plus_one(int) FROM old_code", ""),
    ("", "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM old_code", ""),
    ("DROP VIEW order_view CASCADE", "ALTER TABLE orders ALTER COLUMN code TYPE varchar(5)", ""),
    ("DROP VIEW memo_view, join_view", "ALTER TABLE memos ALTER COLUMN body TYPE int USING 1", ""),
    ("", "ALTER TABLE drafts ALTER COLUMN kind TYPE text USING 'w'", ""),
    ("ALTER TABLE drafts ALTER COLUMN kind DROP DEFAULT",
     "ALTER TABLE drafts ALTER COLUMN kind TYPE int USING 1", ""),
    ("", "ALTER TABLE drafts ALTER COLUMN kind TYPE varchar(1)", ""),
    ("", "ALTER TABLE drafts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY", ""),
    ("", "ALTER TABLE drafts ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (START 50)", ""),
    ("", "ALTER TABLE badges ALTER COLUMN id SET GENERATED ALWAYS", ""),
    ("", "ALTER TABLE badges ALTER COLUMN id RESTART WITH 1000000", ""),
    ("", "ALTER TABLE drafts DROP COLUMN body CASCADE", ""),
    ("DROP VIEW join_view", "ALTER TABLE drafts DROP COLUMN body", ""),
    ("", "CREATE FUNCTION plus_one(smallint) RETURNS int LANGUAGE sql AS 'SELECT $1 + 50'", ""),
    ("", "CREATE FUNCTION plus_one(text) RETURNS text LANGUAGE sql AS 'SELECT $1 || 1'", ""),
    ("", "CREATE FUNCTION plus_one(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT $1 + 2'", ""),
    ("", "CREATE FUNCTION is_wide(bigint) RETURNS boolean LANGUAGE sql AS 'SELECT true'", ""),
    ("", "CREATE OR REPLACE FUNCTION plus_one(int) RETURNS int LANGUAGE sql AS 'SELECT $1 + 100'", ""),
    ("", "CREATE OR REPLACE FUNCTION plus_one(int) RETURNS int LANGUAGE sql AS 'SELECT 1 / ($1 - 3)'", ""),
    ("",
     "CREATE OR REPLACE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END'", ""),
    ("", "ALTER FUNCTION plus_one(int) OWNER TO pg_monitor", ""),
    ("", "ALTER FUNCTION changed() SET search_path = other", ""),
    ("REVOKE SELECT ON notes FROM old_code; CREATE OR REPLACE FUNCTION is_wide(int) RETURNS boolean"
     " LANGUAGE sql"
     " SECURITY DEFINER AS 'SELECT count(*) > 5 FROM notes'", "ALTER FUNCTION is_wide(int) SECURITY"
     " INVOKER", ""),
    ("CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
     " 'BEGIN INSERT INTO secret VALUES (1); NEW.kind := current_setting(''search_path''); RETURN NEW; END';"
     "CREATE TABLE secret(id int); REVOKE ALL ON secret FROM old_code;"
     "CREATE TRIGGER g BEFORE INSERT ON drafts FOR EACH ROW EXECUTE FUNCTION guard()",
     "ALTER FUNCTION guard() SECURITY INVOKER", ""),
    ("CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS"
     " 'BEGIN NEW.kind := current_setting(''search_path''); RETURN NEW; END';"
     "CREATE TRIGGER g BEFORE INSERT ON drafts FOR EACH ROW EXECUTE FUNCTION guard()",
     "ALTER FUNCTION guard() SET search_path = other", ""),
    ("", "DROP FUNCTION refuse(), is_wide(int)", ""),
    ("CREATE TRIGGER t BEFORE INSERT ON drafts FOR EACH ROW EXECUTE FUNCTION add_a()",
     "DROP FUNCTION add_a() CASCADE", ""),
    ("CREATE FUNCTION fill() RETURNS text LANGUAGE sql AS 'SELECT ''f''::text';"
     "CREATE FUNCTION filled() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.kind := fill(); RETURN"
     " NEW; END';"
     "CREATE TRIGGER f BEFORE INSERT ON drafts FOR EACH ROW EXECUTE FUNCTION filled()",
     "DROP FUNCTION fill()", ""),
    ("CREATE FUNCTION fill() RETURNS text LANGUAGE sql AS 'SELECT ''f''::text';"
     "CREATE FUNCTION filled() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.kind := fill(); RETURN"
     " NEW; END';"
     "CREATE TRIGGER f BEFORE INSERT ON drafts FOR EACH ROW EXECUTE FUNCTION filled()",
     "ALTER FUNCTION fill() RENAME TO fill_in", ""),
    ("", "ALTER FUNCTION plus_one(int) RENAME TO plus", ""),
    ("", "ALTER SCHEMA other RENAME TO o", ""),
    ("CREATE TABLE other.w(id int REFERENCES drafts); INSERT INTO other.w VALUES (1);"
     "CREATE TYPE other.kind AS ENUM ('a'); ALTER TABLE labels ADD COLUMN o other.kind",
     "DROP SCHEMA other CASCADE", ""),
    ("", "ALTER TYPE mood RENAME TO feeling", ""),
    ("", "ALTER TYPE pair SET SCHEMA other", ""),
    ("", "ALTER TYPE pair RENAME ATTRIBUTE x TO z CASCADE", ""),
    ("", "ALTER TYPE pair ADD ATTRIBUTE z int CASCADE", ""),
    ("", "ALTER TYPE mood ADD VALUE 'glad'", ""),
    ("", "ALTER TYPE mood RENAME VALUE 'calm' TO 'quiet'", ""),
    ("ALTER TABLE drafts ALTER COLUMN kind SET DEFAULT 'calm'::mood::text", "DROP TYPE mood CASCADE", ""),
    ("ALTER TABLE labels ADD COLUMN h hstore; ALTER TABLE drafts ALTER COLUMN kind SET DEFAULT"
     " 'a=>1'::hstore -> 'a'",
     "DROP EXTENSION hstore CASCADE", ""),
    ("ALTER TABLE drafts ALTER COLUMN kind SET DEFAULT nextval('numbers')",
     "DROP SEQUENCE numbers CASCADE", ""),
    ("CREATE FUNCTION typed() RETURNS trigger LANGUAGE plpgsql AS"
     " 'BEGIN NEW.body := ''calm''::mood; RETURN NEW; END';"
     "CREATE TRIGGER t BEFORE INSERT ON drafts FOR EACH ROW EXECUTE FUNCTION typed();"
     "ALTER TABLE customers DROP COLUMN tier; ALTER TABLE parcels DROP COLUMN mark", "DROP TYPE mood", ""),
    ("CREATE FUNCTION starred() RETURNS trigger LANGUAGE plpgsql AS"
     " 'BEGIN NEW.body := ''a=>1''::hstore -> ''a''; RETURN NEW; END';"
     "CREATE TRIGGER t BEFORE INSERT ON drafts FOR EACH ROW EXECUTE FUNCTION starred()", "DROP"
     " EXTENSION hstore", ""),
    ("", "ALTER DOMAIN label DROP DEFAULT", ""),
    ("", "ALTER DOMAIN label DROP CONSTRAINT label_check", ""),
    ("", "ALTER DOMAIN label ADD CONSTRAINT n CHECK (VALUE <> 'x') NOT VALID", ""),
    ("", "ALTER DOMAIN label SET DEFAULT 'other'", ""),
    ("", "ALTER SEQUENCE numbers MAXVALUE 10 RESTART WITH 10", "SELECT nextval('numbers')"),
    ("CREATE FUNCTION numbered() RETURNS trigger LANGUAGE plpgsql AS"
     " 'BEGIN NEW.kind := nextval(''numbers'') > 100000; RETURN NEW; END';"
     "CREATE TRIGGER n BEFORE INSERT ON drafts FOR EACH ROW EXECUTE FUNCTION numbered()",
     "ALTER SEQUENCE numbers RESTART WITH 1000000", ""),
    ("CREATE FUNCTION numbered() RETURNS trigger LANGUAGE plpgsql AS"
     " 'BEGIN NEW.kind := nextval(''numbers'') > 100000; RETURN NEW; END';"
     "CREATE TRIGGER n BEFORE INSERT ON drafts FOR EACH ROW EXECUTE FUNCTION numbered()",
     "SELECT setval('numbers', 1000000)", ""),
    ("", "DROP SEQUENCE numbers", ""),
    ("", "CREATE PUBLICATION fresh FOR TABLE notes", ""),
    ("", "CREATE PUBLICATION fresh FOR ALL TABLES", ""),
    ("CREATE PUBLICATION fresh FOR TABLE orders", "ALTER TABLE orders REPLICA IDENTITY NOTHING", ""),
    ("", "ALTER VIEW memo_view SET (check_option = local)", ""),
    ("REVOKE ALL ON memos FROM old_code", "ALTER VIEW memo_view SET (security_invoker = true)", ""),
    ("", "CREATE OR REPLACE VIEW memo_view AS SELECT DISTINCT id, body || 'x' AS body FROM memos", ""),
    ("", "CREATE OR REPLACE VIEW order_view AS SELECT id, amount, code, paid FROM orders", ""),
    ("", "DROP VIEW memo_view", ""),
    ("", "DROP TABLE orders CASCADE", ""),
    ("DROP VIEW order_view CASCADE; DROP MATERIALIZED VIEW totals; CREATE VIEW fresh AS SELECT * FROM dogs",
     "DROP TABLE drafts CASCADE", ""),
    ("", "DROP TABLE drafts CASCADE", ""),
    ("UPDATE orders SET amount = amount + 5000000", "REFRESH MATERIALIZED VIEW totals", ""),
    ("UPDATE orders SET amount = amount + 5000000", "REFRESH MATERIALIZED VIEW CONCURRENTLY totals", ""),
    ("", "REFRESH MATERIALIZED VIEW totals WITH NO DATA", ""),
    ("", "DROP INDEX CONCURRENTLY orders_paid_once", ""),
    ("", "DROP INDEX orders_paid_once", ""),
    ("", "ALTER INDEX orders_pkey RENAME TO p", ""),
    ("", "ALTER TABLE lines ALTER CONSTRAINT of_order DEFERRABLE INITIALLY DEFERRED", ""),
    *(("ALTER TABLE walled ADD UNIQUE (id)", change, "") for change in (
        "COPY walled FROM PROGRAM 'echo 3,x' CSV",
        "INSERT INTO walled VALUES (3, 'i')",
        "UPDATE walled SET id = 3 WHERE id = 2",
        "MERGE INTO walled w USING drafts d ON d.id = w.id WHEN MATCHED THEN UPDATE SET id = w.id + 2")),
    *(("ALTER TABLE walled ADD UNIQUE (id); DELETE FROM memos;"
       "ALTER TABLE memos ADD FOREIGN KEY (id) REFERENCES walled(id)", change, "") for change in (
           "DELETE FROM walled WHERE id = 1", "DELETE FROM walled", "UPDATE walled SET id = id + 2",
           "TRUNCATE walled CASCADE", "TRUNCATE walled RESTART IDENTITY CASCADE")),
    ("", "COPY walled FROM PROGRAM 'echo 9,x' CSV", ""),
]

# What these probes cannot show, and why it is told all the same.
NOT_SHOWN = {
    ("ALTER TABLE SET UNLOGGED", "readers"): "only on a replica",
    ("ALTER FOREIGN TABLE OPTIONS", "values"): "its wrapper has no handler here",
    ("ALTER FOREIGN TABLE OPTIONS", "readers"): "its wrapper has no handler here",
    ("ALTER FOREIGN TABLE OPTIONS", "writers"): "its wrapper has no handler here",
    ("ALTER FOREIGN TABLE ALTER COLUMN OPTIONS", "values"): "its wrapper has no handler here",
    ("ALTER FOREIGN TABLE ALTER COLUMN OPTIONS", "readers"): "its wrapper has no handler here",
    ("ALTER FOREIGN TABLE ALTER COLUMN OPTIONS", "writers"): "its wrapper has no handler here",
    ("ALTER RULE RENAME TO", "values"): "two rules on one table fire by name, as triggers do",
}

# What only servers of this major and later can show.
SHOWN_SINCE = {
    ("ALTER TABLE SET (user_catalog_table), ALTER VIEW SET", "readers"): 15,  # security_invoker
}

# What support.locks.FORMS do not expect to be in their way.
IN_THE_WAY = {
    "DROP TYPE pair": "DROP TABLE parcels",
    "DROP TYPE mood": "DROP TABLE parcels",
}

# A value that is not committed yet cannot be read.
COMMITTED = "ALTER TYPE mood ADD VALUE"

# Only for the session that says it.
OWN_SESSION = "DECLARE c CURSOR FOR SELECT * FROM orders"
